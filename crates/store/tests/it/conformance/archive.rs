//! Orders go to the archive when they are over, are read there as before, and come back when something is heard of them.

use super::tip;
use crate::builders::*;
use crate::later::*;
use ducat_domain::journal::{Entry, EventRef, FiledEntry};
use ducat_domain::payments::*;
use ducat_domain::settlement::LineKind;
use ducat_domain::*;
use ducat_store::*;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Nothing is to be done for these orders any more.
pub async fn over(w: &World, payments: &[&Payment]) {
    let done = |p: &&Payment| JobWrite { merchant: p.order.merchant, job: attend(p.order.id), then: JobNext::Cancel };
    w.commit(Change { jobs: payments.iter().map(done).collect(), ..Change::default() }).await;
}

/// Archives what is over of a shop's orders, in small steps, and says how many went.
pub async fn archive(w: &World, shop: Shop) -> u64 {
    let (mut moved, mut after) = (0, None);
    loop {
        let step = w.store.archive(shop.merchant, at(HOUR), after, 3).await.unwrap();
        moved += step.moved;
        after = step.next;
        if after.is_none() {
            return moved;
        }
    }
}

/// How many orders and attempts lie in the archive.
async fn archived(w: &World) -> (u64, u64) {
    let report = w.store.verify().await.unwrap();
    assert_eq!(report.findings, Vec::new());
    let count = |table| report.checked.iter().find(|(name, _)| *name == table).unwrap().1;
    (count("archived_orders"), count("archived_attempts"))
}

/// All that can be read of an order, as text.
async fn read(w: &World, shop: Shop, payment: &Payment) -> Vec<String> {
    let (s, m, o, a) = (&w.store, shop.merchant, payment.order.id, &payment.attempt);
    let page = |filter| s.payments(m, filter, PageAnchor::Newest, 50);
    let by_reference = OrderFilter { reference: Some(payment.order.terms.reference.clone()), ..OrderFilter::default() };
    let by_status = OrderFilter { status: Some(payment.order.status), ..OrderFilter::default() };
    let token = PspToken(format!("cs_{}", a.id));
    vec![
        format!("{:?}", s.payment(m, o).await.unwrap()),
        format!("{:?}", s.payment_by_attempt(m, a.id).await.unwrap()),
        format!("{:?}", s.payment_by_token(m, shop.account, &token).await.unwrap()),
        format!("{:?}", s.payment_by_psp_payment(m, shop.account, "pi_1").await.unwrap().map(|p| p.order.merchant)),
        format!("{:?}", s.payment_by_reference(m, &payment.order.terms.reference).await.unwrap()),
        format!("{:?}", s.merchant_of_order(o).await.unwrap()),
        format!("{:?}", s.attempts(m, o).await.unwrap()),
        format!("{:?}", s.attempted(m, vec![o]).await.unwrap()),
        format!("{:?}", page(OrderFilter::default()).await.unwrap()),
        format!("{:?}", page(by_reference).await.unwrap()),
        format!("{:?}", page(by_status).await.unwrap()),
        format!("{:?}", s.events_of(m, Subject::PaymentOrder(o)).await.unwrap()),
        format!("{:?}", s.entries_of(m, o).await.unwrap()),
        format!("{:?} {:?}", s.refunds_of(m, o).await.unwrap(), s.disputes_of(m, o).await.unwrap()),
        format!("{:?} {:?}", s.captures_of(m, o).await.unwrap(), s.balances(m).await.unwrap()),
    ]
}

