//! Seeing to a dispute: the PSP is told what the merchant answers, and the merchant is reminded in time.

use super::{DisputeOf, hear, read};
use crate::payments::{look_at_dispute, open_psp_of, settle_matter, soon};
use crate::{Engine, Error};
use ducat_connectors::{EvidenceFile, Fault, Operation, Outcome};
use ducat_domain::payments::{Decline, DeclineCode};
use ducat_domain::{DisputeId, MerchantId};
use ducat_store::{Change, ClaimedJob};

/// Runs a claimed job.
pub(crate) async fn see_to(engine: &Engine, id: DisputeId, claimed: ClaimedJob) -> Result<(), Error> {
    let Some(of) = read(engine, claimed.merchant, id).await? else { return Ok(()) };
    let fault = match step(engine, of).await {
        Ok(fault) => fault,
        Err(error) => {
            tracing::error!(dispute = %id, %error, "seeing to the dispute failed");
            Some(Fault::Protocol(error.to_string()))
        }
    };
    let soon = soon(engine, &claimed, fault.as_ref());
    let job = match read(engine, claimed.merchant, id).await?.and_then(|of| look_at_dispute(&of.dispute, engine.now())) {
        None => claimed.done(),
        Some(at) => claimed.again(at.max(soon)),
    };
    Ok(engine.store().commit(Change { jobs: vec![job], ..Change::default() }).await?)
}

/// Tells the PSP at once, for a caller who waits. What fails is tried again by the job.
pub(super) async fn tell_now(engine: &Engine, merchant: MerchantId, id: DisputeId) -> Result<(), Error> {
    let Some(of) = read(engine, merchant, id).await? else { return Ok(()) };
    tell(engine, of).await.map(drop)
}

async fn step(engine: &Engine, of: DisputeOf) -> Result<Option<Fault>, Error> {
    if of.dispute.answer.is_some() {
        return tell(engine, of).await;
    }
    let now = engine.now();
    if look_at_dispute(&of.dispute, now).is_some_and(|at| at <= now) {
        settle_matter(engine, of, |of: DisputeOf| Ok(of.payment.remind_of_dispute(of.dispute, now)), |_, _, _| Ok(())).await?;
    }
    Ok(None)
}

/// Tells the PSP the answer that is written down; under its key it happens once.
async fn tell(engine: &Engine, of: DisputeOf) -> Result<Option<Fault>, Error> {
    let Some(answer) = of.dispute.answer else { return Ok(None) };
    let files = engine.store().dispute_files(of.payment.order.merchant, of.dispute.id).await?;
    let shown = |file: ducat_store::DisputeFile| {
        let (field, name, media_type) = (file.field, file.name, file.media_type);
        file.bytes.map(|bytes| EvidenceFile { field, name, media_type, bytes })
    };
    let psp = open_psp_of(engine, &of.payment).await?;
    let operation = Operation::AnswerDispute {
        psp_dispute: of.dispute.psp_dispute.clone(),
        answer,
        evidence: of.dispute.evidence.clone(),
        files: files.into_iter().filter_map(shown).collect(),
        currency: of.dispute.amount.currency,
        key: format!("{}-{}", of.dispute.id, of.dispute.answers),
    };
    match psp.talk(engine, &operation).await {
        Ok(Outcome::Disputed(seen)) => {
            hear(engine, of.payment, &seen, None).await?;
            Ok(None)
        }
        Ok(Outcome::Refused(decline)) => refused(engine, of, decline).await.map(|()| None),
        Ok(other) => Err(Error::Internal(format!("the connector answers a dispute with {other:?}"))),
        Err(Fault::Invalid(why)) => {
            let decline = Decline::said(DeclineCode::RefusedByPsp, why);
            refused(engine, of, decline).await.map(|()| None)
        }
        Err(fault) => {
            tracing::warn!(dispute = %of.dispute.id, %fault, "the answer to the dispute is not confirmed");
            Ok(Some(fault))
        }
    }
}

async fn refused(engine: &Engine, of: DisputeOf, decline: Decline) -> Result<(), Error> {
    let now = engine.now();
    let decide = |of: DisputeOf| Ok(of.payment.answer_refused(of.dispute, decline.clone(), now));
    settle_matter(engine, of, decide, |_, _, _| Ok(())).await.map(drop)
}
