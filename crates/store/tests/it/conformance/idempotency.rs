//! The life of an idempotency key: claimed, taken over, answered once, released.

use super::changes::claim;
use crate::builders::*;
use ducat_domain::*;
use ducat_store::*;

async fn write(w: &World, idempotency: IdempotencyWrite) -> Result<(), CommitError> {
    w.store.commit(Change { idempotency: Some(idempotency), ..Change::default() }).await
}

async fn row(w: &World, shop: Shop) -> Option<IdempotencyRow> {
    w.store.idempotency(shop.merchant, "key").await.unwrap()
}

fn take_over(shop: Shop, found: Timestamp, locked_until: Timestamp) -> IdempotencyWrite {
    IdempotencyWrite::TakeOver { merchant: shop.merchant, key: "key".into(), found, locked_until }
}

fn answered(shop: Shop, body: &str) -> IdempotencyWrite {
    IdempotencyWrite::Answer { merchant: shop.merchant, key: "key".into(), answer: answer(body) }
}

fn release(shop: Shop) -> IdempotencyWrite {
    IdempotencyWrite::Release { merchant: shop.merchant, key: "key".into() }
}

pub async fn a_claimed_key_is_there_with_its_lock_and_order(w: World) {
    let shop = w.shop().await;
    let order = w.order(shop).await.order.id;
    write(&w, claim(shop, "key", Some(order), None)).await.unwrap();
    let wanted = IdempotencyRow { fingerprint: [7; 32], locked_until: at(30), subject: Some(*order.as_bytes()), answer: None };
    assert_eq!(row(&w, shop).await, Some(wanted));
    assert_eq!(w.store.idempotency(shop.merchant, "KEY").await.unwrap(), None);
}

pub async fn a_key_left_behind_is_taken_over_by_one(w: World) {
    let shop = w.shop().await;
    write(&w, claim(shop, "key", None, None)).await.unwrap();
    write(&w, take_over(shop, at(30), at(60))).await.unwrap();
    assert_eq!(write(&w, take_over(shop, at(30), at(61))).await, Err(CommitError::Stale));
    assert_eq!(row(&w, shop).await.unwrap().locked_until, at(60));
}

pub async fn the_first_answer_stays(w: World) {
    let shop = w.shop().await;
    write(&w, claim(shop, "key", None, None)).await.unwrap();
    write(&w, answered(shop, "first")).await.unwrap();
    assert_eq!(write(&w, answered(shop, "second")).await, Err(CommitError::Stale));
    assert_eq!(row(&w, shop).await.unwrap().answer, Some(answer("first")));
}

pub async fn an_answered_key_is_neither_taken_over_nor_released(w: World) {
    let shop = w.shop().await;
    write(&w, claim(shop, "key", None, None)).await.unwrap();
    write(&w, answered(shop, "first")).await.unwrap();
    assert_eq!(write(&w, take_over(shop, at(30), at(60))).await, Err(CommitError::Stale));
    write(&w, release(shop)).await.unwrap();
    assert_eq!(row(&w, shop).await.unwrap().answer, Some(answer("first")));
}

pub async fn a_released_key_is_free_again(w: World) {
    let shop = w.shop().await;
    write(&w, claim(shop, "key", None, None)).await.unwrap();
    write(&w, release(shop)).await.unwrap();
    assert_eq!(row(&w, shop).await, None);
    assert_eq!(write(&w, answered(shop, "late")).await, Err(CommitError::Stale));
    write(&w, claim(shop, "key", None, None)).await.unwrap();
}

pub async fn an_answer_given_at_once_is_kept_byte_for_byte(w: World) {
    let shop = w.shop().await;
    let body: Vec<u8> = (0..=255).collect();
    let given = StoredAnswer { kind: "done".into(), body };
    write(&w, claim(shop, "key", None, Some(given.clone()))).await.unwrap();
    assert_eq!(row(&w, shop).await.unwrap().answer, Some(given));
    let empty = StoredAnswer { kind: "done".into(), body: Vec::new() };
    write(&w, claim(shop, "é\u{1}\u{1F600}", None, Some(empty.clone()))).await.unwrap();
    let found = w.store.idempotency(shop.merchant, "é\u{1}\u{1F600}").await.unwrap().unwrap();
    assert_eq!(found.answer, Some(empty));
}

pub async fn old_keys_are_forgotten_and_younger_ones_are_not(w: World) {
    let shop = w.shop().await;
    let begun = |key: &str, second| IdempotencyWrite::Claim {
        merchant: shop.merchant,
        key: key.into(),
        fingerprint: [7; 32],
        locked_until: at(30),
        subject: None,
        at: at(second),
        answer: Some(answer("{}")),
    };
    write(&w, begun("old", 10)).await.unwrap();
    write(&w, begun("young", 20)).await.unwrap();
    w.commit(Change { forget_keys_before: Some(at(20)), ..Change::default() }).await;
    assert_eq!(w.store.idempotency(shop.merchant, "old").await.unwrap(), None);
    assert!(w.store.idempotency(shop.merchant, "young").await.unwrap().is_some());
}
