//! Too much is refused: the guard against card testing, and the networks' limits, through the sandbox and across restarts.

use ducat_domain::payments::{CardMode, CardNetwork, CardSeen, Customer, DeclineGuard, Initiator, Rule, Verdict};
use ducat_domain::{Clock, PaymentOrderId, Secret};
use ducat_engine::declines::{self, NewTry};
use ducat_engine::payments::{self, NewOrder};
use ducat_engine::{Answer, Error};
use ducat_testkit::World;
use serde_json::{Value, json};
use std::net::IpAddr;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const DECLINED: &str = "pm_card_visa_chargeDeclined";

fn by(email: &str, reference: &str) -> NewOrder {
    NewOrder { customer: Some(Customer { email: Some(email.into()), name: None }), ..World::order(reference, 4999) }
}

async fn bought_by(world: &World, email: &str, reference: &str) -> PaymentOrderId {
    World::id_of(&world.create(by(email, reference)).await.expect("an order"))
}

/// The customer tries a card that is refused, and the PSP's message arrives.
async fn refuse(world: &World, id: PaymentOrderId, times: usize) {
    refuse_with(world, id, DECLINED, times).await;
}

async fn refuse_with(world: &World, id: PaymentOrderId, card: &str, times: usize) {
    for _ in 0..times {
        world.pay(id, card).await;
        world.live(SECOND).await;
    }
}

async fn go(world: &World, id: PaymentOrderId, from: &str) -> Result<Option<String>, Error> {
    let address: IpAddr = from.parse().expect("an address");
    payments::go_pay(&world.engine, id, Some(address)).await
}

fn wait_of<T: std::fmt::Debug>(result: Result<T, Error>) -> Duration {
    match result {
        Err(Error::TooManyDeclines { wait }) => wait,
        other => panic!("not held back: {other:?}"),
    }
}

async fn kinds(world: &World, id: PaymentOrderId) -> Vec<&'static str> {
    world.view(id).await.events.expect("events").iter().map(|event| event.kind).collect()
}

#[tokio::test]
async fn an_order_on_which_too_much_is_declined_is_closed_here_and_at_the_psp() {
    let world = World::new(71).await;
    let id = world.created("order-1", 4999).await;
    refuse(&world, id, 9).await;
    assert_eq!(world.view(id).await.status, "pending");
    refuse(&world, id, 1).await;
    let view = world.view(id).await;
    let failure = view.latest_attempt.failure.unwrap();
    assert_eq!((view.status, view.latest_attempt.status, view.latest_attempt.declines), ("failed", "failed", 10));
    assert_eq!((failure.code, failure.class), ("too_many_declines", "hard"));
    assert_eq!(world.sessions()[0]["status"], json!("expired"));
    let kinds = kinds(&world, id).await;
    assert_eq!(kinds.iter().filter(|kind| **kind == "payment_order.attempt_declined").count(), 10);
    assert_eq!(kinds.last(), Some(&"payment_order.failed"));
    assert!(go(&world, id, "198.51.100.7").await.unwrap().is_none(), "there is nothing left to pay");
    world.live(SECOND * 10).await;
    assert_eq!(world.engine.store().next_job_at().await.unwrap(), None, "the order has come to rest");
    world.assert_sound().await;
}

#[tokio::test]
async fn what_was_declined_before_a_restart_counts_after_it() {
    let mut world = World::new(72).await;
    let id = world.created("order-1", 4999).await;
    refuse(&world, id, 5).await;
    world.restart().await;
    refuse(&world, id, 4).await;
    // The process dies right after the last decline was told, and before anything could be done about it.
    world.pay(id, DECLINED).await;
    world.deliver().await;
    world.restart().await;
    world.live(SECOND * 120).await;
    let view = world.view(id).await;
    assert_eq!((view.status, view.latest_attempt.failure.unwrap().code), ("failed", "too_many_declines"));
    assert_eq!(world.sessions()[0]["status"], json!("expired"));
    world.assert_sound().await;
}

#[tokio::test]
async fn a_psp_that_does_not_answer_delays_the_closing_and_does_not_prevent_it() {
    let world = World::new(73).await;
    let id = world.created("order-1", 4999).await;
    refuse(&world, id, 9).await;
    world.fault(json!({ "operation": "checkout.sessions.expire", "fault": "drop_response", "count": 2 }));
    refuse(&world, id, 1).await;
    world.live(SECOND * 120).await;
    assert_eq!(world.view(id).await.status, "failed");
    assert_eq!(world.sessions()[0]["status"], json!("expired"));
    world.assert_sound().await;
}

