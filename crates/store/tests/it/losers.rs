//! A group of many changes on a server, some of which have lost: each of those is told its own reason, and the others are committed
//! together.

use crate::builders::*;
use crate::conformance::{archive, claim, message, over, tip};
use crate::group_commit::hand_in;
use crate::later::*;
use ducat_domain::payments::*;
use ducat_domain::settlement::LineKind;
use ducat_domain::*;
use ducat_store::*;

/// A world with one writer, so that what waits is one group.
async fn world() -> World {
    let first = World::postgres(Statements::Kept).await;
    World::with_writers(first.url.clone(), Statements::Kept, 2, 1).await
}

/// Holds the writer at an order that is locked while all of these are handed in.
async fn in_one_group(w: &World, shop: Shop, changes: Vec<Change>) -> Vec<Result<(), CommitError>> {
    let order = w.order(shop).await;
    let raw = connect(&w.url).await;
    raw.batch_execute("BEGIN; SELECT 1 FROM payment_orders FOR UPDATE").await.unwrap();
    let first = w.change(w.told(&order, Observed::Open), PaymentWrite::Move);
    let store = w.store.clone();
    let first = tokio::spawn(async move { store.commit(first).await });
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let still = patience("the writer waits for the order");
    while raw.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        still();
        // The picture of what others do is kept for the length of a transaction.
        raw.batch_execute("SELECT pg_stat_clear_snapshot()").await.unwrap();
        tokio::task::yield_now().await;
    }
    let waiting: Vec<_> = changes.into_iter().map(|change| hand_in(w, change)).collect();
    raw.batch_execute("ROLLBACK").await.unwrap();
    first.await.unwrap().unwrap();
    let mut results = Vec::new();
    for (answer, done) in waiting {
        results.push(match done {
            Some(result) => result,
            None => answer.await,
        });
    }
    results
}

/// Changes that each lose in a way that is often lost in, with the reason.
async fn often_lost(w: &World, shop: Shop) -> Vec<(Change, CommitError)> {
    let stale = w.order(shop).await;
    w.see(stale.clone(), Observed::Open).await;
    let taken = w.order(shop).await.order.terms.reference.clone();
    w.commit(Change { idempotency: Some(claim(shop, "key", None, None)), ..Change::default() }).await;
    w.commit(Change { inbox: Some(message(shop, "evt_1", at(1))), ..Change::default() }).await;
    let late = w.change(w.told(&stale, Observed::Processing), PaymentWrite::Move);
    let same_reference = w.opened(shop, Terms { reference: taken, ..w.terms() });
    let with = |change: Change| Change { entries: vec![tip(w, shop, 1)], ..change };
    vec![
        (late, CommitError::Stale),
        (w.change(same_reference, PaymentWrite::Insert), CommitError::Taken(Unique::Reference)),
        (
            with(Change { idempotency: Some(claim(shop, "key", None, None)), ..Change::default() }),
            CommitError::Taken(Unique::IdempotencyKey),
        ),
        (with(Change { inbox: Some(message(shop, "evt_1", at(2))), ..Change::default() }), CommitError::Taken(Unique::Message)),
    ]
}

/// Changes that each lose in another way.
async fn seldom_lost(w: &World, shop: Shop) -> Vec<(Change, CommitError)> {
    let booked = tip(w, shop, 1);
    w.commit(Change { entries: vec![booked.clone()], ..Change::default() }).await;
    let mut again = tip(w, shop, 1);
    again.entry = booked.entry;
    w.payout(shop, "po_1", 100).await;
    let read = line("txn_1", LineKind::PspFee, -5, 0);
    w.read_line(shop, &read).await;
    let line = PspLineRow { read_at: at(3), ..w.line_row(shop, &read) };
    let one = w.see(w.order(shop).await, Observed::Open).await;
    let other = w.order(shop).await;
    let same_token = Observation { token: one.attempt.token.unwrap(), ..seen(&other, Observed::Open) };
    let same_token = other.observe(&same_token, w.now(), at(9)).unwrap().unwrap();
    let answer_nobody_waits_for =
        IdempotencyWrite::Answer { merchant: shop.merchant, key: "nobody's".into(), answer: answer("{}") };
    let endpoint = WebhookEndpointId::new(w.now(), &w.dice);
    let lost_place = EndpointWrite::Advance { merchant: shop.merchant, endpoint, version: 1, from: 1, to: 2 };
    let unknown = shop.job(attend(PaymentOrderId::from_bytes([3; 16])), JobNext::Schedule(at(1)));
    let mut gap = w.change(w.told(&w.order(shop).await, Observed::Open), PaymentWrite::Move);
    gap.events[0].sequence = 7;
    vec![
        (Change { entries: vec![again], ..Change::default() }, CommitError::Taken(Unique::EventRef)),
        (w.payout_change(w.begun(shop, "po_1", 100)), CommitError::Taken(Unique::Part)),
        (Change { psp_lines: vec![line], ..Change::default() }, CommitError::Taken(Unique::PspLine)),
        (w.change(same_token, PaymentWrite::Move), CommitError::Taken(Unique::Attempt)),
        (Change { idempotency: Some(answer_nobody_waits_for), ..Change::default() }, CommitError::Stale),
        (Change { endpoints: vec![lost_place], ..Change::default() }, CommitError::Stale),
        (Change { jobs: vec![unknown], ..Change::default() }, CommitError::Refused(String::new())),
        (gap, CommitError::Refused(String::new())),
    ]
}

