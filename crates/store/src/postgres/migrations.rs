//! Brings the database to the newest migration. Each runs in one transaction with its own record, so it is there whole or not; nodes that
//! start at once wait for each other.

use crate::OpenError;
use crate::value::Value;
use ducat_domain::Timestamp;
use tokio_postgres::{Client, Transaction};

/// Number and name, the same as SQLite's.
pub(super) const MIGRATIONS: &[(u32, &str, &str)] = &[
    (1, "pay_in", include_str!("../../migrations/postgres/0001_pay_in.sql")),
    (2, "after_the_sale", include_str!("../../migrations/postgres/0002_after_the_sale.sql")),
    (3, "webhooks", include_str!("../../migrations/postgres/0003_webhooks.sql")),
    (4, "declines", include_str!("../../migrations/postgres/0004_declines.sql")),
    (5, "merchant_first", include_str!("../../migrations/postgres/0005_merchant_first.sql")),
    (6, "lean", include_str!("../../migrations/postgres/0006_lean.sql")),
    (7, "archive", include_str!("../../migrations/postgres/0007_archive.sql")),
];

/// Held by whoever migrates, until its transaction ends: the letters "ducat".
const LOCK: i64 = 0x64_75_63_61_74;

impl From<tokio_postgres::Error> for OpenError {
    fn from(e: tokio_postgres::Error) -> Self {
        Self::Database(super::connect::said(&e))
    }
}

/// Applies what is missing.
pub(super) async fn migrate(client: &mut Client, now: Timestamp) -> Result<(), OpenError> {
    loop {
        let transaction = client.transaction().await?;
        // A migration may take its time, and whoever waits for it too.
        transaction.batch_execute("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0").await?;
        transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await?;
        let Some((number, name, sql)) = next(&transaction).await? else {
            // Positions of events go on after the newest one, also where the rows came from another server.
            transaction.batch_execute("SELECT wind_event_clock()").await?;
            return Ok(transaction.commit().await?);
        };
        transaction.batch_execute(sql).await?;
        let record = "INSERT INTO schema_migrations (number, name, applied_at) VALUES ($1, $2, $3)";
        let values = [Value::from(number), Value::from(name), Value::from(now)];
        transaction.execute(record, &[&values[0], &values[1], &values[2]]).await?;
        transaction.commit().await?;
    }
}

/// The migration that comes next, in a database that is empty or ours.
async fn next(transaction: &Transaction<'_>) -> Result<Option<(u32, &'static str, &'static str)>, OpenError> {
    let count = |rows: &tokio_postgres::Row| rows.get::<_, i64>(0);
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()";
    let columns = "SELECT count(*) FROM information_schema.columns WHERE table_schema = current_schema()
                     AND table_name = 'schema_migrations' AND column_name IN ('number', 'name', 'applied_at')";
    let is_empty = count(&transaction.query_one(tables, &[]).await?) == 0;
    if !is_empty && count(&transaction.query_one(columns, &[]).await?) < 3 {
        return Err(OpenError::Foreign);
    }
    if is_empty {
        let make =
            "CREATE TABLE schema_migrations (number integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL)";
        transaction.batch_execute(make).await?;
    }
    let done: i32 = transaction.query_one("SELECT coalesce(max(number), 0) FROM schema_migrations", &[]).await?.get(0);
    let (done, known) = (done.unsigned_abs(), MIGRATIONS.len() as u32);
    if done > known {
        return Err(OpenError::Newer { found: done, known });
    }
    Ok(MIGRATIONS.iter().copied().find(|(number, ..)| *number > done))
}
