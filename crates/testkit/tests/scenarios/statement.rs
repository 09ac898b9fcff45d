//! The PSP's statement: every line is booked, whatever it is; payouts leave and come back.

use ducat_domain::settlement::PayoutStatus;
use ducat_sandbox::Request;
use ducat_testkit::{STRIPE_KEY, World};
use serde_json::json;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

async fn paid(seed: u64) -> World {
    let world = World::new(seed).await;
    let id = world.created("order-1", 5_000).await;
    world.pay(id, "pm_card_visa").await;
    world.live(SECOND * 10).await;
    assert_eq!(world.view(id).await.status, "succeeded");
    world
}

/// The sandbox's own table of types, which it tells to whoever names another.
fn types(world: &World) -> Vec<String> {
    let mut request = Request::new("POST", "/_sandbox/balance_transactions").header("Content-Type", "application/json");
    request.body = json!({ "account": STRIPE_KEY, "type": "?", "amount": 1, "currency": "eur" }).to_string().into_bytes();
    let refused = world.sandbox.handle(&request).value();
    let text = refused["error"]["message"].as_str().unwrap().to_owned();
    text.rsplit_once("one of ").unwrap().1.split(", ").map(str::to_owned).collect()
}

#[tokio::test]
async fn every_type_of_line_that_stripe_has_is_booked_once() {
    let world = paid(631).await;
    let types = types(&world);
    assert_eq!(types.len(), 52);
    let mut lines = Vec::new();
    for (n, kind) in types.iter().enumerate() {
        let amount = if n % 2 == 0 { 1_000 } else { -700 };
        let line = world
            .control("/_sandbox/balance_transactions", json!({ "type": kind, "amount": amount, "currency": "eur", "fee": 3 }));
        lines.push(line["id"].as_str().unwrap().to_owned());
    }
    world.live(SECOND * 1_000).await;
    let known = world.engine.store().known_psp_lines(world.merchant, world.account, lines.clone()).await.unwrap();
    assert_eq!(known.len(), lines.len(), "none is dropped");
    world.assert_sound().await;
}

#[tokio::test]
async fn a_payout_leaves_arrives_and_comes_back() {
    let world = paid(632).await;
    let payout = world.control("/_sandbox/payouts", json!({ "currency": "eur", "settle_pending": true }));
    let psp_payout = payout["id"].as_str().unwrap().to_owned();
    world.live(SECOND * 1_000).await;
    let ours = || async {
        let found = world.engine.store().payout_by_psp(world.merchant, world.account, &psp_payout).await;
        found.unwrap().expect("the payout")
    };
    let there = ours().await;
    assert_eq!((there.status, there.left, there.came_back), (PayoutStatus::Paid, true, false));
    assert_eq!(Some(there.amount.minor), payout["amount"].as_i64());
    world.assert_sound().await;
    world.control(&format!("/_sandbox/payouts/{psp_payout}/fail"), json!({}));
    world.live(SECOND * 1_000).await;
    let back = ours().await;
    assert_eq!((back.status, back.came_back), (PayoutStatus::Failed, true));
    world.assert_sound().await;
}

#[tokio::test]
async fn a_line_that_is_quicker_than_every_message_finds_its_payment() {
    let world = World::new(697).await;
    let first = world.created("order-1", 5_000).await;
    let second = world.created("order-2", 3_000).await;
    world.pay(first, "pm_card_visa").await;
    world.pay(second, "pm_card_visa").await;
    // The message of the first order arrives and makes us read the statement; those of the second one do not.
    for message in world.take_messages() {
        if message.body.contains(&first.to_string()) {
            world.receive(&message).await.unwrap();
        }
    }
    for _ in 0..10 {
        world.clock.advance(Duration::from_secs(1));
        ducat_engine::jobs::run_due(&world.engine).await.unwrap();
    }
    let view = world.view(second).await;
    assert_eq!((view.status, view.latest_attempt.fees.len()), ("succeeded", 1), "the line told of the payment");
    let balances = world.engine.store().balances(world.merchant).await.unwrap();
    assert!(balances.iter().all(|b| !b.account.starts_with("suspense:")), "nothing of ours lies in suspense");
    world.assert_sound().await;
}
