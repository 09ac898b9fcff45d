//! The embedded database: WAL, `synchronous=FULL`, foreign keys, STRICT tables; one writer, a few readers.
//!
//! - `migrations`: brings a file to the newest schema.
//! - `writer`, `apply`: group commit of [`Change`](crate::Change)s.
//! - `read`, `lists`, `books`: the reads.
//! - `verify`: every invariant over the whole file.
//! - `codec`: between rows and domain types.

mod apply;
mod books;
mod codec;
mod lists;
mod migrations;
mod read;
mod verify;
mod writer;

use crate::{Change, ClaimedJob, CommitError, ReadError};
use ducat_domain::Timestamp;
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use writer::Writer;

/// How many connections for reading are kept open.
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
    /// The writer's thread does not start.
    #[error("the database's writer does not start: {0}")]
    Writer(#[from] std::io::Error),
}

/// The store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    writer: Writer,
    readers: Arc<Readers>,
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
        configure(&connection)?;
        migrations::migrate(&mut connection, now)?;
        let writer = match mode {
            WriterMode::Thread => Writer::on_thread(connection)?,
            WriterMode::Caller => Writer::on_caller(connection),
        };
        Ok(Self { writer, readers: Arc::new(Readers { path: path.to_owned(), idle: Mutex::default() }), mode })
    }

    /// Commits a change whole, or says why nothing of it was committed.
    pub async fn commit(&self, change: Change) -> Result<(), CommitError> {
        self.writer.commit(change).await
    }

    /// Takes jobs that are due; nobody else gets them until the lease ends.
    pub async fn claim_jobs(&self, now: Timestamp, lease: Duration, limit: u32) -> Result<Vec<ClaimedJob>, CommitError> {
        self.writer.claim(now, now.plus(lease), limit).await
    }

    /// Whether the database answers, for reading and for writing.
    pub async fn ready(&self) -> Result<(), ReadError> {
        self.commit(Change::default()).await.map_err(|e| ReadError(e.to_string()))?;
        self.read(|db| Ok(db.query_row("SELECT 1 FROM schema_migrations LIMIT 1", [], |_| Ok(()))?)).await
    }

    /// The settings that decide about durability.
    pub async fn durability(&self) -> Result<Durability, ReadError> {
        self.read(|db| {
            Ok(Durability {
                journal_mode: db.pragma_query_value(None, "journal_mode", |row| row.get(0))?,
                synchronous: db.pragma_query_value(None, "synchronous", |row| row.get(0))?,
                foreign_keys: db.pragma_query_value(None, "foreign_keys", |row| row.get(0))?,
                library: rusqlite::version().to_owned(),
            })
        })
        .await
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
                tokio::task::spawn_blocking(work).await.map_err(|_| ReadError("the read was cut off".into()))?
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
        let mut idle = idle();
        if idle.len() < READERS {
            idle.push(connection);
        }
        result
    }

    fn open(&self) -> Result<Connection, ReadError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        configure(&connection)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    }
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
