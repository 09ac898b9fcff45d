//! What `verify` finds once the guards are gone: each invariant is broken by hand, and must be named.

use crate::attacks::FILE;
use crate::builders::*;
use crate::conformance::{archive, close, over, tip};
use crate::intruder::{Intruder, blob};
use crate::later::*;
use crate::on_server::OnServer;
use ducat_domain::journal::{Entry, EventRef, FiledEntry};
use ducat_domain::payments::*;
use ducat_domain::settlement::{LineKind, StatementLine};
use ducat_domain::*;
use ducat_store::*;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Two shops; in the first a paid order with a fee, one that waits, one that is held and is being captured, and everything that comes
/// after the sale.
async fn scene() -> World {
    scene_in(World::sqlite(WriterMode::Caller)).await
}

async fn scene_in(w: World) -> World {
    let shop = w.shop().await;
    w.shop().await;
    sold(&w, shop).await;
    archived(&w, shop).await;
    paid_out(&w, shop).await;
    closed(&w, shop).await;
    w.assert_sound().await;
    w
}

/// A paid order with a fee and what was given back of it, one that waits, one that was called off, one that is held and is being captured.
pub async fn sold(w: &World, shop: Shop) {
    let open = w.see(w.order(shop).await, Observed::Open).await;
    let fee = Fee { psp_line: "txn_1".into(), amount: eur(30) };
    let paid = w.see_all(open, Observed::Captured(eur(4999)), vec![fee]).await;
    w.see(w.order(shop).await, Observed::Open).await;
    w.see(w.held(shop).await, Observed::Canceled).await;
    let (held, capture) = w.capturing(w.held(shop).await, 1000, false).await;
    let (held, _) = w.see_capture(held, capture, Observed::Held { authorized: eur(4999), captured: eur(1000) }).await;
    w.capturing(held, 500, false).await;
    given_back(w, shop, paid).await;
}

/// An order that is over, some of its money given back, and in the archive.
pub async fn archived(w: &World, shop: Shop) {
    let (gone, _) = w.refunded(w.paid(shop).await, 700).await;
    over(w, &[&gone]).await;
    assert_eq!(archive(w, shop).await, 1);
}

/// Books that are closed, once after another.
pub async fn closed(w: &World, shop: Shop) {
    let store = w.store.clone().with_entries_at_once(3);
    assert!(close(&store, shop.merchant, w.now().plus(Duration::from_secs(60))).await > 1);
}

/// A claim, a refund that succeeded and one on its way, a dispute that is lost and one whose evidence is on its way.
async fn given_back(w: &World, shop: Shop, paid: Payment) {
    let (paid, _) = w.refunded(w.claimed(paid).await, 1000).await;
    w.refunding(paid, 500).await;
    let fees = vec![Fee { psp_line: "txn_2".into(), amount: eur(1500) }];
    let lost = DisputeSeen { fees, ..dispute_seen("dp_1", DisputeStatus::Lost, true, false) };
    w.disputed(w.paid(shop).await, &lost).await;
    let open = dispute_seen("dp_2", DisputeStatus::NeedsResponse, true, false);
    let (paid, dispute) = w.disputed(w.paid(shop).await, &open).await;
    w.settle(paid.answer_dispute(dispute, DisputeAnswer::Evidence, BTreeMap::new(), w.now()).unwrap()).await;
}

/// A payout that arrived and one on its way, lines of every kind, a place in the statement, a correction and its mirror image.
pub async fn paid_out(w: &World, shop: Shop) {
    let mut payouts = Vec::new();
    for name in ["po_1", "po_2"] {
        let payout = w.payout(shop, name, 900).await;
        let line = payout_line(&format!("txn_{name}"), &payout, LineKind::Payout, 3);
        payouts.push(w.read_payout_line(shop, payout, &line).await);
    }
    let arrived = payouts.pop().unwrap().arrive(arrival(Money::new(950, "USD".parse().unwrap()), 5), w.now()).unwrap();
    w.move_payout(arrived).await;
    w.read_line(shop, &line("txn_fee", LineKind::PspFee, -40, 0)).await;
    w.read_line(shop, &line("txn_reserve", LineKind::Reserve, -50, 0)).await;
    let row = w.read_line(shop, &line("txn_stray", LineKind::Unplaced, 60, 1)).await;
    w.place(&row).await;
    let usd = Money::new(5400, "USD".parse().unwrap());
    let terms = Terms { amount: usd, ..w.terms() };
    let payment = w.see(w.order_with(shop, terms).await, Observed::Captured(usd)).await;
    w.read_payment_line(shop, payment, &StatementLine { paid: Some(usd), ..line("txn_fx", LineKind::Charge, 4999, 145) }).await;
    let wrong = tip(w, shop, 11);
    let lines = wrong.entry.postings().to_vec();
    let entry = Entry::mirror(EventRef::Reversal(wrong.id), None, w.now(), lines).unwrap();
    let mirror = FiledEntry { id: EntryId::new(w.now(), &w.dice), entry, ..wrong.clone() };
    w.commit(Change { entries: vec![wrong, mirror], ..Change::default() }).await;
}

