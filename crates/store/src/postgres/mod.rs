//! A PostgreSQL server, of version 15 or later, or whatever speaks its protocol: a few connections that write, some that read.
//!
//! - `address`: what is wrong with an address. `connect`: from an address to connections. `hosts`: which of an address's hosts takes writes. `pooler`: who must not stand between. `doubt`: connections that nobody trusts any more. `migrations`: brings the database to the newest schema.
//! - `writer`: group commit. `touch`: which changes cannot share a transaction. `apply`: what a group writes, with `statement` and `param`.
//!   `leg`: statements that are joined to one. `flight`: one transaction in one flight, and what became of it when its answer is lost. `look`: who has lost already. `refusal`: what a
//!   refusal means.
//! - `archive`: orders on their way to the archive and back.
//! - `digest`: the sixteen bytes that stand for a long name. `vacuum`: what changes left behind.
//! - `claim`: jobs and deliveries that are due. `link`: what lies between us and the server. `others`: transactions that somebody leaves open. `cell`: what is read. `verify`, `rules`: whether all of it is as it must be.

mod address;
mod apply;
mod archive;
pub(crate) mod cell;
mod claim;
mod connect;
mod digest;
mod doubt;
mod flight;
mod hosts;
mod leg;
mod link;
mod look;
mod migrations;
mod others;
mod param;
#[cfg(test)]
mod plans;
mod pooler;
mod refusal;
mod rules;
mod statement;
mod touch;
mod vacuum;
mod verify;
mod writer;

use address::mistake;
pub use connect::{PostgresSettings, Statements};
pub(crate) use digest::digest;

use crate::row::Row;
use crate::value::Value;
use crate::{Change, CommitError, Durability, OpenError, ReadError, Stats};
use connect::{BEGIN, Connection, Connections, Purpose};
use doubt::Doubt;
use ducat_domain::{Chance, Timestamp};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;
use writer::Writer;

/// A moment that is so much later lies in the next month, or at the end of this one, where there is time to ask again.
const NEXT_MONTH: Duration = Duration::from_secs(28 * 24 * 3600);

/// The database on a server. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Postgres {
    writer: Writer,
    readers: Connections,
    swept: vacuum::Swept,
}

impl Postgres {
    /// Connects, and brings the database to the newest migration.
    pub async fn open(settings: &PostgresSettings, chance: Arc<dyn Chance>, now: Timestamp) -> Result<Self, OpenError> {
        let doubt = Doubt::default();
        let writers = Connections::open(settings, Purpose::Write, settings.writers.max(1).saturating_add(2), &doubt)?;
        let readers = Connections::open(settings, Purpose::Read, settings.readers.max(1), &doubt)?;
        let mut first = writers.take().await.map_err(pooler::no_connection)?;
        pooler::prove_none(&first).await?;
        migrations::migrate(&mut first.client, now).await?;
        drop(first);
        let database =
            Self { writer: Writer::start(writers, settings.writers, chance), readers, swept: vacuum::Swept::default() };
        database.keep_house(now).await.map_err(|e| OpenError::Database(e.0))?;
        Ok(database)
    }

    /// Whether there is no table yet. Nothing is made.
    pub async fn is_empty(settings: &PostgresSettings) -> Result<bool, OpenError> {
        let connections = Connections::open(settings, Purpose::Read, 1, &Doubt::default())?;
        let connection = connections.take().await.map_err(pooler::no_connection)?;
        pooler::prove_none(&connection).await?;
        migrations::prove_fit(&**connection.client).await?;
        let sql = "SELECT 1 AS found FROM pg_tables WHERE schemaname = current_schema() LIMIT 1";
        Ok(connection.query(sql, &[]).await.map_err(|e| OpenError::Database(e.0))?.is_empty())
    }

    /// The newest migration that a server has had; none where there is no telling. Nothing is made.
    pub async fn newest(settings: &PostgresSettings) -> Option<u32> {
        let connections = Connections::open(settings, Purpose::Read, 1, &Doubt::default()).ok()?;
        let sql = "SELECT CAST(max(number) AS bigint) AS newest FROM schema_migrations";
        let rows = connections.take().await.ok()?.query(sql, &[]).await.ok()?;
        let newest: Option<i64> = rows.first()?.try_get("newest").ok()?;
        u32::try_from(newest?).ok()
    }

    /// Makes the partitions of this month and the next, and forgets the marks of commits that nobody asks after any more.
    pub async fn keep_house(&self, now: Timestamp) -> Result<(), ReadError> {
        let connection = self.writer.connections().take().await.map_err(ReadError)?;
        let next = now.plus(NEXT_MONTH);
        for moment in [now, next] {
            connection.query("SELECT make_month($1)", &[Value::from(moment)]).await?;
        }
        // Marks are dated by the server, which wrote them.
        connection.query("DELETE FROM write_marks WHERE at < now() - interval '1 day'", &[]).await.map(drop)
    }

    pub async fn commit(&self, change: Box<Change>) -> Result<(), CommitError> {
        self.writer.commit(change).await
    }

    /// Asks whether there is a server that takes writes, without writing anything.
    pub async fn knock(&self) -> Result<(), CommitError> {
        self.writer.knock().await
    }

