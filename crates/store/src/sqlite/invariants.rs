//! The invariants, each as a query that finds what breaks it.

/// An invariant, and the query that gives one text per breach.
pub(super) struct Invariant {
    /// What must be so.
    pub says: &'static str,
    /// What finds where it is not.
    pub breaches: &'static str,
}

pub(super) const INVARIANTS: &[Invariant] = &[
    Invariant {
        says: "each journal entry sums to zero per currency and layer",
        breaches: "SELECT 'entry ' || lower(hex(p.entry_id)) || ' ' || a.currency FROM postings p JOIN accounts a ON a.id = p.account_id
                   GROUP BY p.entry_id, a.currency, p.layer HAVING sum(p.amount) <> 0",
    },
    Invariant {
        says: "all postings sum to zero per currency and layer",
        breaches: "SELECT a.currency || ' layer ' || p.layer FROM postings p JOIN accounts a ON a.id = p.account_id
                   GROUP BY a.currency, p.layer HAVING sum(p.amount) <> 0",
    },
    Invariant {
        says: "a stored balance is the sum of its postings",
        breaches: "SELECT a.name || ' ' || a.currency FROM accounts a JOIN (
                     SELECT account_id, layer, sum(amount) AS amount FROM (
                       SELECT account_id, layer, amount FROM postings UNION ALL SELECT account_id, layer, -amount FROM balances)
                     GROUP BY account_id, layer HAVING sum(amount) <> 0) d ON d.account_id = a.id",
    },
    Invariant {
        says: "a journal entry has at least two lines, and each line an entry",
        breaches: "SELECT 'entry ' || lower(hex(e.id)) FROM journal_entries e
                     WHERE (SELECT count(*) FROM postings WHERE entry_id = e.id) < 2
                   UNION ALL SELECT 'posting of ' || lower(hex(entry_id)) FROM postings
                     WHERE entry_id NOT IN (SELECT id FROM journal_entries)",
    },
    Invariant {
        says: "a journal entry stays within its merchant",
        breaches: "SELECT DISTINCT e.event_ref FROM journal_entries e JOIN postings p ON p.entry_id = e.id
                   JOIN accounts a ON a.id = p.account_id WHERE a.merchant_id <> e.merchant_id",
    },
    Invariant {
        says: "captured by the attempts is captured on the order",
        breaches: "SELECT o.reference FROM payment_orders o WHERE o.amount_captured <>
                   (SELECT coalesce(sum(captured), 0) FROM attempts WHERE order_id = o.id)",
    },
    Invariant {
        says: "captured on the order is booked in the journal",
        breaches: "SELECT o.reference FROM payment_orders o LEFT JOIN (
                     SELECT e.order_id, a.currency, -sum(p.amount) AS booked FROM journal_entries e
                     JOIN postings p ON p.entry_id = e.id AND p.layer = 0 JOIN accounts a ON a.id = p.account_id
                     WHERE e.event_ref LIKE 'cap:%' AND a.name LIKE 'merchant:%:payable' GROUP BY e.order_id, a.currency
                   ) j ON j.order_id = o.id AND j.currency = o.currency
                   WHERE o.amount_captured <> coalesce(j.booked, 0)",
    },
    Invariant {
        says: "each entry of an order is its merchant's, and each capture in its currency",
        breaches: "SELECT e.event_ref FROM journal_entries e LEFT JOIN payment_orders o ON o.id = e.order_id
                     WHERE o.merchant_id IS NOT e.merchant_id AND (e.order_id IS NOT NULL OR e.event_ref LIKE 'cap:%'
                       OR e.event_ref LIKE 'auth:%' OR e.event_ref LIKE 'void:%')
                   UNION SELECT e.event_ref FROM journal_entries e JOIN payment_orders o ON o.id = e.order_id
                     JOIN postings p ON p.entry_id = e.id JOIN accounts a ON a.id = p.account_id
                     WHERE e.event_ref LIKE 'cap:%' AND o.currency <> a.currency",
    },
    Invariant {
        says: "one entry per reference of the journal",
        breaches: "SELECT event_ref FROM journal_entries GROUP BY merchant_id, event_ref HAVING count(*) > 1",
    },
    Invariant {
        says: "one order per reference of the merchant",
        breaches: "SELECT reference FROM payment_orders GROUP BY merchant_id, reference HAVING count(*) > 1",
    },
    Invariant {
        says: "at most one attempt of an order is under way",
        breaches: "SELECT lower(hex(order_id)) FROM attempts WHERE status IN ('registering', 'unknown', 'requires_action', 'processing')
                   GROUP BY order_id HAVING count(*) > 1",
    },
    Invariant {
        says: "held by an authorised attempt is held in the journal, and nothing else is",
        breaches: "SELECT o.reference FROM payment_orders o LEFT JOIN (
                     SELECT e.order_id, -sum(p.amount) AS held FROM journal_entries e
                     JOIN postings p ON p.entry_id = e.id AND p.layer = 1 JOIN accounts a ON a.id = p.account_id
                     WHERE a.name LIKE 'merchant:%:payable' GROUP BY e.order_id
                   ) j ON j.order_id = o.id LEFT JOIN (
                     SELECT order_id, sum(authorized) AS held FROM attempts WHERE status = 'authorized' GROUP BY order_id
                   ) t ON t.order_id = o.id
                   WHERE coalesce(j.held, 0) <> coalesce(t.held, 0)",
    },
    Invariant {
        says: "each fee of an attempt is booked, and no other",
        breaches: "SELECT o.reference || ' ' || f.currency FROM (
                     SELECT order_id, currency, sum(amount) AS difference FROM (
                       SELECT t.order_id, json_extract(fee.value, '$.amount.currency') AS currency,
                              max(json_extract(fee.value, '$.amount.minor'), 0) AS amount
                       FROM attempts t, json_each(t.fees) fee WHERE t.fees IS NOT NULL
                       UNION ALL
                       SELECT e.order_id, a.currency, -p.amount FROM accounts a JOIN postings p ON p.account_id = a.id
                       JOIN journal_entries e ON e.id = p.entry_id WHERE a.name = 'expense:psp_fee' AND e.event_ref LIKE 'fee:%')
                     GROUP BY order_id, currency HAVING sum(amount) <> 0) f
                   LEFT JOIN payment_orders o ON o.id = f.order_id",
    },
    Invariant {
        says: "0 <= refunded <= captured <= authorised",
        breaches: "SELECT reference FROM payment_orders WHERE amount_refunded < 0 OR amount_refunded > amount_captured
                   OR amount_captured > amount_authorized",
    },
    Invariant {
        says: "at most one attempt pays an order, and the order names it",
        breaches: "SELECT o.reference FROM payment_orders o LEFT JOIN attempts a
                     ON a.order_id = o.id AND a.status IN ('authorized', 'captured') AND a.surplus = 0
                   GROUP BY o.id HAVING count(a.id) > 1 OR max(a.id) IS NOT o.paid_by",
    },
    Invariant {
        says: "one registration per attempt",
        breaches: "SELECT psp || ' ' || token FROM attempts WHERE token IS NOT NULL GROUP BY psp_account_id, token HAVING count(*) > 1",
    },
    Invariant {
        says: "a registration is confirmed before the customer is sent to it",
        breaches: "SELECT lower(hex(id)) FROM attempts WHERE redirect_url IS NOT NULL AND token IS NULL",
    },
    Invariant {
        says: "no attempt is unknown without a scheduled check",
        breaches: "SELECT lower(hex(a.id)) FROM attempts a WHERE a.status IN ('registering', 'unknown')
                   AND (a.check_at IS NULL OR NOT EXISTS (SELECT 1 FROM jobs WHERE kind = 'attend' AND order_id = a.order_id))",
    },
    Invariant {
        says: "an order that can still move has a job that sees to it",
        breaches: "SELECT o.reference FROM payment_orders o WHERE o.status IN ('created', 'pending', 'processing', 'authorized')
                   AND NOT EXISTS (SELECT 1 FROM jobs WHERE kind = 'attend' AND order_id = o.id)",
    },
    Invariant {
        says: "a succeeded order has its money and its entry",
        breaches: "SELECT o.reference FROM payment_orders o WHERE o.status = 'succeeded' AND (o.amount_captured <= 0 OR NOT EXISTS
                   (SELECT 1 FROM journal_entries WHERE order_id = o.id AND event_ref LIKE 'cap:%'))",
    },
    Invariant {
        says: "each change of an order has exactly one event, without gaps",
        breaches: "SELECT o.reference FROM payment_orders o LEFT JOIN
                     (SELECT order_id, count(*) AS n, min(sequence) AS first, max(sequence) AS last FROM events GROUP BY order_id) e
                     ON e.order_id = o.id
                   WHERE e.n IS NOT o.version OR e.first IS NOT 1 OR e.last IS NOT o.version",
    },
    Invariant {
        says: "each event belongs to an order of its merchant",
        breaches: "SELECT lower(hex(e.id)) FROM events e LEFT JOIN payment_orders o ON o.id = e.order_id AND o.merchant_id = e.merchant_id
                   WHERE o.id IS NULL",
    },
    Invariant {
        says: "an attempt goes to a PSP account of the order's merchant",
        breaches: "SELECT lower(hex(a.id)) FROM attempts a JOIN payment_orders o ON o.id = a.order_id
                   JOIN psp_accounts s ON s.id = a.psp_account_id WHERE s.merchant_id <> o.merchant_id",
    },
];