async fn broken(sql: &str) -> VerifyReport {
    let w = scene().await;
    let intruder = Intruder::into(&w).without_guards();
    let other = w.store.merchants().await.unwrap()[1].id;
    let account = w.store.psp_accounts(other).await.unwrap()[0].id;
    let sql = sql.replace("{other}", &blob(other.as_bytes())).replace("{account}", &blob(account.as_bytes()));
    intruder.0.execute_batch(&sql).unwrap();
    w.store.verify().await.unwrap()
}

/// The same on a server, where the attack has a meaning there.
async fn broken_on_a_server(sql: &str) -> Option<VerifyReport> {
    if sql.starts_with(FILE) {
        return None;
    }
    let w = scene_in(World::postgres(Statements::Kept).await).await;
    let intruder = OnServer::into(&w).await.without_guards().await;
    let other = w.store.merchants().await.unwrap()[1].id;
    let account = w.store.psp_accounts(other).await.unwrap()[0].id;
    let sql = sql.replace("{other}", &blob(other.as_bytes())).replace("{account}", &blob(account.as_bytes()));
    intruder.does_translated(&sql, "merchant_id").await;
    Some(w.store.verify().await.unwrap())
}

macro_rules! breaches {
    ($($name:ident: $says:literal <- $sql:literal,)*) => {
        /// Every invariant that a test below breaks.
        const BROKEN: &[&str] = &[$($says),*];

        $(#[test]
        fn $name() {
            run(async {
                let report = broken($sql).await;
                assert!(report.by_invariant().contains_key($says), "{:#?}", report.by_invariant());
            });
        })*

        mod postgres {
            use super::*;
            $(#[test]
            fn $name() {
                run(async {
                    if let Some(report) = broken_on_a_server($sql).await {
                        assert!(report.by_invariant().contains_key($says), "{:#?}", report.by_invariant());
                    }
                });
            })*
        }
    };
}

