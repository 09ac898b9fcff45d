//! Captures, refunds and disputes, and what each of them booked.

use super::Invariant;

pub(super) const INVARIANTS: &[Invariant] = &[
    Invariant {
        says: "refunded, on its way back, disputed, undecided and being captured is on an attempt what it is on its parts",
        breaches: "SELECT shown('pa', id) FROM (
                     SELECT id, refunded, refunding, disputed, open_disputes AS undecided, capturing FROM every_attempt a
                     UNION ALL SELECT attempt_id, -iif(status = 'succeeded', amount, 0), -iif(status IN ('pending', 'unknown'), amount, 0),
                       0, 0, 0 FROM refunds
                     UNION ALL SELECT attempt_id, 0, 0, -iif(withdrawn AND NOT returned, amount, 0),
                       -iif(status IN ('needs_response', 'under_review'), 1, 0), 0 FROM disputes
                     UNION ALL SELECT attempt_id, 0, 0, 0, 0, -total FROM captures WHERE status IN ('pending', 'unknown')) x
                   GROUP BY id HAVING sum(refunded) <> 0 OR sum(refunding) <> 0 OR sum(disputed) <> 0 OR sum(undecided) <> 0
                     OR sum(capturing) <> 0",
    },
    Invariant {
        says: "a capture, refund or dispute is of its attempt's order, merchant, PSP account and currency",
        breaches: "SELECT name FROM (
                     SELECT shown('cap', id) AS name, merchant_id, order_id, attempt_id, psp_account_id, currency FROM captures
                     UNION ALL SELECT shown('re', id), merchant_id, order_id, attempt_id, psp_account_id, currency FROM refunds
                     UNION ALL SELECT shown('dp', id), merchant_id, order_id, attempt_id, psp_account_id, currency FROM disputes) p
                   LEFT JOIN attempts a ON a.id = p.attempt_id LEFT JOIN archived_attempts b ON b.id = p.attempt_id
                   LEFT JOIN payment_orders o ON o.id = coalesce(a.order_id, b.order_id)
                   LEFT JOIN archived_orders h ON h.id = coalesce(a.order_id, b.order_id)
                   WHERE coalesce(o.id, h.id) IS DISTINCT FROM p.order_id OR coalesce(o.merchant_id, h.merchant_id) <> p.merchant_id
                     OR coalesce(o.currency, h.currency) <> p.currency
                     OR coalesce(a.psp_account_id, b.psp_account_id) <> p.psp_account_id",
    },
    Invariant {
        says: "at most one capture of an attempt is under way",
        breaches: "SELECT shown('pa', attempt_id) FROM captures WHERE status IN ('pending', 'unknown')
                   GROUP BY attempt_id HAVING count(*) > 1",
    },
    Invariant {
        says: "a capture that succeeded is in what its attempt captured",
        breaches: "SELECT shown('cap', c.id) FROM captures c JOIN every_attempt a ON a.id = c.attempt_id
                   WHERE c.status = 'succeeded' AND c.total > a.captured",
    },
    Invariant {
        says: "a refund or dispute is known once at its PSP",
        breaches: "SELECT psp_refund FROM refunds WHERE psp_refund IS NOT NULL GROUP BY psp_account_id, psp_refund HAVING count(*) > 1
                   UNION ALL SELECT psp_dispute FROM disputes GROUP BY psp_account_id, psp_dispute HAVING count(*) > 1",
    },
    Invariant {
        says: "what a refund gave back and what is on its way back is booked at its PSP account, and nothing else is",
        breaches: "SELECT coalesce(shown('re', refund_id), '?') || ' ' || iif(layer = 0, 'given back', 'on its way') FROM (
                     SELECT id AS refund_id, order_id, psp_account_id, currency, iif(status = 'succeeded', 0, 1) AS layer, amount
                     FROM refunds WHERE status <> 'failed'
                     UNION ALL
                     SELECT named(e.event_ref), e.order_id, named(c.name), c.currency, p.layer, p.amount
                     FROM journal_entries e CROSS JOIN postings p ON p.entry_id = e.id CROSS JOIN accounts c ON c.id = p.account_id
                     WHERE (e.event_ref GLOB 'ref:*' OR e.event_ref GLOB 'ref[svf]:*') AND c.name GLOB 'psp:*:receivable') x
                   GROUP BY refund_id, order_id, psp_account_id, currency, layer HAVING sum(amount) <> 0",
    },
    Invariant {
        says: "what a dispute took from the merchant, and what is withheld until it is decided, is booked, and nothing else is",
        breaches: "SELECT coalesce(shown('dp', dispute_id), '?') || ' ' || place FROM (
                     SELECT id AS dispute_id, order_id, currency, merchant_id AS whose, 'payable' AS place, amount
                     FROM disputes WHERE withdrawn AND NOT returned
                     UNION ALL
                     SELECT id, order_id, currency, merchant_id, 'reserve', -amount
                     FROM disputes WHERE withdrawn AND NOT returned AND status <> 'lost'
                     UNION ALL
                     SELECT id, order_id, currency, psp_account_id, 'dispute_held', amount
                     FROM disputes WHERE withdrawn AND NOT returned AND status <> 'lost'
                     UNION ALL
                     SELECT named(e.event_ref), e.order_id, c.currency, named(c.name),
                       substr(c.name, instr(c.name, '_') + 28), -p.amount
                     FROM journal_entries e CROSS JOIN postings p ON p.entry_id = e.id CROSS JOIN accounts c ON c.id = p.account_id
                     WHERE e.event_ref GLOB 'dsp:*'
                       AND (c.name GLOB 'merchant:*:payable' OR c.name GLOB 'merchant:*:reserve' OR c.name GLOB 'psp:*:dispute_held')) x
                   GROUP BY dispute_id, order_id, currency, whose, place HAVING sum(amount) <> 0",
    },
    Invariant {
        says: "each fee of a dispute is booked, and no other",
        breaches: "SELECT coalesce(shown('dp', dispute_id), '?') || ' ' || line FROM (
                     SELECT d.id AS dispute_id, d.order_id, fee.value ->> 'psp_line' AS line,
                       fee.value -> 'amount' ->> 'currency' AS currency, CAST(fee.value -> 'amount' ->> 'minor' AS bigint) AS amount
                     FROM disputes d, json_each(d.fees) fee WHERE d.fees IS NOT NULL
                     UNION ALL
                     SELECT named(e.event_ref), e.order_id, substr(e.event_ref, instr(e.event_ref, ':fee:') + 5), a.currency, -p.amount
                     FROM journal_entries e CROSS JOIN postings p ON p.entry_id = e.id CROSS JOIN accounts a ON a.id = p.account_id
                     WHERE e.event_ref GLOB 'dsp:*:fee:*' AND a.name = 'expense:dispute_fee') x
                   GROUP BY dispute_id, order_id, line, currency HAVING sum(amount) <> 0",
    },
    Invariant {
        says: "a refund, capture or answer whose outcome is open has a job that sees to it",
        breaches: "SELECT shown('re', r.id) FROM refunds r LEFT JOIN jobs j ON j.kind = 'refund' AND j.subject_id = r.id
                     WHERE r.status IN ('pending', 'unknown') AND (r.check_at IS NULL OR j.kind IS NULL)
                   UNION ALL SELECT shown('cap', c.id) FROM captures c LEFT JOIN jobs j ON j.kind = 'capture' AND j.subject_id = c.id
                     WHERE c.status IN ('pending', 'unknown') AND (c.check_at IS NULL OR j.kind IS NULL)
                   UNION ALL SELECT shown('dp', d.id) FROM disputes d LEFT JOIN jobs j ON j.kind = 'dispute' AND j.subject_id = d.id
                     WHERE d.answer IS NOT NULL AND j.kind IS NULL",
    },
    Invariant {
        says: "each success, claim, capture, refund and dispute is told by its event, once",
        breaches: "SELECT shown('po', order_id) || ' ' || kind FROM (
                     SELECT subject_id AS order_id, CAST(kind AS text) AS kind, 1 AS n FROM events WHERE subject_kind = 'payment_order' AND kind IN
                       ('payment_order.succeeded', 'payment_order.claimed', 'payment_order.capture_requested', 'refund.created',
                        'refund.succeeded', 'refund.failed', 'dispute.opened')
                     UNION ALL SELECT id, 'payment_order.succeeded', -1 FROM every_order o WHERE status = 'succeeded'
                     UNION ALL SELECT id, 'payment_order.claimed', -1 FROM every_order o WHERE claim IS NOT NULL
                     UNION ALL SELECT order_id, 'payment_order.capture_requested', -1 FROM captures
                     UNION ALL SELECT order_id, 'dispute.opened', -1 FROM disputes
                     UNION ALL SELECT order_id, CASE substr(event_ref, 4, 1) WHEN ':' THEN 'refund.created' WHEN 's' THEN 'refund.succeeded'
                       ELSE 'refund.failed' END, -1
                     FROM journal_entries WHERE event_ref GLOB 'ref:*' OR event_ref GLOB 'ref[svf]:*') x
                   GROUP BY order_id, kind HAVING sum(n) <> 0",
    },
];
