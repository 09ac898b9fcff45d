//! Attacks on payouts, on the PSPs' statements, on exceptions and corrections, and on events that are not about orders.

use super::Scene;
use crate::builders::*;
use crate::later::*;
use ducat_domain::journal::{Account, Entry, EventRef, FiledEntry, Layer, Note, Transfer};
use ducat_domain::settlement::*;
use ducat_domain::*;
use ducat_store::*;

/// Payouts: `{yo}` planned, `{yl}` on its way, `{ya}` arrived, `{yf}` failed. An exception that is open `{xo}`, one that is closed `{xc}`.
/// A payment `{p}` (`{pa}`), a place in the statement, an entry with a note. Another merchant `{om}` with an account `{os}`, a payment
/// `{op}` and a payout `{oy}`.
async fn scene(w: World) -> Scene {
    let (shop, other) = (w.shop().await, w.shop().await);
    let (p, theirs) = (w.paid(shop).await, w.paid(other).await);
    let planned = w.payout(shop, "po_1", 100).await;
    let mut left = Vec::new();
    for psp_payout in ["po_2", "po_3"] {
        let payout = w.payout(shop, psp_payout, 100).await;
        let line = payout_line(&format!("txn_{psp_payout}"), &payout, LineKind::Payout, 0);
        left.push(w.read_payout_line(shop, payout, &line).await);
    }
    let arrived = left.pop().unwrap().arrive(arrival(eur(99), 1), w.now()).unwrap();
    let arrived = w.move_payout(arrived).await;
    let failed = w.payout(shop, "po_4", 100).await;
    let failed = w.move_payout(failed.heard(&payout_seen("po_4", 100, PayoutStatus::Failed), w.now()).unwrap().unwrap()).await;
    let their_payout = w.payout(other, "po_5", 100).await;
    let row = w.read_line(shop, &line("txn_open", LineKind::Unplaced, 700, 0)).await;
    w.place(&row).await;
    let closed = w.read_line(shop, &line("txn_closed", LineKind::Unplaced, 700, 0)).await;
    let closed = BookException {
        id: closed.exception.unwrap(),
        closed: Some(Closed { at: at(9), by: "till".into(), why: "known".into() }),
        ..w.exception(shop)
    };
    w.commit(Change { exceptions: vec![closed.clone()], ..Change::default() }).await;
    w.commit(Change { entries: vec![noted(&w, shop)], ..Change::default() }).await;

    crate::tampering::closed(&w, shop).await;
    let mut scene = Scene::of(w, shop);
    scene.name("{z}", &[0; 16]);
    scene.name("{om}", other.merchant.as_bytes());
    scene.name("{os}", other.account.as_bytes());
    scene.name("{p}", p.order.id.as_bytes());
    scene.name("{op}", theirs.order.id.as_bytes());
    scene.name("{xo}", row.exception.unwrap().as_bytes());
    scene.name("{xc}", closed.id.as_bytes());
    let payouts = [("{yo}", planned), ("{yl}", left.pop().unwrap()), ("{ya}", arrived), ("{yf}", failed), ("{oy}", their_payout)];
    payouts.iter().for_each(|(name, payout)| scene.name(name, payout.id.as_bytes()));
    scene
}

/// An entry that somebody booked by hand.
fn noted(w: &World, shop: Shop) -> FiledEntry {
    let (now, debit, credit) = (w.now(), Account::ExpensePspFee, Account::Suspense(shop.account));
    let moves = [Transfer { debit, credit, amount: eur(5), layer: Layer::Posted }];
    let id = EntryId::new(now, &w.dice);
    let entry = Entry::transfer(EventRef::Correction(id), None, now, &moves).unwrap();
    FiledEntry { id, merchant: shop.merchant, entry, note: Some(Note { by: "till".into(), why: "a fee after all".into() }) }
}

