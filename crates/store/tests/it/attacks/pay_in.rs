//! Attacks on merchants, orders, attempts, the journal, events and answers.

use super::Scene;
use crate::builders::*;
use crate::intruder::Intruder;
use ducat_domain::payments::*;
use ducat_store::*;

/// A shop with a paid order (`{p}`), one that waits (`{o}`), one that failed (`{f}`), their attempts (`{pa}`, `{oa}`, `{fa}`), one that
/// was called off, and an answered key.
async fn scene(w: World) -> Scene {
    let shop = w.shop().await;
    let p = w.paid(shop).await;
    let o = w.see(w.order(shop).await, Observed::Open).await;
    let f = w.see(w.see(w.order(shop).await, Observed::Open).await, Observed::Failed).await;
    w.see(w.held(shop).await, Observed::Canceled).await;
    w.commit(Change { idempotency: Some(answered(shop)), ..Change::default() }).await;
    let mut scene = Scene::of(w, shop);
    for (order, attempt, payment) in [("{p}", "{pa}", p), ("{o}", "{oa}", o), ("{f}", "{fa}", f)] {
        scene.name(order, payment.order.id.as_bytes());
        scene.name(attempt, payment.attempt.id.as_bytes());
    }
    scene
}

fn answered(shop: Shop) -> IdempotencyWrite {
    IdempotencyWrite::Claim {
        merchant: shop.merchant,
        key: "key".into(),
        fingerprint: [1; 32],
        locked_until: at(9),
        subject: None,
        at: at(1),
        answer: Some(answer("{}")),
    }
}

