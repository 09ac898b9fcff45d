//! A PostgreSQL server, of version 15 or later, or whatever speaks its protocol: a few connections that write, some that read.
//!
//! - `connect`: from an address to connections. `migrations`: brings the database to the newest schema.
//! - `writer`: group commit. `touch`: which changes cannot share a transaction. `apply`: what a group writes, with `statement` and `param`.
//!   `flight`: one transaction in one flight, and what became of it when its answer is lost. `look`: who has lost already. `refusal`: what a
//!   refusal means.
//! - `claim`: jobs and deliveries that are due. `cell`: what is read.

mod apply;
pub(crate) mod cell;
mod claim;
mod connect;
mod flight;
mod look;
mod migrations;
mod param;
mod refusal;
mod statement;
mod touch;
mod writer;

pub use connect::{PostgresSettings, Statements};

use crate::row::Row;
use crate::value::Value;
use crate::{Change, CommitError, Durability, OpenError, ReadError, Stats, VerifyProgress, VerifyReport};
use connect::Connections;
use ducat_domain::{Chance, Timestamp};
use std::borrow::Cow;
use std::sync::Arc;
use writer::Writer;

/// The database on a server. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Postgres {
    writer: Writer,
    readers: Connections,
}

impl Postgres {
    /// Connects, and brings the database to the newest migration.
    pub async fn open(settings: &PostgresSettings, chance: Arc<dyn Chance>, now: Timestamp) -> Result<Self, OpenError> {
        let writers = Connections::open(settings, settings.writers.max(1).saturating_add(1))?;
        let readers = Connections::open(settings, settings.readers.max(1))?;
        let mut first = writers.take().await.map_err(OpenError::Database)?;
        migrations::migrate(&mut first.client, now).await?;
        drop(first);
        Ok(Self { writer: Writer::start(writers, settings.writers, chance), readers })
    }

    pub async fn commit(&self, change: Change) -> Result<(), CommitError> {
        self.writer.commit(change).await
    }

    pub fn stats(&self) -> Stats {
        self.writer.stats()
    }

    /// Reads every row that a statement finds.
    pub async fn many<T: Send + 'static>(
        &self,
        sql: Cow<'static, str>,
        values: Vec<Value>,
        read: impl Fn(&Row<'_>) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<Vec<T>, ReadError> {
        let connection = self.readers.take().await.map_err(ReadError)?;
        let rows = connection.query(&sql, &values).await?;
        drop(connection);
        rows.iter().map(|row| read(&Row::Postgres(row))).collect()
    }

    /// The settings that decide about durability, as a connection that writes has them.
    pub async fn durability(&self) -> Result<Durability, ReadError> {
        let connection = self.writer.connections().take().await.map_err(ReadError)?;
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

    /// Runs every invariant.
    pub async fn verify(&self, watch: impl Fn(VerifyProgress) + Send + Sync + 'static) -> Result<VerifyReport, ReadError> {
        let _ = watch;
        Err(ReadError("not yet".into()))
    }
}
