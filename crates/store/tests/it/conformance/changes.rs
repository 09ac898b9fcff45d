//! One change: whole or not at all, and only on top of what was read.

use crate::builders::*;
use ducat_domain::journal::{Account, Entry, EventRef, FiledEntry, Layer, Note, Transfer};
use ducat_domain::payments::*;
use ducat_domain::*;
use ducat_store::*;

pub async fn every_part_of_a_change_can_be_read_back(w: World) {
    let now = w.now();
    let merchant = w.merchant(now);
    let shop = Shop { merchant: merchant.id, account: PspAccountId::new(now, &w.dice) };
    let (account, key) = (w.psp_account(shop, now), w.api_key(shop));
    let first = Change {
        merchants: vec![merchant.clone()],
        psp_accounts: vec![account.clone()],
        api_keys: vec![key.clone()],
        ..Change::default()
    };
    w.commit(first).await;
    assert_eq!(w.store.merchant(merchant.id).await.unwrap(), Some(merchant));
    assert_eq!(w.store.psp_account(account.id).await.unwrap(), Some(account));
    assert_eq!(w.store.api_key(key.hash).await.unwrap(), Some(key));

    let moved = w.opened(shop, w.terms());
    let payment = moved.payment.clone();
    let mut second = w.change(moved, PaymentWrite::Insert);
    let (event, filed) = (second.events[0].clone(), tip(&w, shop, 5));
    second.entries = vec![filed.clone()];
    second.inbox = Some(message(shop, "evt_1", now));
    second.idempotency = Some(claim(shop, "key", Some(payment.order.id), Some(answer("{}"))));
    w.commit(second).await;
    assert_eq!(w.store.payment(shop.merchant, payment.order.id).await.unwrap(), Some(payment.clone()));
    assert_eq!(w.store.payment_by_attempt(shop.merchant, payment.attempt.id).await.unwrap(), Some(payment.clone()));
    let reference = &payment.order.terms.reference;
    assert_eq!(w.store.payment_by_reference(shop.merchant, reference).await.unwrap(), Some(payment.clone()));
    assert_eq!(w.store.attempts(shop.merchant, payment.order.id).await.unwrap(), vec![payment.attempt.clone()]);
    assert_eq!(w.store.event(shop.merchant, event.id).await.unwrap(), Some(event.clone()));
    assert_eq!(w.store.events_of(shop.merchant, Subject::PaymentOrder(payment.order.id)).await.unwrap(), vec![event]);
    assert_eq!(w.store.next_job_at().await.unwrap(), Some(at(60)));
    assert_eq!(w.store.balances(shop.merchant).await.unwrap().len(), 2);
    let row = w.store.idempotency(shop.merchant, "key").await.unwrap().unwrap();
    assert_eq!((row.subject, row.answer), (Some(*payment.order.id.as_bytes()), Some(answer("{}"))));
    let again = Change { inbox: Some(message(shop, "evt_1", now)), ..Change::default() };
    assert_eq!(w.store.commit(again).await, Err(CommitError::Taken(Unique::Message)));

    let registered = w.see(payment, Observed::Open).await;
    let token = registered.attempt.token.clone().unwrap();
    assert_eq!(w.store.payment_by_token(shop.merchant, shop.account, &token).await.unwrap(), Some(registered));
    w.store.ready().await.unwrap();
}

pub async fn an_order_moves_only_from_the_version_that_was_read(w: World) {
    let shop = w.shop().await;
    let read = w.order(shop).await;
    let won = w.see(read.clone(), Observed::Open).await;
    // Somebody else decided on the same reading.
    let late = read.request_cancel(w.now()).unwrap().unwrap();
    assert_eq!(w.store.commit(w.change(late, PaymentWrite::Move)).await, Err(CommitError::Stale));
    assert_eq!(w.store.payment(shop.merchant, won.order.id).await.unwrap(), Some(won.clone()));
    // And one who is ahead of what is kept is no better.
    let mut ahead = won.clone().request_cancel(w.now()).unwrap().unwrap();
    ahead.payment.order.version += 1;
    assert_eq!(w.store.commit(w.change(ahead, PaymentWrite::Move)).await, Err(CommitError::Stale));
    w.assert_sound().await;
}

