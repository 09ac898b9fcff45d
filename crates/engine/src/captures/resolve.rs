//! Finding out what became of a capture: told again under the same key while the PSP remembers it, and looked at by what the PSP has
//! captured in all after that.

use super::{CaptureOf, read, tell};
use crate::payments::{look_at, open_psp_of, soon};
use crate::{Engine, Error};
use ducat_connectors::Fault;
use ducat_domain::CaptureId;
use ducat_domain::payments::{Decline, DeclineCode};
use ducat_store::{Change, ClaimedJob};

/// Runs a claimed job.
pub(crate) async fn resolve(engine: &Engine, id: CaptureId, claimed: ClaimedJob) -> Result<(), Error> {
    let Some(of) = read(engine, claimed.merchant, id).await? else { return Ok(()) };
    let fault = match step(engine, of).await {
        Ok(fault) => fault,
        Err(error) => {
            tracing::error!(capture = %id, %error, "seeing to the capture failed");
            Some(Fault::Protocol(error.to_string()))
        }
    };
    let job = match read(engine, claimed.merchant, id).await?.filter(|of| of.capture.status.is_open()) {
        None => claimed.done(),
        Some(_) => claimed.again(soon(engine, &claimed, fault.as_ref())),
    };
    Ok(engine.store().commit(Change { jobs: vec![job], ..Change::default() }).await?)
}

async fn step(engine: &Engine, of: CaptureOf) -> Result<Option<Fault>, Error> {
    if !of.capture.status.is_open() {
        return Ok(None);
    }
    let psp = open_psp_of(engine, &of.payment).await?;
    if !psp.remembers(engine, of.capture.created_at) {
        return search(engine, of).await;
    }
    match tell::tell(engine, of).await? {
        // The key can bring nothing new into being any more.
        (of, Some(Fault::Stuck(_))) => search(engine, of).await,
        (_, fault) => Ok(fault),
    }
}

/// Looks at what is captured in all. Not enough is definite once the PSP's own processing of what we sent is surely over.
async fn search(engine: &Engine, of: CaptureOf) -> Result<Option<Fault>, Error> {
    let id = of.capture.id;
    let (payment, fault) = look_at(engine, of.payment).await?;
    if fault.is_some() {
        return Ok(fault);
    }
    let Some(of) = read(engine, payment.order.merchant, id).await?.filter(|of| of.capture.status.is_open()) else {
        return Ok(None);
    };
    let psp = open_psp_of(engine, &payment).await?;
    if !psp.is_done_with(engine, of.capture.created_at) {
        let reason = "the PSP has not captured the money, and may still be doing so".to_owned();
        return Ok(Some(Fault::Retry { reason, after: None }));
    }
    let decline = Decline::of(DeclineCode::NotRegistered);
    tell::refused(engine, of, decline).await.map(|_| None)
}
