//! Telling the PSP about a capture, and writing down what came of it. The intent is committed before; no transaction is open here.

use super::{CaptureOf, read};
use crate::payments::{Along, back_off, observe, open_psp_of, settle_matter};
use crate::{Engine, Error};
use ducat_connectors::{Fault, Operation, Outcome};
use ducat_domain::Money;
use ducat_domain::payments::{Decline, DeclineCode};
use ducat_store::{Change, Job, JobNext, JobWrite};

/// Tells the PSP, or asks again with the same key. What cannot be told stays `unknown`.
/// Gives the capture as it is then, and the fault if there was one.
pub(super) async fn tell(engine: &Engine, of: CaptureOf) -> Result<(CaptureOf, Option<Fault>), Error> {
    let Some(token) = of.payment.attempt.token.clone() else {
        return Err(Error::Internal(format!("capture {} of an attempt without a registration", of.capture.id)));
    };
    let psp = open_psp_of(engine, &of.payment).await?;
    let capture = &of.capture;
    let operation = Operation::Capture {
        token,
        amount: capture.amount,
        total: Money::new(capture.total, capture.amount.currency),
        is_final: capture.is_final,
        key: capture.id.to_string(),
    };
    match psp.talk(engine, &operation).await {
        Ok(Outcome::Seen(seen)) => {
            let (merchant, id) = (of.payment.order.merchant, capture.id);
            observe(engine, of.payment, &seen, Along::default()).await?;
            let of = read(engine, merchant, id).await?.ok_or(Error::NotFound("capture"))?;
            let open = of.capture.status.is_open();
            let fault = open.then(|| Fault::Retry { reason: "the PSP has not captured the money yet".into(), after: None });
            Ok((of, fault))
        }
        Ok(Outcome::Refused(decline)) => refused(engine, of, decline).await.map(|of| (of, None)),
        Ok(other) => Err(Error::Internal(format!("the connector answers a capture with {other:?}"))),
        // Nothing was sent, and nothing ever can be: that is a refusal.
        Err(Fault::Invalid(why)) => {
            let decline = Decline::said(DeclineCode::RefusedByPsp, why);
            refused(engine, of, decline).await.map(|of| (of, None))
        }
        Err(fault) => {
            tracing::warn!(capture = %of.capture.id, %fault, "the capture is not confirmed");
            let of = if fault.may_have_happened() { unknown(engine, of).await? } else { of };
            Ok((of, Some(fault)))
        }
    }
}

/// The PSP refused, or surely never heard of it.
pub(super) async fn refused(engine: &Engine, of: CaptureOf, decline: Decline) -> Result<CaptureOf, Error> {
    let (now, merchant, id) = (engine.now(), of.payment.order.merchant, of.capture.id);
    let decide = |of: CaptureOf| Ok(of.payment.capture_failed(of.capture, decline.clone(), now));
    settle_matter(engine, of, decide, |_, _, _| Ok(())).await?;
    read(engine, merchant, id).await?.ok_or(Error::NotFound("capture"))
}

async fn unknown(engine: &Engine, of: CaptureOf) -> Result<CaptureOf, Error> {
    let (now, merchant, id) = (engine.now(), of.payment.order.merchant, of.capture.id);
    let check_at = now.plus(back_off(1, None, 0));
    let decide = |of: CaptureOf| Ok(of.payment.capture_unknown(of.capture, now, check_at));
    settle_matter(engine, of, decide, |_, _, _| Ok(())).await?;
    read(engine, merchant, id).await?.ok_or(Error::NotFound("capture"))
}

/// A capture that the PSP has not confirmed is told again soon, and not only when this caller's lease ends.
pub(super) async fn hurry(engine: &Engine, of: &CaptureOf) -> Result<(), Error> {
    if !of.capture.status.is_open() {
        return Ok(());
    }
    let soon = engine.now().plus(back_off(1, None, 0));
    let (merchant, job) = (of.payment.order.merchant, Job::Capture(of.capture.id));
    let jobs = vec![JobWrite { merchant, job, then: JobNext::Schedule(soon) }];
    Ok(engine.store().commit(Change { jobs, ..Change::default() }).await?)
}
