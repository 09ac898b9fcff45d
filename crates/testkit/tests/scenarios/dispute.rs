//! Disputes: opened, answered, won, lost, accepted; and inquiries, which move no money.

use ducat_domain::PaymentOrderId;
use ducat_engine::disputes::{self, DisputeView, NewEvidence};
use ducat_engine::refunds::{self, NewRefund};
use ducat_testkit::World;
use serde_json::{Value, json};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

async fn disputed(seed: u64, body: Value) -> (World, PaymentOrderId) {
    let world = World::new(seed).await;
    let id = world.created("order-1", 5_000).await;
    world.pay(id, "pm_card_visa").await;
    world.live(SECOND * 10).await;
    let mut body = body;
    body["payment_intent"] = world.sessions()[0]["payment_intent"].clone();
    world.control("/_sandbox/disputes", body);
    world.live(SECOND * 10).await;
    (world, id)
}

async fn dispute(world: &World, id: PaymentOrderId) -> DisputeView {
    world.view(id).await.disputes.unwrap().remove(0)
}

async fn say(world: &World, id: PaymentOrderId, text: &str) {
    let fields = [("uncategorized_text".to_owned(), text.to_owned())].into();
    let dispute = dispute(world, id).await.id.parse().unwrap();
    disputes::submit(&world.engine, world.merchant, dispute, NewEvidence { fields }, None).await.unwrap();
    world.live(SECOND * 10).await;
}

#[tokio::test]
async fn a_dispute_takes_the_money_and_its_fee_and_a_won_one_gives_the_money_back() {
    let (world, id) = disputed(621, json!({ "reason": "product_not_received" })).await;
    let open = dispute(&world, id).await;
    assert_eq!((open.status, open.reason, open.funds_withdrawn), ("needs_response", "not_received", true));
    assert_eq!(open.fees.iter().map(|fee| fee.amount).collect::<Vec<_>>(), [1_500]);
    assert_eq!(world.view(id).await.amount_disputed, 5_000);
    world.assert_sound().await;
    say(&world, id, "winning_evidence").await;
    let won = dispute(&world, id).await;
    assert_eq!((won.status, won.funds_returned, world.view(id).await.amount_disputed), ("won", true, 0));
    world.assert_sound().await;
}

#[tokio::test]
async fn a_dispute_is_lost_by_the_bank_s_word_or_by_giving_in() {
    let (world, id) = disputed(622, json!({})).await;
    say(&world, id, "losing_evidence").await;
    assert_eq!(dispute(&world, id).await.status, "lost");
    world.assert_sound().await;

    let (world, id) = disputed(623, json!({})).await;
    let open = dispute(&world, id).await.id.parse().unwrap();
    disputes::accept(&world.engine, world.merchant, open, None).await.unwrap();
    world.live(SECOND * 10).await;
    let lost = dispute(&world, id).await;
    assert_eq!((lost.status, lost.accepted_at.is_some()), ("lost", true));
    world.assert_sound().await;
}

#[tokio::test]
async fn an_inquiry_moves_no_money_until_it_becomes_a_dispute() {
    let (world, id) = disputed(624, json!({ "inquiry": true })).await;
    let open = dispute(&world, id).await;
    assert_eq!((open.status, open.inquiry, open.funds_withdrawn), ("inquiry_needs_response", true, false));
    assert_eq!(world.view(id).await.amount_disputed, 0);
    say(&world, id, "escalate_inquiry_evidence").await;
    let grown = dispute(&world, id).await;
    assert_eq!((grown.status, grown.funds_withdrawn), ("needs_response", true));
    world.assert_sound().await;
}

#[tokio::test]
async fn a_disputed_payment_is_not_refunded_too() {
    let (world, id) = disputed(625, json!({})).await;
    let refused = refunds::create(&world.engine, world.merchant, id, NewRefund::default(), None).await;
    assert!(matches!(refused, Err(ducat_engine::Error::Conflict(problem)) if problem.code == "payment_order_disputed"));
    assert_eq!(world.stripe("GET", "/v1/refunds", &[])["data"], json!([]));
    world.assert_sound().await;
}

#[tokio::test]
async fn the_message_of_a_dispute_that_comes_before_the_payment_s_own_finds_its_order() {
    let world = World::new(695).await;
    let id = world.created("order-1", 5_000).await;
    world.pay(id, "pm_card_createDisputeInquiry").await;
    let messages = world.take_messages();
    let dispute = messages.iter().find(|m| m.body.contains("\"charge.dispute.created\"")).expect("the inquiry's message");
    world.receive(dispute).await.unwrap();
    ducat_engine::jobs::run_due(&world.engine).await.unwrap();
    let view = world.view(id).await;
    assert_eq!((view.status, view.disputes.unwrap().len()), ("succeeded", 1), "the PSP was asked for the rest");
    world.assert_sound().await;
}
