//! The embedded database: WAL, `synchronous=FULL`, foreign keys, STRICT tables; one writer, a few readers.
//!
//! - `migrations`: brings a file to the newest schema.
//! - `webhooks`: endpoints and deliveries, written; `outbox`: the same, read.
//! - `writer`: group commit; `apply`, `parts`, `statement`, `declines`, `ledger`, `jobs`: what one [`Change`](crate::Change) writes; `refusal`: what a refusal means.
//! - `read`, `lists`, `books`, `journal`: the reads.
//! - `verify`, `invariants`: every invariant over the whole file; `names`: the SQL functions that they use.
//! - `codec`: between rows and domain types.

mod apply;
mod books;
mod codec;
mod declines;
mod invariants;
mod jobs;
mod journal;
mod ledger;
mod lists;
mod migrations;
mod names;
mod outbox;
mod parts;
#[cfg(test)]
mod plans;
mod read;
mod refusal;
mod statement;
mod verify;
mod webhooks;
mod writer;

pub use parts::PartFilter;
pub use verify::VerifyProgress;

use crate::{Change, ClaimedDelivery, ClaimedJob, CommitError, ReadError, Stats};
use ducat_domain::{Timestamp, WebhookEndpointId};
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use writer::{Counters, Writer};

/// How many reads run at once, each on a connection of its own; further ones wait.
const READERS: usize = 4;
/// Pages of 4 KiB in the log before the writer folds them into the file.
const CHECKPOINT_PAGES: u32 = 4000;

/// Where the writer runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriterMode {
    /// On a thread of its own; changes that wait are committed together.
    Thread,
    /// On the calling thread, reads included: nothing happens behind the caller's back.
    Caller,
}

/// The settings that decide whether a commit survives a power cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Durability {
    /// `wal`.
    pub journal_mode: String,
    /// 2 is FULL.
    pub synchronous: i64,
    /// Whether foreign keys are enforced.
    pub foreign_keys: bool,
    /// The version of the database library.
    pub library: String,
}

/// Why the database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The database says no.
    #[error("the database cannot be opened: {0}")]
    Database(#[from] rusqlite::Error),
    /// It was written by a newer Ducat.
    #[error("the database has migration {found}, this program knows only up to {known}")]
    Newer {
        /// The newest in the database.
        found: u32,
        /// The newest we know.
        known: u32,
    },
    /// It is a database, but not one of ours.
    #[error("the file is a database of another program; nothing in it was changed")]
    Foreign,
    /// The writer's thread does not start.
    #[error("the database's writer does not start: {0}")]
    Writer(#[from] std::io::Error),
}

/// The store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
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

impl Store {
    /// Opens or creates the database file and brings it to the newest migration. `now` is noted beside each migration.
    pub fn open_sqlite(path: &Path, mode: WriterMode, now: Timestamp) -> Result<Self, OpenError> {
        let mut connection = Connection::open(path)?;
        // Looked at before anything is written, the journal mode included.
        migrations::recognise(&connection)?;
        configure(&connection)?;
        migrations::migrate(&mut connection, now)?;
        let counters = Arc::<Counters>::default();
        let writer = match mode {
            WriterMode::Thread => Writer::on_thread(connection, Arc::clone(&counters))?,
            WriterMode::Caller => Writer::on_caller(connection, Arc::clone(&counters)),
        };
        let readers = Arc::new(Readers { path: path.to_owned(), idle: Mutex::default() });
        Ok(Self { writer, readers, turns: Arc::new(Semaphore::new(READERS)), counters, mode })
    }

    /// Commits a change whole, or says why nothing of it was committed.
    pub async fn commit(&self, change: Change) -> Result<(), CommitError> {
        self.writer.commit(change).await
    }

    /// Takes jobs that are due; nobody else gets them until the lease ends.
    pub async fn claim_jobs(&self, now: Timestamp, lease: Duration, limit: u32) -> Result<Vec<ClaimedJob>, CommitError> {
        self.writer.claim(now, now.plus(lease), limit).await
    }

    /// Takes deliveries that are due, for each of these endpoints as many as are named, what just happened first; nobody else gets them
    /// until the lease ends.
    pub async fn claim_deliveries(
        &self,
        wanted: Vec<(WebhookEndpointId, u32)>,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Vec<ClaimedDelivery>, CommitError> {
        self.writer.claim_deliveries(wanted, now, now.plus(lease)).await
    }

    /// Whether the database answers, for reading and for writing.
    pub async fn ready(&self) -> Result<(), ReadError> {
        self.commit(Change::default()).await.map_err(|e| ReadError(e.to_string()))?;
        self.read(|db| Ok(db.query_row("SELECT 1 FROM schema_migrations LIMIT 1", [], |_| Ok(()))?)).await
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

fn durability_of(connection: &Connection) -> rusqlite::Result<Durability> {
    Ok(Durability {
        journal_mode: connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?,
        synchronous: connection.pragma_query_value(None, "synchronous", |row| row.get(0))?,
        foreign_keys: connection.pragma_query_value(None, "foreign_keys", |row| row.get(0))?,
        library: rusqlite::version().to_owned(),
    })
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "busy_timeout", 5000)?;
    connection.pragma_update(None, "cache_size", -65536)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
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
        let store = Store::open_sqlite(&path, WriterMode::Caller, Timestamp::from_seconds(1)).unwrap();
        let refused = store.readers.with(|db| {
            let d = durability_of(db)?;
            assert_eq!((d.journal_mode.as_str(), d.synchronous, d.foreign_keys), ("wal", 2, true));
            Ok(db.execute("DELETE FROM jobs", [])?)
        });
        assert!(refused.is_err());
    }

    #[test]
    fn a_read_that_leaves_its_transaction_open_does_not_pass_the_past_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d.db");
        let store = Store::open_sqlite(&path, WriterMode::Caller, Timestamp::from_seconds(1)).unwrap();
        store.readers.with(|db| Ok(db.execute_batch("BEGIN; SELECT count(*) FROM jobs;")?)).unwrap();
        assert_eq!(store.readers.idle.lock().unwrap().len(), 0);
        store.readers.with(|db| Ok(db.execute_batch("SELECT count(*) FROM jobs;")?)).unwrap();
        assert_eq!(store.readers.idle.lock().unwrap().len(), 1);
    }
}