super::attacks! { scene,
    an_entry_that_does_not_balance_is_refused: [
        "/* file */ INSERT INTO postings SELECT {n}, 1, id, 0, 100 FROM accounts WHERE name LIKE 'psp:%';
         INSERT INTO postings SELECT {n}, 2, id, 0, -99 FROM accounts WHERE name LIKE 'merchant:%';
         INSERT INTO journal_entries VALUES ({n}, {m}, 'cap:x', NULL, 1, NULL)",
        // Balanced over the layers, but not within each.
        "/* file */ INSERT INTO postings SELECT {n}, 1, id, 0, 100 FROM accounts WHERE name LIKE 'psp:%';
         INSERT INTO postings SELECT {n}, 2, id, 1, -100 FROM accounts WHERE name LIKE 'merchant:%';
         INSERT INTO journal_entries VALUES ({n}, {m}, 'cap:x', NULL, 1, NULL)",
        // Balanced over the currencies, but not within each.
        "/* file */ INSERT INTO accounts VALUES (99, {m}, 'bank', 'JPY');
         INSERT INTO postings SELECT {n}, 1, id, 0, 100 FROM accounts WHERE name LIKE 'psp:%';
         INSERT INTO postings VALUES ({n}, 2, 99, 0, -100);
         INSERT INTO journal_entries VALUES ({n}, {m}, 'cap:x', NULL, 1, NULL)",
        "/* file */ INSERT INTO journal_entries VALUES ({n}, {m}, 'cap:x', NULL, 1, NULL)",
        "/* file */ INSERT INTO postings SELECT {n}, 1, id, 0, 0 FROM accounts LIMIT 1",
    ]
    a_posting_needs_its_entry_and_comes_before_it: [
        "/* file */ INSERT INTO postings SELECT {n}, 1, id, 0, 100 FROM accounts LIMIT 1",
        "/* file */ INSERT INTO postings SELECT id, 9, 1, 0, 100 FROM journal_entries",
        "/* file */ INSERT OR REPLACE INTO postings SELECT id, 1, 1, 0, 100 FROM journal_entries",
    ]
    an_entry_of_another_merchant_or_order_is_refused: [
        "/* file */ INSERT INTO merchants VALUES ({n}, 'x', x'00', 1);
         INSERT INTO postings SELECT {n}, 1, id, 0, 100 FROM accounts WHERE name LIKE 'psp:%';
         INSERT INTO postings SELECT {n}, 2, id, 0, -100 FROM accounts WHERE name LIKE 'merchant:%';
         INSERT INTO journal_entries VALUES ({n}, {n}, 'cap:x', NULL, 1, NULL)",
        "/* file */ INSERT INTO postings SELECT {n}, 1, id, 0, 100 FROM accounts WHERE name LIKE 'psp:%';
         INSERT INTO postings SELECT {n}, 2, id, 0, -100 FROM accounts WHERE name LIKE 'merchant:%';
         INSERT INTO journal_entries VALUES ({n}, {m}, 'cap:x', {n}, 1, NULL)",
    ]
    the_journal_is_never_changed: [
        "UPDATE journal_entries SET at = 0",
        "UPDATE journal_entries SET event_ref = 'cap:other'",
        "UPDATE OR REPLACE journal_entries SET event_ref = 'x'",
        "DELETE FROM journal_entries",
        "UPDATE postings SET amount = amount * 2",
        "UPDATE OR IGNORE postings SET amount = 1",
        "DELETE FROM postings",
        "DELETE FROM postings WHERE line = 0",
        "UPDATE accounts SET name = 'elsewhere'",
        "DELETE FROM accounts",
        "/* file */ PRAGMA defer_foreign_keys = on; DELETE FROM accounts",
    ]
    /// REPLACE deletes the row in its way without asking the DELETE triggers.
    the_journal_is_not_replaced: [
        "/* file */ INSERT OR REPLACE INTO journal_entries SELECT id, merchant_id, event_ref, order_id, 0, note FROM journal_entries",
        "/* file */ REPLACE INTO journal_entries SELECT id, merchant_id, 'cap:other', NULL, at, note FROM journal_entries",
        "/* file */ INSERT INTO postings SELECT {n}, 1, id, 0, 1 FROM accounts WHERE name LIKE 'psp:%';
         INSERT INTO postings SELECT {n}, 2, id, 0, -1 FROM accounts WHERE name LIKE 'merchant:%';
         INSERT OR REPLACE INTO journal_entries SELECT {n}, merchant_id, event_ref, order_id, at, note FROM journal_entries",
        "/* file */ INSERT INTO journal_entries SELECT * FROM journal_entries WHERE true ON CONFLICT DO UPDATE SET at = 0",
        "/* file */ INSERT OR REPLACE INTO postings SELECT entry_id, line, account_id, layer, amount * 2 FROM postings",
        "/* file */ INSERT INTO postings SELECT * FROM postings WHERE true ON CONFLICT DO UPDATE SET amount = 1",
        "/* file */ INSERT OR REPLACE INTO accounts SELECT id, merchant_id, 'elsewhere', currency FROM accounts",
        "/* file */ INSERT OR REPLACE INTO accounts SELECT id + 1000, merchant_id, name, currency FROM accounts",
    ]
    an_event_is_never_changed_nor_replaced: [
        "UPDATE events SET kind = 'payment_order.failed'",
        "UPDATE events SET position = position + 100",
        "DELETE FROM events",
        "INSERT OR REPLACE INTO events SELECT position, id, merchant_id, subject_id, subject_kind, sequence, 'payment_order.failed', at, snapshot FROM events",
        "INSERT OR REPLACE INTO events SELECT NULL, id, merchant_id, subject_id, subject_kind, sequence, 'payment_order.failed', at, snapshot FROM events",
        "INSERT OR REPLACE INTO events SELECT NULL, {n}, merchant_id, subject_id, subject_kind, sequence, 'payment_order.failed', at, snapshot FROM events LIMIT 1",
        "INSERT INTO events SELECT * FROM events WHERE true ON CONFLICT DO UPDATE SET kind = 'payment_order.failed'",
    ]
    an_event_leaves_no_gap_and_runs_not_ahead_of_its_order: [
        "UPDATE payment_orders SET version = version + 1 WHERE id = {o}; UPDATE payment_orders SET version = version + 1 WHERE id = {o};
         INSERT INTO events VALUES (NULL, {n}, {m}, {o}, 'payment_order', 4, 'payment_order.failed', 1, '{}')",
        "INSERT INTO events VALUES (NULL, {n}, {m}, {o}, 'payment_order', 3, 'payment_order.failed', 1, '{}')",
        "INSERT INTO events VALUES (NULL, {n}, {m}, {n}, 'payment_order', 1, 'payment_order.failed', 1, '{}')",
        "UPDATE payment_orders SET version = version + 1 WHERE id = {o}; INSERT INTO events VALUES (NULL, {n}, {m}, {o}, 'payment_order', 3, 'payment_order.failed', 1, 'no json')",
    ]
    an_event_is_not_put_where_readers_have_passed: [
        "UPDATE payment_orders SET version = version + 1 WHERE id = {o}; INSERT INTO events VALUES (-5, {n}, {m}, {o}, 'payment_order', 3, 'payment_order.failed', 1, '{}')",
        "UPDATE payment_orders SET version = version + 1 WHERE id = {o}; INSERT INTO events VALUES (0, {n}, {m}, {o}, 'payment_order', 3, 'payment_order.failed', 1, '{}')",
        "UPDATE payment_orders SET version = version + 1 WHERE id = {o}; INSERT INTO events VALUES (1, {n}, {m}, {o}, 'payment_order', 3, 'payment_order.failed', 1, '{}')",
    ]
    an_order_is_never_deleted_nor_replaced: [
        "DELETE FROM payment_orders WHERE id = {o}",
        "INSERT OR REPLACE INTO payment_orders SELECT * FROM payment_orders WHERE id = {p}",
        "INSERT OR REPLACE INTO payment_orders (merchant_id, id, reference, amount, currency, details, expires_at, created_at, status, version,
           updated_at, amount_authorized, amount_captured, amount_refunded, amount_disputed, paid_late)
         SELECT merchant_id, {n}, reference, 1, currency, details, expires_at, created_at, 'created', 1, 1, 0, 0, 0, 0, 0
           FROM payment_orders WHERE id = {p}",
        "INSERT INTO payment_orders SELECT * FROM payment_orders WHERE id = {p} ON CONFLICT DO UPDATE SET version = version + 1, amount = 1",
    ]
    the_terms_of_an_order_never_change: [
        "UPDATE payment_orders SET amount = 1, version = version + 1 WHERE id = {o}",
        "UPDATE payment_orders SET currency = 'USD', version = version + 1 WHERE id = {o}",
        "UPDATE payment_orders SET reference = 'x', version = version + 1 WHERE id = {o}",
        "UPDATE payment_orders SET details = '{\"channel\":\"pos\"}', version = version + 1 WHERE id = {o}",
        "UPDATE payment_orders SET expires_at = 1, version = version + 1 WHERE id = {o}",
        "UPDATE payment_orders SET created_at = 1, version = version + 1 WHERE id = {o}",
        "UPDATE payment_orders SET id = {n}, version = version + 1 WHERE id = {o}",
        "UPDATE OR REPLACE payment_orders SET reference = (SELECT reference FROM payment_orders WHERE id = {p}), version = version + 1
         WHERE id = {o}",
    ]
    the_version_of_an_order_counts_by_one: [
        "UPDATE payment_orders SET status = 'processing' WHERE id = {o}",
        "UPDATE payment_orders SET status = 'processing', version = version + 1 WHERE id = {o}",
        "UPDATE payment_orders SET status_version = version + 1, version = version + 1 WHERE id = {o}",
        "UPDATE payment_orders SET status_version = 1, version = version + 1 WHERE id = {o}",
        "UPDATE payment_orders SET status_version = 9, version = version + 1 WHERE id = {o}",
        "UPDATE payment_orders SET version = version + 2 WHERE id = {o}",
        "UPDATE payment_orders SET version = version - 1 WHERE id = {o}",
        "UPDATE payment_orders SET updated_at = 5 WHERE id = {p}",
    ]
    only_money_leads_out_of_an_end: [
        "UPDATE payment_orders SET status = 'pending', version = version + 1, status_version = version + 1 WHERE id = {p}",
        "UPDATE payment_orders SET status = 'canceled', version = version + 1, status_version = version + 1 WHERE id = {p}",
        "UPDATE payment_orders SET status = 'expired', version = version + 1, status_version = version + 1 WHERE id = {o};
         UPDATE payment_orders SET status = 'pending', version = version + 1, status_version = version + 1 WHERE id = {o}",
        "UPDATE attempts SET status = 'failed' WHERE id = {pa}",
        "UPDATE attempts SET status = 'requires_action' WHERE id = {fa}",
        "UPDATE attempts SET status = 'canceled' WHERE id = {fa}",
    ]
    success_needs_money: [
        "UPDATE payment_orders SET status = 'succeeded', version = version + 1, status_version = version + 1 WHERE id = {o}",
        "UPDATE payment_orders SET status = 'succeeded', paid_by = {oa}, version = version + 1, status_version = version + 1 WHERE id = {o}",
        "UPDATE payment_orders SET status = 'nonsense', version = version + 1, status_version = version + 1 WHERE id = {o}",
    ]
    amounts_stay_within_each_other: [
        "UPDATE payment_orders SET amount_captured = amount_authorized + 1, version = version + 1 WHERE id = {p}",
        "UPDATE payment_orders SET amount_refunded = amount_captured + 1, version = version + 1 WHERE id = {p}",
        "UPDATE payment_orders SET amount_refunded = -1, version = version + 1 WHERE id = {p}",
        "UPDATE attempts SET captured = authorized + 1 WHERE id = {pa}",
        "/* file */ UPDATE payment_orders SET amount_captured = 1.5, version = version + 1 WHERE id = {p}",
        "UPDATE payment_orders SET amount_captured = 'much', version = version + 1 WHERE id = {p}",
    ]
    a_second_attempt_under_way_or_paying_is_refused: [
        "INSERT INTO attempts (merchant_id, id, order_id, number, psp_account_id, psp, created_at, status, declines, check_at, authorized, captured, surplus)
         VALUES ({m}, {n}, {o}, 2, {s}, 'stripe', 1, 'registering', 0, 1, 0, 0, 0)",
        "INSERT INTO attempts (merchant_id, id, order_id, number, psp_account_id, psp, created_at, status, token, declines, authorized, captured, surplus)
         VALUES ({m}, {n}, {p}, 2, {s}, 'stripe', 1, 'captured', 't', 0, 1, 1, 0)",
        "INSERT OR REPLACE INTO attempts (merchant_id, id, order_id, number, psp_account_id, psp, created_at, status, declines, check_at, authorized,
           captured, surplus) VALUES ({m}, {n}, {o}, 2, {s}, 'stripe', 1, 'registering', 0, 1, 0, 0, 0)",
        "INSERT OR REPLACE INTO attempts (merchant_id, id, order_id, number, psp_account_id, psp, created_at, status, token, declines, authorized,
           captured, surplus) VALUES ({m}, {n}, {p}, 2, {s}, 'stripe', 1, 'captured', 't', 0, 1, 1, 0)",
        "INSERT INTO attempts (merchant_id, id, order_id, number, psp_account_id, psp, created_at, status, token, declines, authorized, captured, surplus)
         VALUES ({m}, {n}, {p}, 2, {s}, 'stripe', 1, 'captured', 't', 0, 1, 1, 1); UPDATE OR REPLACE attempts SET surplus = 0 WHERE id = {n}",
        "INSERT INTO attempts (merchant_id, id, order_id, number, psp_account_id, psp, created_at, status, declines, authorized, captured, surplus)
         VALUES ({m}, {n}, {o}, 2, {s}, 'stripe', 1, 'failed', 0, 0, 0, 0);
         UPDATE OR REPLACE attempts SET number = 1 WHERE id = {n}",
    ]
    an_attempt_is_registered_once: [
        "UPDATE attempts SET token = 'other' WHERE id = {oa}",
        "UPDATE attempts SET token = NULL, status = 'registering' WHERE id = {oa}",
        "INSERT INTO attempts (merchant_id, id, order_id, number, psp_account_id, psp, created_at, status, token, declines, authorized, captured, surplus)
         SELECT {m}, {n}, {f}, 2, psp_account_id, psp, 1, 'failed', token, 0, 0, 0, 0 FROM attempts WHERE id = {oa}",
        "INSERT OR REPLACE INTO attempts (merchant_id, id, order_id, number, psp_account_id, psp, created_at, status, token, declines, authorized, captured,
           surplus) SELECT {m}, {n}, {f}, 2, psp_account_id, psp, 1, 'failed', token, 0, 0, 0, 0 FROM attempts WHERE id = {oa}",
        "INSERT INTO attempts (merchant_id, id, order_id, number, psp_account_id, psp, created_at, status, declines, authorized, captured, surplus)
         VALUES ({m}, {n}, {f}, 2, {s}, 'stripe', 1, 'failed', 0, 0, 0, 0);
         UPDATE OR REPLACE attempts SET token = (SELECT token FROM attempts WHERE id = {oa}) WHERE id = {n}",
    ]
    an_attempt_stays_what_it_is: [
        "DELETE FROM attempts WHERE id = {fa}",
        "UPDATE attempts SET order_id = {o} WHERE id = {fa}",
        "UPDATE attempts SET number = 7 WHERE id = {fa}",
        "UPDATE attempts SET psp_account_id = {n} WHERE id = {fa}",
        "UPDATE attempts SET id = {n} WHERE id = {fa}",
        "UPDATE attempts SET created_at = 0 WHERE id = {fa}",
        "INSERT OR REPLACE INTO attempts SELECT * FROM attempts WHERE id = {pa}",
        "/* file */ INSERT INTO attempts SELECT * FROM attempts WHERE id = {pa} ON CONFLICT DO UPDATE SET captured = 0",
        "INSERT INTO merchants VALUES ({n}, 'x', x'00', 1); INSERT INTO psp_accounts VALUES ({n}, {n}, 'stripe', 'x', 1, x'00', 1, 1);
         INSERT INTO attempts (merchant_id, id, order_id, number, psp_account_id, psp, created_at, status, declines, authorized, captured, surplus)
         VALUES ({m}, {n}, {f}, 2, {n}, 'stripe', 1, 'failed', 0, 0, 0, 0)",
        "INSERT INTO merchants VALUES ({n}, 'x', x'00', 1);
         INSERT INTO attempts (merchant_id, id, order_id, number, psp_account_id, psp, created_at, status, declines, authorized, captured,
           surplus) VALUES ({n}, {n}, {f}, 2, {s}, 'stripe', 1, 'failed', 0, 0, 0, 0)",
        "INSERT INTO merchants VALUES ({n}, 'x', x'00', 1); UPDATE attempts SET merchant_id = {n} WHERE id = {oa}",
    ]
    what_is_unknown_is_to_be_checked: [
        "UPDATE attempts SET status = 'unknown', check_at = NULL WHERE id = {oa}",
        "INSERT INTO attempts (merchant_id, id, order_id, number, psp_account_id, psp, created_at, status, declines, authorized, captured, surplus)
         VALUES ({m}, {n}, {f}, 2, {s}, 'stripe', 1, 'unknown', 0, 0, 0, 0)",
        "INSERT INTO attempts (merchant_id, id, order_id, number, psp_account_id, psp, created_at, status, declines, authorized, captured, surplus)
         VALUES ({m}, {n}, {f}, 2, {s}, 'stripe', 1, 'processing', 0, 0, 0, 0)",
    ]
    a_reference_is_used_once: [
        "INSERT INTO payment_orders (merchant_id, id, reference, amount, currency, details, expires_at, created_at, status, version,
           updated_at, amount_authorized, amount_captured, amount_refunded, amount_disputed, paid_late)
         SELECT merchant_id, {n}, reference, 1, currency, details, expires_at, created_at, 'created', 1, 1, 0, 0, 0, 0, 0
           FROM payment_orders WHERE id = {p}",
        "/* file */ INSERT INTO postings SELECT {n}, 1, id, 0, 1 FROM accounts WHERE name LIKE 'psp:%';
         INSERT INTO postings SELECT {n}, 2, id, 0, -1 FROM accounts WHERE name LIKE 'merchant:%';
         INSERT INTO journal_entries SELECT {n}, merchant_id, event_ref, order_id, at, note FROM journal_entries",
    ]
    how_an_order_ended_is_kept: [
        "UPDATE unpaid_ends SET status = 'failed'",
        "UPDATE unpaid_ends SET order_id = {n}",
        "DELETE FROM unpaid_ends",
        // As it did not: it is paid, it waits, there is none.
        "INSERT INTO unpaid_ends VALUES ({m}, 'expired', {p})",
        "INSERT INTO unpaid_ends VALUES ({m}, 'canceled', {o})",
        "INSERT INTO unpaid_ends VALUES ({m}, 'failed', {n})",
        "INSERT INTO unpaid_ends VALUES ({m}, 'succeeded', {p})",
        "INSERT INTO unpaid_ends SELECT merchant_id, 'failed', order_id FROM unpaid_ends",
    ]
    an_answer_is_never_rewritten: [
        "UPDATE idempotency_keys SET answer_body = x'00'",
        "UPDATE idempotency_keys SET answer_kind = NULL, answer_body = NULL",
        "INSERT OR REPLACE INTO idempotency_keys SELECT merchant_id, key, fingerprint, locked_until, subject_id, 'x', x'00', 1
         FROM idempotency_keys",
    ]
}

