//! Payouts, the PSPs' statements and the places in them, exceptions, notes of corrections.

use super::parts::{expected, page_anchor};
use crate::builders::*;
use crate::later::*;
use ducat_domain::journal::{Account, Entry, EventRef, FiledEntry, Layer, Note, Transfer};
use ducat_domain::settlement::*;
use ducat_domain::*;
use ducat_store::*;
use proptest::prelude::*;

async fn refusal(w: &World, change: Change) -> CommitError {
    w.store.commit(change).await.expect_err("the store let this pass")
}

pub async fn a_payout_comes_back_as_it_was_written_and_moves_from_the_version_that_was_read(w: World) {
    let shop = w.shop().await;
    let planned = w.payout(shop, "po_1", 900).await;
    assert_eq!(w.store.payout(shop.merchant, planned.id).await.unwrap(), Some(planned.clone()));
    assert_eq!(w.store.payout_by_psp(shop.merchant, shop.account, "po_1").await.unwrap(), Some(planned.clone()));
    let sent = planned.clone().heard(&payout_seen("po_1", 900, PayoutStatus::InTransit), w.now()).unwrap().unwrap();
    let sent = w.move_payout(sent).await;
    // Somebody else decided on the same reading.
    let late = planned.heard(&payout_seen("po_1", 900, PayoutStatus::Failed), w.now()).unwrap().unwrap();
    assert_eq!(refusal(&w, w.payout_change(late)).await, CommitError::Stale);
    let left = w.read_payout_line(shop, sent.clone(), &payout_line("txn_1", &sent, LineKind::Payout, 3)).await;
    let arrived = w.move_payout(left.arrive(arrival(eur(890), 10), w.now()).unwrap()).await;
    assert_eq!(w.store.payout(shop.merchant, arrived.id).await.unwrap(), Some(arrived.clone()));
    let line = payout_line("txn_2", &arrived, LineKind::PayoutReturned, 0);
    let back = w.read_payout_line(shop, arrived, &line).await;
    assert_eq!(w.store.payout(shop.merchant, back.id).await.unwrap(), Some(back.clone()));
    assert_eq!((back.left, back.came_back, back.arrival.is_some(), back.version), (true, true, true, 5));
    let kinds: Vec<_> =
        w.store.events_of(shop.merchant, Subject::Payout(back.id)).await.unwrap().iter().map(|e| e.kind).collect();
    use EventKind::*;
    assert_eq!(kinds, [PayoutCreated, PayoutUpdated, PayoutUpdated, PayoutArrived, PayoutFailed]);
    w.assert_sound().await;
}

pub async fn a_payout_is_known_once_at_its_psp_account(w: World) {
    let (shop, other) = (w.shop().await, w.shop().await);
    w.payout(shop, "po_1", 900).await;
    let again = w.begun(shop, "po_1", 900);
    assert_eq!(refusal(&w, w.payout_change(again)).await, CommitError::Taken(Unique::Part));
    w.payout(other, "po_1", 900).await;
    let crossed = w.begun(Shop { account: other.account, ..shop }, "po_2", 900);
    assert!(matches!(refusal(&w, w.payout_change(crossed)).await, CommitError::Refused(_)));
    assert_eq!(w.store.payout_by_psp(shop.merchant, shop.account, "po_2").await.unwrap(), None);
    w.assert_sound().await;
}

pub async fn a_line_is_read_once_per_account(w: World) {
    let (shop, other) = (w.shop().await, w.shop().await);
    let fee = line("txn_1", LineKind::PspFee, -30, 0);
    let row = w.read_line(shop, &fee).await;
    let again = Change { psp_lines: vec![PspLineRow { read_at: w.now(), ..row.clone() }], ..Change::default() };
    assert_eq!(refusal(&w, again).await, CommitError::Taken(Unique::PspLine));
    w.read_line(other, &fee).await;
    w.read_line(shop, &line("txn_2", LineKind::Reserve, -30, 0)).await;
    let asked = ["txn_2", "txn_3", "txn_1"].map(str::to_owned).to_vec();
    assert_eq!(w.store.known_psp_lines(shop.merchant, shop.account, asked.clone()).await.unwrap(), ["txn_2", "txn_1"]);
    assert_eq!(w.store.known_psp_lines(other.merchant, other.account, asked).await.unwrap(), ["txn_1"]);
    // What a line names is of its own merchant.
    let order = Some(w.order(other).await.order.id);
    let stray = PspLineRow { psp_line: "txn_9".into(), order, ..row };
    assert!(matches!(refusal(&w, Change { psp_lines: vec![stray], ..Change::default() }).await, CommitError::Refused(_)));
    w.assert_sound().await;
}

pub async fn a_change_whose_line_is_known_books_nothing(w: World) {
    let shop = w.shop().await;
    let row = w.read_line(shop, &line("txn_1", LineKind::PspFee, -30, 0)).await;
    let payout = w.payout(shop, "po_1", 900).await;
    let mut change = w.payout_change(payout.clone().leave(w.now()).unwrap());
    change.psp_lines = vec![row];
    assert_eq!(refusal(&w, change).await, CommitError::Taken(Unique::PspLine));
    assert_eq!(w.store.payout(shop.merchant, payout.id).await.unwrap(), Some(payout));
    w.assert_sound().await;
}

