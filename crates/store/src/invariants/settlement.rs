//! Payouts, the PSPs' statements, exceptions.

use super::Invariant;

pub(super) const INVARIANTS: &[Invariant] = &[
    Invariant {
        says: "each line of a PSP's statement, and what it names, is its merchant's and its PSP account's",
        breaches: "SELECT l.psp_line FROM psp_lines l LEFT JOIN psp_accounts s ON s.id = l.psp_account_id
                   LEFT JOIN payment_orders o ON o.id = l.order_id LEFT JOIN archived_orders h ON h.id = l.order_id
                   LEFT JOIN payouts y ON y.id = l.payout_id
                   LEFT JOIN exceptions x ON x.id = l.exception_id
                   WHERE s.merchant_id IS DISTINCT FROM l.merchant_id
                     OR (l.order_id IS NOT NULL AND coalesce(o.merchant_id, h.merchant_id) IS DISTINCT FROM l.merchant_id)
                     OR (l.payout_id IS NOT NULL AND y.psp_account_id IS DISTINCT FROM l.psp_account_id)
                     OR (l.exception_id IS NOT NULL AND x.psp_account_id IS DISTINCT FROM l.psp_account_id)",
    },
    Invariant {
        says: "what a line of a PSP's statement costs, reserves or leaves unplaced is booked, and nothing else is",
        breaches: "SELECT line FROM (
                     SELECT psp_account_id, psp_line AS line, currency, 1 AS told, 0 AS must, CASE
                         WHEN order_id IS NOT NULL AND kind IN ('charge', 'refund', 'refund_returned') THEN -fee
                         WHEN order_id IS NOT NULL AND kind = 'dispute' THEN 0
                         WHEN payout_id IS NOT NULL AND kind IN ('payout', 'payout_returned') THEN -fee
                         ELSE amount - fee END AS due
                     FROM psp_lines
                     UNION ALL
                     SELECT named(e.event_ref), substr(e.event_ref, instr(e.event_ref, ':') + 32), a.currency, 0, iif(e.order_id IS NULL, 1, 0), -p.amount
                     FROM journal_entries e CROSS JOIN postings p ON p.entry_id = e.id CROSS JOIN accounts a ON a.id = p.account_id
                     WHERE (e.event_ref GLOB 'fee:*' OR e.event_ref GLOB 'line:*' OR e.event_ref GLOB 'susp:*')
                       AND a.name GLOB 'psp:*:receivable') x
                   GROUP BY psp_account_id, line, currency HAVING (sum(told) > 0 OR sum(must) > 0) AND sum(due) <> 0",
    },
    Invariant {
        says: "a line of a payment that is settled in another currency is converted, and no other",
        breaches: "SELECT line FROM (
                     SELECT l.psp_account_id, l.psp_line AS line, l.order_id, l.currency, l.amount AS due
                     FROM psp_lines l JOIN every_order o ON o.id = l.order_id
                     WHERE l.currency <> o.currency AND l.kind IN ('charge', 'refund', 'refund_returned', 'dispute')
                     UNION ALL
                     SELECT named(e.event_ref), substr(e.event_ref, instr(e.event_ref, ':') + 32), e.order_id, a.currency, -p.amount
                     FROM journal_entries e JOIN every_order o ON o.merchant_id = e.merchant_id AND o.id = e.order_id
                     CROSS JOIN postings p ON p.entry_id = e.id
                     CROSS JOIN accounts a ON a.id = p.account_id
                     WHERE e.event_ref GLOB 'fx:*' AND a.name GLOB 'psp:*:receivable' AND a.currency <> o.currency) x
                   GROUP BY psp_account_id, line, order_id, currency HAVING sum(due) <> 0",
    },
    Invariant {
        says: "each line that nobody can place has its exception over the same amount, and each such exception its line",
        breaches: "SELECT shown('exc', id) FROM (
                     SELECT exception_id AS id, currency, amount - fee AS amount, 1 AS line, 0 AS exception, 0 AS unplaced FROM psp_lines
                     WHERE exception_id IS NOT NULL
                     UNION ALL SELECT id, currency, -amount, 0, 1, iif(kind = 'unplaced_line', 1, 0) FROM exceptions) x
                   GROUP BY id HAVING (sum(line) > 0 OR sum(unplaced) > 0)
                     AND (sum(line) <> 1 OR sum(exception) <> 1 OR sum(amount) <> 0 OR min(currency) <> max(currency))",
    },
    Invariant {
        says: "the place in a statement is a line that was read",
        breaches: "SELECT shown('psp', c.psp_account_id) || ' ' || c.psp_line FROM psp_cursors c
                   LEFT JOIN psp_lines l ON l.psp_account_id = c.psp_account_id AND l.psp_line = c.psp_line
                   WHERE l.at IS DISTINCT FROM c.line_at",
    },
    Invariant {
        says: "a payout left or came back with a line of the statement that says so",
        breaches: "SELECT shown('pout', id) FROM (
                     SELECT id, iif(has_left, 1, 0) AS gone, iif(came_back, 1, 0) AS back FROM payouts
                     UNION ALL SELECT payout_id, -max(iif(kind <> 'payout_returned', 1, 0)), -max(iif(kind = 'payout_returned', 1, 0)) FROM psp_lines
                     WHERE payout_id IS NOT NULL GROUP BY payout_id) x
                   GROUP BY id HAVING sum(gone) <> 0 OR sum(back) <> 0",
    },
    Invariant {
        says: "what is on its way to the bank is what left the PSP and has not arrived or come back",
        breaches: "SELECT coalesce(shown('pout', payout_id), '?') FROM (
                     SELECT merchant_id, id AS payout_id, currency, amount * (iif(has_left, 1, 0) - iif(came_back, 1, 0)) AS amount FROM payouts WHERE arrival IS NULL
                     UNION ALL
                     SELECT e.merchant_id, named(a.name), a.currency, -p.amount
                     FROM journal_entries e CROSS JOIN postings p ON p.entry_id = e.id CROSS JOIN accounts a ON a.id = p.account_id
                     WHERE (e.event_ref GLOB 'pay:*' OR e.event_ref GLOB 'payf:*' OR e.event_ref GLOB 'bank:*')
                       AND a.name GLOB 'payout:*:in_transit') x
                   GROUP BY merchant_id, payout_id, currency HAVING sum(amount) <> 0",
    },
    Invariant {
        says: "what the bank credited and kept of a payout is booked, and nothing else is",
        breaches: "SELECT coalesce(shown('pout', payout_id), '?') || ' ' || account FROM (
                     SELECT merchant_id, id AS payout_id, 'bank:' || (arrival ->> 'bank') AS account,
                       arrival -> 'credited' ->> 'currency' AS currency, CAST(arrival -> 'credited' ->> 'minor' AS bigint) AS amount
                     FROM payouts WHERE arrival IS NOT NULL
                     UNION ALL
                     SELECT merchant_id, id, 'expense:bank_fee', arrival -> 'fee' ->> 'currency', CAST(arrival -> 'fee' ->> 'minor' AS bigint)
                     FROM payouts WHERE arrival IS NOT NULL
                     UNION ALL
                     SELECT e.merchant_id, named(e.event_ref), a.name, a.currency, -p.amount
                     FROM journal_entries e CROSS JOIN postings p ON p.entry_id = e.id CROSS JOIN accounts a ON a.id = p.account_id
                     WHERE e.event_ref GLOB 'bank:*' AND (a.name GLOB 'bank:*' OR a.name = 'expense:bank_fee')) x
                   GROUP BY merchant_id, payout_id, account, currency HAVING sum(amount) <> 0",
    },
    Invariant {
        says: "each change of a payout has exactly one event, without gaps",
        breaches: "SELECT shown('pout', id) FROM (
                     SELECT id, version, 0 AS n, NULL AS sequence FROM payouts
                     UNION ALL SELECT subject_id, 0, 1, sequence FROM events WHERE subject_kind = 'payout') x
                   GROUP BY id HAVING sum(n) <> sum(version) OR min(sequence) IS DISTINCT FROM 1 OR max(sequence) IS DISTINCT FROM sum(version)
                     OR count(DISTINCT sequence) <> sum(n)",
    },
    Invariant {
        says: "the beginning and the arrival of a payout are told by their events, once",
        breaches: "SELECT shown('pout', id) || ' ' || kind FROM (
                     SELECT subject_id AS id, CAST(kind AS text) AS kind, 1 AS n FROM events WHERE kind IN ('payout.created', 'payout.arrived')
                     UNION ALL SELECT id, 'payout.created', -1 FROM payouts
                     UNION ALL SELECT id, 'payout.arrived', -1 FROM payouts WHERE arrival IS NOT NULL) x
                   GROUP BY id, kind HAVING sum(n) <> 0",
    },
];
