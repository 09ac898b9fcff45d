//! What comes of an endpoint that fails for days, or asks to be left alone: it is paused, and an event tells of it.

use super::view::WebhookEndpointView;
use crate::{Engine, Error};
use ducat_domain::webhooks::{EndpointStatus, WebhookEndpoint};
use ducat_domain::{EventId, EventKind, MerchantId, Subject, WebhookEndpointId};
use ducat_store::{Change, CommitError, EndpointWrite, EventRow};

/// How often a pause that lost a race is decided anew.
const MAX_RACES: u32 = 8;

/// Pauses an endpoint if it is in use and `is_due` says so. Whether it was.
pub(crate) async fn pause(
    engine: &Engine,
    (merchant, id): (MerchantId, WebhookEndpointId),
    status: EndpointStatus,
    is_due: impl Fn(&WebhookEndpoint) -> bool + Send,
) -> Result<bool, Error> {
    for _ in 0..MAX_RACES {
        let Some(endpoint) = engine.store().webhook_endpoint(merchant, id).await? else { return Ok(false) };
        if endpoint.status != EndpointStatus::Enabled || !is_due(&endpoint) {
            return Ok(false);
        }
        let after = WebhookEndpoint { status, ..endpoint.clone() };
        let view = WebhookEndpointView::opened(engine, &after)?;
        let now = engine.now();
        let event = EventRow {
            id: EventId::new(now, engine.chance()),
            merchant,
            subject: Subject::WebhookEndpoint(id),
            sequence: endpoint.events.saturating_add(1),
            kind: EventKind::WebhookEndpointDisabled,
            at: now,
            snapshot: serde_json::to_string(&view).map_err(|e| Error::Internal(e.to_string()))?,
        };
        let endpoints = vec![EndpointWrite::Pause { endpoint, status }];
        match engine.store().commit(Change { endpoints, events: vec![event], ..Change::default() }).await {
            Ok(()) => {
                tracing::warn!(endpoint = %id, reason = status.as_str(), "a webhook endpoint is disabled");
                engine.wake_dispatcher();
                return Ok(true);
            }
            Err(CommitError::Stale | CommitError::Taken(_)) => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(false)
}
