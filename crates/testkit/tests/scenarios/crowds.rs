//! Many callers at once: money that is there once goes back once.

use ducat_domain::PaymentOrderId;
use ducat_engine::refunds::{self, NewRefund};
use ducat_engine::{Answer, Error, RequestKey};
use ducat_testkit::World;
use serde_json::Value;
use std::sync::Arc;

const CALLERS: usize = 1000;

async fn paid(seed: u64, amount: i64) -> (Arc<World>, PaymentOrderId) {
    let world = World::new(seed).await;
    let id = world.created("order-1", amount).await;
    world.pay(id, "pm_card_visa").await;
    world.deliver().await;
    (Arc::new(world), id)
}

async fn crowd(
    world: &Arc<World>,
    id: PaymentOrderId,
    new: impl Fn(usize) -> (NewRefund, Option<RequestKey>),
) -> Vec<Result<Answer, Error>> {
    let callers: Vec<_> = (0..CALLERS)
        .map(|n| {
            let (world, (new, key)) = (Arc::clone(world), new(n));
            tokio::spawn(async move { refunds::create(&world.engine, world.merchant, id, new, key).await })
        })
        .collect();
    let mut answers = Vec::new();
    for caller in callers {
        answers.push(caller.await.unwrap());
    }
    answers
}

/// What the PSP gave back, by its own books.
fn given_back(world: &World) -> (usize, i64) {
    let list = world.stripe("GET", "/v1/refunds?limit=100", &[]);
    let refunds = list["data"].as_array().unwrap().clone();
    (refunds.len(), refunds.iter().map(|r| r["amount"].as_i64().unwrap()).sum())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_parallel_refunds_never_give_back_more_than_was_taken() {
    let (world, id) = paid(411, 5_000).await;
    let answers = crowd(&world, id, |n| (NewRefund { amount: Some(300 + (n as i64 % 7) * 100), reason: None }, None)).await;
    let mut back = 0;
    for answer in &answers {
        match answer {
            Ok(answer) => {
                let body: Value = serde_json::from_slice(&answer.body).unwrap();
                back += body["amount"].as_i64().unwrap();
            }
            Err(Error::Invalid(problem)) => assert_eq!(problem.code, "amount_too_large", "{problem}"),
            Err(other) => panic!("{other}"),
        }
    }
    let view = world.view(id).await;
    assert!(back <= 5_000 && back > 5_000 - 300, "{back}");
    assert_eq!((view.amount_refunded, view.amount_refunding), (back, 0));
    assert_eq!(given_back(&world).1, back, "the PSP gave back what we say");
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_callers_with_one_key_cause_one_refund() {
    let (world, id) = paid(412, 5_000).await;
    let key = RequestKey { key: "refund-1".into(), fingerprint: [1; 32] };
    let answers = crowd(&world, id, |_| (NewRefund { amount: Some(1_000), reason: None }, Some(key.clone()))).await;
    let bodies: Vec<&Vec<u8>> = answers.iter().filter_map(|a| a.as_ref().ok()).map(|a| &a.body).collect();
    assert!(!bodies.is_empty());
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "byte for byte the same answer");
    for refused in answers.iter().filter_map(|a| a.as_ref().err()) {
        assert!(matches!(refused, Error::KeyBusy), "{refused}");
    }
    assert_eq!(given_back(&world), (1, 1_000));
    assert_eq!(world.view(id).await.amount_refunded, 1_000);
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_with_one_key_who_give_all_back_are_not_told_that_nothing_is_left() {
    let (world, id) = paid(413, 5_000).await;
    let key = RequestKey { key: "refund-1".into(), fingerprint: [1; 32] };
    let answers = crowd(&world, id, |_| (NewRefund { amount: Some(5_000), reason: None }, Some(key.clone()))).await;
    assert!(answers.iter().any(Result::is_ok));
    for refused in answers.iter().filter_map(|a| a.as_ref().err()) {
        assert!(matches!(refused, Error::KeyBusy), "the refund was made, and this says it was not: {refused}");
    }
    assert_eq!(given_back(&world), (1, 5_000));
    world.assert_sound().await;
}
