//! Every invariant over the whole file. Each is a query that finds what breaks it.

use super::{Readers, Sqlite, migrations};
use crate::invariants::{COUNTED, INVARIANTS, MAX_FINDINGS, REFERENCES, RULES, for_sqlite};
use crate::{Finding, ReadError, VerifyProgress, VerifyReport, WriterMode};
use ducat_domain::Timestamp;
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// How many checks run at once, each on a connection of its own.
const CHECKERS: usize = 2;

/// One thing that is looked at.
enum Check {
    /// A query that gives one text per breach.
    Query(&'static str, String),
    /// The database's own rules.
    Rules,
}

impl Check {
    const fn says(&self) -> &'static str {
        match self {
            Self::Query(says, _) => says,
            Self::Rules => RULES,
        }
    }

    fn run(&self, db: &Connection) -> Result<VerifyReport, ReadError> {
        let mut report = VerifyReport { invariants: 1, ..VerifyReport::default() };
        match self {
            Self::Query(says, breaches) => report.check(db, says, breaches),
            Self::Rules => {
                for (i, wrong) in rules(db)?.into_iter().enumerate() {
                    report.find(RULES, wrong, i == 0);
                }
            }
        }
        Ok(report)
    }
}

/// Everything that is looked at. What takes longest comes first, so that no checker is left with it at the end.
fn checks() -> Vec<Check> {
    let mut checks = vec![
        Check::Query(
            "the file is sound",
            "SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'".into(),
        ),
        Check::Query(REFERENCES, "SELECT \"table\" || ' -> ' || parent FROM pragma_foreign_key_check".into()),
    ];
    checks.extend(INVARIANTS.iter().copied().flatten().map(|i| Check::Query(i.says, for_sqlite(i.breaches))));
    checks.push(Check::Rules);
    checks
}

/// Runs every invariant over the whole file.
pub(super) async fn run(
    database: &Sqlite,
    watch: impl Fn(VerifyProgress) + Send + Sync + 'static,
) -> Result<VerifyReport, ReadError> {
    let readers = Arc::clone(&database.readers);
    match database.mode {
        WriterMode::Caller => verify(&readers, 1, &watch),
        WriterMode::Thread => {
            let work = move || verify(&readers, CHECKERS, &watch);
            tokio::task::spawn_blocking(work).await.map_err(|_| ReadError("the verification was cut off".into()))?
        }
    }
}

type Done = Mutex<Vec<Option<Result<VerifyReport, ReadError>>>>;

fn verify(readers: &Readers, checkers: usize, watch: &(dyn Fn(VerifyProgress) + Sync)) -> Result<VerifyReport, ReadError> {
    let mut report = VerifyReport { checked: readers.with(count)?, ..VerifyReport::default() };
    let checks = checks();
    let done: Done = Mutex::new(checks.iter().map(|_| None).collect());
    let (next, finished) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let checker = || {
        readers.with(|db| {
            while let Some((i, check)) = take(&next, &checks) {
                let found = check.run(db);
                done.lock().unwrap_or_else(PoisonError::into_inner)[i] = Some(found);
                watch(VerifyProgress {
                    done: finished.fetch_add(1, Ordering::Relaxed) + 1,
                    of: checks.len(),
                    last: check.says(),
                });
            }
            Ok(())
        })
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..checkers).map(|_| scope.spawn(checker)).collect();
        let ended: Result<(), ReadError> = checker();
        let cut_off = |_| Err(ReadError("a checker was cut off".into()));
        others.into_iter().map(|other| other.join().unwrap_or_else(cut_off)).fold(ended, Result::and)
    })?;
    for found in done.into_inner().unwrap_or_else(PoisonError::into_inner) {
        report.take_in(found.ok_or_else(|| ReadError("a check was left out".into()))??);
    }
    Ok(report)
}

fn take<'a>(next: &AtomicUsize, checks: &'a [Check]) -> Option<(usize, &'a Check)> {
    let i = next.fetch_add(1, Ordering::Relaxed);
    checks.get(i).map(|check| (i, check))
}

/// What is looked at, with how many rows.
fn count(db: &Connection) -> Result<Vec<(&'static str, u64)>, ReadError> {
    let rows = |table: &&'static str| {
        let rows: i64 = db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))?;
        Ok((*table, rows.unsigned_abs()))
    };
    COUNTED.iter().map(rows).collect()
}

/// Tables, indexes and triggers by name, with the text that made them. What SQLite makes by itself has none.
fn schema(db: &Connection) -> rusqlite::Result<BTreeMap<String, (String, String)>> {
    let sql = "SELECT name, type, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    db.prepare(sql)?.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?.collect()
}

impl VerifyReport {
    /// Runs one query that gives one text per breach. A file in which it cannot even be run is broken too, and the other checks go on.
    fn check(&mut self, db: &Connection, says: &'static str, breaches: &str) {
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

    /// Adds what one check found.
    fn take_in(&mut self, other: Self) {
        self.invariants += other.invariants;
        self.left_off |= other.left_off;
        for (i, finding) in other.findings.into_iter().enumerate() {
            self.find(finding.invariant, finding.subject, i == 0);
        }
    }

    fn find(&mut self, invariant: &'static str, subject: String, first: bool) -> bool {
        let room = first || self.findings.len() < MAX_FINDINGS;
        if room {
            self.findings.push(Finding { invariant, subject });
        } else {
            self.left_off = true;
        }
        room
    }
}

/// Compares the rules of this database with those that the migrations make: none is missing, none is another, no trigger was added that
/// could change rows behind our back, and every migration is noted.
pub(super) fn rules(db: &Connection) -> Result<Vec<String>, ReadError> {
    let mut model = Connection::open_in_memory()?;
    migrations::migrate(&mut model, Timestamp::from_seconds(0)).map_err(|e| ReadError(e.to_string()))?;
    let (wanted, found) = (schema(&model)?, schema(db)?);
    let mut wrong = Vec::new();
    for (name, made) in &wanted {
        match found.get(name) {
            None => wrong.push(format!("missing: {} {name}", made.0)),
            Some(other) if other != made => wrong.push(format!("changed: {} {name}", made.0)),
            Some(_) => {}
        }
    }
    let added = found.iter().filter(|(name, (kind, _))| kind == "trigger" && !wanted.contains_key(*name));
    wrong.extend(added.map(|(name, _)| format!("added: trigger {name}")));
    if found.contains_key("schema_migrations") {
        let (wanted, noted) = (noted(&model)?, noted(db)?);
        let missing = wanted.into_iter().filter(|migration| !noted.contains(migration));
        wrong.extend(missing.map(|number| format!("missing: migration {number} in schema_migrations")));
    }
    Ok(wrong)
}

fn noted(db: &Connection) -> rusqlite::Result<BTreeSet<u32>> {
    db.prepare("SELECT number FROM schema_migrations")?.query_map([], |row| row.get(0))?.collect()
}
