//! What is sent: the event as the API shows it, with the moment under the name that Standard Webhooks gives it.

use crate::payments::EventView;
use crate::{Engine, Error, events};
use ducat_domain::webhooks::Delivery;
use ducat_domain::{EventId, MerchantId};
use ducat_store::ClaimedDelivery;
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The body of a delivery.
#[derive(Serialize)]
struct Body {
    #[serde(flatten)]
    event: EventView,
    /// The event's moment, again: `created_at` is its name in the API.
    timestamp: String,
}

/// The bodies of deliveries, by event.
pub(super) type Bodies = HashMap<EventId, Arc<str>>;

/// The body of a delivery: of the event in the log, or the one that is kept with it.
pub(super) async fn body(engine: &Engine, delivery: &Delivery) -> Result<Arc<str>, Error> {
    if let Some(body) = &delivery.body {
        return Ok(body.as_str().into());
    }
    written(events::get(engine, delivery.merchant, delivery.event).await?)
}

/// The bodies of many deliveries, read together, and once for all endpoints that an event goes to. One that is missing here is asked for by itself
/// when it is needed, and what is wrong with it is said then.
pub(super) async fn bodies(engine: &Engine, claimed: &[ClaimedDelivery]) -> Bodies {
    let mut wanted: HashMap<MerchantId, HashSet<EventId>> = HashMap::new();
    for ClaimedDelivery { delivery, .. } in claimed.iter().filter(|claim| claim.delivery.body.is_none()) {
        wanted.entry(delivery.merchant).or_default().insert(delivery.event);
    }
    let mut bodies = Bodies::new();
    for (merchant, ids) in wanted {
        let Ok(events) = events::some(engine, merchant, ids.into_iter().collect()).await else { continue };
        bodies.extend(events.into_iter().filter_map(|(id, event)| Some((id, written(event).ok()?))));
    }
    bodies
}

fn written(event: EventView) -> Result<Arc<str>, Error> {
    let timestamp = event.created_at.clone();
    let body = serde_json::to_string(&Body { event, timestamp }).map_err(|e| Error::Internal(e.to_string()))?;
    Ok(body.into())
}
