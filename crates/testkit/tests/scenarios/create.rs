//! Creating orders, and what is refused.

use ducat_domain::payments::{LineItem, PaymentMethod, PaymentType};
use ducat_engine::payments::NewOrder;
use ducat_engine::{AnswerKind, Error};
use ducat_testkit::World;
use serde_json::{Value, json};

#[tokio::test]
async fn a_new_order_is_registered_once_and_waits_for_its_customer() {
    let world = World::new(1).await;
    let answer = world.create(World::order("order-1", 4999)).await.unwrap();
    assert_eq!(answer.kind, AnswerKind::Created);
    let view = world.view(World::id_of(&answer)).await;
    assert_eq!((view.status, view.latest_attempt.status), ("pending", "requires_action"));
    let sessions = world.sessions();
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0]["id"], json!(view.psp_token));
    assert_eq!(sessions[0]["url"], json!(view.redirect_url));
    assert_eq!(sessions[0]["client_reference_id"], json!(view.latest_attempt.id));
    assert_eq!(sessions[0]["amount_total"], json!(4999));
    let kinds: Vec<_> = view.events.unwrap().iter().map(|e| (e.sequence, e.kind)).collect();
    assert_eq!(kinds, [(1, "payment_order.created"), (2, "payment_order.pending")]);
    world.assert_sound().await;
}

#[tokio::test]
async fn the_same_reference_with_the_same_terms_is_the_same_order() {
    let world = World::new(2).await;
    let first = world.created("order-1", 4999).await;
    let again = world.create(World::order("order-1", 4999)).await.unwrap();
    assert_eq!((again.kind, World::id_of(&again)), (AnswerKind::Done, first));
    assert_eq!(world.sessions().len(), 1);
}

#[tokio::test]
async fn the_same_reference_with_other_terms_is_refused_and_nothing_is_stored() {
    let world = World::new(3).await;
    world.created("order-1", 4999).await;
    let mut dollars = World::order("order-1", 4999);
    dollars.currency = "USD".into();
    for other in [World::order("order-1", 5000), dollars] {
        let Err(Error::Conflict(problem)) = world.create(other).await else { panic!("must be refused") };
        assert_eq!((problem.code, problem.param.as_deref()), ("reference_taken", Some("/reference")));
    }
    assert_eq!(world.sessions().len(), 1);
    world.assert_sound().await;
}

#[tokio::test]
async fn another_merchant_may_use_the_same_reference_and_sees_only_its_own_orders() {
    let world = World::new(4).await;
    let ours = world.created("order-1", 4999).await;
    let other = ducat_engine::merchants::create(&world.engine, "Other").await.unwrap().id;
    World::wire(&world.engine, other).await;
    let answer = ducat_engine::payments::create(&world.engine, other, World::order("order-1", 100), None).await.unwrap();
    assert_eq!(answer.kind, AnswerKind::Created);
    let foreign = ducat_engine::payments::get(&world.engine, other, ours, Default::default()).await;
    assert!(matches!(foreign, Err(Error::NotFound(_))));
    let cancel = ducat_engine::payments::cancel(&world.engine, other, ours, None).await;
    assert!(matches!(cancel, Err(Error::NotFound(_))));
    world.assert_sound().await;
}

#[tokio::test]
async fn bad_input_names_its_field_and_stores_nothing() {
    let world = World::new(5).await;
    let with = |edit: fn(&mut NewOrder)| {
        let mut order = World::order("order-1", 4999);
        edit(&mut order);
        order
    };
    let line = |quantity, unit_amount| LineItem { name: "Ticket".into(), quantity, unit_amount };
    let mut bad_line = World::order("order-1", 4999);
    bad_line.line_items = vec![line(1, 1), line(0, 1)];
    let cases = [
        (with(|o| o.amount = 0), "amount_too_small", "/amount"),
        (with(|o| o.amount = -1), "amount_too_small", "/amount"),
        (with(|o| o.amount = 10), "amount_too_small", "/amount"),
        (with(|o| o.amount = i64::MAX), "amount_too_large", "/amount"),
        (with(|o| (o.currency, o.amount) = ("KWD".into(), 1001)), "amount_not_supported", "/amount"),
        (with(|o| (o.currency, o.amount) = ("ISK".into(), 1_000_000)), "amount_not_supported", "/amount"),
        (with(|o| o.currency = "eur".into()), "currency_unknown", "/currency"),
        (with(|o| o.currency = "XXX".into()), "currency_unknown", "/currency"),
        (with(|o| o.reference = String::new()), "too_short", "/reference"),
        (with(|o| o.reference = "x".repeat(129)), "too_long", "/reference"),
        (with(|o| o.reference = "a\nb".into()), "invalid_text", "/reference"),
        (with(|o| o.success_url = Some("javascript:alert(1)".into())), "invalid_url", "/success_url"),
        (with(|o| o.cancel_url = Some("ftp://shop.example".into())), "invalid_url", "/cancel_url"),
        (with(|o| o.expires_in = Some(1)), "out_of_range", "/expires_in"),
        (with(|o| o.expires_in = Some(90_000)), "out_of_range", "/expires_in"),
        (with(|o| o.psp = Some("nobody".into())), "psp_unknown", "/psp"),
        (with(|o| o.payment_type = PaymentType::Recc), "payment_type_not_supported", "/payment_type"),
        (with(|o| o.payment_method = PaymentMethod::Card), "payment_method_not_supported", "/payment_method"),
        (bad_line, "out_of_range", "/line_items/1/quantity"),
    ];
    for (order, code, param) in cases {
        match world.create(order).await {
            Err(Error::Invalid(problem)) => {
                assert_eq!((problem.code, problem.param.as_deref()), (code, Some(param)), "{problem}")
            }
            other => panic!("{code}: {other:?}"),
        }
    }
    assert_eq!(world.sessions(), Vec::<Value>::new());
    let page = world.engine.store().payments(world.merchant, Default::default(), Default::default(), 10).await.unwrap();
    assert!(page.data.is_empty());
}

#[tokio::test]
async fn amounts_reach_the_psp_in_its_own_units() {
    let world = World::new(6).await;
    for (code, minor, wire) in [("JPY", 500, 500), ("KWD", 12_340, 12_340), ("ISK", 500, 50_000), ("EUR", 4999, 4999)] {
        let mut order = World::order(&format!("order-{code}"), minor);
        order.currency = code.into();
        let id = World::id_of(&world.create(order).await.unwrap());
        let session = world.sessions().into_iter().next().unwrap();
        assert_eq!(session["amount_total"], json!(wire), "{code}");
        world.pay(id, "pm_card_visa").await;
        world.deliver().await;
        let view = world.view(id).await;
        assert_eq!((view.status, view.amount_captured), ("succeeded", minor), "{code}");
    }
    world.assert_sound().await;
}

#[tokio::test]
async fn lines_that_do_not_sum_to_the_amount_are_shown_but_the_amount_is_what_is_paid() {
    let world = World::new(7).await;
    let mut order = World::order("order-1", 4999);
    order.line_items = vec![LineItem { name: "Ticket".into(), quantity: 2, unit_amount: 2499 }];
    world.create(order).await.unwrap();
    assert_eq!(world.sessions()[0]["amount_total"], json!(4999));
}
