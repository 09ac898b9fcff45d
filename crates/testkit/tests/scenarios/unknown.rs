//! Lost answers, and a PSP on its bad days: the order says so honestly, and heals by itself. One session at the PSP, always.

use ducat_engine::AnswerKind;
use ducat_testkit::World;
use serde_json::{Value, json};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// Something goes wrong while the order is registered; then the PSP is well again.
async fn heals_from(seed: u64, fault: Value, expected: &str) -> World {
    let world = World::new(seed).await;
    world.fault(fault.clone());
    let answer = world.create(World::order("order-1", 4999)).await.unwrap();
    let id = World::id_of(&answer);
    let view = world.view(id).await;
    assert_eq!(view.latest_attempt.status, expected, "{fault}");
    if expected != "requires_action" {
        assert_eq!((answer.kind, view.status), (AnswerKind::Accepted, "created"), "{fault}");
        assert!(view.latest_attempt.check_at.is_some());
    }
    world.assert_sound().await;
    world.live(SECOND * 180).await;
    let view = world.view(id).await;
    assert_eq!((view.status, view.latest_attempt.status), ("pending", "requires_action"), "{fault}");
    let live: Vec<_> = world.sessions().into_iter().filter(|s| s["status"] == "open").collect();
    assert_eq!(live.len(), 1, "exactly one session after {fault}");
    assert_eq!(live[0]["id"], json!(view.psp_token));
    world.pay(id, "pm_card_visa").await;
    world.live(SECOND * 5).await;
    assert_eq!(world.view(id).await.status, "succeeded", "{fault}");
    world.assert_agrees(id).await;
    world.assert_sound().await;
    world
}

fn on_create(fault: Value) -> Value {
    let mut rule = json!({ "operation": "checkout.sessions.create", "count": 1 });
    rule.as_object_mut().unwrap().extend(fault.as_object().unwrap().clone());
    rule
}

#[tokio::test]
async fn an_answer_lost_after_the_psp_acted_is_unknown_and_then_found() {
    heals_from(31, on_create(json!({ "fault": "drop_response" })), "unknown").await;
}

#[tokio::test]
async fn a_request_lost_on_its_way_is_unknown_and_then_made() {
    heals_from(32, on_create(json!({ "fault": "drop_request" })), "unknown").await;
}

#[tokio::test]
async fn a_psp_that_takes_thirty_seconds_is_unknown_and_then_found() {
    heals_from(33, on_create(json!({ "fault": "delay", "delay_ms": 30_000 })), "unknown").await;
}

#[tokio::test]
async fn garbage_instead_of_an_answer_is_unknown_and_then_found() {
    heals_from(34, on_create(json!({ "fault": "garbage" })), "unknown").await;
}

#[tokio::test]
async fn half_an_answer_is_unknown_and_then_found() {
    heals_from(35, on_create(json!({ "fault": "truncate" })), "unknown").await;
}

#[tokio::test]
async fn an_error_inside_the_psp_before_it_acted_is_unknown_and_then_made() {
    heals_from(36, on_create(json!({ "fault": "status", "status": 500 })), "unknown").await;
}

#[tokio::test]
async fn an_error_after_the_psp_acted_that_it_repeats_for_the_key_is_found_by_looking() {
    heals_from(37, on_create(json!({ "fault": "status", "status": 500, "after": true })), "unknown").await;
}

#[tokio::test]
async fn a_psp_that_says_slow_down_gets_the_order_a_moment_later() {
    heals_from(38, on_create(json!({ "fault": "status", "status": 429 })), "registering").await;
}

#[tokio::test]
async fn a_psp_that_is_down_gets_the_order_when_it_is_back() {
    let world = World::new(39).await;
    world.transport.set_down(true);
    let answer = world.create(World::order("order-1", 4999)).await.unwrap();
    let id = World::id_of(&answer);
    assert_eq!(answer.kind, AnswerKind::Accepted);
    assert_eq!(world.view(id).await.latest_attempt.status, "registering");
    world.live(SECOND * 120).await;
    assert_eq!(world.view(id).await.status, "created");
    world.transport.set_down(false);
    world.live(SECOND * 60).await;
    assert_eq!(world.view(id).await.status, "pending");
    assert_eq!(world.sessions().len(), 1);
    world.assert_sound().await;
}

