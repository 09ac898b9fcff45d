//! Finding out what became of a refund: told again under the same key while the PSP remembers it, looked for among the payment's refunds
//! after that, and asked about until the PSP has said its last word.

use super::{RefundOf, hear, read, tell};
use crate::payments::{look_at, open_psp_of, soon};
use crate::{Engine, Error};
use ducat_connectors::Fault;
use ducat_domain::RefundId;
use ducat_domain::payments::{Decline, DeclineCode};
use ducat_store::{Change, ClaimedJob};

/// Runs a claimed job.
pub(crate) async fn resolve(engine: &Engine, id: RefundId, claimed: ClaimedJob) -> Result<(), Error> {
    let Some(of) = read(engine, claimed.merchant, id).await? else { return Ok(()) };
    let fault = match step(engine, of).await {
        Ok(fault) => fault,
        Err(error) => {
            tracing::error!(refund = %id, %error, "seeing to the refund failed");
            Some(Fault::Protocol(error.to_string()))
        }
    };
    let soon = soon(engine, &claimed, fault.as_ref());
    let job = match read(engine, claimed.merchant, id).await?.filter(|of| of.refund.status.is_open()) {
        None => claimed.done(),
        Some(of) if fault.is_none() && !of.refund.is_unconfirmed() => {
            claimed.again(hear::next_check(&of.refund, engine.now()).max(soon))
        }
        Some(_) => claimed.again(soon),
    };
    Ok(engine.store().commit(Change { jobs: vec![job], ..Change::default() }).await?)
}

async fn step(engine: &Engine, of: RefundOf) -> Result<Option<Fault>, Error> {
    if !of.refund.status.is_open() {
        return Ok(None);
    }
    if !of.refund.is_unconfirmed() {
        return look_at(engine, of.payment).await.map(|(_, fault)| fault);
    }
    let psp = open_psp_of(engine, &of.payment).await?;
    if !psp.remembers(engine, of.refund.created_at) {
        return search(engine, of).await;
    }
    match tell::tell(engine, of).await? {
        // The key can bring nothing new into being any more.
        (of, Some(Fault::Stuck(_))) => search(engine, of).await,
        (_, fault) => Ok(fault),
    }
}

/// Looks among the payment's refunds. Not there is definite once the PSP's own processing of what we sent is surely over.
async fn search(engine: &Engine, of: RefundOf) -> Result<Option<Fault>, Error> {
    let id = of.refund.id;
    let (payment, fault) = look_at(engine, of.payment).await?;
    if fault.is_some() {
        return Ok(fault);
    }
    let Some(of) = read(engine, payment.order.merchant, id).await?.filter(|of| of.refund.is_unconfirmed()) else {
        return Ok(None);
    };
    let psp = open_psp_of(engine, &payment).await?;
    if !psp.is_done_with(engine, of.refund.created_at) {
        let reason = "the PSP does not know the refund, and may still be processing it".to_owned();
        return Ok(Some(Fault::Retry { reason, after: None }));
    }
    let decline = Decline::of(DeclineCode::NotRegistered);
    tell::refused(engine, of, decline).await.map(|_| None)
}
