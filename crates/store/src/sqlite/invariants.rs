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
        says: "held by an authorised attempt is held in the journal, less what is on its way back, and nothing else is",
        breaches: "SELECT o.reference FROM payment_orders o LEFT JOIN (
                     SELECT e.order_id, -sum(p.amount) AS held FROM journal_entries e
                     JOIN postings p ON p.entry_id = e.id AND p.layer = 1 JOIN accounts a ON a.id = p.account_id
                     WHERE a.name LIKE 'merchant:%:payable' GROUP BY e.order_id
                   ) j ON j.order_id = o.id LEFT JOIN (
                     SELECT order_id, sum(authorized - captured) AS held FROM attempts WHERE status = 'authorized' GROUP BY order_id
                   ) t ON t.order_id = o.id
                   WHERE coalesce(j.held, 0) <> coalesce(t.held, 0) - o.amount_refunding",
    },
    Invariant {
        says: "refunded, on its way back and disputed are alike on the order, its attempts, its refunds and its disputes",
        breaches: "SELECT o.reference FROM payment_orders o LEFT JOIN (
                     SELECT order_id, sum(refunded) AS refunded, sum(refunding) AS refunding, sum(disputed) AS disputed FROM attempts
                     GROUP BY order_id) t ON t.order_id = o.id
                   LEFT JOIN (SELECT order_id, sum(iif(status = 'succeeded', amount, 0)) AS refunded,
                     sum(iif(status IN ('pending', 'unknown'), amount, 0)) AS refunding FROM refunds GROUP BY order_id) r ON r.order_id = o.id
                   LEFT JOIN (SELECT order_id, sum(iif(withdrawn = 1 AND returned = 0, amount, 0)) AS disputed FROM disputes
                     GROUP BY order_id) d ON d.order_id = o.id
                   WHERE o.amount_refunded <> coalesce(t.refunded, 0) OR o.amount_refunding <> coalesce(t.refunding, 0)
                     OR o.amount_disputed <> coalesce(t.disputed, 0) OR o.amount_refunded <> coalesce(r.refunded, 0)
                     OR o.amount_refunding <> coalesce(r.refunding, 0) OR o.amount_disputed <> coalesce(d.disputed, 0)",
    },
    Invariant {
        says: "what the merchant is owed for an order is what was captured, less what was given back and what is disputed",
        breaches: "SELECT o.reference FROM payment_orders o LEFT JOIN (
                     SELECT e.order_id, -sum(p.amount) AS owed FROM journal_entries e
                     JOIN postings p ON p.entry_id = e.id AND p.layer = 0 JOIN accounts a ON a.id = p.account_id
                     WHERE a.name LIKE 'merchant:%:payable' GROUP BY e.order_id
                   ) j ON j.order_id = o.id
                   WHERE coalesce(j.owed, 0) <> o.amount_captured - o.amount_refunded - o.amount_disputed",
    },
    Invariant {
        says: "each refund that succeeded or came back has its entries, and each such entry its refund",
        breaches: "SELECT 'refund ' || lower(hex(r.id)) FROM refunds r LEFT JOIN (
                     SELECT e.order_id, sum(p.amount) AS back, count(*) AS n FROM journal_entries e
                     JOIN postings p ON p.entry_id = e.id AND p.layer = 0 JOIN accounts a ON a.id = p.account_id
                     WHERE (e.event_ref LIKE 'refs:%' OR e.event_ref LIKE 'reff:%') AND a.name LIKE 'merchant:%:payable'
                     GROUP BY e.order_id) j ON j.order_id = r.order_id
                   GROUP BY r.order_id HAVING sum(iif(r.status = 'succeeded', r.amount, 0)) <> coalesce(max(j.back), 0)
                   UNION ALL SELECT e.event_ref FROM journal_entries e
                     WHERE (e.event_ref LIKE 'ref:%' OR e.event_ref LIKE 'refs:%' OR e.event_ref LIKE 'reff:%' OR e.event_ref LIKE 'refv:%')
                     AND NOT EXISTS (SELECT 1 FROM refunds WHERE order_id = e.order_id)",
    },
    Invariant {
        says: "what the PSP withholds in disputes is in the journal",
        breaches: "SELECT o.reference FROM payment_orders o JOIN (
                     SELECT order_id, sum(iif(withdrawn = 1 AND returned = 0 AND status <> 'lost', amount, 0)) AS held FROM disputes
                     GROUP BY order_id) d ON d.order_id = o.id
                   LEFT JOIN (SELECT e.order_id, sum(p.amount) AS held FROM journal_entries e
                     JOIN postings p ON p.entry_id = e.id JOIN accounts a ON a.id = p.account_id
                     WHERE a.name LIKE 'psp:%:dispute_held' GROUP BY e.order_id) j ON j.order_id = o.id
                   WHERE d.held <> coalesce(j.held, 0)",
    },
    Invariant {
        says: "given back and on its way back is at most what an attempt captured",
        breaches: "SELECT lower(hex(id)) FROM attempts WHERE refunded < 0 OR refunding < 0 OR refunded + refunding > captured",
    },
    Invariant {
        says: "a capture is under way where its attempt says so, and one at a time",
        breaches: "SELECT lower(hex(a.id)) FROM attempts a LEFT JOIN (
                     SELECT attempt_id, count(*) AS n, max(total) AS total FROM captures WHERE status IN ('pending', 'unknown')
                     GROUP BY attempt_id) c ON c.attempt_id = a.id
                   WHERE (a.capturing > 0 OR c.n IS NOT NULL) AND (c.n IS NOT 1 OR a.capturing <> c.total)",
    },
    Invariant {
        says: "a refund, capture or answer whose outcome is open has a job that sees to it",
        breaches: "SELECT 'refund ' || lower(hex(id)) FROM refunds r WHERE status IN ('pending', 'unknown')
                     AND (check_at IS NULL OR NOT EXISTS (SELECT 1 FROM jobs WHERE kind = 'refund' AND subject_id = r.id))
                   UNION ALL SELECT 'capture ' || lower(hex(id)) FROM captures c WHERE status IN ('pending', 'unknown')
                     AND (check_at IS NULL OR NOT EXISTS (SELECT 1 FROM jobs WHERE kind = 'capture' AND subject_id = c.id))
                   UNION ALL SELECT 'dispute ' || lower(hex(id)) FROM disputes d WHERE answer IS NOT NULL
                     AND NOT EXISTS (SELECT 1 FROM jobs WHERE kind = 'dispute' AND subject_id = d.id)",
    },
    Invariant {
        says: "how many disputes of an attempt are undecided is what its disputes say",
        breaches: "SELECT lower(hex(a.id)) FROM attempts a LEFT JOIN (
                     SELECT attempt_id, count(*) AS n FROM disputes WHERE status IN ('needs_response', 'under_review') GROUP BY attempt_id
                   ) d ON d.attempt_id = a.id WHERE a.open_disputes <> coalesce(d.n, 0)",
    },
    Invariant {
        says: "what is on its way to the bank is what left the PSP and has not arrived or come back",
        breaches: "SELECT lower(hex(merchant_id)) || ' ' || currency FROM (
                     SELECT merchant_id, currency, amount FROM payouts WHERE has_left = 1 AND came_back = 0 AND arrival IS NULL
                     UNION ALL SELECT a.merchant_id, a.currency, -b.amount FROM balances b JOIN accounts a ON a.id = b.account_id
                     WHERE a.name LIKE 'payout:%:in_transit')
                   GROUP BY merchant_id, currency HAVING sum(amount) <> 0",
    },
    Invariant {
        says: "each change of a payout has exactly one event, without gaps",
        breaches: "SELECT 'payout ' || lower(hex(x.id)) FROM payouts x LEFT JOIN
                     (SELECT subject_id, count(*) AS n, min(sequence) AS first, max(sequence) AS last FROM events
                      WHERE subject_kind = 'payout' GROUP BY subject_id) e ON e.subject_id = x.id
                   WHERE e.n IS NOT x.version OR e.first IS NOT 1 OR e.last IS NOT x.version",
    },
    Invariant {
        says: "each line of a PSP's statement in suspense has its exception, and each such entry its line",
        breaches: "SELECT l.psp_line FROM psp_lines l WHERE l.exception_id IS NOT NULL
                     AND NOT EXISTS (SELECT 1 FROM exceptions WHERE id = l.exception_id)
                   UNION ALL SELECT e.event_ref FROM journal_entries e WHERE e.event_ref LIKE 'susp:%'
                     AND NOT EXISTS (SELECT 1 FROM psp_lines l WHERE l.merchant_id = e.merchant_id AND l.exception_id IS NOT NULL
                       AND e.event_ref LIKE 'susp:%:' || l.psp_line)",
    },
    Invariant {
        says: "each fee of an attempt is booked, and no other",
        breaches: "SELECT o.reference || ' ' || f.currency FROM (
                     SELECT order_id, currency, sum(amount) AS difference FROM (
                       SELECT t.order_id, json_extract(fee.value, '$.amount.currency') AS currency,
                              json_extract(fee.value, '$.amount.minor') AS amount
                       FROM attempts t, json_each(t.fees) fee WHERE t.fees IS NOT NULL
                       UNION ALL
                       SELECT e.order_id, a.currency, -p.amount FROM accounts a JOIN postings p ON p.account_id = a.id
                       JOIN journal_entries e ON e.id = p.entry_id WHERE a.name = 'expense:psp_fee' AND e.event_ref LIKE 'fee:%' AND e.order_id IS NOT NULL)
                     GROUP BY order_id, currency HAVING sum(amount) <> 0) f
                   LEFT JOIN payment_orders o ON o.id = f.order_id",
    },
    Invariant {
        says: "0 <= refunded + on its way back <= captured <= authorised",
        breaches: "SELECT reference FROM payment_orders WHERE amount_refunded < 0 OR amount_refunding < 0
                   OR amount_refunded + amount_refunding > amount_captured
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
                   AND (a.check_at IS NULL OR NOT EXISTS (SELECT 1 FROM jobs WHERE kind = 'attend' AND subject_id = a.order_id))",
    },
    Invariant {
        says: "an order that can still move has a job that sees to it",
        breaches: "SELECT o.reference FROM payment_orders o WHERE o.status IN ('created', 'pending', 'processing', 'authorized')
                   AND NOT EXISTS (SELECT 1 FROM jobs WHERE kind = 'attend' AND subject_id = o.id)",
    },
    Invariant {
        says: "a succeeded order has its money and its entry",
        breaches: "SELECT o.reference FROM payment_orders o WHERE o.status = 'succeeded' AND (o.amount_captured <= 0 OR NOT EXISTS
                   (SELECT 1 FROM journal_entries WHERE order_id = o.id AND event_ref LIKE 'cap:%'))",
    },
    Invariant {
        says: "each change of an order has exactly one event, without gaps",
        breaches: "SELECT o.reference FROM payment_orders o LEFT JOIN
                     (SELECT subject_id, count(*) AS n, min(sequence) AS first, max(sequence) AS last FROM events GROUP BY subject_id) e
                     ON e.subject_id = o.id
                   WHERE e.n IS NOT o.version OR e.first IS NOT 1 OR e.last IS NOT o.version",
    },
    Invariant {
        says: "each event belongs to a subject of its merchant",
        breaches: "SELECT lower(hex(e.id)) FROM events e LEFT JOIN payment_orders o ON o.id = e.subject_id AND o.merchant_id = e.merchant_id
                   WHERE e.subject_kind = 'payment_order' AND o.id IS NULL
                   UNION ALL SELECT lower(hex(e.id)) FROM events e LEFT JOIN payouts x ON x.id = e.subject_id AND x.merchant_id = e.merchant_id
                   WHERE e.subject_kind = 'payout' AND x.id IS NULL
                   UNION ALL SELECT lower(hex(e.id)) FROM events e LEFT JOIN webhook_endpoints w ON w.id = e.subject_id
                     AND w.merchant_id = e.merchant_id WHERE e.subject_kind = 'webhook_endpoint' AND w.id IS NULL",
    },
    Invariant {
        says: "an attempt goes to a PSP account of the order's merchant",
        breaches: "SELECT lower(hex(a.id)) FROM attempts a JOIN payment_orders o ON o.id = a.order_id
                   JOIN psp_accounts s ON s.id = a.psp_account_id WHERE s.merchant_id <> o.merchant_id",
    },
    Invariant {
        says: "a delivery that waits has a next try, and no other has one",
        breaches: "SELECT lower(hex(id)) FROM webhook_deliveries WHERE (state = 'pending') <> (next_at IS NOT NULL)",
    },
    Invariant {
        says: "each event that a webhook endpoint wants has its delivery, up to where the endpoint has come",
        breaches: "SELECT lower(hex(w.id)) || ' event ' || e.position FROM webhook_endpoints w JOIN events e
                     ON e.merchant_id = w.merchant_id AND e.position > w.complete_after AND e.position <= w.position
                   WHERE (w.types = '[]' OR e.kind IN (SELECT value FROM json_each(w.types))) AND NOT EXISTS
                     (SELECT 1 FROM webhook_deliveries d WHERE d.endpoint_id = w.id AND d.event_id = e.id AND d.origin = 'event')",
    },
    Invariant {
        says: "an event is delivered to an endpoint once, unless somebody asks for it again",
        breaches: "SELECT lower(hex(endpoint_id)) || ' ' || lower(hex(event_id)) FROM webhook_deliveries WHERE origin = 'event'
                   GROUP BY endpoint_id, event_id HAVING count(*) > 1",
    },
    Invariant {
        says: "each event about a webhook endpoint is counted, without gaps",
        breaches: "SELECT lower(hex(w.id)) FROM webhook_endpoints w LEFT JOIN
                     (SELECT subject_id, count(*) AS n, max(sequence) AS last FROM events GROUP BY subject_id) e ON e.subject_id = w.id
                   WHERE coalesce(e.n, 0) <> w.events OR coalesce(e.last, 0) <> w.events",
    },
    Invariant {
        says: "no webhook endpoint is further than the events",
        breaches: "SELECT lower(hex(id)) FROM webhook_endpoints WHERE position > (SELECT coalesce(max(position), 0) FROM events)",
    },
    Invariant {
        says: "the tries of a delivery are as many as it counts, without gaps, and what arrived had a try that was taken",
        breaches: "SELECT lower(hex(d.id)) FROM webhook_deliveries d LEFT JOIN
                     (SELECT delivery_id, count(*) AS n, max(number) AS last, sum(status BETWEEN 200 AND 299) AS taken
                      FROM webhook_tries GROUP BY delivery_id) t ON t.delivery_id = d.id
                   WHERE coalesce(t.n, 0) <> d.tries OR coalesce(t.last, 0) <> d.tries
                     OR (d.state = 'succeeded') <> (coalesce(t.taken, 0) > 0)",
    },
    Invariant {
        says: "a delivery stays within its merchant",
        breaches: "SELECT lower(hex(d.id)) FROM webhook_deliveries d LEFT JOIN webhook_endpoints w
                     ON w.id = d.endpoint_id AND w.merchant_id = d.merchant_id
                   LEFT JOIN events e ON e.id = d.event_id AND e.merchant_id = d.merchant_id
                   WHERE w.id IS NULL OR (e.id IS NULL AND d.origin <> 'test')",
    },
];
