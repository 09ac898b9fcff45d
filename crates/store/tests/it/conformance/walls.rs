//! Every row belongs to one merchant, and nothing crosses that line.

use super::changes::{claim, tip};
use crate::builders::*;
use ducat_domain::payments::*;
use ducat_domain::*;
use ducat_store::*;

pub async fn nothing_of_one_merchant_is_seen_through_another(w: World) {
    let (shop, other) = (w.shop().await, w.shop().await);
    let paid = w.paid(shop).await;
    w.commit(Change { api_keys: vec![w.api_key(shop)], ..Change::default() }).await;
    w.commit(Change { idempotency: Some(claim(shop, "key", None, None)), ..Change::default() }).await;
    w.caught_up().await;
    let (them, store) = (other.merchant, &w.store);
    assert_eq!(store.payment_by_reference(them, &paid.order.terms.reference).await.unwrap(), None);
    let all = store.payments(them, OrderFilter::default(), PageAnchor::Newest, 10).await.unwrap();
    assert_eq!(all, Page { data: Vec::new(), has_more: false });
    let after = store.payments(them, OrderFilter::default(), PageAnchor::After(paid.order.id), 10).await.unwrap();
    assert_eq!(after.data, Vec::new());
    assert_eq!(store.events(them, EventCursor::Start, Vec::new(), 10).await.unwrap().unwrap().data, Vec::new());
    assert_eq!(store.idempotency(them, "key").await.unwrap(), None);
    assert_eq!(store.balances(them).await.unwrap(), Vec::new());
    assert_eq!(store.api_keys(them).await.unwrap(), Vec::new());
    assert_eq!(store.psp_accounts(them).await.unwrap().len(), 1);
    let token = paid.attempt.token.unwrap();
    assert_eq!(store.payment_by_token(other.merchant, other.account, &token).await.unwrap(), None);
}

pub async fn nothing_of_one_merchant_is_written_into_another(w: World) {
    let (shop, other) = (w.shop().await, w.shop().await);
    let order = w.order(shop).await;
    // A move under the wrong merchant finds no order.
    let mut moved = w.told(&order, Observed::Open);
    moved.payment.order.merchant = other.merchant;
    assert_eq!(w.store.commit(w.change(moved, PaymentWrite::Move)).await, Err(CommitError::Stale));
    // An order does not go to the account of another merchant.
    let crossed = w.opened(Shop { account: other.account, ..shop }, w.terms());
    assert!(matches!(w.store.commit(w.change(crossed, PaymentWrite::Insert)).await, Err(CommitError::Refused(_))));
    // An event and an entry stay with the order's merchant.
    let mut change = w.change(w.told(&order, Observed::Open), PaymentWrite::Move);
    change.events[0].merchant = other.merchant;
    assert!(matches!(w.store.commit(change).await, Err(CommitError::Refused(_))));
    let mut change = w.change(w.told(&order, Observed::Captured(eur(4999))), PaymentWrite::Move);
    change.entries[0].merchant = other.merchant;
    assert!(matches!(w.store.commit(change).await, Err(CommitError::Refused(_))));
    // Unknown merchants have nothing.
    let mut stray = tip(&w, shop, 1);
    stray.merchant = MerchantId::new(w.now(), &w.dice);
    assert!(matches!(w.store.commit(Change { entries: vec![stray], ..Change::default() }).await, Err(CommitError::Refused(_))));
    assert_eq!(w.store.payment(shop.merchant, order.order.id).await.unwrap(), Some(order));
    w.assert_sound().await;
}
