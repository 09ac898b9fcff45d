//! Closed books: what lay on accounts is the same whether it was closed or not, whatever comes late.

use crate::builders::*;
use ducat_domain::journal::{Account, Entry, EventRef, FiledEntry, Layer, Note, Transfer};
use ducat_domain::*;
use ducat_store::*;
use futures_util::future::join_all;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

/// So late that everything is quiet by then.
const LATER: i64 = 100_000;

/// An entry of a moment, on two accounts of some, in one currency of two, or on the way of money that is only held.
fn entry(w: &World, shop: Shop, second: i64) -> FiledEntry {
    let moment = at(second).plus(Duration::from_millis(w.dice.below(1000)));
    let id = EntryId::new(moment, &w.dice);
    let credit = match w.dice.below(6) {
        0 => Account::FxClearing,
        1 => Account::IncomeGatewayFee,
        _ => Account::MerchantPayable(shop.merchant),
    };
    let currency = if w.dice.below(3) == 0 { "USD" } else { "EUR" }.parse().unwrap();
    let layer = if w.dice.below(4) == 0 { Layer::Pending } else { Layer::Posted };
    let amount = Money::new(w.dice.below(1000) as i64 + 1, currency);
    let transfers = [Transfer { debit: Account::PspReceivable(shop.account), credit, amount, layer }];
    let entry = Entry::transfer(EventRef::Correction(id), None, moment, &transfers).unwrap();
    FiledEntry { id, merchant: shop.merchant, entry, note: Some(Note { by: "till".into(), why: "left out".into() }) }
}

async fn book(w: &World, filed: &FiledEntry) {
    w.commit(Change { entries: vec![filed.clone()], ..Change::default() }).await;
}

/// The same store, which closes books every so many entries.
fn closing(w: &World, every: u32) -> Store {
    w.store.clone().with_entries_at_once(every)
}

/// Closes as much as can be, and says how often.
pub async fn close(store: &Store, merchant: MerchantId, quiet_since: Timestamp) -> usize {
    let (mut closed, still) = (0, patience("the transactions of others are over"));
    loop {
        match store.close_books(merchant, quiet_since).await {
            Ok(true) => closed += 1,
            Ok(false) => return closed,
            Err(CommitError::Busy) => still(),
            Err(e) => panic!("{e}"),
        }
    }
}

type Lay = BTreeMap<(String, Currency), (i64, i64)>;

/// What lay on accounts, by the entries that were booked.
fn lay_by(all: &[FiledEntry], moment: Timestamp) -> Lay {
    let last = EntryId::first_at(moment.plus(Duration::from_millis(1)));
    let mut lay = Lay::new();
    for posting in all.iter().filter(|filed| filed.id < last).flat_map(|filed| filed.entry.postings()) {
        let (posted, pending) = lay.entry((posting.account.to_string(), posting.amount.currency)).or_insert((0, 0));
        *if posting.layer == Layer::Posted { posted } else { pending } += posting.amount.minor;
    }
    lay
}

async fn lay(store: &Store, merchant: MerchantId, moment: Timestamp) -> Lay {
    let found = store.balances_at(merchant, moment).await.unwrap();
    found.into_iter().map(|b| ((b.account, b.currency), (b.posted, b.pending))).collect()
}

/// The books are sound, and what lay on accounts in each second is what the entries say, in whatever parts it is added up.
async fn assert_agrees(w: &World, merchant: MerchantId, all: &[FiledEntry], seconds: i64) {
    w.assert_sound().await;
    for second in 0..=seconds {
        for (at_once, balances) in [(0, Balances::Kept), (2, Balances::Kept), (3, Balances::Summed), (1000, Balances::Kept)] {
            let store = w.store.clone().with_entries_at_once(at_once).with_balances(balances);
            assert_eq!(lay(&store, merchant, at(second)).await, lay_by(all, at(second)), "at {second}, {at_once} at once");
            let before = lay_by(all, at(second).minus(Duration::from_millis(1)));
            for (account, currency) in lay_by(all, at(seconds)).into_keys() {
                let posted = before.get(&(account.clone(), currency)).map_or(0, |lay| lay.0);
                let ask = StatementAsk { account, currency, from: Some(at(second)), to: None, after: None };
                assert_eq!(store.statement(merchant, ask, 1).await.unwrap().unwrap().opening, posted, "at {second}, {at_once} at once");
            }
        }
    }
}

