//! What is closed is what sums begin with, and it is closed beside transactions that are still under way.

use crate::builders::*;
use crate::conformance::close;
use crate::intruder::{Intruder, blob};
use ducat_domain::EntryId;
use ducat_store::*;
use std::time::Duration;

/// Books the first entry once more, as a correction of it, and leaves the transaction open.
const BOOK: &str = "BEGIN;
    WITH first AS (SELECT * FROM journal_entries ORDER BY id LIMIT 1),
      entry AS (INSERT INTO journal_entries (id, merchant_id, event_ref, at, note)
        SELECT ID, merchant_id, 'fix:' || shown('je', id), at, '{\"by\": \"till\", \"why\": \"left out\"}' FROM first)
    INSERT INTO postings (merchant_id, entry_id, line, account_id, layer, amount)
    SELECT p.merchant_id, ID, p.line, p.account_id, p.layer, p.amount FROM first f JOIN postings p ON p.entry_id = f.id;
    UPDATE balances b SET amount = b.amount + p.amount
    FROM (SELECT id FROM journal_entries ORDER BY at, id LIMIT 1) f JOIN postings p ON p.entry_id = f.id
    WHERE b.account_id = p.account_id AND b.layer = p.layer";

/// A shop on a server with four paid orders, its store, which closes books every two entries, and what books once more, before all of them.
async fn four_paid() -> (World, Shop, Store, String) {
    let w = World::postgres(Statements::Kept).await;
    let shop = w.shop().await;
    let id = blob(EntryId::new(w.now(), &w.dice).as_bytes()).replace("x'", "'");
    for _ in 0..4 {
        w.paid(shop).await;
    }
    let store = w.store.clone().with_entries_at_once(2);
    (w, shop, store, BOOK.replace("ID", &format!("CAST({id} AS uuid)")))
}

/// Waits until somebody waits for what another one has in hand.
async fn until_somebody_waits(w: &World) {
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let still = patience("somebody waits for the books");
    while w.raw().await.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        still();
    }
}

/// What was closed is added to, and so is every sum of a later moment: nothing before is added up.
async fn assert_sums_begin_with_what_was_closed(w: World, add: impl AsyncFn(&World, &str)) {
    let shop = w.shop().await;
    for _ in 0..4 {
        w.paid(shop).await;
    }
    let store = w.store.clone().with_entries_at_once(2).with_balances(Balances::Summed);
    let later = w.now().plus(Duration::from_secs(60));
    assert!(close(&store, shop.merchant, later).await > 0);
    let lay = async |store: &Store| {
        let lay = store.balances_at(shop.merchant, later).await.unwrap();
        let mut all = Vec::new();
        for lay in lay {
            let ask = StatementAsk { account: lay.account, currency: lay.currency, from: Some(later), to: None, after: None };
            all.push((lay.posted, store.statement(shop.merchant, ask, 1).await.unwrap().unwrap().opening));
        }
        all
    };
    let before = lay(&store).await;
    add(&w, "UPDATE closings SET posted = posted + 7").await;
    let after: Vec<(i64, i64)> = before.iter().map(|(posted, opening)| (posted + 7, opening + 7)).collect();
    assert_eq!((lay(&store).await, before.len()), (after, 2));
}

#[test]
fn sums_begin_with_what_was_closed() {
    run(async {
        let file = World::sqlite(WriterMode::Thread);
        assert_sums_begin_with_what_was_closed(file, async |w: &World, sql: &str| {
            Intruder::into(w).0.execute_batch(sql).unwrap()
        })
        .await;
        let server = World::postgres(Statements::Kept).await;
        assert_sums_begin_with_what_was_closed(server, async |w: &World, sql: &str| {
            w.raw().await.batch_execute(sql).await.unwrap()
        })
        .await;
    });
}

#[test]
fn books_are_not_closed_over_an_entry_that_is_still_on_its_way() {
    run(async {
        let (w, shop, store, book) = four_paid().await;
        let later = w.now().plus(Duration::from_secs(60));
        let somebody = connect(&w.url).await;
        somebody.batch_execute(&book).await.unwrap();
        let told = store.close_books(shop.merchant, later).await;
        assert!(matches!(told, Err(CommitError::Busy)), "an entry before the end is on its way: {told:?}");
        let begun = store.books(shop.merchant).await.unwrap();
        assert!(begun.closing > begun.closed, "{begun:?}");
        somebody.batch_execute("COMMIT").await.unwrap();
        assert_eq!(close(&store, shop.merchant, later).await, 1);
        let closed = Books { closed: begun.closing, closing: begun.closing, late: 0 };
        assert_eq!(store.books(shop.merchant).await.unwrap(), closed, "it came in time");
        w.assert_sound().await;
    });
}

/// Whoever closes books has written down up to where, and not committed it yet, when the other one books: it does not see that it comes late.
#[test]
fn books_are_not_closed_over_an_entry_that_was_begun_after_whoever_closes_them_and_before_that_was_to_be_seen() {
    run(async {
        let (w, shop, store, book) = four_paid().await;
        let later = w.now().plus(Duration::from_secs(60));
        let holding = connect(&w.url).await;
        let nothing = "'00000000-0000-0000-0000-000000000000'";
        let hold = format!("BEGIN; INSERT INTO books SELECT id, {nothing}, {nothing}, 0 FROM merchants");
        holding.batch_execute(&hold).await.unwrap();
        let somebody = connect(&w.url).await;
        let (told, ()) = tokio::join!(store.close_books(shop.merchant, later), async {
            until_somebody_waits(&w).await;
            somebody.batch_execute(&book).await.unwrap();
            holding.batch_execute("ROLLBACK").await.unwrap();
        });
        assert!(matches!(told, Err(CommitError::Busy)), "an entry before the end is on its way: {told:?}");
        somebody.batch_execute("COMMIT").await.unwrap();
        assert_eq!(close(&store, shop.merchant, later).await, 1);
        w.assert_sound().await;
    });
}

#[test]
fn whoever_books_late_waits_for_who_closes_the_books_and_is_part_of_them() {
    run(async {
        let (w, shop, store, book) = four_paid().await;
        let late = book + "; COMMIT";
        // Somebody has the books in hand, as one does who closes them.
        let closing = connect(&w.url).await;
        assert!(close(&store, shop.merchant, w.now().plus(Duration::from_secs(60))).await > 0);
        closing.batch_execute("BEGIN; SELECT late FROM books FOR NO KEY UPDATE").await.unwrap();
        let somebody = connect(&w.url).await;
        let (books, commit) = (somebody.batch_execute(&late), async {
            until_somebody_waits(&w).await;
            closing.batch_execute("COMMIT").await
        });
        let (booked, committed) = tokio::join!(books, commit);
        booked.and(committed).unwrap();
        assert_eq!(store.books(shop.merchant).await.unwrap().late, 1);
        w.assert_sound().await;
    });
}