#[tokio::test]
async fn a_psp_that_stays_away_lets_the_order_lapse_only_once_it_can_be_sure() {
    let world = World::new(40).await;
    world.fault(json!({ "operation": "checkout.sessions.create", "fault": "drop_response", "count": 1 }));
    let id = World::id_of(&world.create(World::order("order-1", 4999)).await.unwrap());
    world.transport.set_down(true);
    world.live(SECOND * 2000).await;
    assert_eq!(world.view(id).await.status, "created", "the session may exist, and may be paid");
    world.transport.set_down(false);
    world.live(SECOND * 300).await;
    assert_eq!(world.view(id).await.status, "expired");
    assert!(world.sessions().iter().all(|s| s["status"] == "expired"));
    world.assert_sound().await;
}

#[tokio::test]
async fn a_refusal_by_the_psp_fails_the_order_with_its_reason() {
    let world = World::new(41).await;
    world.fault(on_create(json!({ "fault": "status", "status": 400 })));
    let id = World::id_of(&world.create(World::order("order-1", 4999)).await.unwrap());
    let view = world.view(id).await;
    assert_eq!((view.status, view.latest_attempt.status), ("failed", "failed"));
    assert_eq!(view.latest_attempt.failure.unwrap().code, "refused_by_psp");
    world.assert_sound().await;
}

#[tokio::test]
async fn a_process_that_dies_before_the_answer_goes_on_after_its_restart() {
    for seed in 0..5 {
        let mut world = World::new(50 + seed).await;
        // The PSP acts; nobody hears of it; then the process is gone.
        world.fault(on_create(json!({ "fault": "drop_response" })));
        let id = World::id_of(&world.create(World::order("order-1", 4999)).await.unwrap());
        world.restart().await;
        world.live(SECOND * 120).await;
        assert_eq!(world.view(id).await.status, "pending");
        assert_eq!(world.sessions().len(), 1);
        world.assert_sound().await;
    }
}

#[tokio::test]
async fn a_registration_that_the_psp_has_forgotten_ends_and_the_customer_may_try_again() {
    let world = World::new(42).await;
    let id = world.created("order-1", 4999).await;
    let first = world.view(id).await.psp_token;
    world.forget();
    world.live(SECOND * 300).await;
    let view = world.view(id).await;
    assert_eq!((view.status, view.latest_attempt.status), ("pending", "expired"));
    let page = ducat_engine::payments::go_pay(&world.engine, id, None).await.unwrap();
    assert!(page.is_some() && world.view(id).await.psp_token != first);
    world.assert_sound().await;
}

#[tokio::test]
async fn an_order_whose_registration_the_psp_has_forgotten_lapses_and_can_be_canceled() {
    let world = World::new(43).await;
    let id = world.created("order-1", 4999).await;
    let other = world.created("order-2", 4999).await;
    world.forget();
    world.clock.advance(SECOND * 200);
    ducat_engine::payments::cancel(&world.engine, world.merchant, other, None).await.unwrap();
    assert_eq!(world.view(other).await.status, "canceled");
    world.live(SECOND * 1900).await;
    assert_eq!(world.view(id).await.status, "expired");
    world.assert_sound().await;
}

#[tokio::test]
async fn a_short_outage_costs_seconds_and_not_a_lease() {
    let world = World::new(44).await;
    world.transport.set_down(true);
    let id = World::id_of(&world.create(World::order("order-1", 4999)).await.unwrap());
    world.transport.set_down(false);
    world.live(SECOND * 3).await;
    assert_eq!(world.view(id).await.status, "pending");
    world.assert_sound().await;
}
