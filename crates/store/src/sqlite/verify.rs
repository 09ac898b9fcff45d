//! Every invariant over the whole file. Each is a query that finds what breaks it.

use super::Store;
use crate::{Finding, ReadError, VerifyReport};
use rusqlite::Connection;
use std::collections::BTreeMap;

/// How many findings are listed at the most.
const MAX_FINDINGS: usize = 1000;

/// An invariant, and the query that gives one text per breach.
struct Invariant {
    says: &'static str,
    breaches: &'static str,
}

const INVARIANTS: &[Invariant] = &[
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
        says: "each capture entry belongs to an order in its currency",
        breaches: "SELECT DISTINCT e.event_ref FROM journal_entries e JOIN postings p ON p.entry_id = e.id
                   JOIN accounts a ON a.id = p.account_id LEFT JOIN payment_orders o ON o.id = e.order_id
                   WHERE e.event_ref LIKE 'cap:%' AND (o.id IS NULL OR o.currency <> a.currency)",
    },
    Invariant {
        says: "held in the journal is held by an authorised attempt",
        breaches: "SELECT lower(hex(e.order_id)) FROM journal_entries e JOIN postings p ON p.entry_id = e.id AND p.layer = 1
                   JOIN accounts a ON a.id = p.account_id AND a.name LIKE 'merchant:%:payable'
                   GROUP BY e.order_id HAVING -sum(p.amount) <>
                   (SELECT coalesce(sum(authorized), 0) FROM attempts WHERE order_id = e.order_id AND status = 'authorized')",
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
    Invariant {
        says: "the database's own rules are in place",
        breaches: "WITH needed (name) AS (VALUES
                     ('payment_orders_keep_their_terms'), ('payment_orders_count_their_changes'), ('payment_orders_keep_their_end'),
                     ('payment_orders_are_kept'), ('attempts_keep_their_token'), ('attempts_are_kept'),
                     ('postings_come_before_their_entry'), ('journal_entries_balance'), ('journal_entries_never_change'),
                     ('journal_entries_are_kept'), ('postings_never_change'), ('postings_are_kept'), ('accounts_never_change'),
                     ('events_have_no_gap'), ('events_never_change'), ('events_are_kept'), ('attempts_one_open'),
                     ('attempts_one_success'), ('attempts_by_token'), ('payment_orders_reference'), ('journal_entries_event_ref'))
                   SELECT 'missing: ' || name FROM needed WHERE name NOT IN (SELECT name FROM sqlite_master)",
    },
];

/// What is counted for the report.
const COUNTED: &[&str] = &["payment_orders", "attempts", "journal_entries", "postings", "events", "inbox", "jobs"];

impl Store {
    /// Runs every invariant over the whole database, as it is at one moment.
    pub async fn verify(&self) -> Result<VerifyReport, ReadError> {
        self.read(|db| {
            db.execute_batch("BEGIN")?;
            let report = verify(db);
            db.execute_batch("COMMIT")?;
            report
        })
        .await
    }
}

fn verify(db: &Connection) -> Result<VerifyReport, ReadError> {
    let mut report = VerifyReport::default();
    for table in COUNTED {
        let rows: i64 = db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))?;
        report.checked.push((table, rows.unsigned_abs()));
    }
    let mut breaches = |says: &'static str, sql: &str| -> Result<(), ReadError> {
        report.invariants += 1;
        let mut statement = db.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if report.findings.len() >= MAX_FINDINGS {
                break;
            }
            let subject = row.get::<_, Option<String>>(0)?.unwrap_or_default();
            report.findings.push(Finding { invariant: says, subject });
        }
        Ok(())
    };
    for invariant in INVARIANTS {
        breaches(invariant.says, invariant.breaches)?;
    }
    breaches("the file is sound", "SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'")?;
    breaches("every reference leads somewhere", "SELECT \"table\" || ' -> ' || parent FROM pragma_foreign_key_check")?;
    Ok(report)
}

impl VerifyReport {
    /// How many breaches there are of each invariant.
    pub fn by_invariant(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for finding in &self.findings {
            *counts.entry(finding.invariant).or_default() += 1;
        }
        counts
    }
}
