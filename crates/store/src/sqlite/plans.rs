//! How the database finds what a statement asks for: no read, and no rule of a table, looks at every row of a table that grows.

use super::{Readers, Store, WriterMode};
use crate::*;
use ducat_domain::payments::{OrderStatus, PspToken};
use ducat_domain::*;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::trace::{TraceEvent, TraceEventCodes};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

/// Tables that stay small, and what is no table at all.
const SMALL: &[&str] = &["merchants", "CONSTANT", "fee VIRTUAL"];

type Heard = Arc<Mutex<BTreeSet<String>>>;

/// A store whose reading connection tells every statement that it runs.
fn store() -> (tempfile::TempDir, Store, Heard) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open_sqlite(&folder.path().join("d.db"), WriterMode::Caller, Timestamp::from_seconds(1)).unwrap();
    let heard = Heard::default();
    let mut connection = Readers::open(&store.readers).unwrap();
    let sink = Arc::clone(&heard);
    let note = move |event: TraceEvent<'_>| {
        if let TraceEvent::Stmt(_, sql) = event {
            sink.lock().unwrap().insert(sql.to_owned());
        }
    };
    connection.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(note)).unwrap();
    store.readers.idle.lock().unwrap().push(connection);
    (folder, store, heard)
}

/// The steps of the plan that look at every row of a table that grows.
fn scans(db: &Connection, sql: &str) -> Vec<String> {
    let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap_or_else(|e| panic!("{sql}: {e}"));
    let steps = statement.raw_query().mapped(|row| row.get::<_, String>(3)).map(Result::unwrap).collect::<Vec<_>>();
    let grows = |step: &String| {
        let what = step.strip_prefix("SCAN ");
        what.is_some_and(|what| !SMALL.iter().any(|small| what.starts_with(small)))
    };
    steps.into_iter().filter(grows).collect()
}

macro_rules! reads {
    ($store:ident: $($name:ident($($value:expr),*);)*) => {{
        $($store.$name($($value),*).await.unwrap();)*
        [$(stringify!($name)),*]
    }};
}

#[test]
fn every_read_finds_its_rows_by_an_index() {
    let (_folder, store, heard) = store();
    let bytes = [7; 16];
    let (merchant, account, order) =
        (MerchantId::from_bytes(bytes), PspAccountId::from_bytes(bytes), PaymentOrderId::from_bytes(bytes));
    let (attempt, refund, dispute) = (AttemptId::from_bytes(bytes), RefundId::from_bytes(bytes), DisputeId::from_bytes(bytes));
    let (capture, payout, exception) =
        (CaptureId::from_bytes(bytes), PayoutId::from_bytes(bytes), ExceptionId::from_bytes(bytes));
    let (event, entry) = (EventId::from_bytes(bytes), EntryId::from_bytes(bytes));
    let now = Timestamp::from_seconds(9);
    let token = PspToken("cs_1".into());
    let by_time = OrderFilter { created_gte: Some(now), created_lt: Some(now), ..OrderFilter::default() };
    let by_status = OrderFilter { status: Some(OrderStatus::Pending), ..OrderFilter::default() };
    let by_reference = OrderFilter { reference: Some("order-1".into()), ..OrderFilter::default() };
    let of_order = || PartFilter { order: Some(order), status: None };
    let in_status = || PartFilter { order: None, status: Some("pending") };
    let told = async {
        reads! { store:
            payment(order); payment_by_attempt(attempt); payment_by_token(account, &token);
            payment_by_psp_payment(account, "pi_1"); payment_by_reference(merchant, "order-1");
            idempotency(merchant, "key"); next_job_at(); api_key([0; 32]); merchant(merchant); psp_account(account);
            event(merchant, event);
            payments(merchant, OrderFilter::default(), PageAnchor::Newest, 9);
            payments(merchant, by_time, PageAnchor::After(order), 9);
            payments(merchant, by_status, PageAnchor::Before(order), 9);
            payments(merchant, by_reference, PageAnchor::Newest, 9);
            attempts(order); orders(vec![order]);
            events(merchant, EventCursor::Start, Vec::new(), 9);
            events(merchant, EventCursor::Newest, vec!["refund.created".into()], 9);
            events(merchant, EventCursor::After(event), Vec::new(), 9);
            events_of(Subject::Payout(payout)); api_keys(merchant); merchants(); psp_accounts(merchant);
            entries_of(order); balances(merchant); entry(merchant, entry); is_booked(merchant, "cap:1".into());
            balances_at(merchant, now); entries(merchant, EntryFilter::default(), PageAnchor::Newest, 9);
            capture(capture); open_capture(attempt); captures_of(order);
            refund(refund); refund_by_psp(account, "re_1"); refunds_of(order);
            refunds(merchant, of_order(), PageAnchor::Newest, 9); refunds(merchant, in_status(), PageAnchor::After(refund), 9);
            dispute(dispute); dispute_by_psp(account, "dp_1"); disputes_of(order); dispute_files(dispute);
            disputes(merchant, of_order(), PageAnchor::Before(dispute), 9); disputes(merchant, in_status(), PageAnchor::Newest, 9);
            psp_cursor(account); known_psp_lines(account, vec!["txn_1".into()]);
            payout(payout); payout_by_psp(account, "po_1"); payouts(merchant, in_status(), PageAnchor::Newest, 9);
            exception(exception); exceptions(merchant, PageAnchor::After(exception), 9);
        }
    };
    let told = tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(told);
    // No read is left out: what the files offer is what was called.
    let files = [
        include_str!("read.rs"),
        include_str!("lists.rs"),
        include_str!("books.rs"),
        include_str!("parts.rs"),
        include_str!("statement.rs"),
    ];
    for name in files.iter().flat_map(|file| file.split("pub async fn ").skip(1)).filter_map(|text| text.split(['(', '<']).next())
    {
        assert!(told.contains(&name), "{name} is to be called here");
    }
    let db = Readers::open(&store.readers).unwrap();
    let heard = heard.lock().unwrap();
    assert!(heard.len() > 40, "{heard:#?}");
    for sql in heard.iter() {
        assert_eq!(scans(&db, sql), Vec::<String>::new(), "{sql}");
    }
}

/// Each rule of a table is asked at each write: it must find what it looks for at once.
#[test]
fn every_rule_of_a_table_finds_its_rows_by_an_index() {
    let (_folder, store, _) = store();
    let db = Readers::open(&store.readers).unwrap();
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
    let db = Readers::open(&store.readers).unwrap();
    for invariant in crate::invariants::INVARIANTS.iter().copied().flatten() {
        let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {}", invariant.breaches)).unwrap();
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
