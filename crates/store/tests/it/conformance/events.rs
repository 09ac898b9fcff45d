//! The log of events, read on from a cursor.

use crate::builders::*;
use crate::later::*;
use ducat_domain::payments::*;
use ducat_domain::settlement::LineKind;
use ducat_domain::*;
use ducat_store::*;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

async fn page(w: &World, shop: Shop, cursor: EventCursor, limit: u32) -> Page<EventRow> {
    w.caught_up().await;
    now(w, shop, cursor, limit).await
}

/// What a reader is given who does not wait for what is still under way.
async fn now(w: &World, shop: Shop, cursor: EventCursor, limit: u32) -> Page<EventRow> {
    w.store.events(shop.merchant, cursor, Vec::new(), limit).await.unwrap().unwrap()
}

pub async fn a_cursor_reads_on_in_the_order_of_commits(w: World) {
    let shop = w.shop().await;
    let (one, other) = (w.order(shop).await, w.order(shop).await);
    // The clock goes backwards: the order of the commits counts, not the ids.
    let moved = other.clone().observe(&seen(&other, Observed::Open), at(-500), at(9)).unwrap().unwrap();
    w.settle(moved).await;
    w.see(one.clone(), Observed::Open).await;
    let all = page(&w, shop, EventCursor::Start, 10).await;
    let told: Vec<_> = all.data.iter().map(|e| (e.subject, e.sequence)).collect();
    let (one, other) = (one.order.id, other.order.id);
    assert_eq!(
        (told, all.has_more),
        ([(one, 1), (other, 1), (other, 2), (one, 2)].map(|(id, n)| (Subject::PaymentOrder(id), n)).to_vec(), false)
    );
    let mut read = Vec::new();
    let mut cursor = EventCursor::Start;
    loop {
        let next = page(&w, shop, cursor, 1).await;
        assert_eq!(next.has_more, read.len() < 3);
        let Some(event) = next.data.into_iter().next() else { break };
        cursor = EventCursor::After(event.id);
        read.push(event);
    }
    assert_eq!(read, all.data);
}

pub async fn an_unknown_cursor_is_told(w: World) {
    let shop = w.shop().await;
    w.order(shop).await;
    let unknown = EventCursor::After(EventId::new(w.now(), &w.dice));
    assert_eq!(w.store.events(shop.merchant, unknown, Vec::new(), 10).await.unwrap(), None);
}

pub async fn the_cursor_of_another_merchant_is_unknown(w: World) {
    let (shop, other) = (w.shop().await, w.shop().await);
    w.order(shop).await;
    w.order(other).await;
    let theirs = page(&w, other, EventCursor::Start, 1).await.data[0].id;
    w.caught_up().await;
    let found = w.store.events(shop.merchant, EventCursor::After(theirs), Vec::new(), 10).await.unwrap();
    assert_eq!(found, None);
    assert_eq!(w.store.event(shop.merchant, theirs).await.unwrap(), None);
}

pub async fn kinds_filter_and_do_not_hide_what_follows(w: World) {
    let shop = w.shop().await;
    for _ in 0..5 {
        w.paid(shop).await;
    }
    let kinds = vec!["payment_order.succeeded".to_owned(), "payment_order.created".to_owned(), "no.such.kind".to_owned()];
    let (mut cursor, mut read) = (EventCursor::Start, Vec::new());
    w.caught_up().await;
    loop {
        let page = w.store.events(shop.merchant, cursor, kinds.clone(), 3).await.unwrap().unwrap();
        read.extend(page.data);
        if !page.has_more {
            break;
        }
        cursor = EventCursor::After(read.last().unwrap().id);
    }
    let kinds: Vec<EventKind> = read.iter().map(|e| e.kind).collect();
    assert_eq!(kinds, [EventKind::Created, EventKind::Succeeded].repeat(5));
    // A cursor that the filter leaves out is a cursor all the same.
    let pending = w.store.events_of(shop.merchant, read[0].subject).await.unwrap()[1].clone();
    let found = w.store.events(shop.merchant, EventCursor::After(pending.id), vec!["payment_order.pending".into()], 10).await;
    assert_eq!(found.unwrap().unwrap().data.len(), 4);
}

