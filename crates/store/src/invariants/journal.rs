//! The journal: entries, balances, corrections, conversions.

use super::{BALANCES, Invariant};

pub(super) const INVARIANTS: &[Invariant] = &[
    Invariant {
        says: "each journal entry sums to zero per currency and layer",
        breaches: "SELECT shown('je', p.entry_id) || ' ' || a.currency FROM postings p JOIN accounts a ON a.id = p.account_id
                   GROUP BY p.entry_id, a.currency, p.layer HAVING sum(p.amount) <> 0",
    },
    Invariant {
        says: "all postings sum to zero per currency and layer",
        breaches: "SELECT a.currency || ' layer ' || p.layer FROM accounts a JOIN
                     (SELECT account_id, layer, sum(amount) AS amount FROM postings GROUP BY account_id, layer) p ON p.account_id = a.id
                   GROUP BY a.currency, p.layer HAVING sum(p.amount) <> 0",
    },
    Invariant {
        says: BALANCES,
        breaches: "SELECT a.name || ' ' || a.currency FROM accounts a JOIN (
                     SELECT account_id, layer, sum(amount) AS amount FROM (
                       SELECT account_id, layer, amount FROM postings UNION ALL SELECT account_id, layer, -amount FROM balances) b
                     GROUP BY account_id, layer HAVING sum(amount) <> 0) d ON d.account_id = a.id",
    },
    Invariant {
        says: "what was closed is the sum of the lines before",
        // From each closing of a merchant to the next, of each account, so that each line is added up once. Before the first lies nothing.
        breaches: "SELECT a.name || ' ' || a.currency FROM (
                     SELECT merchant_id, before, coalesce(lag(before) OVER (PARTITION BY merchant_id ORDER BY before),
                       '00000000-0000-0000-0000-000000000000') AS since
                     FROM closings GROUP BY merchant_id, before) b
                   CROSS JOIN accounts a ON a.merchant_id = b.merchant_id
                   LEFT JOIN closings c ON c.merchant_id = b.merchant_id AND c.before = b.before AND c.account_id = a.id
                   LEFT JOIN closings w ON w.merchant_id = b.merchant_id AND w.before = b.since AND w.account_id = a.id
                   WHERE (w.account_id IS NOT NULL AND c.account_id IS NULL)
                     OR coalesce(c.posted, 0) - coalesce(w.posted, 0) <> (SELECT coalesce(sum(p.amount), 0) FROM postings p
                       WHERE p.account_id = a.id AND p.entry_id >= b.since AND p.entry_id < b.before AND p.layer = 0)
                     OR coalesce(c.pending, 0) - coalesce(w.pending, 0) <> (SELECT coalesce(sum(p.amount), 0) FROM postings p
                       WHERE p.account_id = a.id AND p.entry_id >= b.since AND p.entry_id < b.before AND p.layer <> 0)",
    },
    Invariant {
        says: "nothing is closed ahead of the books",
        breaches: "SELECT shown('je', c.before) FROM closings c LEFT JOIN books b ON b.merchant_id = c.merchant_id
                   WHERE b.closed IS NULL OR c.before > b.closed",
    },
    Invariant {
        says: "a journal entry has at least two lines, each line a number of its own, and an entry",
        breaches: "SELECT shown('je', id) FROM (SELECT id, NULL AS line, 0 AS lines, 1 AS entries FROM journal_entries
                     UNION ALL SELECT entry_id, line, 1, 0 FROM postings) x
                   GROUP BY id HAVING sum(lines) < 2 OR sum(entries) <> 1 OR count(DISTINCT line) <> sum(lines)",
    },
    Invariant {
        says: "a journal entry stays within its merchant",
        breaches: "SELECT DISTINCT e.event_ref FROM journal_entries e CROSS JOIN postings p ON p.entry_id = e.id
                   CROSS JOIN accounts a ON a.id = p.account_id WHERE a.merchant_id <> e.merchant_id",
    },
    Invariant {
        says: "one entry per reference of the journal",
        breaches: "SELECT event_ref FROM journal_entries GROUP BY merchant_id, event_ref HAVING count(*) > 1",
    },
    Invariant {
        says: "each entry of a payment belongs to an order of its merchant",
        breaches: "SELECT e.event_ref FROM journal_entries e LEFT JOIN payment_orders o ON o.id = e.order_id AND o.merchant_id = e.merchant_id
                   LEFT JOIN archived_orders h ON h.id = e.order_id AND h.merchant_id = e.merchant_id
                   WHERE o.id IS NULL AND h.id IS NULL AND (e.order_id IS NOT NULL OR e.event_ref GLOB 'cap:*' OR e.event_ref GLOB 'auth:*'
                     OR e.event_ref GLOB 'void:*' OR e.event_ref GLOB 'ref[svf:]*' OR e.event_ref GLOB 'dsp:*' OR e.event_ref GLOB 'fx:*')",
    },
    Invariant {
        says: "a correction says who made it and why, and is about an entry of its merchant",
        breaches: "SELECT e.event_ref FROM journal_entries e LEFT JOIN journal_entries o ON o.id = named(e.event_ref)
                     AND o.merchant_id = e.merchant_id
                   WHERE (e.event_ref GLOB 'rev:*' OR e.event_ref GLOB 'fix:*') AND (e.note IS NULL OR o.id IS NULL)",
    },
    Invariant {
        says: "a reversal is the mirror image of its entry",
        breaches: "SELECT event_ref FROM (
                     SELECT e.event_ref, p.account_id, p.layer, p.amount FROM journal_entries e CROSS JOIN postings p ON p.entry_id = e.id
                     WHERE e.event_ref GLOB 'rev:*'
                     UNION ALL
                     SELECT e.event_ref, p.account_id, p.layer, p.amount FROM journal_entries e CROSS JOIN postings p
                       ON p.entry_id = named(e.event_ref)
                     WHERE e.event_ref GLOB 'rev:*') x
                   GROUP BY event_ref, account_id, layer HAVING sum(amount) <> 0",
    },
    Invariant {
        says: "a conversion has one leg in each of two currencies, and they go opposite ways",
        breaches: "SELECT shown('je', entry_id) FROM (
                     SELECT p.entry_id, a.currency, sum(p.amount) AS moved FROM accounts a JOIN postings p ON p.account_id = a.id
                     WHERE a.name = 'fx:clearing' GROUP BY p.entry_id, a.currency) x
                   GROUP BY entry_id HAVING count(*) > 2 OR (count(*) = 2 AND (min(moved) > 0 OR max(moved) < 0))",
    },
];