    pub fn stats(&self) -> Stats {
        self.writer.stats()
    }

    /// Runs one statement, however long it takes.
    pub async fn run(&self, sql: &'static str) -> Result<(), CommitError> {
        let connection = self.writer.connections().take().await.map_err(CommitError::Unavailable)?;
        let patiently = format!("{BEGIN}; SET LOCAL statement_timeout = 0; {sql}; COMMIT");
        let ran = connection.client.batch_execute(&patiently).await;
        if ran.is_err() {
            // It is still within the transaction that failed.
            connection.close();
        }
        ran.map_err(|e| CommitError::Unavailable(connect::said(&e)))
    }

    /// Reads every row that a statement finds.
    pub async fn many<T: Send + 'static>(
        &self,
        sql: Cow<'static, str>,
        values: Vec<Value>,
        read: impl Fn(&Row<'_>) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<Vec<T>, ReadError> {
        let rows = self.readers.read(&sql, &values).await?;
        rows.iter().map(|row| read(&Row::Postgres(row))).collect()
    }

    /// The settings that decide about durability, as a connection that writes has them.
    pub async fn durability(&self) -> Result<Durability, ReadError> {
        durability(&self.writer.connections().take().await.map_err(ReadError)?).await
    }

    /// The same on a server in whose database there may be nothing yet. Nothing is made.
    pub async fn durability_there(settings: &PostgresSettings) -> Result<Durability, ReadError> {
        let connections =
            Connections::open(settings, Purpose::Write, 1, &Doubt::default()).map_err(|e| ReadError(e.to_string()))?;
        durability(&connections.take().await.map_err(ReadError)?).await
    }
}

async fn durability(connection: &Connection) -> Result<Durability, ReadError> {
    let sql = "SELECT current_setting('synchronous_commit') AS synchronous_commit, current_setting('fsync') AS fsync,
                     current_setting('full_page_writes') AS full_page_writes,
                     CAST(current_setting('server_version_num') AS bigint) AS version";
    let rows = connection.query(sql, &[]).await?;
    let row = Row::Postgres(rows.first().ok_or_else(|| ReadError("the server does not tell its settings".into()))?);
    Ok(Durability::Postgres {
        synchronous_commit: row.get("synchronous_commit")?,
        fsync: row.get("fsync")?,
        full_page_writes: row.get("full_page_writes")?,
        version: row.get("version")?,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use ducat_domain::Secret;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// Chance that is the same in every run.
    pub(super) struct Steps(pub AtomicU64);

    impl Chance for Steps {
        fn fill(&self, bytes: &mut [u8]) {
            for byte in bytes {
                let step = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
                *byte = step.wrapping_mul(0xbf58_476d_1ce4_e5b9).to_be_bytes()[0];
            }
        }
    }

    pub(super) fn settings(url: &str) -> PostgresSettings {
        PostgresSettings { url: Secret::new(url.to_owned()), readers: 4, writers: 2, statements: Statements::Kept }
    }

    pub(super) async fn open(settings: &PostgresSettings) -> Postgres {
        Postgres::open(settings, Arc::new(Steps(AtomicU64::new(1))), Timestamp::from_seconds(1_795_000_000)).await.unwrap()
    }

    #[tokio::test]
    async fn a_server_that_is_opened_twice_is_migrated_once_and_sound() {
        let url = ducat_test_servers::database();
        let (one, other) = tokio::join!(async { open(&settings(&url)).await }, async { open(&settings(&url)).await });
        assert_eq!(one.verify(|_| {}).await.unwrap().findings, Vec::new());
        assert!(matches!(other.durability().await.unwrap(), Durability::Postgres { version: 150_000.., .. }));
        other.commit(Box::default()).await.unwrap();
    }

    #[tokio::test]
    async fn one_connection_is_enough_to_look_at_everything() {
        let url = ducat_test_servers::database();
        let database = open(&PostgresSettings { readers: 1, ..settings(&url) }).await;
        assert_eq!(database.verify(|_| {}).await.unwrap().findings, Vec::new());
    }

    #[tokio::test]
    async fn a_user_with_the_program_s_rights_alone_can_run_it() {
        let owner = ducat_test_servers::database();
        let database = open(&settings(&owner)).await;
        let name = owner.rsplit('/').next().unwrap();
        let role = format!("run_{name}");
        ducat_test_servers::server().run_sql(name, &format!("CREATE ROLE {role} LOGIN IN ROLE ducat_app"));
        let run = open(&settings(&owner.replace("ducat@", &format!("{role}@")))).await;
        let at = Timestamp::from_seconds(1_795_000_001);
        let merchant = ducat_domain::Merchant {
            id: ducat_domain::MerchantId::from_bytes([7; 16]),
            name: "shop".into(),
            sealed_return_secret: vec![1],
            created_at: at,
        };
        run.commit(Box::new(Change { merchants: vec![merchant], ..Change::default() })).await.unwrap();
        run.keep_house(at).await.unwrap();
        assert_eq!(run.verify(|_| {}).await.unwrap().findings, Vec::new());
        drop(database);
    }
}
