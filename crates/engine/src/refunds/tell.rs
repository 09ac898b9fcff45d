//! Telling the PSP about a refund, and writing down what came of it. The intent is committed before; no transaction is open here.

use super::{RefundOf, hear};
use crate::payments::{back_off, open_psp_of, settle_matter};
use crate::{Engine, Error};
use ducat_connectors::{Fault, Operation, Outcome};
use ducat_domain::payments::{Decline, DeclineCode, Part};
use ducat_store::{Change, Job, JobNext, JobWrite};

/// Tells the PSP, or asks again with the same key: the PSP gives the same answer. What cannot be told stays `unknown`.
/// Gives the refund as it is then, and the fault if there was one.
pub(super) async fn tell(engine: &Engine, of: RefundOf) -> Result<(RefundOf, Option<Fault>), Error> {
    let Some(token) = of.payment.attempt.token.clone() else {
        return Err(Error::Internal(format!("refund {} of an attempt without a registration", of.refund.id)));
    };
    let psp = open_psp_of(engine, &of.payment).await?;
    let id = of.refund.id.to_string();
    let operation =
        Operation::Refund { token, refund: id.clone(), amount: of.refund.amount, reason: of.refund.reason.clone(), key: id };
    let heard = psp.talk(engine, &operation).await;
    // Whoever gives money of the same order back at this moment takes turns in writing it down, too.
    let _turn = engine.turn(of.payment.order.id).await;
    match heard {
        Ok(Outcome::Refunded(seen)) => hear::one(engine, of, &seen, None).await.map(|of| (of, None)),
        Ok(Outcome::Refused(decline)) => refused(engine, of, decline).await.map(|of| (of, None)),
        Ok(other) => Err(Error::Internal(format!("the connector answers a refund with {other:?}"))),
        // Nothing was sent, and nothing ever can be: that is a refusal.
        Err(Fault::Invalid(why)) => {
            let decline = Decline::said(DeclineCode::RefusedByPsp, why);
            refused(engine, of, decline).await.map(|of| (of, None))
        }
        Err(fault) => {
            tracing::warn!(refund = %of.refund.id, %fault, "the refund is not confirmed");
            let of = if fault.may_have_happened() { unknown(engine, of).await? } else { of };
            Ok((of, Some(fault)))
        }
    }
}

/// The PSP refused, or surely never heard of it.
pub(super) async fn refused(engine: &Engine, of: RefundOf, decline: Decline) -> Result<RefundOf, Error> {
    let now = engine.now();
    settle(engine, of, |of: RefundOf| of.payment.refund_refused(of.refund, decline.clone(), now)).await
}

async fn unknown(engine: &Engine, of: RefundOf) -> Result<RefundOf, Error> {
    let now = engine.now();
    let check_at = now.plus(back_off(1, None, 0));
    settle(engine, of, |of: RefundOf| Ok(of.payment.refund_unknown(of.refund, now, check_at))).await
}

async fn settle(
    engine: &Engine,
    of: RefundOf,
    decide: impl Fn(RefundOf) -> Result<Option<ducat_domain::payments::Moved>, ducat_domain::payments::TransitionError> + Send,
) -> Result<RefundOf, Error> {
    let (merchant, id) = (of.payment.order.merchant, of.refund.id);
    let settled = settle_matter(engine, of, decide, |_, _, _| Ok(())).await?;
    match settled.part {
        Some(Part::Refund(refund)) => Ok(RefundOf { payment: settled.payment, refund }),
        _ => super::read(engine, merchant, id).await?.ok_or_else(|| Error::Internal(format!("refund {id} is gone"))),
    }
}

/// A refund that the PSP has not confirmed is told again soon, and not only when this caller's lease ends.
pub(super) async fn hurry(engine: &Engine, of: &RefundOf) -> Result<(), Error> {
    if !of.refund.is_unconfirmed() {
        return Ok(());
    }
    let soon = engine.now().plus(back_off(1, None, 0));
    let (merchant, job) = (of.payment.order.merchant, Job::Refund(of.refund.id));
    let jobs = vec![JobWrite { merchant, job, then: JobNext::Schedule(soon) }];
    Ok(engine.store().commit(Change { jobs, ..Change::default() }).await?)
}
