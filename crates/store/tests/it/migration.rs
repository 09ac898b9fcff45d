//! A database that the first migration alone wrote is brought to the newest schema, and nothing of it is lost.

use crate::builders::*;
use crate::later::line;
use crate::samples;
use ducat_domain::payments::*;
use ducat_domain::settlement::LineKind;
use ducat_domain::{EventKind, Timestamp};
use ducat_store::*;
use rusqlite::Connection;
use rusqlite::types::Value;
use std::collections::BTreeSet;
use std::path::Path;

const FIRST: &str = include_str!("../../migrations/sqlite/0001_pay_in.sql");

/// The tables of the first migration, in an order in which its rules let the rows in: a table, and its columns then. Where a column has
/// another name today, that stands after a colon.
const TABLES: &[(&str, &str)] = &[
    ("merchants", "id name sealed_return_secret created_at"),
    ("psp_accounts", "id merchant_id psp name active sealed_settings version created_at"),
    ("api_keys", "id merchant_id hash hint name scope networks expires_at revoked_at last_used_at created_at"),
    (
        "payment_orders",
        "merchant_id id reference amount currency details expires_at created_at status version updated_at amount_authorized
         amount_captured amount_refunded amount_disputed paid_by cancel_requested_at paid_late",
    ),
    (
        "attempts",
        "id order_id number psp_account_id psp created_at status token psp_payment redirect_url decline declines check_at authorized
         captured surplus fees",
    ),
    ("accounts", "id merchant_id name currency"),
    ("postings", "entry_id line account_id layer amount"),
    ("journal_entries", "id merchant_id event_ref order_id at"),
    ("balances", "account_id layer amount"),
    ("events", "position id merchant_id order_id:subject_id sequence kind at snapshot"),
    ("inbox", "psp_account_id message_id kind state order_id body received_at"),
    ("jobs", "kind order_id:subject_id merchant_id run_at tries"),
    ("idempotency_keys", "merchant_id key fingerprint locked_until order_id:subject_id answer_kind answer_body created_at"),
];

fn columns(of: &str, today: bool) -> String {
    let name = |column: &str| column.split(':').nth(usize::from(today && column.contains(':'))).unwrap().to_owned();
    of.split_whitespace().map(name).collect::<Vec<_>>().join(", ")
}

/// Writes what a store of today holds into a file as the first migration left it.
fn as_it_was(today: &Path, then: &Path) -> Connection {
    let db = Connection::open(then).unwrap();
    db.execute("ATTACH ?1 AS today", [today.to_str().unwrap()]).unwrap();
    // The list of migrations is made by the program, not by a migration.
    let list = "SELECT sql FROM today.sqlite_master WHERE name = 'schema_migrations'";
    let list: String = db.query_row(list, [], |row| row.get(0)).unwrap();
    db.execute_batch(&format!("{list}; INSERT INTO schema_migrations VALUES (1, 'pay_in', 1); PRAGMA foreign_keys = on"))
        .unwrap();
    db.execute_batch(FIRST).unwrap();
    db.execute_batch("BEGIN").unwrap();
    for (table, of) in TABLES {
        let order = if *table == "events" { "ORDER BY position" } else { "" };
        let (then, today) = (columns(of, false), columns(of, true));
        db.execute_batch(&format!("INSERT INTO main.{table} ({then}) SELECT {today} FROM today.{table} {order}")).unwrap();
    }
    db.execute_batch("COMMIT; DETACH today").unwrap();
    db
}

/// Every row of the first migration's tables, in its columns.
fn rows(db: &Connection, today: bool) -> Vec<(&'static str, Vec<Vec<Value>>)> {
    let of = |&(table, of): &(&'static str, &str)| {
        let columns = columns(of, today);
        let mut statement = db.prepare(&format!("SELECT {columns} FROM {table} ORDER BY {columns}")).unwrap();
        let count = statement.column_count();
        let rows = statement.query_map([], |row| (0..count).map(|i| row.get(i)).collect::<Result<Vec<Value>, _>>()).unwrap();
        (table, rows.map(Result::unwrap).collect())
    };
    TABLES.iter().map(of).collect()
}

