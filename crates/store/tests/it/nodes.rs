//! Several nodes on one server: what commits late is never passed over, nobody is told an inner error because of another, no job is run
//! twice, no order is archived twice.

use crate::builders::*;
use crate::conformance::{claim, message};
use ducat_domain::payments::*;
use ducat_domain::*;
use ducat_store::*;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// Two nodes on one database.
async fn two() -> [Arc<World>; 2] {
    let one = World::postgres(Statements::Kept).await;
    let other = World::at_server(one.url.clone(), Statements::Kept, 2).await;
    [Arc::new(one), Arc::new(other)]
}

async fn read_on(w: &World, shop: Shop, cursor: &mut EventCursor, read: &mut Vec<EventRow>) {
    loop {
        let page = w.store.events(shop.merchant, *cursor, Vec::new(), 7).await.unwrap().unwrap();
        if let Some(last) = page.data.last() {
            *cursor = EventCursor::After(last.id);
        }
        read.extend(page.data);
        if !page.has_more {
            return;
        }
    }
}

#[test]
fn what_commits_late_is_seen_before_what_came_after_it() {
    run(async {
        let [w, other] = two().await;
        let shop = w.shop().await;
        let slow = w.see(w.order(shop).await, Observed::Open).await;
        let (mut cursor, mut read) = (EventCursor::Start, Vec::new());
        w.caught_up().await;
        read_on(&w, shop, &mut cursor, &mut read).await;
        assert_eq!(read.len(), 2);

        // A whole step of an order, but for its commit.
        let late = w.told(&slow, Observed::Processing).payment.order;
        let raw = connect(&w.url).await;
        let uuid = |bytes: &[u8; 16]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
        let (merchant, order) = (uuid(shop.merchant.as_bytes()), uuid(late.id.as_bytes()));
        let event = EventId::new(late.updated_at, &w.dice);
        let step = format!(
            "BEGIN;
             UPDATE payment_orders SET version = 3, status = 'processing', status_version = 3 WHERE merchant_id = '{merchant}' AND id = '{order}';
             UPDATE attempts SET status = 'processing' WHERE merchant_id = '{merchant}' AND order_id = '{order}';
             INSERT INTO events (position, id, merchant_id, subject_id, subject_kind, sequence, kind, at, snapshot)
               VALUES (next_position(0), '{}', '{merchant}', '{order}', 'payment_order', 3, 'payment_order.processing', now(), '{{\"status\":\"processing\"}}')",
            uuid(event.as_bytes())
        );
        raw.batch_execute(&step).await.unwrap();

        let writers: Vec<_> = (0..8)
            .map(|n| {
                let w = Arc::clone(if n % 2 == 0 { &w } else { &other });
                tokio::spawn(async move {
                    for _ in 0..5 {
                        w.paid(shop).await;
                    }
                })
            })
            .collect();
        while !writers.iter().all(|writer| writer.is_finished()) {
            read_on(&w, shop, &mut cursor, &mut read).await;
            tokio::task::yield_now().await;
        }
        for writer in writers {
            writer.await.unwrap();
        }
        read_on(&other, shop, &mut cursor, &mut read).await;
        assert_eq!(read.len(), 2, "nothing that came after is seen before it");
        raw.batch_execute("COMMIT").await.unwrap();
        w.caught_up().await;
        read_on(&w, shop, &mut cursor, &mut read).await;
        assert_eq!(read[2].id, event);
        assert_eq!(read.len(), 3 + 8 * 5 * 3);
        let ids: HashSet<EventId> = read.iter().map(|e| e.id).collect();
        assert_eq!(ids.len(), read.len());
        let (mut cursor, mut again) = (EventCursor::Start, Vec::new());
        read_on(&other, shop, &mut cursor, &mut again).await;
        assert_eq!(again, read, "who reads later reads the same");
        w.assert_sound().await;
    });
}

/// What a caller may be told because somebody else was there.
fn is_fair(result: &Result<(), CommitError>) -> bool {
    matches!(result, Ok(()) | Err(CommitError::Stale | CommitError::Taken(_)))
}

