//! Transactions on the same server that others leave open, and that we wait for: events are read only up to the oldest one that writes,
//! whichever database of the server it writes to. Beside them, what the server does not show us of others, and commits that wait for a standby.

use super::Postgres;
use crate::row::Row;
use crate::value::Value;
use crate::{HiddenSessions, OpenTransaction, ReadError, WaitingCommits};
use std::time::Duration;

/// How many are told of at the most, the longest open first.
const MANY: u32 = 20;
/// Of other users' transactions the server does not say to everybody when they began. One that is so many transactions old is told of.
const OLD: u32 = 100_000;

/// What a session waits for that has committed, and is not answered before a standby has it, too. To end it would answer without the standby.
/// https://www.postgresql.org/docs/current/warm-standby.html#SYNCHRONOUS-REPLICATION-HA
const COMMITTING: &str = "SyncRep";

/// Whose sessions they are, and whether they write, the server tells everybody; the rest only their users, and who has `pg_read_all_stats`.
const HIDDEN: &str = "SELECT count(*) AS count, coalesce(string_agg(DISTINCT CAST(a.usename AS text), ', '), '') AS roles,
      CAST(current_user AS text) AS who
    FROM pg_stat_activity a
    WHERE (a.backend_xid IS NOT NULL OR a.datname = current_database())
      AND NOT pg_has_role('pg_read_all_stats', 'USAGE') AND NOT pg_has_role(a.usesysid, 'USAGE')
    HAVING count(*) > 0";

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
               WHERE a.pid <> pg_backend_pid() AND a.wait_event IS DISTINCT FROM '{COMMITTING}' AND (a.backend_xid IS NOT NULL
                 OR a.state LIKE 'idle in transaction%' AND a.datname = current_database())
               UNION ALL
               SELECT NULL, p.gid, '', CAST(p.database AS text),
                 CAST(extract(epoch FROM clock_timestamp() - p.prepared) AS bigint), true, true,
                 p.prepared <= clock_timestamp() - CAST($1 AS bigint) * interval '1 ms'
               FROM pg_prepared_xacts p) t
             WHERE is_old ORDER BY writes DESC, seconds DESC NULLS FIRST LIMIT {MANY}"
        );
        let rows = self.readers.read(&sql, &[millis(longer_than)]).await?;
        rows.iter().map(|row| transaction(&Row::Postgres(row))).collect()
    }

    /// Sessions of other users, where we are not told since when a transaction is open in them: those that write, and in our database all, for
    /// it is not told either whether they idle in one.
    pub async fn hidden_sessions(&self) -> Result<Option<HiddenSessions>, ReadError> {
        let rows = self.readers.read(HIDDEN, &[]).await?;
        rows.first().map(|row| hidden(&Row::Postgres(row))).transpose()
    }

    /// Commits that have been waiting for a standby for longer than this.
    pub async fn waiting_commits(&self, longer_than: Duration) -> Result<Option<WaitingCommits>, ReadError> {
        let sql = format!(
            "SELECT count(*) AS count, max(CAST(extract(epoch FROM clock_timestamp() - a.query_start) AS bigint)) AS seconds,
               current_setting('synchronous_standby_names') AS standbys
             FROM pg_stat_activity a
             WHERE a.wait_event = '{COMMITTING}' AND a.query_start <= clock_timestamp() - CAST($1 AS bigint) * interval '1 ms'
             HAVING count(*) > 0"
        );
        let rows = self.readers.read(&sql, &[millis(longer_than)]).await?;
        rows.first().map(|row| waiting(&Row::Postgres(row))).transpose()
    }
}

fn millis(duration: Duration) -> Value {
    Value::from(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}

fn hidden(row: &Row<'_>) -> Result<HiddenSessions, ReadError> {
    Ok(HiddenSessions { count: row.get("count")?, roles: row.get("roles")?, user: row.get("who")? })
}

fn waiting(row: &Row<'_>) -> Result<WaitingCommits, ReadError> {
    Ok(WaitingCommits { count: row.get("count")?, seconds: row.get("seconds")?, standbys: row.get("standbys")? })
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
