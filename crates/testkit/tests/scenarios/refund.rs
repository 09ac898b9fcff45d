//! Giving money back: whole, in parts, lost and found, failing days later, made at the PSP.

use ducat_domain::PaymentOrderId;
use ducat_engine::payments;
use ducat_engine::refunds::{self, NewRefund};
use ducat_engine::{Answer, Error};
use ducat_testkit::World;
use serde_json::{Value, json};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

async fn paid(seed: u64, method: &str) -> (World, PaymentOrderId) {
    let world = World::new(seed).await;
    let id = world.created("order-1", 5_000).await;
    world.pay(id, method).await;
    world.live(SECOND * 10).await;
    assert_eq!(world.view(id).await.status, "succeeded");
    (world, id)
}

async fn back(world: &World, id: PaymentOrderId, amount: Option<i64>) -> Result<Answer, Error> {
    refunds::create(&world.engine, world.merchant, id, NewRefund { amount, reason: Some("sent back".into()) }, None).await
}

/// What the PSP gave back, by its own books.
fn given_back(world: &World) -> Vec<(i64, String)> {
    let list = world.stripe("GET", "/v1/refunds?limit=100", &[]);
    let of = |r: &Value| (r["amount"].as_i64().unwrap(), r["status"].as_str().unwrap().to_owned());
    list["data"].as_array().unwrap().iter().map(of).collect()
}

#[tokio::test]
async fn a_payment_goes_back_in_parts_until_nothing_is_left() {
    let (world, id) = paid(611, "pm_card_visa").await;
    for amount in [Some(1_000), Some(1_500), None] {
        back(&world, id, amount).await.unwrap();
    }
    world.live(SECOND * 10).await;
    assert_eq!(given_back(&world).iter().map(|(amount, _)| amount).sum::<i64>(), 5_000);
    assert_eq!(world.view(id).await.amount_refunded, 5_000);
    assert!(back(&world, id, Some(1)).await.is_err());
    world.assert_sound().await;
}

#[tokio::test]
async fn a_refund_whose_answer_is_lost_or_stored_as_an_error_happens_at_most_once() {
    for (seed, fault) in [
        (612, json!({ "operation": "refunds.create", "fault": "drop_response", "count": 1 })),
        (613, json!({ "operation": "refunds.create", "fault": "status", "status": 500, "count": 1 })),
    ] {
        let (world, id) = paid(seed, "pm_card_visa").await;
        world.fault(fault.clone());
        back(&world, id, Some(2_000)).await.unwrap();
        world.live(SECOND * 180).await;
        let view = world.view(id).await;
        let there: i64 = given_back(&world).iter().map(|(amount, _)| amount).sum();
        assert_eq!((view.amount_refunded, view.amount_refunding), (there, 0), "{fault}");
        if seed == 612 {
            assert_eq!(given_back(&world), [(2_000, "succeeded".to_owned())]);
        }
        world.assert_sound().await;
    }
}

#[tokio::test]
async fn a_psp_that_is_down_gets_the_refund_when_it_is_back() {
    let (world, id) = paid(614, "pm_card_visa").await;
    world.transport.set_down(true);
    back(&world, id, Some(2_000)).await.unwrap();
    world.transport.set_down(false);
    world.live(SECOND * 60).await;
    assert_eq!((given_back(&world).len(), world.view(id).await.amount_refunded), (1, 2_000));
    world.assert_sound().await;
}

#[tokio::test]
async fn a_refund_that_fails_after_it_had_succeeded_puts_the_money_back() {
    let (world, id) = paid(615, "pm_card_refundFail").await;
    back(&world, id, None).await.unwrap();
    world.live(SECOND * 60).await;
    let view = world.view(id).await;
    let refund = &view.refunds.as_ref().unwrap()[0];
    assert_eq!((refund.status, view.amount_refunded), ("failed", 0));
    assert_eq!(refund.failure.as_ref().unwrap().code, "account_closed");
    world.assert_sound().await;
}