breaches! {
    an_archived_amount_that_was_changed_is_found: "authorised, captured, refunded, on its way back and disputed is on an order what it is on its attempts"
        <- "UPDATE archived_orders SET amount_captured = amount_captured - 1",
    an_archived_capture_that_is_not_booked_is_found: "what an attempt captured and holds is booked at its PSP account, and nothing else is"
        <- "UPDATE archived_attempts SET captured = captured + 1; UPDATE archived_orders SET amount_captured = amount_captured + 1",
    an_archived_refund_that_only_the_attempt_knows_is_found: "refunded, on its way back, disputed, undecided and being captured is on an attempt what it is on its parts"
        <- "UPDATE archived_attempts SET refunded = refunded + 1; UPDATE archived_orders SET amount_refunded = amount_refunded + 1",
    an_archived_version_that_was_changed_is_found: "each change of an order has exactly one event, without gaps"
        <- "UPDATE archived_orders SET version = version + 1",
    an_order_that_went_out_of_the_archive_is_found: "each event belongs to a subject of its merchant"
        <- "DELETE FROM archived_orders",
    an_order_in_the_archive_of_another_merchant_is_found: "each entry of a payment belongs to an order of its merchant"
        <- "UPDATE archived_orders SET merchant_id = {other}",
    a_reference_that_is_used_in_the_archive_too_is_found: "one order per reference of the merchant"
        <- "UPDATE archived_orders SET reference = (SELECT min(reference) FROM payment_orders WHERE merchant_id = archived_orders.merchant_id)",
    an_order_in_both_places_is_found: "an order or attempt is among the living or in the archive, and not in both"
        <- "INSERT INTO payment_orders SELECT * FROM archived_orders",
    an_attempt_in_both_places_is_found: "an order or attempt is among the living or in the archive, and not in both"
        <- "INSERT INTO attempts SELECT * FROM archived_attempts",
    an_attempt_apart_from_its_order_is_found: "an attempt lies where its order lies"
        <- "INSERT INTO attempts SELECT * FROM archived_attempts; DELETE FROM archived_attempts",
    an_archived_attempt_that_is_open_is_found: "nothing is open of an order in the archive"
        <- "UPDATE archived_attempts SET open_disputes = 1",
    an_archived_order_that_is_open_is_found: "nothing is open of an order in the archive"
        <- "UPDATE archived_orders SET status = 'pending'",
    an_open_refund_of_an_archived_order_is_found: "nothing is open of an order in the archive"
        <- "UPDATE refunds SET status = 'unknown' WHERE order_id IN (SELECT id FROM archived_orders)",
    an_unbalanced_entry_is_found: "each journal entry sums to zero per currency and layer"
        <- "UPDATE postings SET amount = amount + 1 WHERE line = 0",
    postings_that_do_not_sum_to_zero_are_found: "all postings sum to zero per currency and layer"
        <- "UPDATE postings SET amount = amount + 1 WHERE line = 0 AND layer = 0",
    a_wrong_balance_is_found: "a stored balance is the sum of its postings"
        <- "UPDATE balances SET amount = amount + 1",
    a_missing_balance_is_found: "a stored balance is the sum of its postings"
        <- "DELETE FROM balances",
    a_posting_without_entry_is_found: "a journal entry has at least two lines, each line a number of its own, and an entry"
        <- "DELETE FROM journal_entries WHERE event_ref LIKE 'fee:%'",
    an_entry_without_lines_is_found: "a journal entry has at least two lines, each line a number of its own, and an entry"
        <- "DELETE FROM postings",
    an_entry_over_two_merchants_is_found: "a journal entry stays within its merchant"
        <- "UPDATE accounts SET merchant_id = {other} WHERE name LIKE 'psp:%'",
    a_capture_that_only_the_attempt_knows_is_found: "authorised, captured, refunded, on its way back and disputed is on an order what it is on its attempts"
        <- "UPDATE attempts SET captured = captured - 1 WHERE captured > 0",
    a_capture_that_is_not_booked_is_found: "what an attempt captured and holds is booked at its PSP account, and nothing else is"
        <- "DELETE FROM postings WHERE entry_id IN (SELECT id FROM journal_entries WHERE event_ref LIKE 'cap:%');
            DELETE FROM journal_entries WHERE event_ref LIKE 'cap:%'",
    an_entry_for_the_order_of_another_merchant_is_found: "each entry of a payment belongs to an order of its merchant"
        <- "UPDATE journal_entries SET merchant_id = {other}",
    a_capture_without_order_is_found: "each entry of a payment belongs to an order of its merchant"
        <- "UPDATE journal_entries SET order_id = NULL WHERE event_ref LIKE 'cap:%'",
    a_capture_in_another_currency_is_found: "what an attempt captured and holds is booked at its PSP account, and nothing else is"
        <- "UPDATE accounts SET currency = 'JPY' WHERE currency = 'EUR'",
    a_capture_at_another_account_is_found: "what an attempt captured and holds is booked at its PSP account, and nothing else is"
        <- "UPDATE attempts SET psp_account_id = {account} WHERE captured > 0",
    a_capture_of_another_order_is_found: "what an attempt captured and holds is booked at its PSP account, and nothing else is"
        <- "UPDATE journal_entries SET order_id = (SELECT max(id) FROM payment_orders) WHERE event_ref LIKE 'cap:%'",
    a_reference_booked_twice_is_found: "one entry per reference of the journal"
        <- "UPDATE journal_entries SET event_ref = 'cap:same'",
    a_reference_used_twice_is_found: "one order per reference of the merchant"
        <- "UPDATE payment_orders SET reference = 'same'",
    a_second_attempt_under_way_is_found: "at most one attempt of an order is under way"
        <- "INSERT INTO attempts SELECT x'11111111111111111111111111111111', order_id, 2, psp_account_id, psp, created_at, status, 'other',
              psp_payment, redirect_url, decline, declines, check_at, authorized, captured, surplus, fees, 0, 0, 0, 0, 0, merchant_id
            FROM attempts WHERE status = 'requires_action'",
    a_hold_that_is_not_booked_is_found: "what an attempt captured and holds is booked at its PSP account, and nothing else is"
        <- "DELETE FROM postings WHERE layer = 1; DELETE FROM journal_entries WHERE event_ref LIKE 'auth:%'",
    a_hold_without_attempt_is_found: "what an attempt captured and holds is booked at its PSP account, and nothing else is"
        <- "UPDATE attempts SET status = 'canceled' WHERE status = 'authorized'",
    a_fee_that_is_not_booked_is_found: "each fee of an attempt is booked, and no other"
        <- "UPDATE attempts SET fees = json_replace(fees, '$[0].amount.minor', 31) WHERE fees IS NOT NULL",
    a_fee_that_no_attempt_knows_is_found: "each fee of an attempt is booked, and no other"
        <- "UPDATE attempts SET fees = NULL",
    amounts_beyond_each_other_are_found: "0 <= refunded + on its way back <= captured <= authorised"
        <- "UPDATE payment_orders SET amount_refunded = amount_captured + 1",
    a_second_payer_is_found: "at most one attempt pays an order, and the order names it"
        <- "INSERT INTO attempts SELECT x'11111111111111111111111111111111', order_id, 2, psp_account_id, psp, created_at, status, 'other',
              psp_payment, redirect_url, decline, declines, check_at, authorized, captured, surplus, fees, 0, 0, 0, 0, 0, merchant_id
            FROM attempts WHERE status = 'authorized'",
    a_wrong_payer_is_found: "at most one attempt pays an order, and the order names it"
        <- "UPDATE payment_orders SET paid_by = x'22222222222222222222222222222222' WHERE paid_by IS NOT NULL",
    a_registration_of_two_attempts_is_found: "one registration per attempt"
        <- "UPDATE attempts SET token = 'same'",
    a_redirect_without_registration_is_found: "a registration is confirmed before the customer is sent to it"
        <- "UPDATE attempts SET token = NULL WHERE redirect_url IS NOT NULL",
    an_unknown_attempt_without_check_is_found: "no attempt is unknown without a scheduled check"
        <- "UPDATE attempts SET status = 'unknown', check_at = NULL WHERE status = 'requires_action'",
    an_unknown_attempt_without_job_is_found: "no attempt is unknown without a scheduled check"
        <- "UPDATE attempts SET status = 'unknown' WHERE status = 'requires_action'; DELETE FROM jobs",
    an_order_that_nobody_sees_to_is_found: "an order that can still move has a job that sees to it"
        <- "DELETE FROM jobs",
    a_success_without_entry_is_found: "a succeeded order has its money and its entry"
        <- "UPDATE journal_entries SET event_ref = 'x' || event_ref",
    a_closing_of_another_amount_is_found: "what was closed is the sum of the lines before"
        <- "UPDATE closings SET posted = posted + 1",
    a_closing_of_another_amount_that_is_held_is_found: "what was closed is the sum of the lines before"
        <- "UPDATE closings SET pending = pending - 1 WHERE before = (SELECT max(before) FROM closings)",
    a_closing_that_leaves_out_an_account_is_found: "what was closed is the sum of the lines before"
        <- "DELETE FROM closings WHERE account_id = (SELECT min(account_id) FROM closings)",
    a_closing_that_leaves_out_a_currency_is_found: "what was closed is the sum of the lines before"
        <- "DELETE FROM closings WHERE before = (SELECT max(before) FROM closings)
              AND account_id IN (SELECT id FROM accounts WHERE currency = 'USD')",
    closings_that_leave_out_a_currency_are_found: "what was closed is the sum of the lines before"
        <- "DELETE FROM closings WHERE account_id IN (SELECT id FROM accounts WHERE currency = 'USD')",
    a_closing_ahead_of_the_books_is_found: "nothing is closed ahead of the books"
        <- "UPDATE books SET closed = x'00000000000000000000000000000001'",
    closings_without_books_are_found: "nothing is closed ahead of the books"
        <- "DELETE FROM books",
    a_missing_event_is_found: "each change of an order has exactly one event, without gaps"
        <- "DELETE FROM events WHERE sequence = 2",
    a_missing_last_event_is_found: "each change of an order has exactly one event, without gaps"
        <- "DELETE FROM events WHERE subject_kind = 'payment_order' AND sequence = 3",
    an_order_without_events_is_found: "each change of an order has exactly one event, without gaps"
        <- "DELETE FROM events",
    an_event_of_another_merchant_is_found: "each event belongs to a subject of its merchant"
        <- "UPDATE events SET merchant_id = {other}",
    an_account_of_another_merchant_is_found: "an attempt is its order's merchant's, and goes to a PSP account of theirs"
        <- "UPDATE attempts SET psp_account_id = (SELECT id FROM psp_accounts WHERE merchant_id = {other})",
    an_attempt_of_another_merchant_is_found: "an attempt is its order's merchant's, and goes to a PSP account of theirs"
        <- "UPDATE attempts SET merchant_id = {other}",
    an_attempt_of_no_merchant_is_found: "an attempt is its order's merchant's, and goes to a PSP account of theirs"
        <- "UPDATE attempts SET merchant_id = {other}",
    an_attempt_that_gave_back_too_much_is_found: "0 <= refunded + on its way back <= captured <= authorised"
        <- "UPDATE attempts SET refunding = captured + 1",
    an_unsigned_correction_is_found: "a correction says who made it and why, and is about an entry of its merchant"
        <- "UPDATE journal_entries SET note = NULL",
    a_correction_of_nothing_is_found: "a correction says who made it and why, and is about an entry of its merchant"
        <- "UPDATE journal_entries SET id = x'33333333333333333333333333333333' WHERE event_ref LIKE 'fix:%'",
    a_reversal_that_takes_back_another_amount_is_found: "a reversal is the mirror image of its entry"
        <- "UPDATE postings SET amount = amount * 2 WHERE entry_id = (SELECT id FROM journal_entries WHERE event_ref LIKE 'rev:%')",
    a_conversion_that_goes_one_way_is_found: "a conversion has one leg in each of two currencies, and they go opposite ways"
        <- "UPDATE postings SET amount = -amount WHERE entry_id = (SELECT id FROM journal_entries WHERE event_ref LIKE 'fx:%') AND line < 2",
    a_conversion_over_three_currencies_is_found: "a conversion has one leg in each of two currencies, and they go opposite ways"
        <- "UPDATE accounts SET currency = 'JPY' WHERE name = 'fx:clearing' AND currency = 'USD';
            UPDATE postings SET account_id = (SELECT max(id) FROM accounts WHERE name = 'fx:clearing') WHERE line = 5;
            INSERT INTO accounts VALUES (999, {other}, 'fx:clearing', 'KWD');
            INSERT INTO postings SELECT id, 9, 999, 0, 5 FROM journal_entries WHERE event_ref LIKE 'fx:%'",
    an_end_that_no_list_knows_is_found: "an order that ended without money is listed by its end"
        <- "DELETE FROM unpaid_ends",
    a_refund_that_the_order_does_not_know_is_found:
        "authorised, captured, refunded, on its way back and disputed is on an order what it is on its attempts"
        <- "UPDATE payment_orders SET amount_refunded = 0",
    a_payable_that_is_too_high_is_found: "corrections aside, the merchant is owed for an order what was captured, less what was given back and what is disputed"
        <- "UPDATE postings SET amount = amount - 1 WHERE account_id IN (SELECT id FROM accounts WHERE name LIKE 'merchant:%:payable')",
    a_job_of_another_merchant_is_found: "a job is about something of its merchant"
        <- "UPDATE jobs SET merchant_id = {other} WHERE kind = 'refund'",
    a_job_about_nothing_is_found: "a job is about something of its merchant"
        <- "UPDATE jobs SET subject_id = x'33333333333333333333333333333333' WHERE kind = 'attend'
              AND subject_id = (SELECT max(subject_id) FROM jobs WHERE kind = 'attend')",
    a_claim_without_money_is_found: "an order is claimed only with money"
        <- "UPDATE payment_orders SET claim = '{}' WHERE status = 'pending'",
    a_status_that_its_event_does_not_tell_is_found: "an order's status came with the event that it names"
        <- "UPDATE payment_orders SET status_version = 1 WHERE status = 'succeeded'",
    a_status_that_came_earlier_is_found: "an order's status came with the event that it names"
        <- "UPDATE payment_orders SET status_version = version WHERE claim IS NOT NULL",
    a_refund_that_the_attempt_does_not_know_is_found:
        "refunded, on its way back, disputed, undecided and being captured is on an attempt what it is on its parts"
        <- "UPDATE refunds SET status = 'failed' WHERE status = 'pending'",
    a_dispute_that_the_attempt_does_not_count_is_found:
        "refunded, on its way back, disputed, undecided and being captured is on an attempt what it is on its parts"
        <- "UPDATE attempts SET open_disputes = 0",
    a_capture_that_the_attempt_does_not_know_is_found:
        "refunded, on its way back, disputed, undecided and being captured is on an attempt what it is on its parts"
        <- "UPDATE attempts SET capturing = 0",
    a_refund_of_another_merchant_is_found: "a capture, refund or dispute is of its attempt's order, merchant, PSP account and currency"
        <- "UPDATE refunds SET merchant_id = {other}",
    a_dispute_in_another_currency_is_found: "a capture, refund or dispute is of its attempt's order, merchant, PSP account and currency"
        <- "UPDATE disputes SET currency = 'USD'",
    a_capture_of_a_strange_order_is_found: "a capture, refund or dispute is of its attempt's order, merchant, PSP account and currency"
        <- "UPDATE captures SET order_id = (SELECT min(id) FROM payment_orders)",
    a_second_capture_under_way_is_found: "at most one capture of an attempt is under way"
        <- "UPDATE captures SET status = 'pending'",
    a_capture_without_its_money_is_found: "a capture that succeeded is in what its attempt captured"
        <- "UPDATE captures SET total = 4999 WHERE status = 'succeeded'",
    a_refund_known_twice_is_found: "a refund or dispute is known once at its PSP"
        <- "UPDATE refunds SET psp_refund = 're_1'",
    a_dispute_known_twice_is_found: "a refund or dispute is known once at its PSP"
        <- "UPDATE disputes SET psp_dispute = 'dp_1'",
    a_refund_that_is_not_booked_is_found: "what a refund gave back and what is on its way back is booked at its PSP account, and nothing else is"
        <- "DELETE FROM postings WHERE entry_id IN (SELECT id FROM journal_entries WHERE event_ref LIKE 'refs:%');
            DELETE FROM journal_entries WHERE event_ref LIKE 'refs:%'",
    a_booked_refund_that_is_gone_is_found: "what a refund gave back and what is on its way back is booked at its PSP account, and nothing else is"
        <- "DELETE FROM refunds WHERE status = 'pending'",
    a_dispute_that_is_not_booked_is_found:
        "what a dispute took from the merchant, and what is withheld until it is decided, is booked, and nothing else is"
        <- "DELETE FROM postings WHERE entry_id IN (SELECT id FROM journal_entries WHERE event_ref LIKE 'dsp:%:lost');
            DELETE FROM journal_entries WHERE event_ref LIKE 'dsp:%:lost'",
    a_dispute_that_is_decided_without_an_entry_is_found:
        "what a dispute took from the merchant, and what is withheld until it is decided, is booked, and nothing else is"
        <- "UPDATE disputes SET status = 'lost'",
    a_dispute_s_fee_that_is_not_booked_is_found: "each fee of a dispute is booked, and no other"
        <- "UPDATE disputes SET fees = json_replace(fees, '$[0].amount.minor', 1) WHERE fees IS NOT NULL",
    a_dispute_s_fee_that_no_dispute_knows_is_found: "each fee of a dispute is booked, and no other"
        <- "UPDATE disputes SET fees = NULL",
    a_refund_that_nobody_sees_to_is_found: "a refund, capture or answer whose outcome is open has a job that sees to it"
        <- "DELETE FROM jobs WHERE kind = 'refund'",
    a_capture_that_nobody_sees_to_is_found: "a refund, capture or answer whose outcome is open has a job that sees to it"
        <- "DELETE FROM jobs WHERE kind = 'capture'",
    an_answer_that_nobody_sees_to_is_found: "a refund, capture or answer whose outcome is open has a job that sees to it"
        <- "DELETE FROM jobs WHERE kind = 'dispute'",
    a_refund_that_no_event_tells_of_is_found: "each success, claim, capture, refund and dispute is told by its event, once"
        <- "UPDATE events SET kind = 'payment_order.fee_booked' WHERE kind = 'refund.succeeded'",
    a_claim_that_no_event_tells_of_is_found: "each success, claim, capture, refund and dispute is told by its event, once"
        <- "UPDATE payment_orders SET claim = NULL",
    a_dispute_that_two_events_open_is_found: "each success, claim, capture, refund and dispute is told by its event, once"
        <- "UPDATE events SET kind = 'dispute.opened' WHERE kind = 'dispute.updated'",
    a_capture_that_no_event_tells_of_is_found: "each success, claim, capture, refund and dispute is told by its event, once"
        <- "DELETE FROM captures WHERE status = 'succeeded'",
    a_line_of_another_merchant_is_found: "each line of a PSP's statement, and what it names, is its merchant's and its PSP account's"
        <- "UPDATE psp_lines SET merchant_id = {other}",
    a_line_of_another_account_is_found: "each line of a PSP's statement, and what it names, is its merchant's and its PSP account's"
        <- "UPDATE psp_lines SET psp_account_id = {account}, merchant_id = {other} WHERE payout_id IS NOT NULL",
    a_line_with_an_exception_that_is_not_there_is_found: "each line of a PSP's statement, and what it names, is its merchant's and its PSP account's"
        <- "DELETE FROM exceptions",
    a_cost_that_is_not_booked_is_found: "what a line of a PSP's statement costs, reserves or leaves unplaced is booked, and nothing else is"
        <- "UPDATE psp_lines SET amount = amount - 1 WHERE kind = 'psp_fee'",
    a_reserve_that_no_line_tells_of_is_found: "what a line of a PSP's statement costs, reserves or leaves unplaced is booked, and nothing else is"
        <- "DELETE FROM psp_lines WHERE kind = 'reserve'",
    a_suspense_that_no_line_tells_of_is_found: "what a line of a PSP's statement costs, reserves or leaves unplaced is booked, and nothing else is"
        <- "UPDATE psp_lines SET psp_line = 'other' WHERE kind = 'unplaced'",
    a_payment_s_fee_that_is_lost_is_found: "what a line of a PSP's statement costs, reserves or leaves unplaced is booked, and nothing else is"
        <- "UPDATE psp_lines SET fee = fee + 1 WHERE kind = 'charge'",
    a_line_that_is_not_converted_is_found: "a line of a payment that is settled in another currency is converted, and no other"
        <- "DELETE FROM postings WHERE entry_id IN (SELECT id FROM journal_entries WHERE event_ref LIKE 'fx:%');
            DELETE FROM journal_entries WHERE event_ref LIKE 'fx:%'",
    a_conversion_into_another_amount_is_found: "a line of a payment that is settled in another currency is converted, and no other"
        <- "UPDATE psp_lines SET amount = amount + 1 WHERE kind = 'charge'",
    an_exception_without_a_line_is_found: "each line that nobody can place has its exception over the same amount, and each such exception its line"
        <- "UPDATE psp_lines SET exception_id = NULL",
    an_exception_over_another_amount_is_found: "each line that nobody can place has its exception over the same amount, and each such exception its line"
        <- "UPDATE exceptions SET amount = amount + 1",
    a_place_that_skips_a_line_is_found: "the place in a statement is a line that was read"
        <- "UPDATE psp_cursors SET psp_line = 'txn_of_tomorrow'",
    a_place_at_another_time_is_found: "the place in a statement is a line that was read"
        <- "UPDATE psp_cursors SET line_at = line_at + 1",
    a_payout_that_left_without_a_line_is_found: "a payout left or came back with a line of the statement that says so"
        <- "DELETE FROM psp_lines WHERE kind = 'payout'",
    a_payout_whose_line_moved_nothing_is_found: "a payout left or came back with a line of the statement that says so"
        <- "UPDATE psp_lines SET kind = 'payout_returned' WHERE kind = 'payout'",
    money_on_its_way_without_a_payout_is_found: "what is on its way to the bank is what left the PSP and has not arrived or come back"
        <- "DELETE FROM payouts",
    a_payout_that_is_not_booked_is_found: "what is on its way to the bank is what left the PSP and has not arrived or come back"
        <- "UPDATE payouts SET came_back = 1",
    an_arrival_that_is_not_booked_is_found: "what the bank credited and kept of a payout is booked, and nothing else is"
        <- "UPDATE payouts SET arrival = json_replace(arrival, '$.credited.minor', 1) WHERE arrival IS NOT NULL",
    an_arrival_that_no_payout_knows_is_found: "what the bank credited and kept of a payout is booked, and nothing else is"
        <- "UPDATE payouts SET arrival = NULL",
    a_missing_event_of_a_payout_is_found: "each change of a payout has exactly one event, without gaps"
        <- "DELETE FROM events WHERE subject_kind = 'payout' AND sequence = 2",
    an_event_of_a_payout_twice_over_is_found: "each change of a payout has exactly one event, without gaps"
        <- "UPDATE payouts SET version = version + 1",
    an_arrival_that_no_event_tells_of_is_found: "the beginning and the arrival of a payout are told by their events, once"
        <- "UPDATE events SET kind = 'payout.updated' WHERE kind = 'payout.arrived'",
    a_value_that_no_rule_allows_is_found: "the file is sound"
        <- "/* file */ UPDATE payment_orders SET amount = -1 WHERE status = 'pending'",
    a_reference_into_nothing_is_found: "every reference leads somewhere"
        <- "DELETE FROM psp_accounts",
    missing_guards_are_found: "the database's own rules are in place"
        <- "SELECT 1",
}

