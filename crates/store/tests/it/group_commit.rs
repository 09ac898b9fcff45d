//! Many callers at once: one commit for many changes, each of them whole or refused alone.

use crate::builders::*;
use crate::intruder::Intruder;
use ducat_domain::payments::*;
use ducat_store::*;
use futures::{Polled, poll_once};
use std::sync::Arc;

mod futures {
    //! Polling by hand, so that a change is handed in while nobody waits for its answer yet.

    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    pub type Polled<T> = Pin<Box<dyn Future<Output = T> + Send>>;

    pub fn poll_once<T>(future: &mut Polled<T>) -> Poll<T> {
        future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    }
}

crate::each_database::on_each_database! {
    a_thousand_changes_from_many_tasks_all_land_in_few_commits
    of_many_changes_on_one_version_exactly_one_wins
    a_caller_who_goes_away_leaves_a_whole_change
}

pub type Pending = Polled<Result<(), CommitError>>;

/// Hands a change in; the writer may or may not have seen it when this returns.
pub fn hand_in(w: &World, change: Change) -> (Pending, Option<Result<(), CommitError>>) {
    let store = w.store.clone();
    let mut future: Pending = Box::pin(async move { store.commit(change).await });
    let done = match poll_once(&mut future) {
        std::task::Poll::Ready(result) => Some(result),
        std::task::Poll::Pending => None,
    };
    (future, done)
}

/// Holds the database's write lock while `hand_in` is called, so that all of it waits for one group.
async fn in_one_group(w: &World, changes: Vec<Change>) -> Vec<Result<(), CommitError>> {
    let intruder = Intruder::into(w);
    intruder.0.execute_batch("BEGIN IMMEDIATE").unwrap();
    // The writer takes this one up alone and waits for the lock; the others wait behind it.
    let (first, _) = hand_in(w, Change::default());
    let waiting: Vec<_> = changes.into_iter().map(|change| hand_in(w, change)).collect();
    intruder.0.execute_batch("ROLLBACK").unwrap();
    first.await.unwrap();
    let mut results = Vec::new();
    for (future, done) in waiting {
        results.push(match done {
            Some(result) => result,
            None => future.await,
        });
    }
    results
}

async fn a_thousand_changes_from_many_tasks_all_land_in_few_commits(w: World) {
    let w = Arc::new(w);
    let shop = w.shop().await;
    let before = w.store.stats();
    let tasks: Vec<_> = (0..1000)
        .map(|_| {
            let w = Arc::clone(&w);
            tokio::spawn(async move {
                let order = w.order(shop).await;
                w.see(order, Observed::Captured(eur(4999))).await
            })
        })
        .collect();
    for task in tasks {
        let paid = task.await.unwrap();
        assert_eq!(w.store.payment(paid.order.merchant, paid.order.id).await.unwrap(), Some(paid));
    }
    let after = w.store.stats();
    assert_eq!(after.changes - before.changes, 2000);
    assert!(after.commits - before.commits < 1000, "{} commits", after.commits - before.commits);
    let balances = w.store.balances(shop.merchant).await.unwrap();
    assert!(balances.len() == 2 && balances.iter().all(|b| b.posted.abs() == 4_999_000), "{balances:?}");
    w.assert_sound().await;
}

async fn of_many_changes_on_one_version_exactly_one_wins(w: World) {
    let w = Arc::new(w);
    let shop = w.shop().await;
    for _ in 0..10 {
        let read = w.order(shop).await;
        let moves = |n: i64| {
            let state = if n % 2 == 0 { Observed::Open } else { Observed::Captured(eur(n)) };
            w.told(&read, state)
        };
        let changes: Vec<Change> = (1..=50).map(|n| w.change(moves(n), PaymentWrite::Move)).collect();
        let tasks: Vec<_> = changes
            .into_iter()
            .map(|change| {
                let w = Arc::clone(&w);
                tokio::spawn(async move { w.store.commit(change).await })
            })
            .collect();
        let mut results = Vec::new();
        for task in tasks {
            results.push(task.await.unwrap());
        }
        assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1);
        assert!(results.iter().all(|r| matches!(r, Ok(()) | Err(CommitError::Stale))), "{results:?}");
        assert_eq!(w.store.events_of(shop.merchant, ducat_domain::Subject::PaymentOrder(read.order.id)).await.unwrap().len(), 2);
        assert!(w.store.entries_of(read.order.merchant, read.order.id).await.unwrap().len() <= 1);
    }
    w.assert_sound().await;
}

#[test]
fn a_refused_change_in_the_middle_of_a_group_hurts_no_neighbour() {
    run(async {
        let w = World::sqlite(WriterMode::Thread);
        let shop = w.shop().await;
        let (mut changes, mut orders, mut broken) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..200 {
            let order = w.order(shop).await;
            let moved = w.told(&order, Observed::Captured(eur(10)));
            let mut change = w.change(moved, PaymentWrite::Move);
            match number % 4 {
                // Fails at the first part, in the middle, and at the last.
                1 => change.idempotency = Some(unknown_key(shop)),
                2 => change.events[0].sequence = 7,
                3 => change
                    .jobs
                    .push(shop.job(attend(ducat_domain::PaymentOrderId::from_bytes([3; 16])), JobNext::Schedule(at(1)))),
                _ => {}
            }
            broken.push(number % 4 != 0);
            orders.push(order);
            changes.push(change);
        }
        let commits = w.store.stats().commits;
        let results = in_one_group(&w, changes).await;
        assert!(w.store.stats().commits - commits <= 2, "one group, or two where the writer was quick");
        for ((result, broken), before) in results.iter().zip(&broken).zip(orders) {
            assert_eq!(result.is_err(), *broken, "{result:?}");
            let now = w.store.payment(before.order.merchant, before.order.id).await.unwrap().unwrap();
            assert_eq!(now == before, *broken);
        }
        let balances = w.store.balances(shop.merchant).await.unwrap();
        assert!(balances.iter().all(|b| b.posted.abs() == 500), "{balances:?}");
        w.assert_sound().await;
    });
}