#[tokio::test]
async fn a_refund_made_in_the_psp_s_dashboard_is_found_even_if_no_message_comes() {
    for heard in [true, false] {
        let (world, id) = paid(616, "pm_card_visa").await;
        let intent = world.sessions()[0]["payment_intent"].as_str().unwrap().to_owned();
        world.stripe("POST", "/v1/refunds", &[("payment_intent", &intent), ("amount", "700")]);
        if !heard {
            world.take_messages();
        }
        world.live(SECOND * 1_000).await;
        let view = world.view(id).await;
        let refund = &view.refunds.as_ref().unwrap()[0];
        assert_eq!((refund.origin, refund.status, view.amount_refunded), ("psp", "succeeded", 700), "{heard}");
        world.assert_sound().await;
    }
}

#[tokio::test]
async fn money_that_came_although_the_order_was_paid_already_goes_back_by_itself() {
    let world = World::new(690).await;
    let id = world.created("order-1", 5_000).await;
    // The customer pays. Before we hear of it, the PSP has lost everything, so the attempt counts as gone and the customer pays once more.
    world.pay(id, "pm_card_visa").await;
    let late = world.take_messages();
    world.forget();
    world.clock.advance(SECOND * 100);
    payments::come_back(&world.engine, id).await.unwrap();
    payments::go_pay(&world.engine, id, None).await.unwrap();
    world.pay(id, "pm_card_visa").await;
    world.clock.advance(SECOND * 5);
    payments::come_back(&world.engine, id).await.unwrap();
    assert_eq!(world.view(id).await.status, "succeeded");
    // Then the message of the first payment comes after all.
    for message in &late {
        world.receive(message).await.unwrap();
    }
    ducat_engine::jobs::run_due(&world.engine).await.unwrap();
    let view = world.view(id).await;
    assert_eq!((view.amount_captured, view.status), (10_000, "succeeded"));
    let attempts = view.attempts.unwrap();
    assert!(attempts[0].surplus && !attempts[1].surplus, "the second payment is the order's");
    let refunds = view.refunds.unwrap();
    assert_eq!(refunds.len(), 1, "the surplus is sent back, once");
    assert_eq!((refunds[0].origin, refunds[0].amount, &refunds[0].attempt), ("surplus", 5_000, &attempts[0].id));
    assert!(view.events.unwrap().iter().any(|e| e.kind == "payment_order.paid_twice"));
    world.live(SECOND * 60).await;
    assert_eq!(world.view(id).await.refunds.unwrap().len(), 1);
    world.assert_sound().await;
}

#[tokio::test]
async fn a_refund_made_at_the_psp_while_ours_holds_the_money_is_booked_once_ours_has_failed() {
    let (world, id) = paid(691, "pm_card_visa").await;
    let token = world.view(id).await.psp_token.unwrap();
    let session = world.sessions().into_iter().find(|s| s["id"] == json!(token)).unwrap();
    let intent = session["payment_intent"].as_str().unwrap();
    // Ours is written down, and the PSP does not hear of it. Somebody gives the money back in the dashboard meanwhile.
    world.transport.set_down(true);
    back(&world, id, Some(3_000)).await.unwrap();
    let theirs = world.stripe("POST", "/v1/refunds", &[("payment_intent", intent), ("amount", "3000")]);
    assert_eq!(theirs["status"], json!("succeeded"), "{theirs}");
    world.deliver().await;
    let view = world.view(id).await;
    assert_eq!((view.amount_refunded, view.amount_refunding), (0, 3_000), "both do not fit");
    world.transport.set_down(false);
    world.live(SECOND * 90).await;
    let view = world.view(id).await;
    assert_eq!((view.amount_refunded, view.amount_refunding), (3_000, 0));
    let refunds = view.refunds.unwrap();
    let states: Vec<_> = refunds.iter().map(|r| (r.origin, r.status)).collect();
    assert_eq!(states, [("api", "failed"), ("psp", "succeeded")]);
    assert_eq!(given_back(&world), [(3_000, "succeeded".to_owned())]);
    world.assert_sound().await;
}
