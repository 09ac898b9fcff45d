//! Every invariant over the whole database. Each is a query that finds what breaks it.

use super::Postgres;
use super::connect::{Connection, said};
use super::rules;
use crate::invariants::{COUNTED, INVARIANTS, MAX_FINDINGS, REFERENCES, RULES, for_postgres};
use crate::{Finding, ReadError, VerifyProgress, VerifyReport};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio_postgres::Row;

/// How many breaches of one invariant are fetched: one more than are listed, which tells that there are more.
const MAX_BREACHES: usize = MAX_FINDINGS + 1;
/// How many checks run at once, each on a connection of its own.
const CHECKERS: usize = 2;

/// Hot tables have no foreign keys: that what they name is there is checked when it is written, and here.
const LEADS: &[(&str, &str, &str)] = &[
    ("payment_orders", "merchants", "l.id = t.merchant_id"),
    ("attempts", "payment_orders", "l.merchant_id = t.merchant_id AND l.id = t.order_id"),
    ("attempts", "psp_accounts", "l.merchant_id = t.merchant_id AND l.id = t.psp_account_id"),
    ("archived_orders", "merchants", "l.id = t.merchant_id"),
    ("archived_attempts", "archived_orders", "l.merchant_id = t.merchant_id AND l.id = t.order_id"),
    ("archived_attempts", "psp_accounts", "l.merchant_id = t.merchant_id AND l.id = t.psp_account_id"),
    ("unpaid_ends", "every_order", "l.merchant_id = t.merchant_id AND l.id = t.order_id"),
    ("captures", "every_attempt", "l.merchant_id = t.merchant_id AND l.id = t.attempt_id"),
    ("refunds", "every_attempt", "l.merchant_id = t.merchant_id AND l.id = t.attempt_id"),
    ("disputes", "every_attempt", "l.merchant_id = t.merchant_id AND l.id = t.attempt_id"),
    ("postings", "journal_entries", "l.merchant_id = t.merchant_id AND l.id = t.entry_id"),
    ("postings", "accounts", "l.merchant_id = t.merchant_id AND l.id = t.account_id"),
    ("balances", "accounts", "l.merchant_id = t.merchant_id AND l.id = t.account_id"),
    ("closings", "accounts", "l.merchant_id = t.merchant_id AND l.id = t.account_id"),
    ("events", "merchants", "l.id = t.merchant_id"),
    ("inbox", "psp_accounts", "l.merchant_id = t.merchant_id AND l.id = t.psp_account_id"),
    ("idempotency_keys", "merchants", "l.id = t.merchant_id"),
    ("psp_lines", "psp_accounts", "l.merchant_id = t.merchant_id AND l.id = t.psp_account_id"),
    ("payouts", "psp_accounts", "l.merchant_id = t.merchant_id AND l.id = t.psp_account_id"),
    ("dispute_files", "disputes", "l.merchant_id = t.merchant_id AND l.id = t.dispute_id"),
    ("declines", "events", "l.merchant_id = t.merchant_id AND l.id = t.event_id"),
    ("visits", "payment_orders", "l.merchant_id = t.merchant_id AND l.id = t.order_id"),
    ("webhook_deliveries", "webhook_endpoints", "l.merchant_id = t.merchant_id AND l.id = t.endpoint_id"),
    ("webhook_tries", "webhook_deliveries", "l.merchant_id = t.merchant_id AND l.id = t.delivery_id"),
    ("webhook_replays", "webhook_endpoints", "l.merchant_id = t.merchant_id AND l.id = t.endpoint_id"),
];

/// Everything that is looked at: a query that gives one text per breach.
pub(super) fn checks() -> Vec<(&'static str, String)> {
    let leads = LEADS.iter().map(|(table, leads_to, on)| {
        let found_in = for_postgres(leads_to);
        format!("SELECT '{table} -> {leads_to}' FROM {table} t LEFT JOIN {found_in} l ON {on} WHERE l.* IS NULL")
    });
    let mut checks = vec![(REFERENCES, leads.collect::<Vec<_>>().join(" UNION ALL "))];
    checks.extend(INVARIANTS.iter().copied().flatten().map(|i| (i.says, for_postgres(i.breaches))));
    checks
}