#[test]
fn what_was_declined_stays_declined() {
    run(async {
        let w = World::sqlite(WriterMode::Thread);
        let shop = w.shop().await;
        let moved = w.opened(shop, w.terms());
        let mut change = w.change(moved, PaymentWrite::Insert);
        let (event, at, key) = (change.events[0].id, change.events[0].at, DeclineKey::Customer([1; 32]));
        let row = DeclineRow {
            merchant: shop.merchant,
            key,
            at,
            event,
            network: None,
            initiator: Initiator::Customer,
            is_final: false,
        };
        change.declines = vec![row];
        w.commit(change).await;
        let intruder = Intruder::into(&w);
        for attack in [
            "UPDATE declines SET at = 0",
            "UPDATE declines SET is_final = 1",
            "INSERT OR REPLACE INTO declines SELECT * FROM declines",
            "INSERT INTO declines SELECT merchant_id, 'somebody', digest, at, event_id, network, initiator, 0 FROM declines",
            "INSERT INTO declines SELECT merchant_id, kind, 'ada@shop.example', at, event_id, network, initiator, 0 FROM declines",
            "INSERT INTO declines SELECT merchant_id, 'card', digest, at, zeroblob(16), network, initiator, 0 FROM declines",
        ] {
            intruder.is_refused(attack);
        }
        w.assert_sound().await;
    });
}
