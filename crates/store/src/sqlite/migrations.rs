//! Brings a database file to the newest migration. Each runs in one transaction with its own record, so it is there whole or not.

use super::OpenError;
use ducat_domain::Timestamp;
use rusqlite::{Connection, TransactionBehavior, params};
use std::time::Duration;

/// Number and name, the same as PostgreSQL's.
pub(crate) const MIGRATIONS: &[(u32, &str, &str)] = &[
    (1, "pay_in", include_str!("../../migrations/sqlite/0001_pay_in.sql")),
    (2, "after_the_sale", include_str!("../../migrations/sqlite/0002_after_the_sale.sql")),
    (3, "webhooks", include_str!("../../migrations/sqlite/0003_webhooks.sql")),
    (4, "declines", include_str!("../../migrations/sqlite/0004_declines.sql")),
    (5, "merchant_first", include_str!("../../migrations/sqlite/0005_merchant_first.sql")),
    (6, "lean", include_str!("../../migrations/sqlite/0006_lean.sql")),
    (7, "archive", include_str!("../../migrations/sqlite/0007_archive.sql")),
    (8, "small_keys", include_str!("../../migrations/sqlite/0008_small_keys.sql")),
    (9, "quick_look", include_str!("../../migrations/sqlite/0009_quick_look.sql")),
    (10, "rare_ends", include_str!("../../migrations/sqlite/0010_rare_ends.sql")),
    (11, "closings", include_str!("../../migrations/sqlite/0011_closings.sql")),
    (12, "agreed", include_str!("../../migrations/sqlite/0012_agreed.sql")),
];

/// How long a program waits for others that migrate the same file, one migration after the other, on whatever disk.
const PATIENCE: Duration = Duration::from_secs(60);

/// Lets through an empty file and a database of ours; writes nothing.
pub(super) fn recognise(connection: &Connection) -> Result<(), OpenError> {
    let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    // Another program may keep a table of this name too, with columns of its own.
    let ours = "SELECT count(*) FROM pragma_table_info('schema_migrations') WHERE name IN ('number', 'name', 'applied_at')";
    if count("SELECT count(*) FROM sqlite_master")? > 0 && count(ours)? < 3 {
        return Err(OpenError::Foreign);
    }
    Ok(())
}

/// Applies what is missing. Two programs that do so at once wait for each other.
///
/// A table is made anew under another name, filled, and takes the place of the one before. Meanwhile nothing may mind that the one that others
/// lead to is not there: foreign keys are checked at the end, and a renaming looks at nothing but the table itself.
pub(super) fn migrate(connection: &mut Connection, now: Timestamp) -> Result<(), OpenError> {
    connection.pragma_update(None, "foreign_keys", false)?;
    connection.pragma_update(None, "legacy_alter_table", true)?;
    connection.busy_timeout(PATIENCE)?;
    let migrated = missing(connection, now);
    connection.busy_timeout(super::PATIENCE)?;
    connection.pragma_update(None, "legacy_alter_table", false)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    migrated
}

fn missing(connection: &mut Connection, now: Timestamp) -> Result<(), OpenError> {
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS schema_migrations (
           number INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT",
    )?;
    loop {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done: u32 = transaction.query_row("SELECT coalesce(max(number), 0) FROM schema_migrations", [], |row| row.get(0))?;
        let known = MIGRATIONS.len() as u32;
        if done > known {
            return Err(OpenError::Newer { found: done, known });
        }
        let Some((number, name, sql)) = MIGRATIONS.iter().find(|(number, ..)| *number > done) else { return Ok(()) };
        transaction.execute_batch(sql)?;
        let astray: i64 = transaction.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0))?;
        if astray > 0 {
            return Err(OpenError::Database(format!("{astray} rows lead nowhere, and migration {number} is not applied")));
        }
        transaction.execute(
            "INSERT INTO schema_migrations (number, name, applied_at) VALUES (?1, ?2, ?3)",
            params![number, name, now.as_micros()],
        )?;
        transaction.commit()?;
    }
}
