//! Paying, declining, lapsing: by message, by return, by asking.

use ducat_engine::payments;
use ducat_testkit::World;
use serde_json::json;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_paid_order_succeeds_by_the_psp_s_message_and_is_booked_once() {
    let world = World::new(11).await;
    let id = world.created("order-1", 4999).await;
    world.pay(id, "pm_card_visa").await;
    assert!(world.deliver().await.stored > 0);
    let view = world.view(id).await;
    assert_eq!((view.status, view.amount_captured, view.amount_authorized), ("succeeded", 4999, 4999));
    let entries = payments::ledger(&world.engine, world.merchant, id).await.unwrap();
    let captures: Vec<_> = entries.iter().filter(|e| e.event_ref.starts_with("cap:")).collect();
    assert_eq!(captures.len(), 1);
    assert_eq!(captures[0].postings.iter().map(|p| p.amount).sum::<i64>(), 0);
    world.assert_agrees(id).await;
    world.assert_sound().await;
}

#[tokio::test]
async fn the_psp_s_fee_is_booked_as_the_psp_reports_it() {
    let world = World::new(12).await;
    let id = world.created("order-1", 4999).await;
    world.pay(id, "pm_card_visa").await;
    world.live(SECOND * 10).await;
    let view = world.view(id).await;
    assert_eq!(view.latest_attempt.fees.len(), 1, "one fee line");
    let line = &view.latest_attempt.fees[0];
    let reported = world.stripe("GET", &format!("/v1/balance_transactions/{}", line.psp_line), &[]);
    assert_eq!(reported["fee"], json!(line.amount));
    let entries = payments::ledger(&world.engine, world.merchant, id).await.unwrap();
    assert_eq!(entries.iter().filter(|e| e.event_ref.starts_with("fee:")).count(), 1);
    let next = world.engine.store().next_job_at().await.unwrap().expect("the statement is read on");
    assert!(next.as_seconds() - world.clock_seconds() > 700, "the order has come to rest");
    world.assert_sound().await;
}

#[tokio::test]
async fn without_any_message_the_returning_customer_sees_the_truth() {
    let world = World::new(13).await;
    let id = world.created("order-1", 4999).await;
    world.pay(id, "pm_card_visa").await;
    let page = payments::come_back(&world.engine, id).await.unwrap();
    assert_eq!(page.order.status, "succeeded");
    let onward = page.onward_url.unwrap();
    assert!(
        onward.starts_with(&format!(
            "https://shop.example/thanks?order={id}&payment_order={id}&status=succeeded&sequence=3&proof="
        )),
        "{onward}"
    );
    let secret = ducat_engine::merchants::return_secret(&world.engine, world.merchant).await.unwrap();
    let signature = onward.rsplit('=').next().unwrap();
    assert!(payments::is_return_signed(&secret, id, "succeeded", signature));
    assert!(!payments::is_return_signed(&secret, id, "failed", signature));
    world.deliver().await;
    world.assert_agrees(id).await;
    world.assert_sound().await;
}

#[tokio::test]
async fn without_message_and_return_the_psp_is_asked() {
    let world = World::new(14).await;
    let id = world.created("order-1", 4999).await;
    world.pay(id, "pm_card_visa").await;
    world.take_messages();
    world.clock.advance(SECOND * 120);
    ducat_engine::jobs::run_due(&world.engine).await.unwrap();
    assert_eq!(world.view(id).await.status, "succeeded");
    world.assert_sound().await;
}

#[tokio::test]
async fn a_decline_is_told_and_the_customer_may_try_again_on_the_same_page() {
    let world = World::new(15).await;
    let id = world.created("order-1", 4999).await;
    world.pay(id, "pm_card_visa_chargeDeclinedInsufficientFunds").await;
    world.live(SECOND * 2).await;
    let view = world.view(id).await;
    assert_eq!((view.status, view.latest_attempt.status), ("pending", "requires_action"));
    let failure = view.latest_attempt.failure.unwrap();
    assert_eq!(
        (failure.code, failure.class, failure.psp_code.as_deref()),
        ("insufficient_funds", "soft", Some("insufficient_funds"))
    );
    world.pay(id, "pm_card_visa").await;
    world.live(SECOND * 2).await;
    assert_eq!(world.view(id).await.status, "succeeded");
    assert_eq!(world.sessions().len(), 1);
    world.assert_sound().await;
}

#[tokio::test]
async fn an_order_that_nobody_pays_lapses_here_and_at_the_psp() {
    let world = World::new(16).await;
    let id = world.created("order-1", 4999).await;
    world.live(SECOND * 1900).await;
    assert_eq!(world.view(id).await.status, "expired");
    assert_eq!(world.sessions()[0]["status"], json!("expired"));
    assert_eq!(world.engine.store().next_job_at().await.unwrap(), None);
    world.assert_sound().await;
}

#[tokio::test]
async fn a_payment_in_the_last_moment_counts_although_the_order_was_about_to_lapse() {
    let world = World::new(17).await;
    let id = world.created("order-1", 4999).await;
    world.clock.advance(SECOND * 1799);
    world.pay(id, "pm_card_visa").await;
    world.take_messages();
    world.clock.advance(SECOND * 2);
    ducat_engine::jobs::run_due(&world.engine).await.unwrap();
    assert_eq!(world.view(id).await.status, "succeeded");
    world.assert_sound().await;
}

#[tokio::test]
async fn a_psp_that_is_down_at_the_lapse_keeps_the_order_open_until_it_answers() {
    let world = World::new(18).await;
    let id = world.created("order-1", 4999).await;
    world.transport.set_down(true);
    world.live(SECOND * 1900).await;
    assert_eq!(world.view(id).await.status, "pending", "nobody can say yet that it was not paid");
    world.transport.set_down(false);
    world.live(SECOND * 60).await;
    assert_eq!(world.view(id).await.status, "expired");
    world.assert_sound().await;
}

#[tokio::test]
async fn manual_capture_holds_the_money_and_a_cancel_lets_it_go() {
    let world = World::new(19).await;
    let mut order = World::order("order-1", 4999);
    order.capture = ducat_domain::payments::CaptureMode::Manual;
    let id = World::id_of(&world.create(order).await.unwrap());
    world.pay(id, "pm_card_visa").await;
    world.live(SECOND * 2).await;
    let view = world.view(id).await;
    assert_eq!((view.status, view.amount_authorized, view.amount_captured), ("authorized", 4999, 0));
    world.assert_sound().await;
    payments::cancel(&world.engine, world.merchant, id, None).await.unwrap();
    assert_eq!(world.view(id).await.status, "canceled");
    world.assert_sound().await;
}
