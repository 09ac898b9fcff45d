//! The embedded database: WAL, `synchronous=FULL`, foreign keys, STRICT tables; one writer, a few readers.
//!
//! - `migrations`: brings a file to the newest schema.
//! - `writer`: group commit. `apply`, `parts`, `statement`, `declines`, `ledger`, `jobs`, `webhooks`: what one [`Change`] writes. `refusal`:
//!   what a refusal means.
//! - `checkpoints`: folding the log into the file.
//! - `archive`: orders on their way to the archive and back.
//! - `col`: what is written. `cell`: what is read.
//! - `verify`: every invariant over the whole file; `names`: the SQL functions that they use.

mod apply;
mod archive;
pub(crate) mod cell;
mod checkpoints;
mod col;
mod declines;
mod jobs;
mod ledger;
pub(crate) mod migrations;
mod names;
mod parts;
#[cfg(test)]
mod plans;
mod refusal;
mod statement;
mod verify;
mod webhooks;
mod writer;

use crate::row::Row;
use crate::value::{Value, are_in_order};
use crate::{
    Change, ClaimedDelivery, ClaimedJob, CommitError, Durability, OpenError, ReadError, Stats, VerifyProgress, VerifyReport,
    WriterMode,
};
use checkpoints::Checkpoints;
use ducat_domain::{MerchantId, PaymentOrderId, Timestamp, WebhookEndpointId};
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, params_from_iter};
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use writer::{Counters, Writer};

/// The newest migration that this program knows, on either database.
pub(crate) const NEWEST: u32 = migrations::MIGRATIONS.len() as u32;
/// How many reads run at once, each on a connection of its own; further ones wait.
const READERS: usize = 4;
/// How long a connection waits for another one that writes.
const PATIENCE: Duration = Duration::from_secs(5);
/// Pages of 4 KiB that a connection keeps. Few, because SQLite goes over all of them at each commit that has moved pages about in a tree, which is
/// nearly every one; what is not among them is in the memory of the operating system.
const CACHE_PAGES: u32 = 2000;
/// Pages of 4 KiB in the log before a writer that has no [`Checkpoints`] folds them into the file.
const CHECKPOINT_PAGES: u32 = 4000;

impl From<rusqlite::Error> for OpenError {
    fn from(e: rusqlite::Error) -> Self {
        Self::Database(e.to_string())
    }
}

impl From<rusqlite::Error> for ReadError {
    fn from(e: rusqlite::Error) -> Self {
        Self(e.to_string())
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Self::Id(id) => ToSqlOutput::Borrowed(ValueRef::Blob(id)),
            Self::Int(n) => ToSqlOutput::from(*n),
            Self::Flag(b) => ToSqlOutput::from(*b),
            Self::Time(at) => ToSqlOutput::from(at.as_micros()),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        })
    }
}

/// The database file. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Sqlite {
    writer: Writer,
    readers: Arc<Readers>,
    turns: Arc<Semaphore>,
    counters: Arc<Counters>,
    mode: WriterMode,
}