#[test]
fn every_invariant_is_broken_by_a_test() {
    run(async {
        let w = World::sqlite(WriterMode::Caller);
        let webhooks = crate::outbox::BROKEN.iter().map(|(says, _)| *says);
        let broken: BTreeSet<&str> = BROKEN.iter().copied().chain(webhooks).collect();
        assert_eq!(broken.len(), w.store.verify().await.unwrap().invariants as usize);
    });
}

#[test]
fn a_guard_that_was_hollowed_out_is_found() {
    run(async {
        let w = scene().await;
        let tamper = "DROP TRIGGER events_are_kept;
             CREATE TRIGGER events_are_kept BEFORE DELETE ON events BEGIN SELECT 1; END;
             DROP INDEX attempts_by_token;
             CREATE TRIGGER helpful AFTER INSERT ON events BEGIN SELECT 1; END;
             CREATE INDEX harmless ON events (kind);
             DELETE FROM schema_migrations WHERE number = 3;";
        Intruder::into(&w).0.execute_batch(tamper).unwrap();
        let report = w.store.verify().await.unwrap();
        let subjects: Vec<&str> = report.findings.iter().map(|f| f.subject.as_str()).collect();
        let wanted = [
            "missing: index attempts_by_token",
            "changed: trigger events_are_kept",
            "added: trigger helpful",
            "missing: migration 3 in schema_migrations",
        ];
        assert_eq!(subjects, wanted);
        assert_eq!(w.store.rules().await.unwrap(), wanted);
    });
}

