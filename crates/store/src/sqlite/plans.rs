//! How the database finds what a statement asks for: no read, and no rule of a table, looks at every row of a table that grows.

use super::Readers;
use crate::every_read::{ASKED, every_read};
use crate::*;
use ducat_domain::Timestamp;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::trace::{TraceEvent, TraceEventCodes};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

/// Tables that stay small, and what is no table at all.
const SMALL: &[&str] = &[
    "merchants",
    "api_keys",
    "psp_accounts",
    "accounts",
    "books",
    "agreed",
    "webhook_endpoints",
    "webhook_replays",
    "CONSTANT",
    "fee",
    "found",
    // A page of each, or what has one key.
    "one",
    "l",
    "came",
    "since",
    "part",
    "living",
    "archived",
];

/// An entry, all of whose ids are the same.
const BOOKED: &[&str] = &[
    "INSERT INTO merchants VALUES (?1, 'x', x'', 1)",
    "INSERT INTO accounts VALUES (1, ?1, 'bank:main', 'EUR'), (2, ?1, 'fx:clearing', 'EUR')",
    "INSERT INTO postings VALUES (?1, 0, 1, 0, 5), (?1, 1, 2, 0, -5)",
    "INSERT INTO journal_entries VALUES (?1, ?1, 'x', NULL, 1, NULL)",
];

type Heard = Arc<Mutex<BTreeSet<String>>>;

/// A store whose reading connection tells every statement that it runs.
fn store() -> (tempfile::TempDir, Store, Heard) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open_sqlite(&folder.path().join("d.db"), WriterMode::Caller, Timestamp::from_seconds(1)).unwrap();
    let heard = Heard::default();
    let readers = Arc::clone(&store.sqlite().readers);
    let mut connection = readers.open().unwrap();
    let sink = Arc::clone(&heard);
    let note = move |event: TraceEvent<'_>| {
        if let TraceEvent::Stmt(_, sql) = event {
            sink.lock().unwrap().insert(sql.to_owned());
        }
    };
    connection.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(note)).unwrap();
    readers.idle.lock().unwrap().push(connection);
    (folder, store, heard)
}

fn reader(store: &Store) -> Connection {
    Readers::open(&store.sqlite().readers).unwrap()
}

/// The steps of the plan for a statement.
fn plan(db: &Connection, sql: &str) -> Vec<String> {
    let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap_or_else(|e| panic!("{sql}: {e}"));
    statement.raw_query().mapped(|row| row.get::<_, String>(3)).map(Result::unwrap).collect()
}

/// The steps of the plan that look at every row of a table that grows.
fn scans(db: &Connection, sql: &str) -> Vec<String> {
    plan(db, sql).into_iter().filter(|step| step.starts_with("SCAN ") && grows(sql, step)).collect()
}

/// Lists of a merchant that are read from their newest end, a page of them: the merchant alone is the way in.
const LISTS: &[&str] = &[
    // What is asked for besides is looked at row by row, newest first, until the page is full.
    "FROM payment_orders o JOIN",
    "SELECT * FROM refunds WHERE",
    "SELECT * FROM disputes WHERE",
    "SELECT * FROM payouts WHERE",
    "SELECT * FROM exceptions WHERE",
    "SELECT e.id FROM journal_entries e WHERE",
];

/// The steps that walk over all that a merchant has in a table that grows, though the statement asks for something narrower.
fn walks(db: &Connection, sql: &str) -> Vec<String> {
    let is_list = sql.contains(" LIMIT ") && !sql.contains("order_id = $") && LISTS.iter().any(|list| sql.contains(list));
    let merchant_alone = |step: &String| step.ends_with("(merchant_id=?)") && !is_list;
    plan(db, sql).into_iter().filter(|step| merchant_alone(step) && grows(sql, step)).collect()
}

/// Whether the table of a step grows. The step calls it by its alias, where it has one.
fn grows(sql: &str, step: &str) -> bool {
    let name = step.split_whitespace().nth(1).unwrap_or_default();
    let words: Vec<&str> = sql.split([' ', ',', '(', ')', '\n']).filter(|word| !word.is_empty()).collect();
    let is_small = |table: &str| SMALL.contains(&table);
    !is_small(name) && !words.windows(2).any(|pair| pair[1] == name && is_small(pair[0]))
}

