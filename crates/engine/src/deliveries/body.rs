//! What is sent: the event as the API shows it, with the moment under the name that Standard Webhooks gives it.

use crate::payments::EventView;
use crate::{Engine, Error, events};
use ducat_domain::webhooks::Delivery;
use serde::Serialize;

/// The body of a delivery.
#[derive(Serialize)]
struct Body {
    #[serde(flatten)]
    event: EventView,
    /// The event's moment, again: `created_at` is its name in the API.
    timestamp: String,
}

/// The body of a delivery: of the event in the log, or the one that is kept with it.
pub(super) async fn body(engine: &Engine, delivery: &Delivery) -> Result<String, Error> {
    if let Some(body) = &delivery.body {
        return Ok(body.clone());
    }
    let event = events::get(engine, delivery.merchant, delivery.event).await?;
    let timestamp = event.created_at.clone();
    serde_json::to_string(&Body { event, timestamp }).map_err(|e| Error::Internal(e.to_string()))
}