pub async fn a_change_whose_last_part_fails_leaves_nothing(w: World) {
    let shop = w.shop().await;
    let moved = w.opened(shop, w.terms());
    let payment = moved.payment.clone();
    let mut change = w.change(moved, PaymentWrite::Insert);
    let (event, key, now) = (change.events[0].id, w.api_key(shop), w.now());
    change.api_keys = vec![key.clone()];
    change.entries = vec![tip(&w, shop, 7)];
    change.inbox = Some(message(shop, "evt_1", now));
    change.idempotency = Some(claim(shop, "key", None, None));
    change.jobs.push(shop.job(attend(PaymentOrderId::new(now, &w.dice)), JobNext::Schedule(now)));
    assert!(matches!(w.store.commit(change.clone()).await, Err(CommitError::Refused(_))));
    assert_eq!(w.store.payment(shop.merchant, payment.order.id).await.unwrap(), None);
    assert_eq!(w.store.payment_by_attempt(shop.merchant, payment.attempt.id).await.unwrap(), None);
    assert_eq!(w.store.event(shop.merchant, event).await.unwrap(), None);
    assert_eq!(w.store.api_key(key.hash).await.unwrap(), None);
    assert_eq!(w.store.idempotency(shop.merchant, "key").await.unwrap(), None);
    assert_eq!(w.store.balances(shop.merchant).await.unwrap(), Vec::new());
    assert_eq!(w.store.next_job_at().await.unwrap(), None);
    // Nothing of it stands in the way of the same change done right: the message is not known either.
    change.jobs.pop();
    w.commit(change).await;
    w.assert_sound().await;
}

pub async fn a_change_that_lost_its_race_leaves_nothing(w: World) {
    let shop = w.shop().await;
    let read = w.order(shop).await;
    w.see(read.clone(), Observed::Open).await;
    let late = w.told(&read, Observed::Captured(eur(4999)));
    let mut change = w.change(late, PaymentWrite::Move);
    change.idempotency = Some(claim(shop, "key", None, None));
    change.inbox = Some(message(shop, "evt_1", w.now()));
    change.jobs = vec![shop.job(attend(read.order.id), JobNext::Schedule(at(1)))];
    assert_eq!(w.store.commit(change.clone()).await, Err(CommitError::Stale));
    assert_eq!(w.store.idempotency(shop.merchant, "key").await.unwrap(), None);
    assert_eq!(w.store.entries_of(shop.merchant, read.order.id).await.unwrap(), Vec::new());
    assert_eq!(w.store.balances(shop.merchant).await.unwrap(), Vec::new());
    assert_eq!(w.store.next_job_at().await.unwrap(), Some(at(60)));
    w.commit(Change { inbox: change.inbox, ..Change::default() }).await;
}

pub async fn an_attempt_of_another_order_is_not_moved(w: World) {
    let shop = w.shop().await;
    let (one, other) = (w.order(shop).await, w.order(shop).await);
    let mut moved = w.told(&one, Observed::Open);
    moved.payment.attempt = other.attempt.clone();
    moved.payment.attempt.declines = 7;
    assert_eq!(w.store.commit(w.change(moved, PaymentWrite::Move)).await, Err(CommitError::Stale));
    assert_eq!(w.store.payment(shop.merchant, other.order.id).await.unwrap(), Some(other));
}

pub async fn a_further_attempt_becomes_the_latest(w: World) {
    let shop = w.shop().await;
    let first = w.see(w.order(shop).await, Observed::Open).await;
    let failed = w.see(first, Observed::Failed).await;
    let second = w.try_again(failed.clone()).await;
    assert_eq!(w.store.payment(shop.merchant, second.order.id).await.unwrap(), Some(second.clone()));
    assert_eq!(
        w.store.attempts(shop.merchant, second.order.id).await.unwrap(),
        vec![failed.attempt.clone(), second.attempt.clone()]
    );
    // The first is still found with the order as it is now.
    let found = w.store.payment_by_attempt(shop.merchant, failed.attempt.id).await.unwrap().unwrap();
    assert_eq!((found.order, found.attempt), (second.order, failed.attempt));
    w.assert_sound().await;
}