#[tokio::test]
async fn declined_twice_and_then_paid_is_paid() {
    let world = World::new(74).await;
    let id = bought_by(&world, "ada@shop.example", "order-1").await;
    assert!(go(&world, id, "198.51.100.7").await.unwrap().is_some());
    refuse(&world, id, 2).await;
    let view = world.view(id).await;
    assert_eq!((view.status, view.latest_attempt.declines), ("pending", 2));
    world.pay(id, "pm_card_visa").await;
    world.live(SECOND * 5).await;
    assert_eq!(world.view(id).await.status, "succeeded");
    world.assert_agrees(id).await;
    world.assert_sound().await;
}

#[tokio::test]
async fn a_decline_that_is_told_after_the_order_lapsed_changes_nothing() {
    let world = World::new(75).await;
    let id = world.created("order-1", 4999).await;
    world.live(SECOND * 2).await;
    world.clock.advance(SECOND * 1790);
    world.pay(id, DECLINED).await;
    let late = world.take_messages();
    world.clock.advance(SECOND * 30);
    world.live(SECOND * 5).await;
    assert_eq!(world.view(id).await.status, "expired");
    for message in &late {
        world.receive(message).await.unwrap();
    }
    world.live(SECOND * 5).await;
    let view = world.view(id).await;
    assert_eq!((view.status, view.latest_attempt.status), ("expired", "expired"));
    assert_eq!(view.latest_attempt.declines, 0, "what ended unpaid is not told of again");
    assert_eq!(world.engine.store().next_job_at().await.unwrap(), None);
    world.assert_sound().await;
}

#[tokio::test]
async fn a_customer_with_too_many_declines_gets_no_new_order_and_others_are_not_touched() {
    let mut world = World::new(76).await;
    for (number, email) in ["ada@shop.example", "Ada+2@shop.example"].into_iter().enumerate() {
        let id = bought_by(&world, email, &format!("order-{number}")).await;
        refuse(&world, id, 5).await;
    }
    let closed = world.view(World::id_of(&world.create(by("ada@shop.example", "order-1")).await.unwrap())).await;
    assert_eq!((closed.status, closed.latest_attempt.declines), ("failed", 5), "asking for what is there already is answered");
    world.restart().await;
    let wait = wait_of(world.create(by("ADA@shop.example", "order-3")).await);
    assert!(wait > HOUR * 23 && wait <= HOUR * 24, "{wait:?}");
    assert_eq!(world.sessions().len(), 2, "nothing was registered");
    for other in [by("bob@shop.example", "order-4"), World::order("order-5", 100)] {
        world.create(other).await.expect("an order");
    }
    world.clock.advance(wait);
    let again: Answer = world.create(by("ada@shop.example", "order-3")).await.expect("an order, now that it is over");
    let id = World::id_of(&again);
    world.pay(id, "pm_card_visa").await;
    world.live(SECOND * 3).await;
    assert_eq!(world.view(id).await.status, "succeeded");
    world.assert_sound().await;
}

#[tokio::test]
async fn another_merchant_s_customer_of_the_same_name_is_somebody_else() {
    let world = World::new(77).await;
    let id = bought_by(&world, "ada@shop.example", "order-1").await;
    refuse(&world, id, 10).await;
    wait_of(world.create(by("ada@shop.example", "order-2")).await);
    let other = ducat_engine::merchants::create(&world.engine, "Somebody else").await.unwrap().id;
    World::wire(&world.engine, other).await;
    payments::create(&world.engine, other, by("ada@shop.example", "order-2"), None).await.expect("an order");
}