/// The statements of all reads, once each.
fn reads() -> (tempfile::TempDir, Store, BTreeSet<String>) {
    let (folder, store, heard) = store();
    // A statement is read only of an account that is there.
    let intruder = Connection::open(folder.path().join("d.db")).unwrap();
    intruder.execute_batch("BEGIN").unwrap();
    BOOKED.iter().for_each(|sql| assert!(intruder.execute(sql, [ASKED]).unwrap() > 0));
    intruder.execute_batch("COMMIT").unwrap();
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(every_read(&store));
    let heard = heard.lock().unwrap().clone();
    assert!(heard.len() > 40, "{heard:#?}");
    (folder, store, heard)
}

/// The statements that look at more of a table that grows than they name, with their plans.
fn long_ways(db: &Connection, statements: &BTreeSet<String>) -> Vec<(String, Vec<String>)> {
    let long = |sql: &&String| !scans(db, sql).is_empty() || !walks(db, sql).is_empty();
    statements.iter().filter(long).map(|sql| (sql.clone(), plan(db, sql))).collect()
}

/// SQLite plans by what somebody told it of a table, and else as for a million rows. Nobody tells it: so it plans the same on the first day
/// and with millions.
#[test]
fn every_read_finds_its_rows_by_an_index() {
    let (_folder, store, heard) = reads();
    let db = reader(&store);
    let told = db.query_row("SELECT count(*) FROM sqlite_master WHERE name LIKE 'sqlite_stat%'", [], |row| row.get::<_, i64>(0));
    assert_eq!(told.unwrap(), 0);
    assert_eq!(long_ways(&db, &heard), Vec::new());
}

/// How many rows are in a table that grows, and in one that does not.
const MILLIONS: u64 = 3_000_000;
const A_FEW: u64 = 100;

/// What SQLite would note of an index of so many rows: how many have the same first column, the same first two, and so on.
fn noted(rows: u64, merchants: u64, columns: &[String], is_unique: bool) -> String {
    let alike = |place: usize| match columns[place].as_str() {
        _ if is_unique && place + 1 == columns.len() => 1,
        "merchant_id" if place == 0 => rows / merchants,
        "is_final" | "kind" | "run_at" if place == 0 => rows / 3,
        _ => (10 >> place).max(1),
    };
    let alike = (0..columns.len()).map(|place| alike(place).min(rows).to_string());
    std::iter::once(rows.to_string()).chain(alike).collect::<Vec<_>>().join(" ")
}

/// Somebody has had the database analysed, as it was with so many merchants.
fn analysed(db: &Connection, merchants: u64) -> usize {
    db.execute_batch("ANALYZE; DELETE FROM sqlite_stat1").unwrap();
    let indexes =
        "SELECT t.name, i.name, i.\"unique\", i.origin = 'pk' AND t.wr FROM pragma_table_list t, pragma_index_list(t.name) i
                   WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite%'";
    let mut indexes = db.prepare(indexes).unwrap();
    let indexes = indexes.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))).unwrap();
    let mut counted = 0;
    for index in indexes {
        let (table, index, is_unique, is_table): (String, String, bool, bool) = index.unwrap();
        let mut columns = db.prepare("SELECT coalesce(name, '') FROM pragma_index_info(?1) ORDER BY seqno").unwrap();
        let columns: Vec<String> = columns.query_map([&index], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        let rows = if SMALL.contains(&table.as_str()) { A_FEW } else { MILLIONS };
        let noted = noted(rows, merchants, &columns, is_unique);
        let index = if is_table { &table } else { &index };
        counted += db.execute("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?1, ?2, ?3)", [&table, index, &noted]).unwrap();
    }
    counted
}

#[test]
fn every_read_finds_its_rows_by_an_index_where_somebody_told_of_millions() {
    let (folder, store, heard) = reads();
    for merchants in [5, 500] {
        let somebody = Connection::open(folder.path().join("d.db")).unwrap();
        let counted = analysed(&somebody, merchants);
        assert!(counted > 50, "{counted}");
        // What was noted is read when a connection is made.
        let db = reader(&store);
        assert_eq!(long_ways(&db, &heard), Vec::new(), "of {merchants} merchants");
    }
}