/// An order of every way to its end, with an answered request and one attempt after another.
async fn ended(w: &World, shop: Shop) -> Vec<Payment> {
    let paid = w.paid(shop).await;
    let (refunded, _) = w.refunded(w.claimed(w.paid(shop).await).await, 1000).await;
    let (lost, _) = w.disputed(w.paid(shop).await, &dispute_seen("dp_1", DisputeStatus::Lost, true, false)).await;
    let (held, capture) = w.capturing(w.held(shop).await, 1000, true).await;
    let (captured, _) = w.see_capture(held, capture, Observed::Captured(eur(1000))).await;
    let canceled = w.see(w.held(shop).await, Observed::Canceled).await;
    let failed = w.see(w.see(w.order(shop).await, Observed::Open).await, Observed::Failed).await;
    let tried_again = w.see(w.try_again(failed).await, Observed::Captured(eur(4999))).await;
    vec![paid, refunded, lost, captured, canceled, tried_again]
}

pub async fn an_order_that_is_over_is_archived_and_read_as_before(w: World) {
    let (shop, other) = (w.shop().await, w.shop().await);
    let open = w.see(w.order(shop).await, Observed::Open).await;
    let theirs = w.paid(other).await;
    let payments = ended(&w, shop).await;
    let mut before = Vec::new();
    for payment in payments.iter().chain([&open]) {
        before.push(read(&w, shop, payment).await);
    }
    assert_eq!(archive(&w, shop).await, 0, "each still has its job");
    over(&w, &payments.iter().chain([&theirs]).collect::<Vec<_>>()).await;
    assert_eq!(archive(&w, shop).await, 6);
    assert_eq!(archived(&w).await, (6, 7));
    let mut after = Vec::new();
    for payment in payments.iter().chain([&open]) {
        after.push(read(&w, shop, payment).await);
    }
    assert_eq!(after, before);
    assert_eq!(archive(&w, shop).await, 0, "a second time there is nothing to do");
    for payment in &payments {
        assert_eq!(w.store.payment(other.merchant, payment.order.id).await.unwrap(), None);
        let token = PspToken(format!("cs_{}", payment.attempt.id));
        assert_eq!(w.store.payment_by_token(other.merchant, shop.account, &token).await.unwrap(), None);
    }
    assert_eq!(archive(&w, other).await, 1);
    w.assert_sound().await;
}

pub async fn what_is_open_or_fresh_stays_where_it_is(w: World) {
    let shop = w.shop().await;
    let pending = w.see(w.order(shop).await, Observed::Open).await;
    let held = w.held(shop).await;
    let (capturing, _) = w.capturing(w.held(shop).await, 500, false).await;
    let (refunding, _) = w.refunding(w.paid(shop).await, 500).await;
    let needs = dispute_seen("dp_1", DisputeStatus::NeedsResponse, true, false);
    let (disputed, _) = w.disputed(w.paid(shop).await, &needs).await;
    let asks = dispute_seen("dp_2", DisputeStatus::InquiryNeedsResponse, false, false);
    let (asked, _) = w.disputed(w.paid(shop).await, &asks).await;
    let paid = w.paid(shop).await;
    let fresh = w.store.archive(shop.merchant, paid.order.updated_at, None, 100).await.unwrap();
    assert_eq!(fresh, Archived { moved: 0, next: None });
    assert_eq!(archive(&w, shop).await, 0, "it has a job");
    over(&w, &[&refunding, &disputed, &asked, &paid]).await;
    let fresh = w.store.archive(shop.merchant, paid.order.updated_at, None, 100).await.unwrap();
    assert_eq!(fresh.moved, 0, "it was changed at that moment, not before");
    assert_eq!(archive(&w, shop).await, 1);
    for payment in [&pending, &held, &capturing, &refunding, &disputed, &asked, &paid] {
        let kept = w.store.payment(shop.merchant, payment.order.id).await.unwrap();
        assert_eq!(kept.as_ref(), Some(payment));
    }
    assert_eq!(archived(&w).await, (1, 1));
}

