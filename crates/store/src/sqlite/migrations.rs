//! Brings a database file to the newest migration. Each runs in one transaction with its own record, so it is there whole or not.

use super::OpenError;
use ducat_domain::Timestamp;
use rusqlite::{Connection, TransactionBehavior, params};

/// Number and name; PostgreSQL will have the same.
const MIGRATIONS: &[(u32, &str, &str)] = &[(1, "pay_in", include_str!("../../migrations/sqlite/0001_pay_in.sql"))];

pub(super) fn migrate(connection: &mut Connection, now: Timestamp) -> Result<(), OpenError> {
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS schema_migrations (
           number INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT",
    )?;
    let done: u32 = connection.query_row("SELECT coalesce(max(number), 0) FROM schema_migrations", [], |row| row.get(0))?;
    let known = MIGRATIONS.len() as u32;
    if done > known {
        return Err(OpenError::Newer { found: done, known });
    }
    for (number, name, sql) in MIGRATIONS.iter().filter(|(number, ..)| *number > done) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(sql)?;
        transaction.execute(
            "INSERT INTO schema_migrations (number, name, applied_at) VALUES (?1, ?2, ?3)",
            params![number, name, now.as_micros()],
        )?;
        transaction.commit()?;
    }
    Ok(())
}