async fn all_orders(store: &Store) -> Vec<PaymentOrder> {
    let mut orders = Vec::new();
    for merchant in store.merchants().await.unwrap() {
        let page = store.payments(merchant.id, OrderFilter::default(), PageAnchor::Newest, 100).await.unwrap();
        orders.extend(page.data.into_iter().map(|p| p.order));
    }
    orders
}

#[test]
fn a_database_of_the_first_migration_loses_nothing_on_its_way_to_the_newest() {
    run(async {
        let source = World::sqlite(WriterMode::Caller);
        let shop = samples::first(&source).await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("then.db");
        let then = as_it_was(&source.path, &path);
        let before = rows(&then, false);
        assert!(before.iter().all(|(_, rows)| !rows.is_empty()), "each table has something to lose");
        let statuses: BTreeSet<_> = all_orders(&source.store).await.iter().map(|o| o.status.as_str()).collect();
        assert_eq!(statuses.len(), OrderStatus::ALL.len(), "{statuses:?}");
        drop(then);

        let w = World::open(path.clone(), WriterMode::Caller, 7);
        assert_eq!(rows(&Connection::open(&path).unwrap(), true), before);
        let strangers =
            "SELECT count(*) FROM attempts a JOIN payment_orders o ON o.id = a.order_id WHERE a.merchant_id IS NOT o.merchant_id";
        let strangers: u32 = Connection::open(&path).unwrap().query_row(strangers, [], |row| row.get(0)).unwrap();
        assert_eq!(strangers, 0, "each attempt names its order's merchant");
        // Today's program knows of each status with which event it came; the migration read that from the events.
        assert_eq!(all_orders(&w.store).await, all_orders(&source.store).await);
        w.assert_sound().await;
        assert_eq!(w.store.next_job_at().await.unwrap(), source.store.next_job_at().await.unwrap());
        let key = w.store.idempotency(shop.merchant, "a").await.unwrap();
        assert_eq!(key, source.store.idempotency(shop.merchant, "a").await.unwrap());

        // And it goes on from there: a reader with a cursor reads on, money is given back, a statement is read.
        let read = w.store.events(shop.merchant, EventCursor::Newest, Vec::new(), 1).await.unwrap().unwrap().data;
        let filter = OrderFilter { status: Some(OrderStatus::Succeeded), ..OrderFilter::default() };
        let paid = w.store.payments(shop.merchant, filter, PageAnchor::Newest, 1).await.unwrap().data.remove(0);
        let (paid, _) = w.refunded(paid, 100).await;
        w.claimed(paid).await;
        w.read_line(shop, &line("txn_9", LineKind::Unplaced, 5, 0)).await;
        let news = w.store.events(shop.merchant, EventCursor::After(read[0].id), Vec::new(), 9).await.unwrap().unwrap().data;
        let kinds: Vec<_> = news.iter().map(|e| e.kind).collect();
        assert_eq!(kinds, [EventKind::RefundCreated, EventKind::RefundSucceeded, EventKind::Claimed]);
        w.assert_sound().await;
    });
}

/// The migrations up to the fifth, whose tables the sixth makes anew.
const UP_TO_FIFTH: &[&str] = &[
    FIRST,
    include_str!("../../migrations/sqlite/0002_after_the_sale.sql"),
    include_str!("../../migrations/sqlite/0003_webhooks.sql"),
    include_str!("../../migrations/sqlite/0004_declines.sql"),
    include_str!("../../migrations/sqlite/0005_merchant_first.sql"),
];

/// Writes what a store of today holds into a file as the fifth migration left it: every table of then, in its columns of then.
fn as_the_fifth_left_it(today: &Path, then: &Path) -> Connection {
    let db = Connection::open(then).unwrap();
    db.execute_batch(
        "PRAGMA foreign_keys = off; CREATE TABLE schema_migrations (
           number INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT;
         INSERT INTO schema_migrations SELECT value, 'then', 1 FROM json_each('[1, 2, 3, 4, 5]')",
    )
    .unwrap();
    UP_TO_FIFTH.iter().for_each(|sql| db.execute_batch(sql).unwrap());
    db.execute("ATTACH ?1 AS today", [today.to_str().unwrap()]).unwrap();
    // The rules of then would want the rows in their order.
    let rules = texts(&db, "SELECT sql FROM main.sqlite_master WHERE type = 'trigger'");
    let drops = texts(&db, "SELECT 'DROP TRIGGER ' || name FROM main.sqlite_master WHERE type = 'trigger'");
    db.execute_batch(&drops.join("; ")).unwrap();
    for table in tables(&db) {
        let columns = texts(&db, &format!("SELECT name FROM pragma_table_info('{table}', 'main')")).join(", ");
        db.execute_batch(&format!("INSERT INTO main.{table} ({columns}) SELECT {columns} FROM today.{table} ORDER BY 1"))
            .unwrap();
    }
    db.execute_batch("DETACH today").unwrap();
    db.execute_batch(&rules.join("; ")).unwrap();
    db
}

