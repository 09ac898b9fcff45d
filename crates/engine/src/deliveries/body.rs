//! What is sent: the event as the API shows it, with the moment under the name that Standard Webhooks gives it.

use crate::payments::EventView;
use crate::{Engine, Error, events};
use ducat_domain::webhooks::Delivery;
use ducat_domain::{EventId, MerchantId};
use ducat_store::{ClaimedDelivery, EventRow};
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

/// The body of a delivery: of the event in the log, or the one that is kept with it.
pub(super) async fn body(engine: &Engine, delivery: &Delivery) -> Result<Arc<str>, Error> {
    if let Some(body) = &delivery.body {
        return Ok(body.as_str().into());
    }
    written(events::get(engine, delivery.merchant, delivery.event).await?)
}

/// How many bodies are remembered, twice: those of the last looks, and those before them.
const REMEMBERED: usize = 1024;

/// The bodies of deliveries by event. They are read together, and once for all endpoints that an event goes to.
#[derive(Default)]
pub(super) struct Bodies {
    young: HashMap<EventId, Arc<str>>,
    old: HashMap<EventId, Arc<str>>,
}

impl Bodies {
    /// The body of a delivery, where it was read. One that is missing is asked for by itself when it is needed, and what is wrong with it
    /// is said then.
    pub fn of(&self, delivery: &Delivery) -> Option<Arc<str>> {
        if delivery.body.is_some() {
            return None;
        }
        self.young.get(&delivery.event).or_else(|| self.old.get(&delivery.event)).cloned()
    }

    /// Makes those of a merchant's events that are read already.
    pub async fn make(&mut self, engine: &Engine, rows: Vec<EventRow>) {
        let Some(merchant) = rows.first().map(|row| row.merchant) else { return };
        self.age();
        let Ok(views) = events::shown(engine, merchant, &rows).await else { return };
        self.young.extend(rows.iter().zip(views).filter_map(|(row, event)| Some((row.id, written(event).ok()?))));
    }

    fn age(&mut self) {
        if self.young.len() >= REMEMBERED {
            self.old = std::mem::take(&mut self.young);
        }
    }

    /// Reads those of these deliveries that are not remembered.
    pub async fn read(&mut self, engine: &Engine, claimed: &[ClaimedDelivery]) {
        self.age();
        let mut wanted: HashMap<MerchantId, HashSet<EventId>> = HashMap::new();
        for ClaimedDelivery { delivery, .. } in claimed.iter().filter(|claim| claim.delivery.body.is_none()) {
            if self.of(delivery).is_none() {
                wanted.entry(delivery.merchant).or_default().insert(delivery.event);
            }
        }
        for (merchant, ids) in wanted {
            let Ok(events) = events::some(engine, merchant, ids.into_iter().collect()).await else { continue };
            self.young.extend(events.into_iter().filter_map(|(id, event)| Some((id, written(event).ok()?))));
        }
    }
}

fn written(event: EventView) -> Result<Arc<str>, Error> {
    let timestamp = event.created_at.clone();
    let body = serde_json::to_string(&Body { event, timestamp }).map_err(|e| Error::Internal(e.to_string()))?;
    Ok(body.into())
}