#[test]
fn two_nodes_on_the_same_rows_are_told_who_won_and_nothing_else() {
    run(async {
        let nodes = two().await;
        let shop = nodes[0].shop().await;
        let mut orders = Vec::new();
        for _ in 0..6 {
            orders.push(nodes[0].order(shop).await.order.id);
        }
        let hammers: Vec<_> = (0..16)
            .map(|n: usize| {
                let (w, orders) = (Arc::clone(&nodes[n % 2]), orders.clone());
                tokio::spawn(async move {
                    let (mut won, mut told) = (0, Vec::new());
                    for round in 0..20 {
                        let order = orders[(n + round) % orders.len()];
                        let read = w.store.payment(shop.merchant, order).await.unwrap().unwrap();
                        // Over and over: one word of the PSP after the other moves it on.
                        let state = if round % 2 == 0 { Observed::Processing } else { Observed::Open };
                        let Some(moved) = read.clone().observe(&seen(&read, state), w.now(), at(90)).unwrap() else { continue };
                        let mut change = w.change(moved, PaymentWrite::Move);
                        change.idempotency =
                            Some(claim(shop, &format!("key {}", round % 7), None, None)).filter(|_| round % 5 == 0);
                        change.inbox = Some(message(shop, &format!("evt {round}"), w.now())).filter(|_| round % 4 == 1);
                        let result = w.store.commit(change).await;
                        won += u32::from(result.is_ok());
                        told.push(result);
                        // And everybody books on the same two accounts.
                        let filed = crate::conformance::tip(&w, shop, 1);
                        told.push(w.store.commit(Change { entries: vec![filed], ..Change::default() }).await);
                    }
                    (won, told)
                })
            })
            .collect();
        let (mut won, mut tips) = (0, 0);
        for hammer in hammers {
            let (wins, told) = hammer.await.unwrap();
            won += wins;
            tips += told.len();
            let unfair: Vec<_> = told.iter().filter(|result| !is_fair(result)).collect();
            assert!(unfair.is_empty(), "{unfair:?}");
        }
        let mut moves = 0;
        for order in orders {
            moves += nodes[1].store.payment(shop.merchant, order).await.unwrap().unwrap().order.version - 1;
        }
        assert_eq!(moves, won, "each change that was told to be committed moved its order, and no other did");
        let balances = nodes[0].store.balances(shop.merchant).await.unwrap();
        assert!(tips > 0 && balances.iter().all(|b| b.posted.unsigned_abs() > 0), "{balances:?}");
        nodes[1].assert_sound().await;
    });
}

/// Holds what it holds until so many wait for it, and then lets them all go at once.
async fn let_go_together(raw: &tokio_postgres::Client, many: i64) {
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let still = patience("both nodes wait for the order");
    while raw.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) < many {
        still();
        // The picture of what others do is kept for the length of a transaction.
        raw.batch_execute("SELECT pg_stat_clear_snapshot()").await.unwrap();
        tokio::task::yield_now().await;
    }
    raw.batch_execute("COMMIT").await.unwrap();
}

/// Two nodes have read the same attempt, and each has heard something else of it. An attempt has no version of its own: it is its order's that
/// lets one of them through, and all of what that one wrote is there, and nothing of the other's.
#[test]
fn of_two_nodes_that_change_an_attempt_at_once_exactly_one_does() {
    run(async {
        const ROUNDS: i64 = 150;
        let nodes = two().await;
        let shop = nodes[0].shop().await;
        let raw = connect(&nodes[0].url).await;
        let mut booked = 0;
        for round in 1..=ROUNDS {
            let order = nodes[0].order(shop).await.order.id;
            // In every tenth round both are held until the server has both: they have met for certain.
            let is_held = round % 10 == 0;
            if is_held {
                let all = "BEGIN; SELECT 1 FROM payment_orders FOR UPDATE";
                raw.batch_execute(all).await.unwrap();
            }
            let start = Arc::new(tokio::sync::Barrier::new(2));
            let mut changes = Vec::new();
            for (n, node) in nodes.iter().enumerate() {
                let read = node.store.payment(shop.merchant, order).await.unwrap().unwrap();
                let heard = Observation {
                    token: PspToken(format!("cs_{n}_{order}")),
                    psp_payment: Some(format!("pi_{n}_{order}")),
                    ..seen(&read, Observed::Captured(eur(2 * round + i64::try_from(n).unwrap())))
                };
                let moved = read.observe(&heard, node.now(), at(90)).unwrap().unwrap();
                let (after, node, start) = (moved.payment.clone(), Arc::clone(node), Arc::clone(&start));
                changes.push(tokio::spawn(async move {
                    let change = node.change(moved, PaymentWrite::Move);
                    start.wait().await;
                    (node.store.commit(change).await, after)
                }));
            }
            if is_held {
                let_go_together(&raw, 2).await;
            }
            let mut winner = None;
            for (n, change) in changes.into_iter().enumerate() {
                let (told, after) = change.await.unwrap();
                match told {
                    Ok(()) => assert_eq!(winner.replace((n, after)).map(|(other, _)| other), None, "both have won round {round}"),
                    Err(why) => assert_eq!(why, CommitError::Stale, "round {round}"),
                }
            }
            let (_, after) = winner.unwrap_or_else(|| panic!("nobody has won round {round}"));
            booked += after.attempt.captured;
            for node in &nodes {
                assert_eq!(node.store.payment(shop.merchant, order).await.unwrap().as_ref(), Some(&after));
            }
            let events = nodes[0].store.events_of(shop.merchant, Subject::PaymentOrder(order)).await.unwrap();
            assert_eq!(events.len(), 2);
            assert_eq!(nodes[0].store.entries_of(shop.merchant, order).await.unwrap().len(), 1);
        }
        let balances = nodes[1].store.balances(shop.merchant).await.unwrap();
        assert!(balances.len() == 2 && balances.iter().all(|b| b.posted.abs() == booked), "{booked}: {balances:?}");
        nodes[0].assert_sound().await;
    });
}