/// Hands in the losers among as many winners as `winners` for each, and gives how many commits that took.
async fn tried(w: &World, shop: Shop, losers: Vec<(Change, CommitError)>, winners: usize) -> u64 {
    let (mut changes, mut wanted, mut orders) = (Vec::new(), Vec::new(), Vec::new());
    for (change, why) in losers {
        for _ in 0..winners {
            let moved = w.opened(shop, w.terms());
            orders.push(moved.payment.clone());
            changes.push(w.change(moved, PaymentWrite::Insert));
            wanted.push(Ok(()));
        }
        changes.push(change);
        wanted.push(Err(why));
    }
    let before = w.store.stats();
    let results = in_one_group(w, shop, changes).await;
    let after = w.store.stats();
    for (result, wanted) in results.iter().zip(&wanted) {
        match (result, wanted) {
            (Err(CommitError::Refused(_)), Err(CommitError::Refused(_))) => {}
            (result, wanted) => assert_eq!(result, wanted),
        }
    }
    for order in &orders {
        assert_eq!(w.store.payment(shop.merchant, order.order.id).await.unwrap().as_ref(), Some(order));
    }
    w.assert_sound().await;
    // Its own order, and the change at which the writer was held.
    assert_eq!(after.changes - before.changes, orders.len() as u64 + 2);
    after.commits - before.commits
}

#[test]
fn losers_are_told_their_reason_and_the_others_are_committed_together() {
    run(async {
        let w = world().await;
        let shop = w.shop().await;
        let losers = often_lost(&w, shop).await;
        let commits = tried(&w, shop, losers, 12).await;
        assert!(commits <= 4, "{commits} commits");
    });
}

#[test]
fn losers_of_every_kind_hurt_no_neighbour() {
    run(async {
        let w = world().await;
        let shop = w.shop().await;
        let mut losers = often_lost(&w, shop).await;
        losers.extend(seldom_lost(&w, shop).await);
        let commits = tried(&w, shop, losers, 3).await;
        assert!(commits < 12 * 3, "{commits} commits");
    });
}

/// News of orders that are archived, in the same group as losers: each order comes back, and nobody is taken for a loser because of it.
#[test]
fn late_news_of_archived_orders_is_committed_beside_losers() {
    run(async {
        let w = world().await;
        let shop = w.shop().await;
        let mut paid = Vec::new();
        for _ in 0..6 {
            paid.push(w.paid(shop).await);
        }
        over(&w, &paid.iter().collect::<Vec<_>>()).await;
        assert_eq!(archive(&w, shop).await, 6);
        let (mut changes, mut wanted) = (Vec::new(), Vec::new());
        for (change, why) in often_lost(&w, shop).await {
            let refund = paid.pop().unwrap().request_refund(w.new_refund(500), w.now(), at(90)).unwrap();
            changes.extend([w.change(refund, PaymentWrite::Move), change]);
            wanted.extend([Ok(()), Err(why)]);
        }
        let before = w.store.stats().commits;
        assert_eq!(in_one_group(&w, shop, changes).await, wanted);
        let commits = w.store.stats().commits - before;
        assert!(commits <= 5, "{commits} commits");
        over(&w, &paid.iter().collect::<Vec<_>>()).await;
        let archived = w.store.verify().await.unwrap().checked;
        assert!(archived.contains(&("archived_orders", 2)), "two of which nobody heard: {archived:?}");
        w.assert_sound().await;
    });
}
