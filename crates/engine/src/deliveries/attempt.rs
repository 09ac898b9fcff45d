//! A claimed delivery, tried once and written down, with what comes of it for its endpoint.

use super::carry::{Carried, Parcel, carry};
use super::dispatch::Place;
use super::{body, schedule};
use crate::webhook_endpoints::pause;
use crate::{Engine, Error};
use ducat_domain::Timestamp;
use ducat_domain::webhooks::{EndpointStatus, WebhookEndpoint};
use ducat_store::{Change, ClaimedDelivery, CommitError, DeliveryKey, DeliveryNext, DeliveryWrite, EndpointWrite};
use std::sync::Arc;
use std::time::Duration;

/// An endpoint that has only failed for so long is paused,
const PAUSED_AFTER: Duration = Duration::from_secs(3 * 24 * 3600);
/// if so many tries failed in that time: one lost try a week ago is no reason.
const PAUSED_AFTER_TRIES: u32 = 10;

/// How a try went, as far as the pace of further ones is concerned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// It arrived, and how long that took.
    pub arrived_in: Option<Duration>,
    /// The receiver wants to be left alone until then.
    pub rest_until: Option<Timestamp>,
}

/// Tries it, gives its place at the receiver back, and writes down how it went.
pub(super) async fn attempt(
    engine: &Engine,
    endpoint: &WebhookEndpoint,
    claim: ClaimedDelivery,
    body: Option<Arc<str>>,
    place: Place,
) -> Result<(), Error> {
    let delivery = &claim.delivery;
    let body = match body {
        Some(body) => body,
        None => body::body(engine, delivery).await?,
    };
    let number = delivery.tries.saturating_add(1);
    let parcel = Parcel { endpoint, event: delivery.event, body: body.as_bytes(), number };
    let carried = carry(engine, parcel).await?;
    let pace = Pace {
        arrived_in: carried.arrived().then(|| Duration::from_millis(carried.went.took_ms.into())),
        rest_until: carried.rest.map(|rest| engine.now().plus(rest)),
    };
    place.give_back(pace);
    settle(engine, endpoint, &claim, carried).await
}

async fn settle(engine: &Engine, endpoint: &WebhookEndpoint, claim: &ClaimedDelivery, carried: Carried) -> Result<(), Error> {
    let (now, arrived, gone) = (engine.now(), carried.arrived(), carried.gone);
    let tried = claim.delivery.step.saturating_add(1);
    let (health, then) = if arrived {
        (EndpointWrite::Reached(endpoint.merchant, endpoint.id), DeliveryNext::Arrived)
    } else {
        let next = schedule::next(tried, now, carried.rest, engine.chance()).map_or(DeliveryNext::Dead, DeliveryNext::Again);
        (EndpointWrite::Missed(endpoint.merchant, endpoint.id, now), next)
    };
    let delivery = DeliveryKey::from(&claim.delivery);
    let write = DeliveryWrite::Tried { delivery, lease_until: claim.lease_until, went: carried.went, then };
    let change = Change { endpoints: vec![health], deliveries: vec![write], ..Change::default() };
    match engine.store().commit(change).await {
        Ok(()) => {}
        // The lease ended before the receiver answered, and somebody else tries it again.
        Err(CommitError::Stale) => return Ok(()),
        Err(e) => return Err(e.into()),
    }
    if arrived {
        engine.count_arrival()
    } else {
        engine.count_miss()
    }
    let which = (endpoint.merchant, endpoint.id);
    if gone {
        pause(engine, which, EndpointStatus::Gone, |_| true).await?;
    } else if !arrived {
        pause(engine, which, EndpointStatus::Failing, |endpoint| is_hopeless(endpoint, now)).await?;
    }
    Ok(())
}

fn is_hopeless(endpoint: &WebhookEndpoint, now: Timestamp) -> bool {
    endpoint.failing_since.is_some_and(|since| now.since(since) >= PAUSED_AFTER) && endpoint.failures >= PAUSED_AFTER_TRIES
}