pub async fn what_is_taken_in_the_archive_is_taken(w: World) {
    let shop = w.shop().await;
    let paid = w.paid(shop).await;
    over(&w, &[&paid]).await;
    assert_eq!(archive(&w, shop).await, 1);
    let taken = async |change: Change| match w.store.commit(change).await {
        Err(CommitError::Taken(unique)) => unique,
        other => panic!("{other:?}"),
    };
    let same_reference = w.opened(shop, paid.order.terms.clone());
    assert_eq!(taken(w.change(same_reference, PaymentWrite::Insert)).await, Unique::Reference);
    let mut same_id = w.opened(shop, w.terms());
    same_id.payment.order.id = paid.order.id;
    assert_eq!(taken(w.change(same_id, PaymentWrite::Insert)).await, Unique::Other);
    let mut same_attempt = w.opened(shop, w.terms());
    same_attempt.payment.attempt.id = paid.attempt.id;
    assert_eq!(taken(w.change(same_attempt, PaymentWrite::Insert)).await, Unique::Attempt);
    let fresh = w.order(shop).await;
    let same_token = Observation { token: paid.attempt.token.clone().unwrap(), ..seen(&fresh, Observed::Open) };
    let moved = fresh.observe(&same_token, w.now(), at(9)).unwrap().unwrap();
    assert_eq!(taken(w.change(moved, PaymentWrite::Move)).await, Unique::Attempt);
    // Another merchant's references are others.
    let other = w.shop().await;
    w.order_with(other, paid.order.terms.clone()).await;
    assert_eq!(archived(&w).await, (1, 1), "none of it brought anything back");
}

pub async fn late_truth_brings_an_order_back(w: World) {
    let shop = w.shop().await;
    let failed = w.see(w.see(w.order(shop).await, Observed::Open).await, Observed::Failed).await;
    let paid = w.see(w.try_again(failed.clone()).await, Observed::Captured(eur(4999))).await;
    let lapsed = w.see(w.held(shop).await, Observed::Canceled).await;
    over(&w, &[&paid, &lapsed]).await;
    assert_eq!((archive(&w, shop).await, archived(&w).await), (2, (2, 3)));
    // A refund, with everything that belongs to it.
    let (paid, refund) = w.refunding(paid, 1000).await;
    assert_eq!(archived(&w).await, (1, 1));
    assert_eq!(w.store.payment(shop.merchant, paid.order.id).await.unwrap(), Some(paid.clone()));
    assert_eq!(archive(&w, shop).await, 0, "the refund is under way");
    let (paid, _) = w.see_refund(paid, refund, RefundState::Succeeded).await;
    over(&w, &[&paid]).await;
    assert_eq!((archive(&w, shop).await, archived(&w).await), (1, (2, 3)));
    // A dispute; then it is decided.
    let needs = dispute_seen("dp_1", DisputeStatus::NeedsResponse, true, false);
    let (paid, dispute) = w.disputed(paid, &needs).await;
    assert_eq!(archived(&w).await, (1, 1));
    let (paid, _) = w.see_dispute(paid, dispute, &dispute_seen("dp_1", DisputeStatus::Won, true, true)).await;
    // Money that comes after the end, on the first attempt too.
    let late = w.see(lapsed, Observed::Captured(eur(4999))).await;
    assert!(late.order.paid_late);
    let first = w.store.payment_by_attempt(shop.merchant, failed.attempt.id).await.unwrap().unwrap();
    let twice = w.see(first, Observed::Captured(eur(4999))).await;
    assert!(twice.attempt.surplus && twice.order.id == paid.order.id);
    assert_eq!(archived(&w).await, (0, 0));
}

