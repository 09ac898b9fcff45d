//! Somebody who opens the database file with a program of their own.

use crate::builders::World;
use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode};

const TABLES: &[&str] = &[
    "merchants",
    "api_keys",
    "psp_accounts",
    "payment_orders",
    "attempts",
    "accounts",
    "journal_entries",
    "postings",
    "balances",
    "events",
    "inbox",
    "jobs",
    "idempotency_keys",
    "webhook_endpoints",
    "webhook_deliveries",
    "webhook_tries",
    "webhook_replays",
    "captures",
    "refunds",
    "disputes",
    "dispute_files",
    "payouts",
    "psp_lines",
    "psp_cursors",
    "exceptions",
    "archived_orders",
    "archived_attempts",
];

pub struct Intruder(pub Connection);

impl Intruder {
    pub fn into(w: &World) -> Self {
        let db = Connection::open(&w.path).unwrap();
        db.execute_batch("PRAGMA foreign_keys = on; PRAGMA recursive_triggers = off").unwrap();
        Self(db)
    }

    /// Every row of every table.
    pub fn rows(&self) -> Vec<Vec<Value>> {
        let of = |table: &&str| {
            let mut statement = self.0.prepare(&format!("SELECT * FROM {table}")).unwrap();
            let columns = statement.column_count();
            let rows =
                statement.query_map([], |row| (0..columns).map(|i| row.get(i)).collect::<Result<Vec<Value>, _>>()).unwrap();
            rows.map(Result::unwrap).collect::<Vec<_>>()
        };
        TABLES.iter().flat_map(of).collect()
    }

    /// The database refuses the last of these statements by one of its rules, and afterwards nothing is different. Those before it pass:
    /// an attack that fails on its way to the target proves nothing.
    pub fn is_refused(&self, sql: &str) {
        let before = self.rows();
        let (way, attack) = sql.rsplit_once(';').unwrap_or(("", sql));
        self.0.execute_batch(&format!("BEGIN; {way}")).unwrap_or_else(|e| panic!("{way}: {e}"));
        let result = self.0.execute_batch(&format!("{attack}; COMMIT"));
        if !self.0.is_autocommit() {
            self.0.execute_batch("ROLLBACK").unwrap();
        }
        let error = result.err().unwrap_or_else(|| panic!("the database let this pass: {sql}"));
        assert_eq!(error.sqlite_error_code(), Some(ErrorCode::ConstraintViolation), "{sql}: {error}");
        assert_eq!(self.rows(), before, "{sql}");
    }

    /// Takes all guards away: triggers, indexes that we made, foreign keys, checks. The indexes that foreign keys lead to stay.
    pub fn without_guards(self) -> Self {
        let sql =
            "SELECT 'DROP ' || type || ' ' || name FROM sqlite_master WHERE sql IS NOT NULL AND type IN ('trigger', 'index')
                   AND name NOT IN ('payment_orders_id', 'webhook_endpoints_id', 'webhook_deliveries_id')";
        let drops: Vec<String> =
            self.0.prepare(sql).unwrap().query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        self.0.execute_batch(&drops.join("; ")).unwrap();
        self.0.execute_batch("PRAGMA foreign_keys = off; PRAGMA ignore_check_constraints = on").unwrap();
        self
    }
}

/// An id as SQL has it.
pub fn blob(bytes: &[u8; 16]) -> String {
    let digits: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    format!("x'{digits}'")
}

/// The columns of every table, in their order in the embedded database.
pub fn columns() -> std::collections::BTreeMap<String, Vec<String>> {
    let w = World::sqlite(ducat_store::WriterMode::Caller);
    let db = Connection::open(&w.path).unwrap();
    let sql =
        "SELECT t.name, c.name FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type = 'table' ORDER BY t.name, c.cid";
    let mut columns = std::collections::BTreeMap::<String, Vec<String>>::new();
    let mut statement = db.prepare(sql).unwrap();
    let mut rows = statement.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        columns.entry(row.get(0).unwrap()).or_default().push(row.get(1).unwrap());
    }
    columns
}