#[tokio::test]
async fn an_address_from_which_too_much_is_declined_waits_and_its_neighbour_does_not() {
    let mut world = World::new(78).await;
    let ids = [world.created("order-1", 4999).await, world.created("order-2", 4999).await, world.created("order-3", 4999).await];
    for (id, card) in ids.into_iter().zip([DECLINED, "pm_card_visa_chargeDeclinedInsufficientFunds", DECLINED]) {
        assert!(go(&world, id, "198.51.100.7").await.unwrap().is_some());
        refuse_with(&world, id, card, 7).await;
    }
    // The twentieth decline closed the third order, and its twenty-first try found no page.
    let third = world.view(ids[2]).await;
    assert_eq!((third.status, third.latest_attempt.declines), ("failed", 6));
    assert_eq!(world.view(ids[0]).await.status, "pending");
    world.restart().await;
    let next = world.created("order-4", 4999).await;
    let wait = wait_of(go(&world, next, "198.51.100.7").await);
    assert!(wait > SECOND && wait <= HOUR, "{wait:?}");
    wait_of(go(&world, ids[0], "198.51.100.7").await);
    assert!(go(&world, next, "198.51.100.8").await.unwrap().is_some());
    world.clock.advance(wait);
    let later = world.created("order-5", 4999).await;
    assert!(go(&world, later, "198.51.100.7").await.unwrap().is_some());
    world.assert_sound().await;
}

#[tokio::test]
async fn a_network_of_ipv6_is_one_address_and_an_address_of_the_inside_is_none() {
    let world = World::new(79).await;
    for (number, from) in ["2001:db8:7::1", "2001:db8:7::2", "10.0.0.9", "127.0.0.1"].into_iter().enumerate() {
        let id = world.created(&format!("order-{number}"), 4999).await;
        go(&world, id, from).await.unwrap();
        refuse(&world, id, 9).await;
        let last = world.created(&format!("further-{number}"), 4999).await;
        go(&world, last, from).await.unwrap();
        refuse(&world, last, 1).await;
    }
    let next = world.created("order-9", 4999).await;
    wait_of(go(&world, next, "2001:db8:7::3").await);
    for free in ["2001:db8:8::1", "10.0.0.9", "127.0.0.1"] {
        assert!(go(&world, next, free).await.unwrap().is_some(), "{free}");
    }
}

#[tokio::test]
async fn a_card_at_its_network_s_limit_is_tried_no_more_across_orders_and_a_change_of_the_psp_account() {
    let mut world = World::new(80).await;
    world.restart_counting_test_cards().await;
    for number in 1..=2 {
        let id = world.created(&format!("order-{number}"), 4999).await;
        refuse(&world, id, 9).await;
        assert_eq!(world.view(id).await.status, "pending");
    }
    world.restart().await;
    let id = world.created("order-3", 4999).await;
    // At another account of the PSP the same card has another fingerprint. What is printed on it is the same.
    let shown = refused_card(&world, World::id_of(&world.create(World::order("order-1", 4999)).await.unwrap())).await;
    let text = |name: &str| shown[name].as_str().expect("a text");
    let face = format!(
        "visa {} {}-{:02} {} {}",
        text("last4"),
        shown["exp_year"].as_i64().unwrap(),
        shown["exp_month"].as_i64().unwrap(),
        text("country"),
        text("funding")
    );
    let elsewhere = Some(Secret::new("fp_elsewhere"));
    let stranger =
        CardSeen { mode: CardMode::Test, network: CardNetwork::Visa, fingerprint: elsewhere, face: Some(Secret::new(face)) };
    let ask = |initiator| NewTry { merchant: world.merchant, psp_account: world.account, card: &stranger, initiator };
    assert_eq!(declines::may_try(&world.engine, ask(Initiator::Customer)).await.unwrap(), Verdict::May);
    refuse(&world, id, 1).await;
    let view = world.view(id).await;
    assert_eq!((view.status, view.latest_attempt.declines), ("failed", 1), "the nineteenth was the last");
    let held = declines::may_try(&world.engine, ask(Initiator::Customer)).await.unwrap();
    assert!(matches!(held, Verdict::NotBefore(_)), "{held:?}");
    // Visa counts what merchants try by themselves apart.
    assert_eq!(declines::may_try(&world.engine, ask(Initiator::Merchant)).await.unwrap(), Verdict::May);
    let Verdict::NotBefore(then) = held else { panic!() };
    world.clock.advance(then.since(world.clock.now()));
    assert_eq!(declines::may_try(&world.engine, ask(Initiator::Customer)).await.unwrap(), Verdict::May);
    world.assert_sound().await;
}

/// The card that was refused last on this order, as the PSP shows it.
async fn refused_card(world: &World, id: PaymentOrderId) -> Value {
    let token = world.view(id).await.psp_token.expect("a registration");
    let session = world.stripe("GET", &format!("/v1/checkout/sessions/{token}?expand[]=payment_intent"), &[]);
    session["payment_intent"]["last_payment_error"]["payment_method"]["card"].clone()
}