fn unknown_key(shop: Shop) -> IdempotencyWrite {
    IdempotencyWrite::Answer { merchant: shop.merchant, key: "nobody's".into(), answer: answer("{}") }
}

#[test]
fn a_change_of_a_group_sees_what_its_neighbour_before_it_wrote() {
    run(async {
        let w = World::sqlite(WriterMode::Thread);
        let shop = w.shop().await;
        let moved = w.opened(shop, w.terms());
        let payment = moved.payment.clone();
        let paid = w.told(&payment, Observed::Captured(eur(7)));
        let changes = vec![
            w.change(moved.clone(), PaymentWrite::Insert),
            w.change(paid.clone(), PaymentWrite::Move),
            w.change(paid.clone(), PaymentWrite::Move),
            w.change(w.opened(shop, payment.order.terms), PaymentWrite::Insert),
        ];
        let results = in_one_group(&w, changes).await;
        let wanted = [Ok(()), Ok(()), Err(CommitError::Stale), Err(CommitError::Taken(Unique::Reference))];
        assert_eq!(results, wanted);
        assert_eq!(w.store.payment(paid.payment.order.merchant, paid.payment.order.id).await.unwrap(), Some(paid.payment));
        w.assert_sound().await;
    });
}

#[test]
fn a_full_queue_says_busy_and_loses_nothing_it_took() {
    run(async {
        let w = World::sqlite(WriterMode::Thread);
        let shop = w.shop().await;
        let intruder = Intruder::into(&w);
        intruder.0.execute_batch("BEGIN IMMEDIATE").unwrap();
        let key = w.api_key(shop);
        let used = || Change { used_keys: vec![(key.id, at(1))], ..Change::default() };
        let mut waiting = Vec::new();
        let busy = loop {
            let (future, done) = hand_in(&w, used());
            match done {
                None => waiting.push(future),
                Some(result) => break result,
            }
            assert!(waiting.len() < 10_000, "the queue has no end");
        };
        assert_eq!(busy, Err(CommitError::Busy));
        assert!(waiting.len() >= 4096);
        intruder.0.execute_batch("ROLLBACK").unwrap();
        for future in waiting {
            future.await.unwrap();
        }
        w.commit(used()).await;
    });
}

#[test]
fn what_was_handed_in_is_committed_though_the_store_is_dropped() {
    run(async {
        let w = World::sqlite(WriterMode::Thread);
        let shop = w.shop().await;
        let intruder = Intruder::into(&w);
        intruder.0.execute_batch("BEGIN IMMEDIATE").unwrap();
        let moved = w.opened(shop, w.terms());
        let wanted = moved.payment.clone();
        let (answer, _) = hand_in(&w, w.change(moved, PaymentWrite::Insert));
        let World { store, path, _folder, .. } = w;
        drop(store);
        intruder.0.execute_batch("ROLLBACK").unwrap();
        answer.await.unwrap();
        let store = Store::open_sqlite(&path, WriterMode::Caller, at(0)).unwrap();
        assert_eq!(store.payment(wanted.order.merchant, wanted.order.id).await.unwrap(), Some(wanted));
    });
}

async fn a_caller_who_goes_away_leaves_a_whole_change(w: World) {
    let shop = w.shop().await;
    for _ in 0..100 {
        let (answer, _) = hand_in(&w, w.change(w.opened(shop, w.terms()), PaymentWrite::Insert));
        drop(answer);
    }
    // The writers take what waits in its order, but more than one of them may be at work.
    let list = async || w.store.payments(shop.merchant, OrderFilter::default(), PageAnchor::Newest, 200).await.unwrap().data;
    let still = patience("the changes of those who went away are there");
    while list().await.len() < 100 {
        still();
        w.commit(Change::default()).await;
    }
    w.assert_sound().await;
}

#[test]
fn the_caller_as_writer_leaves_the_same_rows_as_the_thread() {
    run(async {
        let (one, other) = (World::sqlite(WriterMode::Thread), World::sqlite(WriterMode::Caller));
        for w in [&one, &other] {
            let shop = w.shop().await;
            for _ in 0..20 {
                let paid = w.paid(shop).await;
                let late = paid.clone().observe(&seen(&paid, Observed::Open), w.now(), at(9)).unwrap();
                assert_eq!(late, None);
                let again = w.change(w.opened(shop, paid.order.terms), PaymentWrite::Insert);
                assert_eq!(w.store.commit(again).await, Err(CommitError::Taken(Unique::Reference)));
                let failed = w.see(w.order(shop).await, Observed::Failed).await;
                w.try_again(failed).await;
            }
            w.store.claim_jobs(at(100), std::time::Duration::from_secs(9), 7).await.unwrap();
            w.assert_sound().await;
        }
        assert_eq!(Intruder::into(&one).rows(), Intruder::into(&other).rows());
        assert_eq!(one.store.stats().changes, other.store.stats().changes);
    });
}
