//! Transactions on the same server that others leave open, and that we wait for: events are read only up to the oldest one that writes,
//! whichever database of the server it writes to.

use super::Postgres;
use crate::row::Row;
use crate::value::Value;
use crate::{OpenTransaction, ReadError};
use std::time::Duration;

/// How many are told of at the most, the longest open first.
const MANY: u32 = 20;
/// Of other users' transactions the server does not say to everybody when they began. One that is so many transactions old is told of.
const OLD: u32 = 100_000;

impl Postgres {
    /// Transactions that have been open for longer than this: those that write, on the whole server, and in our database also those that do
    /// nothing but hold what they have read or locked.
    pub async fn open_transactions(&self, longer_than: Duration) -> Result<Vec<OpenTransaction>, ReadError> {
        let sql = format!(
            "SELECT pid, prepared, application, database, seconds, writes, idle FROM (
               SELECT CAST(a.pid AS bigint) AS pid, NULL AS prepared, a.application_name AS application, CAST(a.datname AS text) AS database,
                 CAST(extract(epoch FROM clock_timestamp() - a.xact_start) AS bigint) AS seconds, a.backend_xid IS NOT NULL AS writes,
                 coalesce(a.state LIKE 'idle in transaction%', false) AS idle,
                 coalesce(a.xact_start <= clock_timestamp() - CAST($1 AS bigint) * interval '1 ms', age(a.backend_xid) > {OLD}) AS is_old
               FROM pg_stat_activity a
               WHERE a.pid <> pg_backend_pid() AND (a.backend_xid IS NOT NULL
                 OR a.state LIKE 'idle in transaction%' AND a.datname = current_database())
               UNION ALL
               SELECT NULL, p.gid, '', CAST(p.database AS text),
                 CAST(extract(epoch FROM clock_timestamp() - p.prepared) AS bigint), true, true,
                 p.prepared <= clock_timestamp() - CAST($1 AS bigint) * interval '1 ms'
               FROM pg_prepared_xacts p) t
             WHERE is_old ORDER BY writes DESC, seconds DESC NULLS FIRST LIMIT {MANY}"
        );
        let millis = i64::try_from(longer_than.as_millis()).unwrap_or(i64::MAX);
        let rows = self.readers.read(&sql, &[Value::from(millis)]).await?;
        rows.iter().map(|row| transaction(&Row::Postgres(row))).collect()
    }
}

fn transaction(row: &Row<'_>) -> Result<OpenTransaction, ReadError> {
    Ok(OpenTransaction {
        pid: row.maybe("pid")?,
        prepared: row.maybe("prepared")?,
        application: row.maybe::<String>("application")?.unwrap_or_default(),
        database: row.maybe::<String>("database")?.unwrap_or_default(),
        seconds: row.maybe("seconds")?,
        writes: row.get("writes")?,
        is_idle: row.get("idle")?,
    })
}
