//! Taking money that is held: whole, in parts, lost and found, let go, lapsed.

use ducat_domain::PaymentOrderId;
use ducat_domain::payments::CaptureMode;
use ducat_engine::captures::{self, NewCapture};
use ducat_engine::{Answer, Error, payments};
use ducat_testkit::World;
use serde_json::json;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

async fn held(seed: u64) -> (World, PaymentOrderId) {
    let world = World::new(seed).await;
    let order = ducat_engine::payments::NewOrder { capture: CaptureMode::Manual, ..World::order("order-1", 5_000) };
    let id = World::id_of(&world.create(order).await.unwrap());
    world.pay(id, "pm_card_visa").await;
    world.live(SECOND * 2).await;
    assert_eq!(world.view(id).await.status, "authorized");
    (world, id)
}

async fn take(world: &World, id: PaymentOrderId, amount: i64, is_final: bool) -> Result<Answer, Error> {
    let new = NewCapture { amount: Some(amount), is_final: Some(is_final) };
    captures::create(&world.engine, world.merchant, id, new, None).await
}

/// What the PSP has taken, by its own word.
fn received(world: &World) -> i64 {
    let intent = world.sessions()[0]["payment_intent"].as_str().unwrap().to_owned();
    world.stripe("GET", &format!("/v1/payment_intents/{intent}"), &[])["amount_received"].as_i64().unwrap()
}

#[tokio::test]
async fn a_hold_is_taken_in_parts_and_the_rest_is_let_go() {
    let (world, id) = held(601).await;
    take(&world, id, 1_000, false).await.unwrap();
    let view = world.view(id).await;
    assert_eq!((view.status, view.amount_captured, received(&world)), ("authorized", 1_000, 1_000));
    take(&world, id, 2_500, true).await.unwrap();
    world.live(SECOND * 30).await;
    let view = world.view(id).await;
    assert_eq!((view.status, view.amount_captured, received(&world)), ("succeeded", 3_500, 3_500));
    let mut captures: Vec<_> = view.captures.unwrap().iter().map(|c| (c.amount, c.status)).collect();
    captures.sort_unstable();
    assert_eq!(captures, [(1_000, "succeeded"), (2_500, "succeeded")]);
    assert_eq!(view.latest_attempt.fees.len(), 2, "each part has a fee of its own");
    world.assert_sound().await;
}

#[tokio::test]
async fn a_capture_whose_answer_is_lost_takes_the_money_once() {
    let (world, id) = held(602).await;
    world.fault(json!({ "operation": "payment_intents.capture", "fault": "drop_response", "count": 1 }));
    take(&world, id, 2_000, false).await.unwrap();
    world.live(SECOND * 120).await;
    assert_eq!((world.view(id).await.amount_captured, received(&world)), (2_000, 2_000));
    world.assert_sound().await;
}

#[tokio::test]
async fn what_was_taken_before_a_cancel_or_a_lapse_stays_taken() {
    let (world, id) = held(603).await;
    take(&world, id, 1_000, false).await.unwrap();
    payments::cancel(&world.engine, world.merchant, id, None).await.unwrap();
    world.live(SECOND * 30).await;
    let view = world.view(id).await;
    assert_eq!((view.status, view.amount_captured, received(&world)), ("succeeded", 1_000, 1_000));
    world.assert_sound().await;

    let (world, id) = held(604).await;
    take(&world, id, 1_000, false).await.unwrap();
    world.clock.advance(SECOND * 8 * 86_400);
    world.live(SECOND * 30).await;
    let view = world.view(id).await;
    assert_eq!((view.status, view.amount_captured), ("succeeded", 1_000));
    world.assert_sound().await;
}

#[tokio::test]
async fn a_hold_that_nobody_takes_lapses() {
    let (world, id) = held(605).await;
    world.clock.advance(SECOND * 8 * 86_400);
    world.live(SECOND * 30).await;
    let view = world.view(id).await;
    assert_eq!((view.status, view.amount_captured), ("expired", 0));
    world.assert_sound().await;
}
