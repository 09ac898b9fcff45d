//! Calling orders off.

use ducat_engine::{AnswerKind, Error, payments};
use ducat_testkit::World;
use serde_json::json;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_canceled_order_can_no_longer_be_paid_at_the_psp() {
    let world = World::new(71).await;
    let id = world.created("order-1", 4999).await;
    let answer = payments::cancel(&world.engine, world.merchant, id, None).await.unwrap();
    assert_eq!((answer.kind, world.view(id).await.status), (AnswerKind::Done, "canceled"));
    assert_eq!(world.sessions()[0]["status"], json!("expired"));
    let again = payments::cancel(&world.engine, world.merchant, id, None).await.unwrap();
    assert_eq!(again.kind, AnswerKind::Done);
    world.assert_sound().await;
}

#[tokio::test]
async fn a_paid_order_cannot_be_canceled() {
    let world = World::new(72).await;
    let id = world.created("order-1", 4999).await;
    world.pay(id, "pm_card_visa").await;
    world.deliver().await;
    match payments::cancel(&world.engine, world.merchant, id, None).await {
        Err(Error::Conflict(problem)) => assert_eq!(problem.code, "payment_order_not_cancelable"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_cancel_while_the_psp_is_down_is_kept_and_done_later() {
    let world = World::new(73).await;
    let id = world.created("order-1", 4999).await;
    world.transport.set_down(true);
    let answer = payments::cancel(&world.engine, world.merchant, id, None).await.unwrap();
    assert_eq!(answer.kind, AnswerKind::Accepted);
    let view = world.view(id).await;
    assert_eq!(view.status, "pending");
    assert!(view.cancel_requested_at.is_some());
    world.transport.set_down(false);
    world.live(SECOND * 60).await;
    assert_eq!(world.view(id).await.status, "canceled");
    world.assert_sound().await;
}

#[tokio::test]
async fn a_cancel_of_an_order_whose_registration_is_unknown_closes_what_it_finds() {
    let world = World::new(74).await;
    world.fault(json!({ "operation": "checkout.sessions.create", "fault": "drop_response", "count": 1 }));
    let id = World::id_of(&world.create(World::order("order-1", 4999)).await.unwrap());
    payments::cancel(&world.engine, world.merchant, id, None).await.unwrap();
    world.live(SECOND * 120).await;
    assert_eq!(world.view(id).await.status, "canceled");
    assert_eq!(world.sessions()[0]["status"], json!("expired"));
    world.assert_sound().await;
}
