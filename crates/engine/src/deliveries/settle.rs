//! Tries that are over, written down together: one change for all that ended meanwhile. And claims that nothing came of, given back.

use super::known::Known;
use crate::webhook_endpoints::pause;
use crate::{Engine, Error};
use ducat_domain::webhooks::{EndpointStatus, WebhookEndpoint};
use ducat_domain::{MerchantId, Timestamp, WebhookEndpointId};
use ducat_store::{Change, ClaimedDelivery, CommitError, DeliveryKey, DeliveryWrite, EndpointWrite};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// An endpoint that has only failed for so long is paused,
const PAUSED_AFTER: Duration = Duration::from_secs(3 * 24 * 3600);
/// if so many tries failed in that time: one lost try a week ago is no reason.
const PAUSED_AFTER_TRIES: u32 = 10;

/// A try that is over.
pub(super) struct Tried {
    /// Where it went.
    pub known: Arc<Known>,
    /// What is written of it.
    pub write: DeliveryWrite,
    /// When it began.
    pub at: Timestamp,
    /// Whether it arrived.
    pub arrived: bool,
    /// Whether the receiver is gone for good.
    pub gone: bool,
}

type Which = (MerchantId, WebhookEndpointId);

impl Tried {
    fn which(&self) -> Which {
        (self.known.endpoint.merchant, self.known.endpoint.id)
    }
}

/// Writes them down, and sees to endpoints that only fail.
pub(super) async fn settle(engine: &Engine, mut tried: Vec<Tried>) {
    let mut settled = Vec::with_capacity(tried.len());
    match commit(engine, &tried).await {
        Ok(()) => settled.append(&mut tried),
        // The lease of some of them ended before the receiver answered, and somebody else tries them again.
        Err(CommitError::Stale) if tried.len() > 1 => {
            for one in tried {
                match commit(engine, std::slice::from_ref(&one)).await {
                    Ok(()) => settled.push(one),
                    Err(CommitError::Stale) => {}
                    Err(error) => lost(1, &error),
                }
            }
        }
        Err(CommitError::Stale) => {}
        Err(error) => lost(tried.len(), &error),
    }
    for one in &settled {
        if one.arrived { engine.count_arrival() } else { engine.count_miss() }
    }
    if let Err(error) = see_to_endpoints(engine, &settled).await {
        tracing::error!(%error, "an endpoint that fails could not be looked at");
    }
}

fn lost(deliveries: usize, error: &CommitError) {
    tracing::error!(deliveries, %error, "tries could not be written down; they come again when their leases end");
}

async fn commit(engine: &Engine, tried: &[Tried]) -> Result<(), CommitError> {
    let deliveries = tried.iter().map(|one| one.write.clone()).collect();
    engine.store().commit(Change { endpoints: health(tried), deliveries, ..Change::default() }).await
}

/// What the tries say of their endpoints' health: of each the last arrival, where there was one, and what was missed after it.
fn health(tried: &[Tried]) -> Vec<EndpointWrite> {
    let mut each: BTreeMap<Which, (bool, Vec<Timestamp>)> = BTreeMap::new();
    for one in tried {
        let (reached, missed) = each.entry(one.which()).or_default();
        if one.arrived {
            *reached = true;
            missed.clear();
        } else {
            missed.push(one.at);
        }
    }
    let mut writes = Vec::with_capacity(each.len());
    for ((merchant, id), (reached, missed)) in each {
        if reached {
            writes.push(EndpointWrite::Reached(merchant, id));
        }
        writes.extend(missed.into_iter().map(|at| EndpointWrite::Missed(merchant, id, at)));
    }
    writes
}

/// Pauses those that are gone, and those that have only failed for too long.
async fn see_to_endpoints(engine: &Engine, settled: &[Tried]) -> Result<(), Error> {
    let gone: BTreeSet<Which> = settled.iter().filter(|one| one.gone).map(Tried::which).collect();
    let missed: BTreeSet<Which> = settled.iter().filter(|one| !one.arrived).map(Tried::which).collect();
    for which in &gone {
        pause(engine, *which, EndpointStatus::Gone, |_| true).await?;
    }
    for which in missed.difference(&gone) {
        let now = engine.now();
        pause(engine, *which, EndpointStatus::Failing, |endpoint| is_hopeless(endpoint, now)).await?;
    }
    Ok(())
}

fn is_hopeless(endpoint: &WebhookEndpoint, now: Timestamp) -> bool {
    endpoint.failing_since.is_some_and(|since| now.since(since) >= PAUSED_AFTER) && endpoint.failures >= PAUSED_AFTER_TRIES
}

/// Gives back deliveries that are claimed and not begun: they are due again as they were before, for whoever comes first.
pub(super) async fn give_back(engine: &Engine, claims: Vec<ClaimedDelivery>) {
    if claims.is_empty() {
        return;
    }
    let count = claims.len();
    let back = |claim: ClaimedDelivery| DeliveryWrite::GiveBack {
        delivery: DeliveryKey::from(&claim.delivery),
        lease_until: claim.lease_until,
        due: claim.delivery.next_at.unwrap_or(claim.lease_until),
    };
    let deliveries = claims.into_iter().map(back).collect();
    if let Err(error) = engine.store().commit(Change { deliveries, ..Change::default() }).await {
        tracing::error!(deliveries = count, %error, "deliveries could not be given back; they come again when their leases end");
    }
}