pub async fn a_psp_account_moves_only_from_the_version_that_was_read(w: World) {
    let shop = w.shop().await;
    let read = w.store.psp_account(shop.account).await.unwrap().unwrap();
    let changed = PspAccount { version: 2, active: false, sealed_settings: vec![1], name: "other".into(), ..read.clone() };
    w.commit(Change { psp_accounts: vec![changed.clone()], ..Change::default() }).await;
    let late = PspAccount { version: 2, name: "late".into(), ..read };
    assert_eq!(w.store.commit(Change { psp_accounts: vec![late], ..Change::default() }).await, Err(CommitError::Stale));
    assert_eq!(w.store.psp_account(shop.account).await.unwrap(), Some(changed));
}

pub async fn a_key_is_taken_back_once_and_its_use_is_noted(w: World) {
    let shop = w.shop().await;
    let key = w.api_key(shop);
    w.commit(Change { api_keys: vec![key.clone()], ..Change::default() }).await;
    w.commit(Change { used_keys: vec![(key.id, at(5))], revoked_keys: vec![(key.id, at(6))], ..Change::default() }).await;
    w.commit(Change { used_keys: vec![(key.id, at(8))], revoked_keys: vec![(key.id, at(9))], ..Change::default() }).await;
    let kept = w.store.api_key(key.hash).await.unwrap().unwrap();
    assert_eq!(kept, ApiKey { last_used_at: Some(at(8)), revoked_at: Some(at(6)), ..key });
}

pub async fn an_empty_change_is_committed(w: World) {
    assert!(Change::default().is_empty());
    w.commit(Change::default()).await;
}

pub async fn a_balance_that_does_not_fit_refuses_its_change_alone(w: World) {
    let shop = w.shop().await;
    let book = |amount| Change { entries: vec![tip(&w, shop, amount)], ..Change::default() };
    w.commit(book(i64::MAX - 1)).await;
    assert_eq!(w.store.commit(book(2)).await, Err(CommitError::BalanceOutOfRange));
    // The store goes on, up to the last unit that fits.
    w.commit(book(1)).await;
    let balances = w.store.balances(shop.merchant).await.unwrap();
    assert!(balances.iter().all(|b| b.posted.abs() == i64::MAX), "{balances:?}");
}

/// An entry that belongs to no order: somebody booked it by hand.
pub fn tip(w: &World, shop: Shop, minor: i64) -> FiledEntry {
    let now = w.now();
    let transfer = Transfer {
        debit: Account::PspReceivable(shop.account),
        credit: Account::MerchantPayable(shop.merchant),
        amount: eur(minor),
        layer: Layer::Posted,
    };
    let id = EntryId::new(now, &w.dice);
    let entry = Entry::transfer(EventRef::Correction(id), None, now, &[transfer]).unwrap();
    let note = Some(Note { by: "till".into(), why: "left out".into() });
    FiledEntry { id, merchant: shop.merchant, entry, note }
}

pub fn message(shop: Shop, id: &str, received_at: Timestamp) -> InboxWrite {
    InboxWrite {
        merchant: shop.merchant,
        psp_account: shop.account,
        message_id: id.into(),
        kind: "checkout.session.completed".into(),
        state: InboxState::Ignored,
        order: None,
        body: Some(vec![0, 159]),
        received_at,
    }
}

pub fn claim(shop: Shop, key: &str, order: Option<PaymentOrderId>, answer: Option<StoredAnswer>) -> IdempotencyWrite {
    IdempotencyWrite::Claim {
        merchant: shop.merchant,
        key: key.into(),
        fingerprint: [7; 32],
        locked_until: at(30),
        subject: order.map(|id| *id.as_bytes()),
        at: at(0),
        answer,
    }
}