/// Two nodes write the same accounts, balances and jobs in opposite orders, many at once.
#[test]
fn nodes_that_write_the_same_things_in_another_order_do_not_hold_each_other_up() {
    run(async {
        let nodes = two().await;
        let shops = [nodes[0].shop().await, nodes[0].shop().await, nodes[0].shop().await];
        let mut tasks = Vec::new();
        for n in 0..24 {
            let w = Arc::clone(&nodes[n % 2]);
            tasks.push(tokio::spawn(async move {
                let mut told = Vec::new();
                for _ in 0..10 {
                    let mut order = shops;
                    if n % 2 == 0 {
                        order.reverse();
                    }
                    let entries = order.iter().map(|shop| crate::conformance::tip(&w, *shop, 1)).collect();
                    let jobs =
                        order.iter().map(|shop| shop.job(Job::Statement(shop.account), JobNext::Schedule(at(60)))).collect();
                    told.push(w.store.commit(Change { entries, jobs, ..Change::default() }).await);
                }
                told
            }));
        }
        for task in tasks {
            assert_eq!(task.await.unwrap(), vec![Ok(()); 10]);
        }
        for shop in shops {
            let balances = nodes[0].store.balances(shop.merchant).await.unwrap();
            assert!(balances.len() == 2 && balances.iter().all(|b| b.posted.abs() == 240), "{balances:?}");
        }
        nodes[0].assert_sound().await;
    });
}

#[test]
fn two_nodes_that_archive_at_once_move_each_order_once() {
    run(async {
        const ORDERS: u64 = 60;
        let nodes = two().await;
        let shop = nodes[0].shop().await;
        let mut over = Vec::new();
        for _ in 0..ORDERS {
            over.push(nodes[0].paid(shop).await);
        }
        crate::conformance::over(&nodes[0], &over.iter().collect::<Vec<_>>()).await;
        let archiving: Vec<_> = (0..8)
            .map(|n: usize| {
                let w = Arc::clone(&nodes[n % 2]);
                tokio::spawn(async move { w.store.archive(shop.merchant, at(HOUR), None, 1000).await.unwrap().moved })
            })
            .collect();
        let mut moved = 0;
        for one in archiving {
            moved += one.await.unwrap();
        }
        // What somebody was moving is passed over; it is moved by whoever comes next.
        moved += nodes[1].store.archive(shop.merchant, at(HOUR), None, 1000).await.unwrap().moved;
        assert_eq!(moved, ORDERS);
        // And both have late news of each of them, which one of the two is to tell.
        let mut told = Vec::new();
        for payment in over {
            for w in &nodes {
                let w = Arc::clone(w);
                let change = w.change(payment.clone().claim("webhook".into(), w.now()).unwrap(), PaymentWrite::Move);
                told.push(tokio::spawn(async move { w.store.commit(change).await }));
            }
        }
        let mut claimed = 0;
        for told in told {
            match told.await.unwrap() {
                Ok(()) => claimed += 1,
                other => assert_eq!(other, Err(CommitError::Stale)),
            }
        }
        assert_eq!(claimed, ORDERS);
        nodes[0].assert_sound().await;
    });
}

#[test]
fn two_nodes_claim_no_job_twice() {
    run(async {
        const JOBS: usize = 120;
        let nodes = two().await;
        let shop = nodes[0].shop().await;
        for _ in 0..JOBS {
            nodes[0].order(shop).await;
        }
        let workers: Vec<_> = (0..16)
            .map(|n| {
                let w = Arc::clone(&nodes[n % 2]);
                tokio::spawn(async move {
                    let mut claimed = Vec::new();
                    loop {
                        let some = w.store.claim_jobs(at(100), Duration::from_secs(30), 5).await.unwrap();
                        if some.is_empty() {
                            return claimed;
                        }
                        claimed.extend(some);
                    }
                })
            })
            .collect();
        let mut seen = HashSet::new();
        for worker in workers {
            for claimed in worker.await.unwrap() {
                assert_eq!(claimed.tries, 1);
                assert!(seen.insert(claimed.job), "claimed twice");
            }
        }
        // What somebody was claiming is passed over; it is claimed by whoever asks next.
        let left = nodes[1].store.claim_jobs(at(100), Duration::from_secs(30), 1000).await.unwrap();
        seen.extend(left.iter().map(|claimed| claimed.job));
        assert_eq!(seen.len(), JOBS);
    });
}