#[test]
fn a_migration_that_a_server_does_not_note_is_found() {
    run(async {
        let w = World::postgres(Statements::Kept).await;
        assert_eq!(w.store.rules().await.unwrap(), Vec::<String>::new());
        let intruder = OnServer::into(&w).await;
        intruder.client.batch_execute("DELETE FROM schema_migrations WHERE number = 3").await.unwrap();
        assert_eq!(w.store.rules().await.unwrap(), ["missing: migration 3 in schema_migrations"]);
    });
}

/// No index stands in the way of two lines with one number there.
#[test]
fn two_lines_of_an_entry_with_one_number_are_found_on_a_server() {
    run(async {
        let w = World::postgres(Statements::Kept).await;
        let shop = w.shop().await;
        w.paid(shop).await;
        let intruder = OnServer::into(&w).await;
        let twice = "SET session_replication_role = replica;
             INSERT INTO postings (merchant_id, entry_id, line, account_id, layer, amount)
             SELECT merchant_id, entry_id, 2, account_id, layer, more FROM postings, (VALUES (7), (-7)) x (more)
             WHERE line = 0 AND entry_id = (SELECT entry_id FROM postings ORDER BY entry_id LIMIT 1)";
        intruder.client.batch_execute(twice).await.unwrap();
        let findings = w.store.verify().await.unwrap().findings;
        let says = "a journal entry has at least two lines, each line a number of its own, and an entry";
        assert!(findings.len() == 1 && findings[0].invariant == says, "{findings:?}");
    });
}

