//! What `verify` finds once the guards are gone: each invariant is broken by hand, and must be named.

use crate::builders::*;
use crate::intruder::{Intruder, blob};
use ducat_domain::payments::*;
use ducat_store::*;
use std::collections::BTreeSet;

/// Two shops; in the first a paid order with a fee, one that waits, one that is held.
async fn scene() -> World {
    let w = World::sqlite(WriterMode::Caller);
    let shop = w.shop().await;
    w.shop().await;
    let open = w.see(w.order(shop).await, Observed::Open).await;
    let fee = Fee { psp_line: "txn_1".into(), amount: eur(30) };
    w.see_all(open, Observed::Captured(eur(4999)), vec![fee]).await;
    w.see(w.order(shop).await, Observed::Open).await;
    w.see(w.order(shop).await, held(4999)).await;
    w.assert_sound().await;
    w
}

async fn broken(sql: &str) -> VerifyReport {
    let w = scene().await;
    let intruder = Intruder::into(&w).without_guards();
    let other = w.store.merchants().await.unwrap()[1].id;
    intruder.0.execute_batch(&sql.replace("{other}", &blob(other.as_bytes()))).unwrap();
    w.store.verify().await.unwrap()
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
    };
}

breaches! {
    an_unbalanced_entry_is_found: "each journal entry sums to zero per currency and layer"
        <- "UPDATE postings SET amount = amount + 1 WHERE line = 0",
    postings_that_do_not_sum_to_zero_are_found: "all postings sum to zero per currency and layer"
        <- "UPDATE postings SET amount = amount + 1 WHERE line = 0 AND layer = 0",
    a_wrong_balance_is_found: "a stored balance is the sum of its postings"
        <- "UPDATE balances SET amount = amount + 1",
    a_missing_balance_is_found: "a stored balance is the sum of its postings"
        <- "DELETE FROM balances",
    a_posting_without_entry_is_found: "a journal entry has at least two lines, and each line an entry"
        <- "DELETE FROM journal_entries WHERE event_ref LIKE 'fee:%'",
    an_entry_without_lines_is_found: "a journal entry has at least two lines, and each line an entry"
        <- "DELETE FROM postings",
    an_entry_over_two_merchants_is_found: "a journal entry stays within its merchant"
        <- "UPDATE accounts SET merchant_id = {other} WHERE name LIKE 'psp:%'",
    a_capture_that_only_the_attempt_knows_is_found: "captured by the attempts is captured on the order"
        <- "UPDATE attempts SET captured = captured - 1 WHERE captured > 0",
    a_capture_that_is_not_booked_is_found: "captured on the order is booked in the journal"
        <- "DELETE FROM postings WHERE entry_id IN (SELECT id FROM journal_entries WHERE event_ref LIKE 'cap:%');
            DELETE FROM journal_entries WHERE event_ref LIKE 'cap:%'",
    an_entry_for_the_order_of_another_merchant_is_found: "each entry of an order is its merchant's, and each capture in its currency"
        <- "UPDATE journal_entries SET merchant_id = {other}",
    a_capture_without_order_is_found: "each entry of an order is its merchant's, and each capture in its currency"
        <- "UPDATE journal_entries SET order_id = NULL WHERE event_ref LIKE 'cap:%'",
    a_capture_in_another_currency_is_found: "each entry of an order is its merchant's, and each capture in its currency"
        <- "UPDATE accounts SET currency = 'USD'",
    a_reference_booked_twice_is_found: "one entry per reference of the journal"
        <- "UPDATE journal_entries SET event_ref = 'cap:same'",
    a_reference_used_twice_is_found: "one order per reference of the merchant"
        <- "UPDATE payment_orders SET reference = 'same'",
    a_second_attempt_under_way_is_found: "at most one attempt of an order is under way"
        <- "INSERT INTO attempts SELECT x'11111111111111111111111111111111', order_id, 2, psp_account_id, psp, created_at, status, 'other',
              psp_payment, redirect_url, decline, declines, check_at, authorized, captured, surplus, fees
            FROM attempts WHERE status = 'requires_action'",
    a_hold_that_is_not_booked_is_found: "held by an authorised attempt is held in the journal, and nothing else is"
        <- "DELETE FROM postings WHERE layer = 1; DELETE FROM journal_entries WHERE event_ref LIKE 'auth:%'",
    a_hold_without_attempt_is_found: "held by an authorised attempt is held in the journal, and nothing else is"
        <- "UPDATE attempts SET status = 'canceled' WHERE status = 'authorized'",
    a_fee_that_is_not_booked_is_found: "each fee of an attempt is booked, and no other"
        <- "UPDATE attempts SET fees = json_replace(fees, '$[0].amount.minor', 31) WHERE fees IS NOT NULL",
    a_fee_that_no_attempt_knows_is_found: "each fee of an attempt is booked, and no other"
        <- "UPDATE attempts SET fees = NULL",
    amounts_beyond_each_other_are_found: "0 <= refunded <= captured <= authorised"
        <- "UPDATE payment_orders SET amount_refunded = amount_captured + 1",
    a_second_payer_is_found: "at most one attempt pays an order, and the order names it"
        <- "INSERT INTO attempts SELECT x'11111111111111111111111111111111', order_id, 2, psp_account_id, psp, created_at, status, 'other',
              psp_payment, redirect_url, decline, declines, check_at, authorized, captured, surplus, fees
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
    a_missing_event_is_found: "each change of an order has exactly one event, without gaps"
        <- "DELETE FROM events WHERE sequence = 2",
    a_missing_last_event_is_found: "each change of an order has exactly one event, without gaps"
        <- "DELETE FROM events WHERE sequence = 3",
    an_order_without_events_is_found: "each change of an order has exactly one event, without gaps"
        <- "DELETE FROM events",
    an_event_of_another_merchant_is_found: "each event belongs to an order of its merchant"
        <- "UPDATE events SET merchant_id = {other}",
    an_account_of_another_merchant_is_found: "an attempt goes to a PSP account of the order's merchant"
        <- "UPDATE attempts SET psp_account_id = (SELECT id FROM psp_accounts WHERE merchant_id = {other})",
    a_value_that_no_rule_allows_is_found: "the file is sound"
        <- "UPDATE payment_orders SET amount = -1 WHERE status = 'pending'",
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
             CREATE INDEX harmless ON events (kind);";
        Intruder::into(&w).0.execute_batch(tamper).unwrap();
        let report = w.store.verify().await.unwrap();
        let subjects: Vec<&str> = report.findings.iter().map(|f| f.subject.as_str()).collect();
        assert_eq!(subjects, ["missing: attempts_by_token", "changed: events_are_kept", "added: helpful"]);
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
            ("payment_orders", 3),
            ("attempts", 3),
            ("journal_entries", 3),
            ("postings", 6),
            ("events", 7),
            ("inbox", 0),
            ("jobs", 3),
            ("webhook_endpoints", 0),
            ("webhook_deliveries", 0),
        ];
        assert_eq!(counts, wanted);
    });
}
