//! Trying a delivery again because somebody asks for it: now, and then by the schedule from its beginning.

use super::fan_out;
use super::view::{DeliveryView, find};
use crate::idempotency::{Whole, once};
use crate::webhook_endpoints::own;
use crate::{Answer, AnswerKind, Engine, Error, Problem, RequestKey};
use ducat_domain::webhooks::{Delivery, DeliveryOrigin, DeliveryState};
use ducat_domain::{DeliveryId, MerchantId, WebhookEndpointId};
use ducat_store::{Change, DeliveryKey, DeliveryWrite, EventMark};

/// Has it tried now. One that has arrived stays what it is: its event goes out in a new delivery.
pub async fn retry(
    engine: &Engine,
    merchant: MerchantId,
    endpoint: WebhookEndpointId,
    id: DeliveryId,
    key: Option<RequestKey>,
) -> Result<Answer, Error> {
    let answer = once(engine, merchant, key, decide(engine, merchant, endpoint, id)).await?;
    engine.wake_dispatcher();
    Ok(answer)
}

async fn decide(engine: &Engine, merchant: MerchantId, endpoint: WebhookEndpointId, id: DeliveryId) -> Result<Whole, Error> {
    let delivery = find(engine, merchant, endpoint, id).await?;
    if delivery.origin == DeliveryOrigin::Test {
        return Err(Error::Conflict(Problem::new("delivery_is_a_test", "a test is sent once; send another one")));
    }
    let now = engine.now();
    let (kind, after, write) = if delivery.state == DeliveryState::Succeeded {
        let mark = EventMark { position: 0, id: delivery.event, kind: delivery.kind };
        let new = fan_out::new(engine, &own(engine, merchant, endpoint).await?, &mark, DeliveryOrigin::Replay, now);
        (AnswerKind::Created, new.clone(), DeliveryWrite::Insert(new))
    } else {
        let after = Delivery { state: DeliveryState::Pending, next_at: Some(now), step: 0, ..delivery };
        (AnswerKind::Done, after, DeliveryWrite::TryNow(DeliveryKey { merchant, endpoint, id }, now))
    };
    let answer = Answer::new(kind, &DeliveryView::of(&after))?;
    Ok(Whole::new(Change { deliveries: vec![write], ..Change::default() }, answer))
}
