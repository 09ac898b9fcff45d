//! Orders and attempts, their events and jobs.

use super::Invariant;

pub(super) const INVARIANTS: &[Invariant] = &[
    Invariant {
        says: "authorised, captured, refunded, on its way back and disputed is on an order what it is on its attempts",
        breaches: "SELECT shown('po', id) FROM (
                     SELECT id, amount_authorized AS authorized, amount_captured AS captured, amount_refunded AS refunded,
                       amount_refunding AS refunding, amount_disputed AS disputed FROM every_order o
                     UNION ALL SELECT order_id, -authorized, -captured, -refunded, -refunding, -disputed FROM every_attempt a) x
                   GROUP BY id HAVING sum(authorized) <> 0 OR sum(captured) <> 0 OR sum(refunded) <> 0 OR sum(refunding) <> 0
                     OR sum(disputed) <> 0",
    },
    Invariant {
        says: "what an attempt captured and holds is booked at its PSP account, and nothing else is",
        breaches: "SELECT coalesce(shown('pa', attempt_id), '?') || ' ' || iif(layer = 0, 'captured', 'held') FROM (
                     SELECT a.id AS attempt_id, a.order_id, a.psp_account_id, o.currency, 0 AS layer, a.captured AS amount
                     FROM every_attempt a JOIN every_order o ON o.id = a.order_id WHERE a.captured <> 0
                     UNION ALL
                     SELECT a.id, a.order_id, a.psp_account_id, o.currency, 1, a.authorized - a.captured
                     FROM every_attempt a JOIN every_order o ON o.id = a.order_id WHERE a.status = 'authorized'
                     UNION ALL
                     SELECT named(e.event_ref), e.order_id, named(c.name), c.currency, p.layer, -p.amount
                     FROM journal_entries e CROSS JOIN postings p ON p.entry_id = e.id CROSS JOIN accounts c ON c.id = p.account_id
                     WHERE (e.event_ref GLOB 'cap:*' OR e.event_ref GLOB 'auth:*' OR e.event_ref GLOB 'void:*')
                       AND c.name GLOB 'psp:*:receivable') x
                   GROUP BY attempt_id, order_id, psp_account_id, currency, layer HAVING sum(amount) <> 0",
    },
    Invariant {
        says: "corrections aside, the merchant is owed for an order what was captured, less what was given back and what is disputed",
        breaches: "SELECT shown('po', order_id) FROM (
                     SELECT id AS order_id, currency, amount_captured - amount_refunded - amount_disputed AS owed FROM every_order o
                     UNION ALL
                     SELECT e.order_id, a.currency, p.amount
                     FROM journal_entries e CROSS JOIN postings p ON p.entry_id = e.id CROSS JOIN accounts a ON a.id = p.account_id
                     WHERE e.order_id IS NOT NULL AND e.event_ref NOT GLOB 'rev:*' AND e.event_ref NOT GLOB 'fix:*'
                       AND p.layer = 0 AND a.name GLOB 'merchant:*:payable') x
                   GROUP BY order_id, currency HAVING sum(owed) <> 0",
    },
    Invariant {
        says: "0 <= refunded + on its way back <= captured <= authorised",
        breaches: "SELECT shown('po', id) FROM every_order o WHERE amount_refunded < 0 OR amount_refunding < 0
                     OR amount_refunded + amount_refunding > amount_captured OR amount_captured > amount_authorized
                   UNION ALL SELECT shown('pa', id) FROM every_attempt a WHERE refunded < 0 OR refunding < 0
                     OR refunded + refunding > captured OR captured > authorized",
    },
    Invariant {
        says: "each fee of an attempt is booked, and no other",
        breaches: "SELECT shown('po', order_id) || ' ' || line FROM (
                     SELECT t.order_id, t.psp_account_id AS psp, fee.value ->> 'psp_line' AS line,
                       fee.value -> 'amount' ->> 'currency' AS currency, CAST(fee.value -> 'amount' ->> 'minor' AS bigint) AS amount
                     FROM every_attempt t, json_each(t.fees) fee WHERE t.fees IS NOT NULL
                     UNION ALL
                     SELECT e.order_id, named(e.event_ref), substr(e.event_ref, instr(e.event_ref, ':') + 32), a.currency, -p.amount
                     FROM journal_entries e CROSS JOIN postings p ON p.entry_id = e.id CROSS JOIN accounts a ON a.id = p.account_id
                     WHERE e.order_id IS NOT NULL AND e.event_ref GLOB 'fee:*' AND a.name = 'expense:psp_fee') x
                   GROUP BY order_id, psp, line, currency HAVING sum(amount) <> 0",
    },
    Invariant {
        says: "an order that ended without money is listed by its end",
        breaches: "SELECT shown('po', o.id) FROM every_order o
                     LEFT JOIN unpaid_ends e ON e.merchant_id = o.merchant_id AND e.status = o.status AND e.order_id = o.id
                   WHERE o.status IN ('failed', 'canceled', 'expired') AND e.order_id IS NULL",
    },
    Invariant {
        says: "one order per reference of the merchant",
        breaches: "SELECT reference FROM every_order o GROUP BY merchant_id, reference HAVING count(*) > 1",
    },
    Invariant {
        says: "at most one attempt of an order is under way",
        breaches: "SELECT shown('po', order_id) FROM every_attempt a WHERE status IN ('registering', 'unknown', 'requires_action', 'processing')
                   GROUP BY order_id HAVING count(*) > 1",
    },
    Invariant {
        says: "at most one attempt pays an order, and the order names it",
        breaches: "SELECT shown('po', order_id) FROM (
                     SELECT id AS order_id, paid_by AS attempt_id, 1 AS n FROM every_order o WHERE paid_by IS NOT NULL
                     UNION ALL SELECT order_id, id, -1 FROM every_attempt a WHERE status IN ('authorized', 'captured') AND NOT surplus) x
                   GROUP BY order_id HAVING sum(n) <> 0 OR count(*) > 2 OR count(DISTINCT attempt_id) > 1",
    },
    Invariant {
        says: "one registration per attempt",
        breaches: "SELECT shown('psp', psp_account_id) || ' ' || token FROM every_attempt a WHERE token IS NOT NULL GROUP BY psp_account_id, token
                   HAVING count(*) > 1",
    },
    Invariant {
        says: "a registration is confirmed before the customer is sent to it",
        breaches: "SELECT shown('pa', id) FROM every_attempt a WHERE redirect_url IS NOT NULL AND token IS NULL",
    },
    Invariant {
        says: "an attempt is its order's merchant's, and goes to a PSP account of theirs",
        breaches: "SELECT shown('pa', a.id) FROM every_attempt a JOIN every_order o ON o.id = a.order_id
                   JOIN psp_accounts s ON s.id = a.psp_account_id WHERE s.merchant_id <> o.merchant_id
                     OR a.merchant_id IS DISTINCT FROM o.merchant_id",
    },
    Invariant {
        says: "no attempt is unknown without a scheduled check",
        breaches: "SELECT shown('pa', a.id) FROM every_attempt a LEFT JOIN jobs j ON j.kind = 'attend' AND j.subject_id = a.order_id
                   WHERE a.status IN ('registering', 'unknown') AND (a.check_at IS NULL OR j.kind IS NULL)",
    },
    Invariant {
        says: "an order that can still move has a job that sees to it",
        breaches: "SELECT shown('po', o.id) FROM every_order o LEFT JOIN jobs j ON j.kind = 'attend' AND j.subject_id = o.id
                   WHERE o.status IN ('created', 'pending', 'processing', 'authorized') AND j.kind IS NULL",
    },
    Invariant {
        says: "a job is about something of its merchant",
        breaches: "SELECT j.kind || ' ' || lower(hex(j.subject_id)) FROM jobs j
                   LEFT JOIN payment_orders o ON j.kind = 'attend' AND o.id = j.subject_id
                   LEFT JOIN archived_orders h ON j.kind = 'attend' AND h.id = j.subject_id
                   LEFT JOIN captures c ON j.kind = 'capture' AND c.id = j.subject_id
                   LEFT JOIN refunds r ON j.kind = 'refund' AND r.id = j.subject_id
                   LEFT JOIN disputes d ON j.kind = 'dispute' AND d.id = j.subject_id
                   LEFT JOIN psp_accounts s ON j.kind = 'statement' AND s.id = j.subject_id
                   WHERE j.kind IN ('attend', 'capture', 'refund', 'dispute', 'statement')
                     AND coalesce(o.merchant_id, h.merchant_id, c.merchant_id, r.merchant_id, d.merchant_id, s.merchant_id)
                       IS DISTINCT FROM j.merchant_id",
    },
    Invariant {
        says: "a succeeded order has its money and its entry",
        breaches: "SELECT shown('po', id) FROM every_order o WHERE status = 'succeeded' AND amount_captured <= 0
                   UNION ALL SELECT shown('po', id) FROM (SELECT id FROM every_order o WHERE status = 'succeeded'
                     EXCEPT SELECT order_id FROM journal_entries WHERE event_ref GLOB 'cap:*') x",
    },
    Invariant {
        says: "an order is claimed only with money",
        breaches: "SELECT shown('po', id) FROM every_order o WHERE claim IS NOT NULL AND amount_authorized = 0",
    },
    Invariant {
        says: "each change of an order has exactly one event, without gaps",
        breaches: "SELECT shown('po', id) FROM (
                     SELECT id, version, 0 AS n, NULL AS sequence FROM every_order o
                     UNION ALL SELECT subject_id, 0, 1, sequence FROM events WHERE subject_kind = 'payment_order') x
                   GROUP BY id HAVING sum(n) <> sum(version) OR min(sequence) IS DISTINCT FROM 1 OR max(sequence) IS DISTINCT FROM sum(version)
                     OR count(DISTINCT sequence) <> sum(n)",
    },
    Invariant {
        says: "an order's status came with the event that it names",
        breaches: "SELECT shown('po', o.id) FROM every_order o
                   LEFT JOIN events e ON e.subject_id = o.id AND e.sequence = o.status_version
                   LEFT JOIN events b ON b.subject_id = o.id AND b.sequence = o.status_version - 1
                   WHERE (e.snapshot ->> 'status') IS DISTINCT FROM o.status OR (b.snapshot ->> 'status') = o.status",
    },
    Invariant {
        says: "each event belongs to a subject of its merchant",
        breaches: "SELECT shown('evt', e.id) FROM events e
                   LEFT JOIN payment_orders o ON e.subject_kind = 'payment_order' AND o.id = e.subject_id
                   LEFT JOIN archived_orders h ON e.subject_kind = 'payment_order' AND h.id = e.subject_id
                   LEFT JOIN payouts x ON e.subject_kind = 'payout' AND x.id = e.subject_id
                   LEFT JOIN webhook_endpoints w ON e.subject_kind = 'webhook_endpoint' AND w.id = e.subject_id
                   WHERE coalesce(o.merchant_id, h.merchant_id, x.merchant_id, w.merchant_id) IS DISTINCT FROM e.merchant_id",
    },
];