#[test]
fn many_breaches_of_one_invariant_do_not_hide_the_others() {
    run(async {
        let w = World::sqlite(WriterMode::Thread);
        let shop = w.shop().await;
        let all: Vec<Change> = (0..1100).map(|_| w.change(w.opened(shop, w.terms()), PaymentWrite::Insert)).collect();
        let all = all.into_iter().reduce(|mut one, mut next| {
            one.payments.append(&mut next.payments);
            one.events.append(&mut next.events);
            one.jobs.append(&mut next.jobs);
            one
        });
        w.commit(all.unwrap()).await;
        let intruder = Intruder::into(&w).without_guards();
        intruder.0.execute_batch("DELETE FROM jobs; DELETE FROM events").unwrap();
        let found = w.store.verify().await.unwrap().by_invariant();
        for says in
            ["no attempt is unknown without a scheduled check", "each change of an order has exactly one event, without gaps"]
        {
            assert!(found.contains_key(says), "{found:#?}");
        }
        assert!(found.values().sum::<usize>() < 1100);
    });
}

#[test]
fn a_file_that_cannot_be_read_whole_is_told_and_the_other_checks_go_on() {
    run(async {
        let w = scene().await;
        Intruder::into(&w).0.execute_batch("DROP INDEX payment_orders_id; DELETE FROM jobs").unwrap();
        let found = w.store.verify().await.unwrap().by_invariant();
        let wanted = [
            "a refund, capture or answer whose outcome is open has a job that sees to it",
            "an order that can still move has a job that sees to it",
            "every reference leads somewhere",
            "the database's own rules are in place",
        ];
        assert_eq!(found.keys().copied().collect::<Vec<_>>(), wanted);
    });
}

#[test]
fn the_report_counts_what_it_looked_at() {
    run(async {
        let w = scene().await;
        let report = w.store.verify().await.unwrap();
        let counts: Vec<_> = report.checked.iter().map(|(table, rows)| (*table, *rows)).collect();
        let wanted = [
            ("payment_orders", 7),
            ("attempts", 7),
            ("archived_orders", 1),
            ("archived_attempts", 1),
            ("captures", 2),
            ("refunds", 3),
            ("disputes", 2),
            ("payouts", 2),
            ("psp_lines", 6),
            ("journal_entries", 31),
            ("postings", 78),
            ("events", 43),
            ("inbox", 0),
            ("jobs", 10),
            ("webhook_endpoints", 0),
            ("webhook_deliveries", 0),
        ];
        assert_eq!(counts, wanted);
    });
}
