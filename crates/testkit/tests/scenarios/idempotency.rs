//! The same request twice.

use ducat_domain::Scope;
use ducat_engine::api_keys::{self, NewKey};
use ducat_engine::psp_accounts::{self, PspAccountPatch};
use ducat_engine::{Answer, AnswerKind, Error, RequestKey, payments};
use ducat_testkit::World;
use serde_json::json;
use std::time::Duration;

fn key(text: &str, fingerprint: u8) -> Option<RequestKey> {
    Some(RequestKey { key: text.into(), fingerprint: [fingerprint; 32] })
}

async fn create(world: &World, reference: &str, key: Option<RequestKey>) -> Result<Answer, Error> {
    payments::create(&world.engine, world.merchant, World::order(reference, 4999), key).await
}

#[tokio::test]
async fn the_same_key_gives_the_same_bytes_even_after_the_order_moved_on() {
    let world = World::new(81).await;
    let first = create(&world, "order-1", key("k1", 1)).await.unwrap();
    assert!(!first.replayed);
    world.pay(World::id_of(&first), "pm_card_visa").await;
    world.deliver().await;
    let again = create(&world, "order-1", key("k1", 1)).await.unwrap();
    assert_eq!((again.kind, again.replayed), (AnswerKind::Created, true));
    assert_eq!(first.body, again.body);
    assert_eq!(world.sessions().len(), 1);
}

#[tokio::test]
async fn the_same_key_for_another_request_is_refused() {
    let world = World::new(82).await;
    create(&world, "order-1", key("k1", 1)).await.unwrap();
    assert!(matches!(create(&world, "order-2", key("k1", 2)).await, Err(Error::KeyReused)));
    assert_eq!(world.sessions().len(), 1);
}

#[tokio::test]
async fn a_refused_request_leaves_its_key_free() {
    let world = World::new(83).await;
    let mut wrong = World::order("order-1", 4999);
    wrong.currency = "XXX".into();
    assert!(payments::create(&world.engine, world.merchant, wrong, key("k1", 1)).await.is_err());
    create(&world, "order-1", key("k1", 2)).await.unwrap();
}

#[tokio::test]
async fn a_thousand_callers_with_one_key_cause_one_effect() {
    let world = World::new(84).await;
    let mut bodies = Vec::new();
    for _ in 0..1000 {
        bodies.push(create(&world, "order-1", key("k1", 1)).await.unwrap().body);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1);
    assert_eq!(world.sessions().len(), 1);
}

#[tokio::test]
async fn an_interrupted_request_is_run_to_completion_by_its_repetition() {
    let mut world = World::new(85).await;
    let rule = json!({ "operation": "checkout.sessions.create", "fault": "drop_response", "count": 1 });
    world.fault(rule);
    // The answer to this caller says that it is not known; a process that dies leaves the same behind, without an answer.
    let first = create(&world, "order-1", key("k1", 1)).await.unwrap();
    assert_eq!(first.kind, AnswerKind::Accepted);
    world.restart().await;
    let again = create(&world, "order-1", key("k1", 1)).await.unwrap();
    assert_eq!(again.body, first.body, "the stored answer, although the order has moved on since");
    world.live(Duration::from_secs(60)).await;
    assert_eq!(world.view(World::id_of(&first)).await.status, "pending");
    world.assert_sound().await;
}

#[tokio::test]
async fn an_existing_order_answered_under_a_key_is_answered_alike_again() {
    let world = World::new(86).await;
    create(&world, "order-1", None).await.unwrap();
    let first = create(&world, "order-1", key("k1", 1)).await.unwrap();
    let again = create(&world, "order-1", key("k1", 1)).await.unwrap();
    assert_eq!((first.kind, again.kind, again.replayed), (AnswerKind::Done, AnswerKind::Done, true));
    assert_eq!(first.body, again.body);
}

#[tokio::test]
async fn a_request_that_was_answered_is_answered_alike_whatever_is_in_its_way_now() {
    let world = World::new(87).await;
    let first = create(&world, "order-1", key("k1", 1)).await.unwrap();
    let patch = PspAccountPatch { active: Some(false), ..PspAccountPatch::default() };
    psp_accounts::update(&world.engine, world.merchant, world.account, patch, None).await.unwrap();
    assert!(matches!(create(&world, "order-2", key("k2", 2)).await, Err(Error::Conflict(_))), "no account takes new orders");
    let again = create(&world, "order-1", key("k1", 1)).await.unwrap();
    assert_eq!((again.body, again.replayed), (first.body, true));
    assert!(matches!(create(&world, "order-2", key("k1", 2)).await, Err(Error::KeyReused)));
}

#[tokio::test]
async fn what_could_not_be_asked_any_more_is_answered_as_it_was() {
    let world = World::new(88).await;
    let expires_at = Some(world.engine.now().plus(Duration::from_secs(1)));
    let ask = || {
        let new = NewKey { name: "short".into(), scope: Scope::Read, networks: Vec::new(), expires_at };
        api_keys::create(&world.engine, world.merchant, new, key("k1", 1))
    };
    assert!(!ask().await.unwrap().replayed);
    world.clock.advance(Duration::from_secs(2));
    assert!(ask().await.unwrap().replayed, "a key that has ended is made no more, but this one was");
}