pub async fn what_names_an_archived_order_brings_it_back(w: World) {
    let shop = w.shop().await;
    let paid = w.paid(shop).await;
    let order = paid.order.id;
    let again = async || {
        over(&w, &[&paid]).await;
        assert_eq!((archive(&w, shop).await, archived(&w).await), (1, (1, 1)));
    };
    again().await;
    w.commit(Change { jobs: vec![shop.job(attend(order), JobNext::Schedule(at(60)))], ..Change::default() }).await;
    assert_eq!(archived(&w).await, (0, 0));
    again().await;
    w.read_payment_line(shop, paid.clone(), &line("txn_1", LineKind::Charge, 4999, 0)).await;
    assert_eq!(archived(&w).await, (0, 0));
    again().await;
    let wrong = tip(&w, shop, 11);
    let lines = wrong.entry.postings().to_vec();
    let entry = Entry::mirror(EventRef::Reversal(wrong.id), Some(order), w.now(), lines).unwrap();
    let mirror = FiledEntry { id: EntryId::new(w.now(), &w.dice), entry, ..wrong.clone() };
    w.commit(Change { entries: vec![wrong, mirror], ..Change::default() }).await;
    assert_eq!(archived(&w).await, (0, 0));
    again().await;
    // What only tells of it leaves it where it is.
    let told = Change { inbox: Some(InboxWrite { order: Some(order), ..super::message(shop, "evt_1", at(1)) }), ..Change::default() };
    w.commit(told).await;
    w.commit(Change { jobs: vec![shop.job(attend(order), JobNext::Cancel)], ..Change::default() }).await;
    assert_eq!(archived(&w).await, (1, 1));
}

pub async fn a_change_that_comes_to_nothing_leaves_an_order_in_the_archive(w: World) {
    let shop = w.shop().await;
    let before = w.see(w.order(shop).await, Observed::Open).await;
    let paid = w.see(before.clone(), Observed::Captured(eur(4999))).await;
    over(&w, &[&paid]).await;
    assert_eq!(archive(&w, shop).await, 1);
    // Decided on an old reading.
    let stale = w.told(&before, Observed::Processing);
    assert_eq!(w.store.commit(w.change(stale, PaymentWrite::Move)).await, Err(CommitError::Stale));
    // More given back than was taken, and an event that is missing.
    let refund = paid.clone().request_refund(w.new_refund(1000), w.now(), at(90)).unwrap();
    let mut change = w.change(refund, PaymentWrite::Move);
    change.events[0].sequence += 1;
    assert!(matches!(w.store.commit(change).await, Err(CommitError::Refused(_))));
    assert_eq!(archived(&w).await, (1, 1));
    assert_eq!(w.store.payment(shop.merchant, paid.order.id).await.unwrap(), Some(paid));
}

pub async fn orders_go_and_come_while_others_change_them(w: World) {
    let w = Arc::new(w);
    let shop = w.shop().await;
    let mut orders = BTreeMap::new();
    for _ in 0..12 {
        let paid = w.paid(shop).await;
        over(&w, &[&paid]).await;
        orders.insert(paid.order.id, paid);
    }
    let refunds: Vec<_> = orders
        .into_values()
        .map(|mut paid| {
            let w = Arc::clone(&w);
            tokio::spawn(async move {
                for _ in 0..4 {
                    (paid, _) = w.refunded(paid, 100).await;
                    over(&w, &[&paid]).await;
                    let found = w.store.payment(shop.merchant, paid.order.id).await.unwrap();
                    assert_eq!(found, Some(paid.clone()), "it is found wherever it is");
                }
                paid
            })
        })
        .collect();
    let mut moved = 0;
    while !refunds.iter().all(|refund| refund.is_finished()) {
        moved += w.store.archive(shop.merchant, at(HOUR), None, 100).await.unwrap().moved;
        let page = w.store.payments(shop.merchant, OrderFilter::default(), PageAnchor::Newest, 50).await.unwrap();
        assert_eq!(page.data.len(), 12, "each order is listed once");
        tokio::task::yield_now().await;
    }
    for refund in refunds {
        let paid = refund.await.unwrap();
        assert_eq!(paid.order.amount_refunded, 400);
        assert_eq!(w.store.payment(shop.merchant, paid.order.id).await.unwrap(), Some(paid));
    }
    assert!(moved > 0, "some went to the archive meanwhile");
    archive(&w, shop).await;
    assert_eq!(archived(&w).await, (12, 12));
}