fn texts(db: &Connection, sql: &str) -> Vec<String> {
    db.prepare(sql).unwrap().query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

fn tables(db: &Connection) -> Vec<String> {
    let sql = "SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT IN ('schema_migrations', 'sqlite_sequence')";
    texts(db, sql)
}

/// Every row of these tables, sorted: a table, its columns by name, and what is in them.
fn all_rows(db: &Connection, tables: &[String]) -> Vec<(String, String, Vec<Vec<Value>>)> {
    let of = |table: &String| {
        let columns = texts(db, &format!("SELECT name FROM pragma_table_info('{table}') ORDER BY name")).join(", ");
        let mut statement = db.prepare(&format!("SELECT {columns} FROM {table} ORDER BY {columns}")).unwrap();
        let count = statement.column_count();
        let rows = statement.query_map([], |row| (0..count).map(|i| row.get(i)).collect::<Result<Vec<Value>, _>>()).unwrap();
        let rows = rows.map(Result::unwrap).collect();
        (table.clone(), columns, rows)
    };
    tables.iter().map(of).collect()
}

#[test]
fn tables_that_are_made_anew_lose_nothing_and_nothing_that_leads_to_them() {
    run(async {
        let source = World::sqlite(WriterMode::Caller);
        let shop = samples::first(&source).await;
        samples::after_the_sale(&source).await;
        samples::webhooks(&source).await;
        samples::declines(&source).await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("then.db");
        let then = as_the_fifth_left_it(&source.path, &path);
        // As answers were kept before they were packed.
        then.execute_batch(
            "DROP TRIGGER idempotency_keys_keep_their_answer;
             UPDATE idempotency_keys SET answer_body = CAST('{\"id\":\"po_1\"}' AS BLOB) WHERE answer_body IS NOT NULL",
        )
        .unwrap();
        let tables = tables(&then);
        let before = all_rows(&then, &tables);
        let empty: Vec<_> = before.iter().filter(|(.., rows)| rows.is_empty()).map(|(table, ..)| table).collect();
        assert!(empty.is_empty(), "these tables have nothing to lose: {empty:?}");
        drop(then);

        let w = World::open(path.clone(), WriterMode::Caller, 7);
        assert_eq!(all_rows(&Connection::open(&path).unwrap(), &tables), before);
        w.assert_sound().await;
        let answer = w.store.idempotency(shop.merchant, "a").await.unwrap().unwrap().answer.unwrap();
        assert_eq!(answer.body, br#"{"id":"po_1"}"#);
        // Events go on after the newest, and nothing of what was there can be put in again.
        w.see(w.order(shop).await, Observed::Open).await;
        w.assert_sound().await;
    });
}

#[test]
fn a_database_whose_rows_lead_nowhere_is_left_as_it_was() {
    run(async {
        let source = World::sqlite(WriterMode::Caller);
        samples::first(&source).await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("then.db");
        let then = as_the_fifth_left_it(&source.path, &path);
        then.execute_batch("DROP TRIGGER payment_orders_are_kept; DELETE FROM payment_orders").unwrap();
        drop(then);
        let opened = Store::open_sqlite(&path, WriterMode::Caller, Timestamp::from_seconds(1));
        assert!(matches!(opened, Err(OpenError::Database(why)) if why.contains("lead nowhere")));
        let done: u32 =
            Connection::open(&path).unwrap().query_row("SELECT max(number) FROM schema_migrations", [], |r| r.get(0)).unwrap();
        assert_eq!(done, 5);
    });
}
