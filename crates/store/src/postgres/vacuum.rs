//! What changes left behind, swept up while it is little; and tables that the server has never looked at, shown to it. An update keeps the row
//! that it replaces until a vacuum has looked, and the server's own looks once a minute: at a thousand payments a second, that is a quarter of
//! a gigabyte. In the same minute a month's new table grows to a hundred thousand rows of which the server takes any three conditions to leave
//! none, and sorts what is there in order already. So whoever owns the tables asks for both as soon as there is enough to be worth a look.

use super::Postgres;
use super::connect::{ANSWER, Connection, Statements, said};
use crate::ReadError;
use std::collections::BTreeMap;
use std::iter;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_postgres::Row;

/// Of the tables whose rows are changed by every payment, those of which a tenth is behind the times: with how often rows of it were changed, and
/// how many changes are worth a look. Those of others are left to their owner, and so is what the server is sweeping right now. The server
/// counts with a second's delay.
const BEHIND: &str = "SELECT s.relname::text, s.n_tup_upd + s.n_tup_del, 2000 + s.n_live_tup / 10
    FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
    WHERE s.schemaname = current_schema() AND s.relname IN ('payment_orders', 'attempts', 'idempotency_keys', 'jobs', 'webhook_deliveries')
      AND s.n_dead_tup > 2000 + s.n_live_tup / 10 AND pg_has_role(c.relowner, 'USAGE')
      AND s.relid NOT IN (SELECT p.relid FROM pg_stat_progress_vacuum p)";

/// The months' tables that have grown and were never looked at.
const UNSEEN: &str = "SELECT quote_ident(s.relname) FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid JOIN pg_inherits i ON i.inhrelid = c.oid
    WHERE s.schemaname = current_schema() AND i.inhparent IN (to_regclass('events'), to_regclass('journal_entries'), to_regclass('postings'))
      AND s.n_live_tup > 1000 AND s.last_analyze IS NULL AND s.last_autoanalyze IS NULL AND pg_has_role(c.relowner, 'USAGE')";

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
    /// Sweeps up after changes where there is enough to sweep, and has tables looked at for the first time. Says how many tables.
    pub async fn sweep_up(&self) -> Result<usize, ReadError> {
        let connection = self.writer.connections().take().await.map_err(ReadError)?;
        if connection.statements == Statements::ReadAnew {
            // A pooler would give the patience that it needs to somebody else.
            return Ok(0);
        }
        let unseen = connection.query(UNSEEN, &[]).await?;
        let unseen: Vec<&str> = unseen.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>().map_err(wrong)?;
        let behind = connection.query(BEHIND, &[]).await?;
        let behind = self.worth_a_sweep(&behind).map_err(wrong)?;
        let mut steps = Vec::new();
        if !unseen.is_empty() {
            steps.push(format!("ANALYZE (SKIP_LOCKED) {}", unseen.join(", ")));
        }
        if !behind.is_empty() {
            // It does not stand in anybody's way, and gives no pages back to the disk: that would take a lock, and the next payment needs them.
            steps.push(format!("VACUUM (SKIP_LOCKED, TRUNCATE false) {}", behind.join(", ")));
        }
        if steps.is_empty() {
            return Ok(0);
        }
        let swept = run_patiently(&connection, steps).await.map(|()| unseen.len() + behind.len());
        if swept.is_err() {
            // Nobody can tell how patient it is.
            connection.close();
        }
        swept
    }

    /// Those of the tables of which enough is behind.
    fn worth_a_sweep<'a>(&self, behind: &'a [Row]) -> Result<Vec<&'a str>, tokio_postgres::Error> {
        let mut tables = Vec::new();
        for row in behind {
            let (table, changed, enough) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            if self.swept.is_worth(table, changed, enough) {
                tables.push(table);
            }
        }
        Ok(tables)
    }
}

fn wrong(error: tokio_postgres::Error) -> ReadError {
    ReadError(error.to_string())
}