/// Connections for reading that are not in use.
#[derive(Debug)]
struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Sqlite {
    /// Opens or creates the database file and brings it to the newest migration. `now` is noted beside each migration.
    pub fn open(path: &Path, mode: WriterMode, now: Timestamp) -> Result<Self, OpenError> {
        let mut connection = Connection::open(path)?;
        // Looked at before anything is written, the journal mode included.
        migrations::recognise(&connection)?;
        configure(&connection)?;
        migrations::migrate(&mut connection, now)?;
        let counters = Arc::<Counters>::default();
        let writer = match mode {
            WriterMode::Thread => Writer::on_thread(connection, beside(path)?, Arc::clone(&counters))?,
            WriterMode::Caller => Writer::on_caller(connection, Arc::clone(&counters)),
        };
        let readers = Arc::new(Readers { path: path.to_owned(), idle: Mutex::default() });
        Ok(Self { writer, readers, turns: Arc::new(Semaphore::new(READERS)), counters, mode })
    }

    /// Whether there is no file yet, or nothing in it. Nothing is made; what cannot be read is not empty.
    pub fn is_empty(path: &Path) -> bool {
        let tables = || {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(path, flags)?;
            connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get::<_, i64>(0))
        };
        std::fs::metadata(path).map_or(0, |file| file.len()) == 0 || tables().is_ok_and(|n| n == 0)
    }

    /// The newest migration that a file has had; none where there is no telling. Nothing is made.
    pub fn newest(path: &Path) -> Option<u32> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).ok()?;
        connection.query_row("SELECT max(number) FROM schema_migrations", [], |row| row.get(0)).ok()?
    }

    /// Commits a change whole, or says why nothing of it was committed.
    pub async fn commit(&self, change: Box<Change>) -> Result<(), CommitError> {
        self.writer.commit(change).await
    }

    pub async fn claim_jobs(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
        held: Vec<ClaimedJob>,
    ) -> Result<Vec<ClaimedJob>, CommitError> {
        self.writer.claim(now, lease_until, limit, held).await
    }

    pub async fn claim_deliveries(
        &self,
        wanted: Vec<(MerchantId, WebhookEndpointId, u32)>,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Vec<ClaimedDelivery>, CommitError> {
        self.writer.claim_deliveries(wanted, now, lease_until).await
    }

    /// Runs one statement.
    pub async fn run(&self, sql: &'static str) -> Result<(), CommitError> {
        self.writer.run(sql).await
    }

    pub async fn put_away(
        &self,
        merchant: MerchantId,
        orders: Vec<PaymentOrderId>,
        quiet_since: Timestamp,
    ) -> Result<u64, CommitError> {
        self.writer.put_away(merchant, orders, quiet_since).await
    }

    /// Reads every row that a statement finds.
    pub async fn many<T: Send + 'static>(
        &self,
        sql: Cow<'static, str>,
        values: Vec<Value>,
        read: impl Fn(&Row<'_>) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<Vec<T>, ReadError> {
        debug_assert!(are_in_order(&sql), "values are counted as they are met: {sql}");
        self.read(move |db| {
            let mut statement = db.prepare_cached(&sql)?;
            let mut rows = statement.query(params_from_iter(values))?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(read(&Row::Sqlite(row))?);
            }
            Ok(found)
        })
        .await
    }

    /// Runs every invariant.
    pub async fn verify(&self, watch: impl Fn(VerifyProgress) + Send + Sync + 'static) -> Result<VerifyReport, ReadError> {
        verify::run(self, watch).await
    }

    /// What is not as the migrations make it.
    pub async fn rules(&self) -> Result<Vec<String>, ReadError> {
        self.read(verify::rules).await
    }

    /// The settings that decide about durability, as the connection that writes has them.
    pub async fn durability(&self) -> Result<Durability, ReadError> {
        self.writer.durability().await
    }

    /// How much was committed since the store was opened, and in how many commits.
    pub fn stats(&self) -> Stats {
        self.counters.stats()
    }

    /// Runs a read on a connection of its own, off the asynchronous threads unless everything runs on the caller's.
    async fn read<T, F>(&self, read: F) -> Result<T, ReadError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, ReadError> + Send + 'static,
    {
        let readers = Arc::clone(&self.readers);
        let work = move || readers.with(read);
        match self.mode {
            WriterMode::Caller => work(),
            WriterMode::Thread => {
                let cut_off = || ReadError("the read was cut off".into());
                let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| cut_off())?;
                let work = move || {
                    // Held until the read is over, also where nobody waits for it any more.
                    let _turn = turn;
                    work()
                };
                tokio::task::spawn_blocking(work).await.map_err(|_| cut_off())?
            }
        }
    }
}

impl Readers {
    fn with<T>(&self, read: impl FnOnce(&Connection) -> Result<T, ReadError>) -> Result<T, ReadError> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = idle().pop();
        let connection = match taken {
            Some(connection) => connection,
            None => self.open()?,
        };
        let result = read(&connection);
        // A read that left its transaction open would show its successors the past, and keep the log from being folded.
        let mut idle = idle();
        if idle.len() < READERS && connection.is_autocommit() {
            idle.push(connection);
        }
        result
    }

    fn open(&self) -> Result<Connection, ReadError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        configure(&connection)?;
        names::register(&connection)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    }
}

/// Folds the log of the file, beside its writer.
fn beside(path: &Path) -> Result<Checkpoints, OpenError> {
    let connection = Connection::open(path)?;
    configure(&connection)?;
    Ok(Checkpoints::beside(connection)?)
}

fn durability_of(connection: &Connection) -> rusqlite::Result<Durability> {
    Ok(Durability::Sqlite {
        journal_mode: connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?,
        synchronous: connection.pragma_query_value(None, "synchronous", |row| row.get(0))?,
        foreign_keys: connection.pragma_query_value(None, "foreign_keys", |row| row.get(0))?,
        library: rusqlite::version().to_owned(),
    })
}

/// Changes a new file to a log. Of several that do so at once SQLite refuses some without waiting, because they might wait for each other.
fn keep_a_log(connection: &Connection) -> rusqlite::Result<()> {
    let begun = Instant::now();
    loop {
        match connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(())) {
            Err(e) if e.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && begun.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(5));
            }
            done => return done,
        }
    }
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    keep_a_log(connection)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "cache_size", CACHE_PAGES)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    // Without it a statement whose condition could be served by a partial index is planned anew each time that a value is bound to it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_reads_is_as_safe_as_the_one_that_writes_and_writes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d.db");
        let store = Sqlite::open(&path, WriterMode::Caller, Timestamp::from_seconds(1)).unwrap();
        let refused = store.readers.with(|db| {
            let d = durability_of(db)?;
            assert!(
                matches!(d, Durability::Sqlite { journal_mode, synchronous: 2, foreign_keys: true, .. } if journal_mode == "wal")
            );
            Ok(db.execute("DELETE FROM jobs", [])?)
        });
        assert!(refused.is_err());
    }

    #[test]
    fn a_read_that_leaves_its_transaction_open_does_not_pass_the_past_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d.db");
        let store = Sqlite::open(&path, WriterMode::Caller, Timestamp::from_seconds(1)).unwrap();
        store.readers.with(|db| Ok(db.execute_batch("BEGIN; SELECT count(*) FROM jobs;")?)).unwrap();
        assert_eq!(store.readers.idle.lock().unwrap().len(), 0);
        store.readers.with(|db| Ok(db.execute_batch("SELECT count(*) FROM jobs;")?)).unwrap();
        assert_eq!(store.readers.idle.lock().unwrap().len(), 1);
    }
}