/// What no event is called is the kind of none. Kinds that few payments bring are found by a way of their own. Whoever asks for some of them gets what a walk over everything would have
/// given them.
pub async fn kinds_that_are_rare_are_read_as_by_a_walk(w: World) {
    let (shop, other) = (w.shop().await, w.shop().await);
    for round in 0..6 {
        let paid = w.paid(if round % 3 == 2 { other } else { shop }).await;
        w.refunded(paid, 100).await;
        let held = w.held(shop).await;
        w.see(held, Observed::Canceled).await;
        let refused = w.order(shop).await.registration_refused(Decline::of(DeclineCode::GenericDecline), w.now());
        w.settle(refused.unwrap()).await;
        w.payout(shop, &format!("po_{round}"), 900).await;
    }
    let all = page(&w, shop, EventCursor::Start, 1000).await.data;
    let newest_first: Vec<EventRow> = all.iter().rev().cloned().collect();
    use EventKind as K;
    for kinds in [
        vec![K::RefundSucceeded],
        vec![K::Canceled, K::Failed, K::Canceled],
        vec![K::RefundCreated, K::Authorized, K::PayoutCreated, K::Failed, K::DisputeWon],
        vec![K::Failed, K::Succeeded],
        vec![K::DisputeLost],
    ] {
        let asked: Vec<String> = kinds.iter().map(|kind| kind.as_str().to_owned()).collect();
        let wanted = |rows: &[EventRow]| rows.iter().filter(|event| kinds.contains(&event.kind)).cloned().collect::<Vec<_>>();
        for limit in [1, 4, 100] {
            let most = limit as usize;
            let (mut cursor, mut read) = (EventCursor::Start, Vec::new());
            loop {
                let page = w.store.events(shop.merchant, cursor, asked.clone(), limit).await.unwrap().unwrap();
                read.extend(page.data);
                assert_eq!(page.has_more, read.len() < wanted(&all).len(), "{kinds:?} by {limit}");
                if !page.has_more {
                    break;
                }
                cursor = EventCursor::After(read.last().unwrap().id);
            }
            assert_eq!(read, wanted(&all), "{kinds:?} by {limit}");
            let end = w.store.events(shop.merchant, EventCursor::Newest, asked.clone(), limit).await.unwrap().unwrap();
            let last = wanted(&newest_first);
            assert_eq!((&end.data[..], end.has_more), (&last[..most.min(last.len())], last.len() > most), "{kinds:?} by {limit}");
        }
    }
    let nothing = w.store.events(shop.merchant, EventCursor::Start, vec!["no.such.kind".into()], 9).await.unwrap().unwrap();
    assert_eq!(nothing, Page { data: Vec::new(), has_more: false });
}

pub async fn a_reader_sees_every_event_once_while_writers_write(w: World) {
    const WRITERS: usize = 8;
    const ORDERS: usize = 25;
    let shops = [w.shop().await, w.shop().await];
    let (w, done) = (Arc::new(w), Arc::new(AtomicUsize::new(0)));
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let (w, done) = (Arc::clone(&w), Arc::clone(&done));
        writers.push(tokio::spawn(async move {
            for order in 0..ORDERS {
                w.paid(shops[(writer + order) % 2]).await;
            }
            done.fetch_add(1, Ordering::SeqCst);
        }));
    }
    let (mut read, mut cursor): (Vec<EventRow>, _) = (Vec::new(), EventCursor::Start);
    loop {
        let finished = done.load(Ordering::SeqCst) == WRITERS;
        if finished {
            w.caught_up().await;
        } else if writers.iter().all(|writer| writer.is_finished()) {
            break;
        }
        let page = now(&w, shops[0], cursor, 17).await;
        if let Some(last) = page.data.last() {
            cursor = EventCursor::After(last.id);
        }
        let end = page.data.is_empty();
        read.extend(page.data);
        if finished && end {
            break;
        }
        tokio::task::yield_now().await;
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let ids: HashSet<EventId> = read.iter().map(|e| e.id).collect();
    assert_eq!((ids.len(), read.len()), (WRITERS * ORDERS / 2 * 3, WRITERS * ORDERS / 2 * 3));
    let mut last = std::collections::HashMap::new();
    for event in &read {
        let before = last.insert(event.subject, event.sequence).unwrap_or(0);
        assert_eq!(event.sequence, before + 1, "the events of an order come in their order");
    }
    let again = page(&w, shops[0], EventCursor::Start, 10_000).await.data;
    assert_eq!(again, read, "who reads later reads the same");
}

pub async fn events_of_all_subjects_stand_in_one_order(w: World) {
    let (shop, other) = (w.shop().await, w.shop().await);
    let order = w.order(shop).await;
    let payout = w.payout(shop, "po_1", 900).await;
    let theirs = w.payout(other, "po_1", 900).await;
    let order = w.see(order, Observed::Open).await;
    let line = payout_line("txn_1", &payout, LineKind::Payout, 0);
    let payout = w.read_payout_line(shop, payout, &line).await;
    let all = page(&w, shop, EventCursor::Start, 10).await.data;
    let (order, payout) = (Subject::PaymentOrder(order.order.id), Subject::Payout(payout.id));
    let told: Vec<_> = all.iter().map(|e| (e.subject, e.sequence)).collect();
    assert_eq!(told, [(order, 1), (payout, 1), (order, 2), (payout, 2)]);
    for (subject, wanted) in [(order, [0, 2]), (payout, [1, 3])] {
        assert_eq!(w.store.events_of(shop.merchant, subject).await.unwrap(), wanted.map(|i| all[i].clone()));
    }
    assert_eq!(w.store.events_of(other.merchant, Subject::Payout(theirs.id)).await.unwrap().len(), 1);
    assert_eq!(w.store.event(shop.merchant, all[1].id).await.unwrap(), Some(all[1].clone()));
    let kinds = vec![EventKind::PayoutUpdated.as_str().to_owned(), EventKind::Created.as_str().to_owned()];
    let some = w.store.events(shop.merchant, EventCursor::Start, kinds, 10).await.unwrap().unwrap().data;
    assert_eq!(some, [0, 3].map(|i| all[i].clone()));
    // The newest first, to find the end of the log.
    let newest = page(&w, shop, EventCursor::Newest, 3).await;
    assert_eq!((newest.data, newest.has_more), ([3, 2, 1].map(|i| all[i].clone()).to_vec(), true));
}