pub async fn the_place_in_a_statement_moves_to_lines_that_were_read(w: World) {
    let shop = w.shop().await;
    assert_eq!(w.store.psp_cursor(shop.merchant, shop.account).await.unwrap(), None);
    let first = w.read_line(shop, &line("txn_1", LineKind::PspFee, -30, 0)).await;
    let second = w.read_line(shop, &line("txn_2", LineKind::PspFee, -30, 0)).await;
    for row in [&first, &second] {
        let cursor = w.place(row).await;
        assert_eq!(w.store.psp_cursor(shop.merchant, shop.account).await.unwrap(), Some(cursor));
    }
    let kept = w.store.psp_cursor(shop.merchant, shop.account).await.unwrap().unwrap();
    let ahead = PspCursor { psp_line: "txn_3".into(), ..kept.clone() };
    assert!(matches!(
        refusal(&w, Change { psp_cursor: Some((shop.merchant, ahead)), ..Change::default() }).await,
        CommitError::Refused(_)
    ));
    assert_eq!(w.store.psp_cursor(shop.merchant, shop.account).await.unwrap(), Some(kept));
}

pub async fn an_exception_comes_back_and_is_closed_once(w: World) {
    let shop = w.shop().await;
    let open = BookException { psp_account: None, kind: "short_payment".into(), ..w.exception(shop) };
    w.commit(Change { exceptions: vec![open.clone()], ..Change::default() }).await;
    assert_eq!(w.store.exception(shop.merchant, open.id).await.unwrap(), Some(open.clone()));
    let close =
        |why: &str| BookException { closed: Some(Closed { at: at(9), by: "till".into(), why: why.into() }), ..open.clone() };
    w.commit(Change { exceptions: vec![close("it came later")], ..Change::default() }).await;
    let again = Change { exceptions: vec![close("no")], ..Change::default() };
    assert_eq!(refusal(&w, again).await, CommitError::Stale);
    assert_eq!(w.store.exception(shop.merchant, open.id).await.unwrap(), Some(close("it came later")));
    w.assert_sound().await;
}

pub async fn a_note_comes_back_with_its_entry(w: World) {
    let shop = w.shop().await;
    let paid = w.paid(shop).await;
    let now = w.now();
    let (debit, credit) = (Account::ExpenseBankFee, Account::Suspense(shop.account));
    let id = EntryId::new(now, &w.dice);
    let moves = [Transfer { debit, credit, amount: eur(5), layer: Layer::Posted }];
    let entry = Entry::transfer(EventRef::Correction(id), Some(paid.order.id), now, &moves).unwrap();
    let note = Some(Note { by: "till".into(), why: "\"5\" – a fee".into() });
    let filed = FiledEntry { id, merchant: shop.merchant, entry, note: note.clone() };
    let unsigned = FiledEntry { note: None, ..filed.clone() };
    assert!(matches!(refusal(&w, Change { entries: vec![unsigned], ..Change::default() }).await, CommitError::Refused(_)));
    w.commit(Change { entries: vec![filed], ..Change::default() }).await;
    let notes: Vec<_> = w.store.entries_of(shop.merchant, paid.order.id).await.unwrap().into_iter().map(|e| e.note).collect();
    assert_eq!(notes, [None, note]);
}

pub async fn pages_of_payouts_and_exceptions_agree_with_a_model(w: World) {
    let shops = [w.shop().await, w.shop().await];
    let (mut payouts, mut exceptions) = (Vec::new(), Vec::new());
    for number in 0..20 {
        let shop = shops[usize::from(number % 3 == 0)];
        let mut payout = w.payout(shop, &format!("po_{number}"), 100).await;
        if number % 2 == 0 {
            let word = payout_seen(&payout.psp_payout, 100, PayoutStatus::Paid);
            payout = w.move_payout(payout.heard(&word, w.now()).unwrap().unwrap()).await;
        }
        payouts.push(payout);
        let exception = BookException { kind: "short_payment".into(), ..w.exception(shop) };
        w.commit(Change { exceptions: vec![exception.clone()], ..Change::default() }).await;
        exceptions.push(exception);
    }
    let anchor = proptest::option::of((0usize..20, any::<bool>()));
    let check = |(shop, paid, anchor, limit): (usize, Option<bool>, Option<(usize, bool)>, u32)| {
        let merchant = shops[shop].merchant;
        let status = paid.map(|paid| if paid { "paid" } else { "pending" });
        let mine = payouts.iter().filter(|p| p.merchant == merchant && status.is_none_or(|s| s == p.status.as_str()));
        let at = anchor.map(|(i, newer)| (payouts[i].id, newer));
        let filter = PartFilter { order: None, status };
        let page = wait(w.store.payouts(merchant, filter, page_anchor(at), limit)).unwrap();
        prop_assert_eq!(page, expected(mine.cloned().collect(), |p| p.id, at, limit));
        let mine = exceptions.iter().filter(|e| e.merchant == merchant);
        let at = anchor.map(|(i, newer)| (exceptions[i].id, newer));
        let page = wait(w.store.exceptions(merchant, page_anchor(at), limit)).unwrap();
        prop_assert_eq!(page, expected(mine.cloned().collect(), |e| e.id, at, limit));
        Ok(())
    };
    for_all(200, &(0usize..2, proptest::option::of(any::<bool>()), anchor, 0u32..9), check);
}