/// Runs statements that take their time and bear no transaction around them.
async fn run_patiently(connection: &Connection, statements: Vec<String>) -> Result<(), ReadError> {
    let limit = PATIENCE.as_secs();
    let all = async {
        let before = format!("SET statement_timeout = '{limit}s'");
        let after = "RESET statement_timeout".to_owned();
        let mut done = Ok(());
        // One that fails keeps no other from its work.
        for step in iter::once(before).chain(statements).chain([after]) {
            done = done.and(connection.client.batch_execute(&step).await.map_err(|e| ReadError(said(&e))));
        }
        done
    };
    let silent = |_| Err(ReadError(format!("the server did not end sweeping within {limit} seconds, and says nothing")));
    tokio::time::timeout(PATIENCE + ANSWER, all).await.unwrap_or_else(silent)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{open, settings};
    use super::{Postgres, Swept};
    use std::time::{Duration, Instant};

    /// How long the server may take to count.
    const WAIT: Duration = Duration::from_secs(30);

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

    /// Waits until the server's counts say so. It counts what a connection did when that connection rests, or ends.
    async fn until(url: &str, condition: &str) {
        let database = open(&settings(url)).await;
        let connection = database.readers.take().await.unwrap();
        let begun = Instant::now();
        while !connection.query(condition, &[]).await.unwrap()[0].get::<_, bool>(0) {
            assert!(begun.elapsed() < WAIT, "waited in vain for: {condition}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// A database whose tables are counted from nothing: when who made a table is counted, what was counted of it before is forgotten.
    async fn counted(url: &str) -> Postgres {
        drop(open(&settings(url)).await);
        let name = url.rsplit('/').next().unwrap().to_owned();
        let alone = "SET statement_timeout = '30s';
             DO $$ BEGIN
               WHILE EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()) LOOP
                 PERFORM pg_stat_clear_snapshot(), pg_sleep(0.01);
               END LOOP;
             END $$";
        // Beside this thread, which has the connections to close.
        tokio::task::spawn_blocking(move || ducat_test_servers::server().run_sql(&name, alone)).await.unwrap();
        open(&settings(url)).await
    }

    #[tokio::test]
    async fn what_changes_left_behind_is_swept_up_where_there_is_enough_of_it() {
        let url = ducat_test_servers::database();
        let database = counted(&url).await;
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
        until(&url, "SELECT n_dead_tup > 2300 FROM pg_stat_user_tables WHERE relname = 'jobs'").await;
        assert_eq!(database.sweep_up().await.unwrap(), 1);
        until(&url, "SELECT n_dead_tup = 0 FROM pg_stat_user_tables WHERE relname = 'jobs'").await;
        assert_eq!(database.sweep_up().await.unwrap(), 0);
        let connection = database.writer.connections().take().await.unwrap();
        let limit: String = connection.query("SHOW statement_timeout", &[]).await.unwrap()[0].get(0);
        assert_eq!(limit, "5s", "the connection is as impatient as it was");
    }

    #[tokio::test]
    async fn a_table_that_has_grown_is_looked_at_before_the_server_would() {
        let url = ducat_test_servers::database();
        let database = counted(&url).await;
        let (name, server) = (url.rsplit('/').next().unwrap(), ducat_test_servers::server());
        server.run_sql(
            name,
            "SET session_replication_role = replica;
             INSERT INTO events (merchant_id, id, subject_id, subject_kind, sequence, position, kind, at, snapshot)
               SELECT '00000000-0000-7000-8000-000000000001', gen_random_uuid(), gen_random_uuid(), 'payment_order', 1, n, 'payment_order.created', now(), '{}'
               FROM generate_series(1, 1500) n",
        );
        until(&url, "SELECT sum(n_live_tup) = 1500 FROM pg_stat_user_tables WHERE relname LIKE 'events%'").await;
        assert_eq!(database.sweep_up().await.unwrap(), 1);
        let connection = database.writer.connections().take().await.unwrap();
        let sql = "SELECT count(*) FROM pg_stats WHERE tablename LIKE 'events%' AND attname = 'merchant_id' AND n_distinct = 1";
        assert_eq!(connection.query(sql, &[]).await.unwrap()[0].get::<_, i64>(0), 1);
        drop(connection);
        assert_eq!(database.sweep_up().await.unwrap(), 0, "once is enough: from then on it is the server's own");
    }
}