impl Postgres {
    /// Runs every invariant.
    pub async fn verify(&self, watch: impl Fn(VerifyProgress) + Send + Sync + 'static) -> Result<VerifyReport, ReadError> {
        let connection = self.readers.take().await.map_err(ReadError)?;
        let mut report = VerifyReport { checked: count(&connection).await?, ..VerifyReport::default() };
        // The checkers need it: there may be no other.
        drop(connection);
        let checks = checks();
        let of = checks.len() + 1;
        let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let found: Mutex<Vec<(usize, Vec<String>)>> = Mutex::default();
        let checkers = (0..CHECKERS.min(self.readers.most())).map(|_| async {
            let connection = self.readers.take().await.map_err(ReadError)?;
            while let Some((i, (says, sql))) = take(&next, &checks) {
                let breaches = search(&connection, sql).await;
                found.lock().map_err(|_| ReadError("a checker was cut off".into()))?.push((i, breaches));
                watch(VerifyProgress { done: done.fetch_add(1, Ordering::Relaxed) + 1, of, last: says });
            }
            Ok::<(), ReadError>(())
        });
        for ended in futures_util::future::join_all(checkers).await {
            ended?;
        }
        let mut found = found.into_inner().map_err(|_| ReadError("a checker was cut off".into()))?;
        found.sort();
        for (i, breaches) in found {
            report.add(checks.get(i).map_or(RULES, |check| check.0), breaches);
        }
        let connection = self.readers.take().await.map_err(ReadError)?;
        report.add(RULES, rules::breaches(&connection).await?);
        watch(VerifyProgress { done: of, of, last: RULES });
        Ok(report)
    }
}

impl Connection {
    /// Asks one question that may take its time. The limit is lifted for this transaction alone: a pooler may give the next one to somebody else.
    async fn ask_patiently(&self, sql: &str) -> Result<Vec<Row>, ReadError> {
        let failed = |e: tokio_postgres::Error| ReadError(e.to_string());
        self.client.batch_execute("BEGIN READ ONLY; SET LOCAL statement_timeout = 0").await.map_err(failed)?;
        let found = self.ask_at_leisure(sql, &[]).await.map_err(|e| ReadError(said(&e)));
        // Ends a transaction that failed as well.
        self.client.batch_execute("COMMIT").await.map_err(failed)?;
        found
    }
}

fn take<'c>(next: &AtomicUsize, checks: &'c [(&'static str, String)]) -> Option<(usize, &'c (&'static str, String))> {
    let i = next.fetch_add(1, Ordering::Relaxed);
    checks.get(i).map(|check| (i, check))
}

/// The first breaches. What is materialised is planned as if all of it were wanted: told of a limit, PostgreSQL believes that it will have met enough
/// breaches soon, and looks each row's partner up by itself, where there are none for hours.
pub(super) fn first_of(breaches: &str) -> String {
    format!("WITH found (breach) AS MATERIALIZED ({breaches}) SELECT * FROM found LIMIT {MAX_BREACHES}")
}

/// What breaks an invariant. Where it cannot even be asked, something is broken too, and the other checks go on.
async fn search(connection: &Connection, sql: &str) -> Vec<String> {
    match connection.ask_patiently(&first_of(sql)).await {
        Ok(rows) => rows.iter().map(|row| row.try_get::<_, Option<String>>(0).ok().flatten().unwrap_or_default()).collect(),
        Err(e) => vec![format!("cannot be checked: {e}")],
    }
}

/// What is looked at, with how many rows.
async fn count(connection: &Connection) -> Result<Vec<(&'static str, u64)>, ReadError> {
    let mut counts = Vec::with_capacity(COUNTED.len());
    for table in COUNTED {
        let rows = connection.ask_patiently(&format!("SELECT count(*) FROM {table}")).await?;
        let n: i64 = rows.first().and_then(|row| row.try_get(0).ok()).unwrap_or_default();
        counts.push((*table, n.unsigned_abs()));
    }
    Ok(counts)
}

impl VerifyReport {
    /// Adds what one check found. A broken invariant is named even where others have filled the list.
    fn add(&mut self, invariant: &'static str, breaches: Vec<String>) {
        self.invariants += 1;
        for (i, subject) in breaches.into_iter().enumerate() {
            if i == 0 || self.findings.len() < MAX_FINDINGS {
                self.findings.push(Finding { invariant, subject });
            } else {
                self.left_off = true;
            }
        }
    }
}