#[test]
fn a_page_of_a_time_begins_and_ends_there_and_one_of_a_status_asks_those_who_know_it() {
    let (_folder, store, heard) = store();
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(every_read(&store));
    let db = reader(&store);
    let heard = heard.lock().unwrap();
    let timed: Vec<_> = heard.iter().filter(|sql| sql.contains("o.id >=")).collect();
    assert_eq!(timed.len(), 1, "{timed:#?}");
    let bounded = plan(&db, timed[0]).into_iter().filter(|step| step.ends_with("(merchant_id=? AND id>? AND id<?)")).count();
    assert_eq!(bounded, 2, "living and archived: {:#?}", plan(&db, timed[0]));
    let moving: Vec<_> = heard.iter().filter(|sql| sql.contains("FROM jobs j CROSS JOIN")).collect();
    assert_eq!(moving.len(), 1, "{moving:#?}");
    let steps = plan(&db, moving[0]);
    assert!(
        steps[0].contains("SEARCH j ") && !steps.iter().any(|step| step.contains("archived") || step.contains("TEMP B-TREE")),
        "{steps:#?}"
    );
    let ended: Vec<_> = heard.iter().filter(|sql| sql.contains("FROM unpaid_ends e CROSS JOIN")).collect();
    assert_eq!(ended.len(), 1, "{ended:#?}");
    let steps = plan(&db, ended[0]);
    let bounded = "SEARCH e USING PRIMARY KEY (merchant_id=? AND status=? AND order_id>?)";
    assert_eq!(steps.iter().filter(|step| step.contains(bounded)).count(), 2, "living and archived: {steps:#?}");
}

/// Each rule of a table is asked at each write: it must find what it looks for at once.
#[test]
fn every_rule_of_a_table_finds_its_rows_by_an_index() {
    let (_folder, store, _) = store();
    let db = reader(&store);
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_TRIGGER_EQP, true).unwrap();
    // What refers to a row is looked for only where the row goes or its id changes, which the rules do not let happen.
    db.pragma_update(None, "foreign_keys", false).unwrap();
    let tables: Vec<String> = db
        .prepare("SELECT DISTINCT tbl_name FROM sqlite_master WHERE type = 'trigger'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert!(tables.len() > 15, "{tables:?}");
    for table in tables {
        let columns: Vec<String> = db
            .prepare(&format!("SELECT name FROM pragma_table_info('{table}')"))
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let key = &columns[0];
        let set: Vec<String> = columns.iter().map(|column| format!("{column} = {column}")).collect();
        let values = vec!["NULL"; columns.len()].join(", ");
        assert_eq!(scans(&db, &format!("INSERT INTO {table} VALUES ({values})")), Vec::<String>::new(), "{table}");
        // The statement itself is looked over as well; what it changes is found by the key.
        let update = scans(&db, &format!("UPDATE {table} SET {} WHERE {key} = x'00'", set.join(", ")));
        assert_eq!(update, Vec::<String>::new(), "{table}");
    }
}

/// The checks look at everything once: whatever they look up for a row that they look at, they find by an index.
#[test]
fn no_invariant_looks_at_every_row_for_every_row() {
    let (_folder, store, _) = store();
    let db = reader(&store);
    for invariant in crate::invariants::INVARIANTS.iter().copied().flatten() {
        let mut statement =
            db.prepare(&format!("EXPLAIN QUERY PLAN {}", crate::invariants::for_sqlite(invariant.breaches))).unwrap();
        let steps: Vec<(i64, i64, String)> =
            statement.raw_query().mapped(|row| Ok((row.get(0)?, row.get(1)?, row.get(3)?))).map(Result::unwrap).collect();
        let correlated: Vec<i64> = steps.iter().filter(|s| s.2.starts_with("CORRELATED")).map(|s| s.0).collect();
        let mut led: BTreeSet<i64> = BTreeSet::new();
        for (_, parent, step) in &steps {
            if !step.starts_with("SCAN ") || step.contains("VIRTUAL TABLE") || step.contains("CONSTANT") {
                continue;
            }
            assert!(!correlated.contains(parent), "{}: {step} for every row", invariant.says);
            assert!(led.insert(*parent), "{}: {step} inside another scan: {steps:#?}", invariant.says);
        }
    }
}