pub async fn books_are_closed_every_so_many_entries_and_no_sooner_than_it_is_quiet(w: World) {
    let shop = w.shop().await;
    let store = closing(&w, 10);
    assert_eq!(close(&store, shop.merchant, at(LATER)).await, 0, "nothing was booked");
    let mut all = Vec::new();
    for second in 0..35 {
        all.push(entry(&w, shop, second));
        book(&w, &all[second as usize]).await;
    }
    let untouched = store.books(shop.merchant).await.unwrap();
    assert_eq!(close(&store, shop.merchant, at(10)).await, 0, "the eleventh entry is not quiet");
    assert_eq!(store.books(shop.merchant).await.unwrap(), untouched);
    assert_eq!(close(&store, shop.merchant, at(12)).await, 1);
    assert_eq!(store.books(shop.merchant).await.unwrap(), Books { closed: all[10].id, closing: all[10].id, late: 0 });
    assert_eq!(close(&store, shop.merchant, at(LATER)).await, 2);
    assert_eq!(store.books(shop.merchant).await.unwrap().closed, all[30].id, "five are left");
    assert_agrees(&w, shop.merchant, &all, 36).await;
    let other = w.shop().await;
    assert_eq!(store.books(other.merchant).await.unwrap(), untouched, "everybody has books of their own");
}

pub async fn whatever_comes_late_is_part_of_what_lay_there(w: World) {
    let step = prop_oneof![(0i64..40).prop_map(Some), Just(None)];
    for_all(6, &(prop::collection::vec(step, 20..60), 1u32..8), |(steps, every)| {
        wait(async {
            let shop = w.shop().await;
            let mut all = Vec::new();
            for step in steps {
                match step {
                    Some(second) => {
                        let filed = entry(&w, shop, second);
                        book(&w, &filed).await;
                        all.push(filed);
                    }
                    None => drop(close(&closing(&w, every), shop.merchant, at(LATER)).await),
                }
            }
            close(&closing(&w, every), shop.merchant, at(LATER)).await;
            let is_closed = w.store.books(shop.merchant).await.unwrap().closed > EntryId::first_at(at(0));
            assert!(is_closed || all.len() <= every as usize, "{} entries", all.len());
            assert_agrees(&w, shop.merchant, &all, 41).await;
        });
        Ok(())
    });
}

pub async fn what_comes_while_books_are_being_closed_has_them_closed_anew(w: World) {
    let shop = w.shop().await;
    let mut all: Vec<FiledEntry> = (0..9).map(|second| entry(&w, shop, second)).collect();
    for filed in &all {
        book(&w, filed).await;
    }
    let write = |found, step| BooksWrite { merchant: shop.merchant, found, step };
    let commit = |books| w.store.commit(Change { books: Some(books), ..Change::default() });
    let end = all[6].id;
    let open = w.store.books(shop.merchant).await.unwrap();
    commit(write(open, BooksStep::Begin(end))).await.unwrap();
    assert!(matches!(commit(write(open, BooksStep::Begin(end))).await, Err(CommitError::Stale)), "that was begun");
    let begun = w.store.books(shop.merchant).await.unwrap();
    assert_eq!((begun.closing, begun.late), (end, 0));
    let added_up = w.store.balances_at(shop.merchant, at(5).plus(Duration::from_millis(999))).await.unwrap();
    for (second, late) in [(7, 0), (2, 1), (0, 2)] {
        all.push(entry(&w, shop, second));
        book(&w, &all[all.len() - 1]).await;
        assert_eq!(w.store.books(shop.merchant).await.unwrap().late, late);
    }
    let closed = commit(write(begun, BooksStep::Close(added_up))).await;
    assert!(matches!(closed, Err(CommitError::Stale)), "{closed:?}");
    assert_agrees(&w, shop.merchant, &all, 10).await;
    assert_eq!(close(&closing(&w, 1000), shop.merchant, at(0)).await, 1, "whoever comes next goes on with what was begun");
    assert_eq!(w.store.books(shop.merchant).await.unwrap(), Books { closed: end, closing: end, late: 2 });
    assert_agrees(&w, shop.merchant, &all, 10).await;
}

pub async fn many_close_books_and_book_at_once(w: World) {
    let shop = w.shop().await;
    let all: Vec<FiledEntry> = (0..120).map(|number| entry(&w, shop, number / 4)).collect();
    let booked = join_all(all.chunks(20).enumerate().map(|(writer, entries)| {
        let (w, store) = (&w, closing(&w, 5));
        async move {
            for filed in entries {
                book(w, filed).await;
                if writer % 2 == 0 {
                    // Whoever is in the way of another is told so, and comes again.
                    let told = store.close_books(shop.merchant, at(LATER)).await;
                    assert!(matches!(told, Ok(_) | Err(CommitError::Busy)), "{told:?}");
                }
            }
        }
    }));
    booked.await;
    let store = closing(&w, 5);
    close(&store, shop.merchant, at(LATER)).await;
    let books = store.books(shop.merchant).await.unwrap();
    assert!(books.closed == books.closing && books.closed > all[20].id, "{books:?}");
    assert_agrees(&w, shop.merchant, &all, 31).await;
}
