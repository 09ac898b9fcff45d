//! Every invariant over the whole file. Each is a query that finds what breaks it.

use super::invariants::INVARIANTS;
use super::{Store, migrations};
use crate::{Finding, ReadError, VerifyReport};
use ducat_domain::Timestamp;
use rusqlite::Connection;
use std::collections::BTreeMap;

/// How many findings are listed at the most.
const MAX_FINDINGS: usize = 1000;

/// What is counted for the report.
const COUNTED: &[&str] = &[
    "payment_orders",
    "attempts",
    "captures",
    "refunds",
    "disputes",
    "payouts",
    "psp_lines",
    "journal_entries",
    "postings",
    "events",
    "inbox",
    "jobs",
    "webhook_endpoints",
    "webhook_deliveries",
];

impl Store {
    /// Runs every invariant over the whole database, as it is at one moment.
    pub async fn verify(&self) -> Result<VerifyReport, ReadError> {
        self.read(|db| {
            db.execute_batch("BEGIN")?;
            let report = verify(db)?;
            db.execute_batch("COMMIT")?;
            Ok(report)
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
    for invariant in INVARIANTS.iter().copied().flatten() {
        report.check(db, invariant.says, invariant.breaches);
    }
    report.check(db, "the file is sound", "SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'");
    report.check(db, "every reference leads somewhere", "SELECT \"table\" || ' -> ' || parent FROM pragma_foreign_key_check");
    report.rules(db)?;
    Ok(report)
}

/// Tables, indexes and triggers by name, with the text that made them. What SQLite makes by itself has none.
fn schema(db: &Connection) -> rusqlite::Result<BTreeMap<String, (String, String)>> {
    let sql = "SELECT name, type, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    db.prepare(sql)?.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?.collect()
}

impl VerifyReport {
    /// Runs one query that gives one text per breach. A file in which it cannot even be run is broken too, and the other checks go on.
    fn check(&mut self, db: &Connection, says: &'static str, breaches: &str) {
        self.invariants += 1;
        if let Err(e) = self.search(db, says, breaches) {
            self.find(says, format!("cannot be checked: {e}"), true);
        }
    }

    fn search(&mut self, db: &Connection, says: &'static str, breaches: &str) -> rusqlite::Result<()> {
        let mut statement = db.prepare(breaches)?;
        let mut rows = statement.query([])?;
        let mut first = true;
        while let Some(row) = rows.next()? {
            // A broken invariant is named even where others have filled the list.
            if !self.find(says, row.get::<_, Option<String>>(0)?.unwrap_or_default(), first) {
                break;
            }
            first = false;
        }
        Ok(())
    }

    fn find(&mut self, invariant: &'static str, subject: String, first: bool) -> bool {
        let room = first || self.findings.len() < MAX_FINDINGS;
        if room {
            self.findings.push(Finding { invariant, subject });
        }
        room
    }

    /// Compares the rules of this database with those that the migrations make: none is missing, none is another, and no trigger was
    /// added that could change rows behind our back.
    fn rules(&mut self, db: &Connection) -> Result<(), ReadError> {
        const SAYS: &str = "the database's own rules are in place";
        self.invariants += 1;
        let mut model = Connection::open_in_memory()?;
        migrations::migrate(&mut model, Timestamp::from_seconds(0)).map_err(|e| ReadError(e.to_string()))?;
        let (wanted, found) = (schema(&model)?, schema(db)?);
        let mut first = true;
        let mut wrong = |what: &str, name: &str| first = !self.find(SAYS, format!("{what}: {name}"), first) && first;
        for (name, made) in &wanted {
            match found.get(name) {
                None => wrong("missing", name),
                Some(other) if other != made => wrong("changed", name),
                Some(_) => {}
            }
        }
        for (name, _) in found.iter().filter(|(name, (kind, _))| kind == "trigger" && !wanted.contains_key(*name)) {
            wrong("added", name);
        }
        Ok(())
    }
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
