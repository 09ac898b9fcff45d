//! Finding out what became of a refund: told again under the same key while the PSP remembers it, looked for among the payment's refunds
//! after that, and asked about until the PSP has said its last word.

use super::{RefundOf, hear, read, tell};
use crate::payments::{back_off, look_at, open_psp_of};
use crate::{Engine, Error};
use ducat_connectors::Fault;
use ducat_domain::payments::{Decline, DeclineCode};
use ducat_domain::{RefundId, random_bytes};
use ducat_store::{Change, ClaimedJob, JobWrite};
use std::time::Duration;

/// How much of a key's lifetime is left unused, because clocks differ.
const KEY_MARGIN: Duration = Duration::from_secs(3600);

/// Runs a claimed job.
pub(crate) async fn resolve(engine: &Engine, id: RefundId, claimed: ClaimedJob) -> Result<(), Error> {
    let Some(of) = read(engine, id).await? else { return Ok(()) };
    let fault = match step(engine, of).await {
        Ok(fault) => fault,
        Err(error) => {
            tracing::error!(refund = %id, %error, "seeing to the refund failed");
            Some(Fault::Protocol(error.to_string()))
        }
    };
    let now = engine.now();
    let chance: [u8; 1] = random_bytes(engine.chance());
    let asked = if let Some(Fault::Retry { after, .. }) = &fault { *after } else { None };
    let soon = now.plus(back_off(claimed.tries, asked, chance[0]));
    let still = read(engine, id).await?.filter(|of| of.refund.status.is_open());
    let job = match still {
        None => JobWrite::Done { job: claimed.job, lease_until: claimed.lease_until },
        Some(of) => {
            let confirmed = fault.is_none() && !of.refund.is_unconfirmed();
            let run_at = if confirmed { hear::next_check(&of.refund, now).max(soon) } else { soon };
            JobWrite::Again { job: claimed.job, lease_until: claimed.lease_until, run_at }
        }
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
    let spec = psp.connector.spec();
    let key_lives = engine.now().since(of.refund.created_at) + KEY_MARGIN < spec.idempotency.lifetime;
    if !key_lives {
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
    let Some(of) = read(engine, id).await?.filter(|of| of.refund.is_unconfirmed()) else { return Ok(None) };
    let psp = open_psp_of(engine, &payment).await?;
    let window = psp.connector.spec().processing_window + engine.settings().psp_timeout;
    if engine.now().since(of.refund.created_at) <= window {
        let reason = "the PSP does not know the refund, and may still be processing it".to_owned();
        return Ok(Some(Fault::Retry { reason, after: None }));
    }
    let decline = Decline::of(DeclineCode::NotRegistered);
    tell::refused(engine, of, decline).await.map(|_| None)
}
