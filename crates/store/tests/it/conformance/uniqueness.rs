//! What must be unique, and that a refusal says which thing it was.

use super::changes::{claim, message, tip};
use crate::builders::*;
use ducat_domain::payments::*;
use ducat_domain::*;
use ducat_store::*;

async fn taken(w: &World, change: Change) -> Unique {
    match w.store.commit(change).await {
        Err(CommitError::Taken(what)) => what,
        other => panic!("not refused as taken: {other:?}"),
    }
}

pub async fn a_reference_is_taken_once_per_merchant(w: World) {
    let (shop, other) = (w.shop().await, w.shop().await);
    let order = w.order(shop).await;
    let again = w.opened(shop, order.order.terms.clone());
    assert_eq!(taken(&w, w.change(again, PaymentWrite::Insert)).await, Unique::Reference);
    w.order_with(other, order.order.terms).await;
    w.assert_sound().await;
}

pub async fn an_idempotency_key_is_taken_once_per_merchant(w: World) {
    let (shop, other) = (w.shop().await, w.shop().await);
    let change = |shop| Change { idempotency: Some(claim(shop, "key", None, None)), ..Change::default() };
    w.commit(change(shop)).await;
    assert_eq!(taken(&w, change(shop)).await, Unique::IdempotencyKey);
    w.commit(change(other)).await;
}

pub async fn a_message_is_kept_once_per_account(w: World) {
    let (shop, other) = (w.shop().await, w.shop().await);
    let change = |shop, second| Change { inbox: Some(message(shop, "evt_1", at(second))), ..Change::default() };
    w.commit(change(shop, 1)).await;
    assert_eq!(taken(&w, change(shop, 2)).await, Unique::Message);
    w.commit(change(other, 3)).await;
}

pub async fn an_entry_is_booked_once(w: World) {
    let (shop, other) = (w.shop().await, w.shop().await);
    let filed = tip(&w, shop, 5);
    w.commit(Change { entries: vec![filed.clone()], ..Change::default() }).await;
    let mut again = tip(&w, shop, 5);
    again.entry = filed.entry.clone();
    assert_eq!(taken(&w, Change { entries: vec![again], ..Change::default() }).await, Unique::EventRef);
    assert!(w.store.balances(shop.merchant).await.unwrap().iter().all(|b| b.posted.abs() == 5));
    // Another merchant's journal is another journal.
    let mut theirs = tip(&w, other, 5);
    theirs.entry = filed.entry;
    w.commit(Change { entries: vec![theirs], ..Change::default() }).await;
}

pub async fn an_order_has_one_attempt_under_way(w: World) {
    let shop = w.shop().await;
    let mut payment = w.order(shop).await;
    payment.order.version += 1;
    payment.attempt.id = AttemptId::new(w.now(), &w.dice);
    payment.attempt.number = 2;
    let second = Change { payments: vec![PaymentWrite::AddAttempt(payment)], ..Change::default() };
    assert_eq!(taken(&w, second).await, Unique::Attempt);
    w.assert_sound().await;
}

pub async fn a_registration_belongs_to_one_attempt(w: World) {
    let shop = w.shop().await;
    let (one, other) = (w.order(shop).await, w.order(shop).await);
    let one = w.see(one, Observed::Open).await;
    let same = Observation { token: one.attempt.token.unwrap(), ..seen(&other, Observed::Open) };
    let moved = other.observe(&same, w.now(), at(9)).unwrap().unwrap();
    assert_eq!(taken(&w, w.change(moved, PaymentWrite::Move)).await, Unique::Attempt);
    // The same text at another account is another registration.
    let shop = w.shop().await;
    let third = w.order(shop).await;
    let moved = third.observe(&same, w.now(), at(9)).unwrap().unwrap();
    w.settle(moved).await;
}

pub async fn other_things_that_must_be_unique_are_told_as_such(w: World) {
    let shop = w.shop().await;
    let merchant = w.store.merchant(shop.merchant).await.unwrap().unwrap();
    assert_eq!(taken(&w, Change { merchants: vec![merchant], ..Change::default() }).await, Unique::Other);
    let key = w.api_key(shop);
    w.commit(Change { api_keys: vec![key.clone()], ..Change::default() }).await;
    let same_hash = ApiKey { id: ApiKeyId::new(w.now(), &w.dice), ..key };
    assert_eq!(taken(&w, Change { api_keys: vec![same_hash], ..Change::default() }).await, Unique::Other);
    let order = w.order(shop).await;
    let mut same_id = w.opened(shop, w.terms());
    same_id.payment.order.id = order.order.id;
    assert_eq!(taken(&w, w.change(same_id, PaymentWrite::Insert)).await, Unique::Other);
}