super::attacks! { scene,
    what_is_closed_stays_closed: [
        "UPDATE books SET closed = {z}",
        "UPDATE books SET closed = {z}, closing = {z}",
        "UPDATE books SET late = late - 1",
        "UPDATE books SET merchant_id = {om}",
        "DELETE FROM books",
        "UPDATE closings SET before = {n}",
        "UPDATE closings SET merchant_id = {om}",
        "UPDATE closings SET account_id = (SELECT max(account_id) FROM closings) WHERE account_id = (SELECT min(account_id) FROM closings)",
        "DELETE FROM closings",
        "DELETE FROM closings WHERE posted = 0",
    ]
    a_payout_stays_what_it_is: [
        "UPDATE payouts SET amount = 1, version = version + 1 WHERE id = {yo}",
        "UPDATE payouts SET currency = 'USD', version = version + 1 WHERE id = {yo}",
        "UPDATE payouts SET psp_payout = 'other', version = version + 1 WHERE id = {yo}",
        "UPDATE payouts SET merchant_id = {om}, version = version + 1 WHERE id = {yo}",
        "UPDATE payouts SET psp_account_id = {os}, version = version + 1 WHERE id = {yo}",
        "UPDATE payouts SET created_at = 0, version = version + 1 WHERE id = {yo}",
        "UPDATE OR REPLACE payouts SET id = {yl}, version = version + 1 WHERE id = {yo}",
        "UPDATE OR REPLACE payouts SET psp_payout = 'po_2', version = version + 1 WHERE id = {yo}",
        "DELETE FROM payouts WHERE id = {yo}",
        "DELETE FROM payouts",
        "INSERT OR REPLACE INTO payouts SELECT * FROM payouts WHERE id = {yo}",
        "INSERT INTO payouts SELECT * FROM payouts WHERE id = {yo} ON CONFLICT DO UPDATE SET amount = 1, version = version + 1",
    ]
    the_version_of_a_payout_counts_by_one_and_only_adds: [
        "UPDATE payouts SET status = 'paid' WHERE id = {yo}",
        "UPDATE payouts SET version = version + 2 WHERE id = {yo}",
        "UPDATE payouts SET version = version - 1 WHERE id = {yl}",
        "UPDATE payouts SET has_left = 0, version = version + 1 WHERE id = {yl}",
        "UPDATE payouts SET came_back = 1, version = version + 1 WHERE id = {yl};
         UPDATE payouts SET came_back = 0, version = version + 1 WHERE id = {yl}",
        "UPDATE payouts SET arrival = NULL, version = version + 1 WHERE id = {ya}",
        "UPDATE payouts SET arrival = '{}', version = version + 1 WHERE id = {ya}",
        "UPDATE payouts SET arrival = 'no json', version = version + 1 WHERE id = {yl}",
    ]
    a_payout_only_goes_forward: [
        "UPDATE payouts SET status = 'pending', version = version + 1 WHERE id = {yf}",
        "UPDATE payouts SET status = 'paid', version = version + 1 WHERE id = {yf}",
        "UPDATE payouts SET status = 'in_transit', version = version + 1 WHERE id = {yo};
         UPDATE payouts SET status = 'pending', version = version + 1 WHERE id = {yo}",
        "UPDATE payouts SET status = 'canceled', version = version + 1 WHERE id = {yo};
         UPDATE payouts SET status = 'in_transit', version = version + 1 WHERE id = {yo}",
        "UPDATE payouts SET status = 'paid', version = version + 1 WHERE id = {yo};
         UPDATE payouts SET status = 'canceled', version = version + 1 WHERE id = {yo}",
        "UPDATE payouts SET status = 'nonsense', version = version + 1 WHERE id = {yo}",
        "UPDATE payouts SET arrival = '{}', version = version + 1 WHERE id = {yo}",
    ]
    a_payout_is_known_once_at_its_psp_and_begins_at_its_beginning: [
        "INSERT INTO payouts VALUES ({n}, {m}, {s}, 'po_1', 1, 'EUR', 'pending', NULL, 0, 0, NULL, 1, 1, 1)",
        "INSERT OR REPLACE INTO payouts VALUES ({n}, {m}, {s}, 'po_1', 1, 'EUR', 'pending', NULL, 0, 0, NULL, 1, 1, 1)",
        "INSERT OR REPLACE INTO payouts VALUES ({yo}, {m}, {s}, 'po_9', 1, 'EUR', 'pending', NULL, 0, 0, NULL, 1, 1, 1)",
        "INSERT INTO payouts VALUES ({n}, {m}, {os}, 'po_9', 1, 'EUR', 'pending', NULL, 0, 0, NULL, 1, 1, 1)",
        "INSERT INTO payouts VALUES ({n}, {m}, {s}, 'po_9', 1, 'EUR', 'pending', NULL, 0, 0, NULL, 7, 1, 1)",
        "INSERT INTO payouts VALUES ({n}, {m}, {s}, 'po_9', 1, 'EUR', 'pending', NULL, 1, 0, NULL, 1, 1, 1)",
        "INSERT INTO payouts VALUES ({n}, {m}, {s}, 'po_9', 1, 'EUR', 'failed', NULL, 0, 1, NULL, 1, 1, 1)",
        "INSERT INTO payouts VALUES ({n}, {m}, {s}, 'po_9', 1, 'EUR', 'paid', NULL, 0, 0, '{}', 1, 1, 1)",
    ]
    what_a_statement_says_never_changes: [
        "UPDATE psp_lines SET amount = 0",
        "UPDATE psp_lines SET fee = 0",
        "UPDATE psp_lines SET exception_id = NULL",
        "UPDATE OR REPLACE psp_lines SET psp_line = 'txn_open'",
        "UPDATE psp_lines SET order_id = {p}",
        "DELETE FROM psp_lines",
        "DELETE FROM psp_lines WHERE psp_line = 'txn_closed'",
        "INSERT INTO psp_lines SELECT * FROM psp_lines",
        "INSERT OR REPLACE INTO psp_lines SELECT * FROM psp_lines WHERE psp_line = 'txn_open'",
        "INSERT OR REPLACE INTO psp_lines VALUES ({s}, 'txn_open', {m}, 'psp_fee', 'x', 1, 0, 'EUR', NULL, NULL, NULL, 1, 1)",
        "INSERT INTO psp_lines SELECT * FROM psp_lines WHERE true ON CONFLICT DO UPDATE SET amount = 1",
    ]
    a_line_stays_within_its_merchant: [
        "INSERT INTO psp_lines VALUES ({s}, 'x', {om}, 'psp_fee', 'x', 1, 0, 'EUR', NULL, NULL, NULL, 1, 1)",
        "INSERT INTO psp_lines VALUES ({os}, 'x', {m}, 'psp_fee', 'x', 1, 0, 'EUR', NULL, NULL, NULL, 1, 1)",
        "INSERT INTO psp_lines VALUES ({n}, 'x', {m}, 'psp_fee', 'x', 1, 0, 'EUR', NULL, NULL, NULL, 1, 1)",
        "INSERT INTO psp_lines VALUES ({s}, 'x', {m}, 'charge', 'x', 1, 0, 'EUR', {op}, NULL, NULL, 1, 1)",
        "INSERT INTO psp_lines VALUES ({s}, 'x', {m}, 'charge', 'x', 1, 0, 'EUR', {n}, NULL, NULL, 1, 1)",
        "INSERT INTO psp_lines VALUES ({s}, 'x', {m}, 'payout', 'x', 1, 0, 'EUR', NULL, {oy}, NULL, 1, 1)",
        "INSERT INTO psp_lines VALUES ({s}, 'x', {m}, 'payout', 'x', 1, 0, 'EUR', NULL, {n}, NULL, 1, 1)",
        "INSERT INTO psp_lines VALUES ({os}, 'x', {om}, 'unplaced', 'x', 1, 0, 'EUR', NULL, NULL, {xo}, 1, 1)",
        "INSERT INTO psp_lines VALUES ({s}, 'x', {m}, 'unplaced', 'x', 1, 0, 'EUR', NULL, NULL, {n}, 1, 1)",
        "INSERT INTO psp_lines VALUES ({s}, 'x', {m}, 'whatever', 'x', 1, 0, 'EUR', NULL, NULL, NULL, 1, 1)",
        "/* file */ INSERT INTO psp_lines VALUES ({s}, 'x', {m}, 'charge', 'x', 1.5, 0, 'EUR', NULL, NULL, NULL, 1, 1)",
        "INSERT INTO psp_lines VALUES ({s}, 'x', {m}, 'charge', 'x', 1, 0, 'EURO', NULL, NULL, NULL, 1, 1)",
    ]
    the_place_in_a_statement_skips_nothing: [
        "UPDATE psp_cursors SET psp_line = 'txn_of_tomorrow'",
        "UPDATE psp_cursors SET line_at = line_at + 1",
        "UPDATE psp_cursors SET psp_account_id = {os}",
        "INSERT OR REPLACE INTO psp_cursors VALUES ({s}, 'txn_of_tomorrow', 9, 9, 9)",
        "INSERT INTO psp_cursors VALUES ({os}, 'txn_open', 1795000002000000, 9, 9)",
        "INSERT INTO psp_cursors SELECT * FROM psp_cursors WHERE true ON CONFLICT DO UPDATE SET psp_line = 'x'",
    ]
    an_exception_is_closed_once_and_never_changed: [
        "UPDATE exceptions SET closed_at = 5 WHERE id = {xc}",
        "UPDATE exceptions SET why = 'otherwise' WHERE id = {xc}",
        "UPDATE exceptions SET closed_at = NULL, closed_by = NULL, why = NULL WHERE id = {xc}",
        "UPDATE exceptions SET closed_at = 5 WHERE id = {xo}",
        "UPDATE exceptions SET closed_at = 5, closed_by = 'me' WHERE id = {xo}",
        "UPDATE exceptions SET amount = 1 WHERE id = {xo}",
        "UPDATE exceptions SET currency = 'USD' WHERE id = {xo}",
        "UPDATE exceptions SET subject = 'x' WHERE id = {xo}",
        "UPDATE exceptions SET kind = 'x' WHERE id = {xo}",
        "UPDATE exceptions SET opened_at = 1 WHERE id = {xo}",
        "UPDATE exceptions SET merchant_id = {om} WHERE id = {xo}",
        "UPDATE exceptions SET psp_account_id = NULL WHERE id = {xo}",
        "UPDATE OR REPLACE exceptions SET id = {xc} WHERE id = {xo}",
        "DELETE FROM exceptions WHERE id = {xo}",
        "INSERT OR REPLACE INTO exceptions SELECT * FROM exceptions WHERE id = {xo}",
        "INSERT INTO exceptions VALUES ({n}, {m}, 'x', {os}, 'x', 1, 'EUR', 1, NULL, NULL, NULL)",
        "INSERT INTO exceptions VALUES ({n}, {om}, 'x', {s}, 'x', 1, 'EUR', 1, NULL, NULL, NULL)",
        "INSERT INTO exceptions VALUES ({n}, {m}, 'x', {s}, 'x', 1, 'EUR', 1, 2, 'me', 'because')",
        "INSERT INTO exceptions VALUES ({n}, {n}, 'x', NULL, 'x', 1, 'EUR', 1, NULL, NULL, NULL)",
    ]
    a_correction_says_who_made_it_and_why: [
        "UPDATE journal_entries SET note = NULL",
        "UPDATE journal_entries SET note = '{}' WHERE note IS NOT NULL",
        "UPDATE journal_entries SET note = '{}' WHERE note IS NULL",
        "INSERT OR REPLACE INTO journal_entries SELECT id, merchant_id, event_ref, order_id, at, NULL FROM journal_entries WHERE note IS NOT NULL",
        "/* file */ INSERT INTO postings SELECT {n}, 1, id, 0, 1 FROM accounts WHERE name LIKE 'psp:%' AND merchant_id = {m};
         INSERT INTO postings SELECT {n}, 2, id, 0, -1 FROM accounts WHERE name LIKE 'merchant:%' AND merchant_id = {m};
         INSERT INTO journal_entries VALUES ({n}, {m}, 'rev:x', NULL, 1, NULL)",
        "/* file */ INSERT INTO postings SELECT {n}, 1, id, 0, 1 FROM accounts WHERE name LIKE 'psp:%' AND merchant_id = {m};
         INSERT INTO postings SELECT {n}, 2, id, 0, -1 FROM accounts WHERE name LIKE 'merchant:%' AND merchant_id = {m};
         INSERT INTO journal_entries VALUES ({n}, {m}, 'fix:x', NULL, 1, NULL)",
        "/* file */ INSERT INTO postings SELECT {n}, 1, id, 0, 1 FROM accounts WHERE name LIKE 'psp:%' AND merchant_id = {m};
         INSERT INTO postings SELECT {n}, 2, id, 0, -1 FROM accounts WHERE name LIKE 'merchant:%' AND merchant_id = {m};
         INSERT INTO journal_entries VALUES ({n}, {m}, 'fix:x', NULL, 1, 'because')",
    ]
    an_event_of_a_payout_leaves_no_gap_and_runs_not_ahead_of_it: [
        "INSERT INTO events VALUES (NULL, {n}, {m}, {yo}, 'payout', 2, 'payout.updated', 1, '{}')",
        "INSERT INTO events VALUES (NULL, {n}, {m}, {yo}, 'payout', 1, 'payout.updated', 1, '{}')",
        "INSERT INTO events VALUES (NULL, {n}, {m}, {n}, 'payout', 1, 'payout.created', 1, '{}')",
        "INSERT INTO events VALUES (NULL, {n}, {m}, {p}, 'payout', 4, 'payout.created', 1, '{}')",
        "INSERT INTO events VALUES (NULL, {n}, {m}, {yo}, 'nonsense', 2, 'payout.created', 1, '{}')",
        "UPDATE payouts SET version = version + 1 WHERE id = {yo};
         INSERT INTO events VALUES (NULL, {n}, {om}, {yo}, 'payout', 2, 'payout.updated', 1, '{}')",
        "UPDATE payouts SET version = version + 1 WHERE id = {yo}; UPDATE payouts SET version = version + 1 WHERE id = {yo};
         INSERT INTO events VALUES (NULL, {n}, {m}, {yo}, 'payout', 3, 'payout.updated', 1, '{}')",
        "INSERT OR REPLACE INTO events SELECT position, id, merchant_id, subject_id, subject_kind, sequence, 'payment_order.failed', at, snapshot FROM events
         WHERE subject_kind = 'payout'",
        "UPDATE events SET subject_kind = 'payment_order' WHERE subject_kind = 'payout'",
        "DELETE FROM events WHERE subject_kind = 'payout'",
    ]
}