#[tokio::test]
async fn a_lost_card_is_never_tried_again_by_us_and_the_customer_may_take_another() {
    let mut world = World::new(81).await;
    world.restart_counting_test_cards().await;
    let id = world.created("order-1", 4999).await;
    world.pay(id, "pm_card_visa_chargeDeclinedLostCard").await;
    world.live(SECOND * 2).await;
    let failure = world.view(id).await.latest_attempt.failure.unwrap();
    assert_eq!((failure.code, failure.class, failure.advice), ("lost_card", "hard", Some("do_not_try_again")));
    assert_eq!((failure.psp_code.as_deref(), failure.network_code.as_deref()), (Some("lost_card"), Some("41")));
    let lost = refused_card(&world, id).await;
    let mark = lost["fingerprint"].as_str().unwrap();
    let card = CardSeen { mode: CardMode::Test, network: CardNetwork::Visa, fingerprint: Some(Secret::new(mark)), face: None };
    let new = NewTry { merchant: world.merchant, psp_account: world.account, card: &card, initiator: Initiator::Merchant };
    assert_eq!(declines::may_try(&world.engine, new).await.unwrap(), Verdict::Never);
    world.clock.advance(HOUR * 24 * 40);
    declines::forget(&world.engine).await.unwrap();
    assert_eq!(declines::may_try(&world.engine, new).await.unwrap(), Verdict::Never, "also when the ordinary ones are forgotten");
}

#[tokio::test]
async fn a_customer_whose_card_was_lost_pays_with_another_on_the_same_order() {
    let world = World::new(82).await;
    let id = world.created("order-1", 4999).await;
    world.pay(id, "pm_card_visa_chargeDeclinedLostCard").await;
    world.live(SECOND * 2).await;
    world.pay(id, "pm_card_visa").await;
    world.live(SECOND * 3).await;
    assert_eq!(world.view(id).await.status, "succeeded");
    world.assert_sound().await;
}

#[tokio::test]
async fn the_psp_s_own_message_that_the_page_is_closed_may_come_before_our_answer() {
    let world = World::new(83).await;
    let id = world.created("order-1", 4999).await;
    refuse(&world, id, 9).await;
    // The PSP closes the page, and its answer is lost; its message is the first to tell of it.
    world.fault(json!({ "operation": "checkout.sessions.expire", "fault": "drop_response", "count": 1 }));
    world.pay(id, DECLINED).await;
    world.deliver().await;
    ducat_engine::jobs::run_due(&world.engine).await.unwrap();
    assert_eq!(world.view(id).await.status, "pending");
    assert!(world.deliver().await.stored > 0);
    let view = world.view(id).await;
    assert_eq!((view.status, view.latest_attempt.failure.unwrap().code), ("failed", "too_many_declines"));
    world.live(SECOND * 60).await;
    world.assert_sound().await;
}

#[tokio::test]
async fn money_that_was_faster_than_the_closing_is_booked() {
    let world = World::new(84).await;
    let id = world.created("order-1", 4999).await;
    refuse(&world, id, 9).await;
    world.pay(id, DECLINED).await;
    let told = world.take_messages();
    world.pay(id, "pm_card_visa").await;
    for message in &told {
        world.receive(message).await.unwrap();
    }
    world.live(SECOND * 10).await;
    assert_eq!(world.view(id).await.status, "succeeded");
    world.assert_agrees(id).await;
    world.assert_sound().await;
}

#[tokio::test]
async fn a_guard_that_is_switched_off_counts_nothing_against_anybody() {
    let off = Rule { most: 0, window: HOUR };
    let mut world = World::new(85).await;
    world.restart_guarded_by(DeclineGuard { order: off, customer: off, address: off }).await;
    let id = bought_by(&world, "ada@shop.example", "order-1").await;
    go(&world, id, "198.51.100.7").await.unwrap();
    refuse(&world, id, 12).await;
    assert_eq!(world.view(id).await.status, "pending");
    world.create(by("ada@shop.example", "order-2")).await.expect("an order");
}

#[tokio::test]
async fn a_card_for_tests_comes_to_no_limit_unless_that_is_what_is_tried() {
    let world = World::new(86).await;
    for number in 0..4 {
        let id = world.created(&format!("order-{number}"), 4999).await;
        refuse(&world, id, 6).await;
        assert_eq!(world.view(id).await.status, "pending", "order {number}");
    }
}
