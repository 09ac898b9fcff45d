//! Sending an event that did not happen, to see whether it arrives. It is tried once, now, also at an endpoint that is disabled.

use super::keys::EndpointKeys;
use super::view::{WebhookEndpointView, own};
use crate::deliveries::{self, DeliveryView, Parcel};
use crate::idempotency::{Whole, once};
use crate::{Answer, AnswerKind, Engine, Error, RequestKey};
use ducat_domain::webhooks::{Delivery, DeliveryOrigin, DeliveryState};
use ducat_domain::{DeliveryId, EventId, MerchantId, WebhookEndpointId};
use ducat_store::{Change, DeliveryWrite};
use serde_json::json;

/// The kind of the event, which is in no log.
const KIND: &str = "webhook_endpoint.test";

/// Sends it, and says how it went.
pub async fn test(
    engine: &Engine,
    merchant: MerchantId,
    id: WebhookEndpointId,
    key: Option<RequestKey>,
) -> Result<Answer, Error> {
    once(engine, merchant, key, carry(engine, merchant, id)).await
}

/// Two who ask at the same moment may both send one; the answer is about the first that came back.
async fn carry(engine: &Engine, merchant: MerchantId, id: WebhookEndpointId) -> Result<Whole, Error> {
    let endpoint = own(engine, merchant, id).await?;
    let _turn = engine.tests().take(merchant).ok_or(Error::Busy)?;
    let now = engine.now();
    let event = EventId::new(now, engine.chance());
    let body = json!({
        "id": event.to_string(),
        "object": "event",
        "type": KIND,
        "sequence": 0,
        "created_at": now.to_string(),
        "data": WebhookEndpointView::opened(engine, &endpoint)?,
        "timestamp": now.to_string(),
    });
    let body = body.to_string();
    let keys = EndpointKeys::open(engine, &endpoint)?;
    let parcel = Parcel { endpoint: &endpoint, keys: &keys, event, body: body.as_bytes(), number: 1 };
    let carried = deliveries::carry(engine, parcel).await?;
    let delivery = Delivery {
        id: DeliveryId::new(now, engine.chance()),
        endpoint: id,
        merchant,
        event,
        kind: KIND.to_owned(),
        origin: DeliveryOrigin::Test,
        body: Some(body.clone()),
        state: if carried.arrived() { DeliveryState::Succeeded } else { DeliveryState::Dead },
        tries: 1,
        step: 1,
        next_at: None,
        created_at: now,
    };
    let view = DeliveryView::of(&delivery).with_log(body, std::slice::from_ref(&carried.went));
    let answer = Answer::new(AnswerKind::Done, &view)?;
    let change = Change { deliveries: vec![DeliveryWrite::InsertTried(delivery, carried.went)], ..Change::default() };
    Ok(Whole::new(change, answer))
}
