//! A claimed delivery, tried once, with what is to be written down of it.

use super::carry::{Carried, Parcel, carry};
use super::hand::Ready;
use super::known::Known;
use super::settle::Tried;
use super::{body, schedule};
use crate::{Engine, Error};
use ducat_domain::Timestamp;
use ducat_store::{ClaimedDelivery, DeliveryKey, DeliveryNext, DeliveryWrite};
use std::sync::Arc;
use std::time::Duration;

/// How a try went, as far as the pace of further ones is concerned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// It arrived, and how long that took.
    pub arrived_in: Option<Duration>,
    /// The receiver wants to be left alone until then.
    pub rest_until: Option<Timestamp>,
}

/// Tries it.
pub(super) async fn attempt(engine: &Engine, known: Arc<Known>, ready: Ready) -> Result<(Tried, Pace), Error> {
    let Ready { claim, body } = ready;
    let body = match body {
        Some(body) => body,
        None => body::body(engine, &claim.delivery).await?,
    };
    let number = claim.delivery.tries.saturating_add(1);
    let (endpoint, event) = (&known.endpoint, claim.delivery.event);
    let parcel = Parcel { endpoint, keys: known.keys(engine)?, event, body: body.as_bytes(), number };
    let carried = carry(engine, parcel).await?;
    let pace = Pace {
        arrived_in: carried.arrived().then(|| Duration::from_millis(carried.went.took_ms.into())),
        rest_until: carried.rest.map(|rest| engine.now().plus(rest)),
    };
    Ok((tried(engine, known, &claim, carried), pace))
}

fn tried(engine: &Engine, known: Arc<Known>, claim: &ClaimedDelivery, carried: Carried) -> Tried {
    let (now, arrived, gone) = (engine.now(), carried.arrived(), carried.gone);
    let steps = claim.delivery.step.saturating_add(1);
    let then = if arrived {
        DeliveryNext::Arrived
    } else {
        schedule::next(steps, now, carried.rest, engine.chance()).map_or(DeliveryNext::Dead, DeliveryNext::Again)
    };
    let delivery = DeliveryKey::from(&claim.delivery);
    let write = DeliveryWrite::Tried { delivery, lease_until: claim.lease_until, went: carried.went, then };
    Tried { known, write, at: now, arrived, gone }
}
