//! What changes left behind, swept up while it is little. An update keeps the row that it replaces until a vacuum has looked, and the server's
//! own looks once a minute: at a thousand payments a second, that is a quarter of a gigabyte. So whoever owns the tables asks for it as soon as
//! there is enough of it to be worth a look.

use super::Postgres;
use super::connect::{ANSWER, Connection, Statements, said};
use crate::ReadError;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Of the tables whose rows are changed by every payment, those of which a tenth is behind the times: with how often rows of it were changed, and
/// how many changes are worth a look. Those of others are left to their owner, and so is what the server is sweeping right now. The server
/// counts with a second's delay.
const BEHIND: &str = "SELECT s.relname::text, s.n_tup_upd + s.n_tup_del, 2000 + s.n_live_tup / 10
    FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
    WHERE s.schemaname = current_schema() AND s.relname IN ('payment_orders', 'attempts', 'idempotency_keys', 'jobs', 'webhook_deliveries')
      AND s.n_dead_tup > 2000 + s.n_live_tup / 10 AND pg_has_role(c.relowner, 'USAGE')
      AND s.relid NOT IN (SELECT p.relid FROM pg_stat_progress_vacuum p)";

/// How long one sweep may take. A table that takes longer is left to the server's own vacuum.
const PATIENCE: Duration = Duration::from_secs(600);

/// How often rows of each table had been changed when it was swept last.
#[derive(Clone, Debug, Default)]
pub(super) struct Swept(Arc<Mutex<BTreeMap<String, i64>>>);

impl Swept {
    /// Whether enough has changed since. Where an old transaction still sees what was replaced, sweeping does not help, and is not tried again at
    /// once.
    fn is_worth(&self, table: &str, changed: i64, enough: i64) -> bool {
        let mut swept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = swept.get(table).copied().unwrap_or_default();
        // The server forgets its counts when it has crashed.
        let is_worth = changed < before || changed.saturating_sub(before) > enough;
        if is_worth {
            swept.insert(table.to_owned(), changed);
        }
        is_worth
    }
}

impl Postgres {
    /// Sweeps up after changes where there is enough to sweep. Says how many tables were swept.
    pub async fn sweep_up(&self) -> Result<usize, ReadError> {
        let connection = self.writer.connections().take().await.map_err(ReadError)?;
        if connection.statements == Statements::ReadAnew {
            // A pooler would give the patience that it needs to somebody else.
            return Ok(0);
        }
        let rows = connection.query(BEHIND, &[]).await?;
        let mut tables: Vec<&str> = Vec::new();
        for row in &rows {
            let wrong = |e: tokio_postgres::Error| ReadError(e.to_string());
            let (table, changed, enough) =
                (row.try_get(0).map_err(wrong)?, row.try_get(1).map_err(wrong)?, row.try_get(2).map_err(wrong)?);
            if self.swept.is_worth(table, changed, enough) {
                tables.push(table);
            }
        }
        if tables.is_empty() {
            return Ok(0);
        }
        // It does not stand in anybody's way, and gives no pages back to the disk: that would take a lock, and the next payment needs them.
        let vacuum = format!("VACUUM (SKIP_LOCKED, TRUNCATE false) {}", tables.join(", "));
        let swept = run_patiently(&connection, &vacuum).await.map(|()| tables.len());
        if swept.is_err() {
            // Nobody can tell how patient it is.
            connection.close();
        }
        swept
    }
}

/// Runs a statement that takes its time and bears no transaction around it.
async fn run_patiently(connection: &Connection, sql: &str) -> Result<(), ReadError> {
    let limit = PATIENCE.as_secs();
    let steps = [format!("SET statement_timeout = '{limit}s'"), sql.to_owned(), "RESET statement_timeout".to_owned()];
    let all = async {
        for step in &steps {
            connection.client.batch_execute(step).await.map_err(|e| ReadError(said(&e)))?;
        }
        Ok(())
    };
    let silent = |_| Err(ReadError(format!("the server did not end sweeping within {limit} seconds, and says nothing")));
    tokio::time::timeout(PATIENCE + ANSWER, all).await.unwrap_or_else(silent)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{open, settings};
    use super::Swept;

    #[test]
    fn what_sweeping_did_not_help_is_not_swept_again_before_more_has_changed() {
        let swept = Swept::default();
        assert!(swept.is_worth("jobs", 3000, 2000));
        assert!(!swept.is_worth("jobs", 3000, 2000));
        assert!(!swept.is_worth("jobs", 5000, 2000));
        assert!(swept.is_worth("attempts", 5000, 2000));
        assert!(swept.is_worth("jobs", 5001, 2000));
        assert!(swept.is_worth("jobs", 3, 2000), "the server began to count anew");
    }

    /// The server counts what a connection did when that connection rests, or ends.
    async fn dead(url: &str, table: &str) -> i64 {
        let database = open(&settings(url)).await;
        let connection = database.readers.take().await.unwrap();
        let sql = format!("SELECT coalesce(n_dead_tup, 0) FROM pg_stat_user_tables WHERE relname = '{table}'");
        connection.query(&sql, &[]).await.unwrap()[0].get(0)
    }

    #[tokio::test]
    async fn what_changes_left_behind_is_swept_up_where_there_is_enough_of_it() {
        let url = ducat_test_servers::database();
        let database = open(&settings(&url)).await;
        let name = url.rsplit('/').next().unwrap();
        let server = ducat_test_servers::server();
        assert_eq!(database.sweep_up().await.unwrap(), 0);
        server.run_sql(
            name,
            "SET session_replication_role = replica;
             INSERT INTO jobs (merchant_id, kind, subject_id, run_at, tries)
               SELECT gen_random_uuid(), 'attend', gen_random_uuid(), now(), 0 FROM generate_series(1, 3000);
             UPDATE jobs SET tries = 1, run_at = now() + interval '1 hour'",
        );
        assert!(dead(&url, "jobs").await > 2300);
        assert_eq!(database.sweep_up().await.unwrap(), 1);
        assert_eq!(dead(&url, "jobs").await, 0);
        assert_eq!(database.sweep_up().await.unwrap(), 0);
        let connection = database.writer.connections().take().await.unwrap();
        let limit: String = connection.query("SHOW statement_timeout", &[]).await.unwrap()[0].get(0);
        assert_eq!(limit, "5s", "the connection is as impatient as it was");
    }
}
