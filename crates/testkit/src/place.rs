//! Where a world's database lies: in a file, or on a server.

use crate::Seeded;
use ducat_domain::{Secret, Timestamp};
use ducat_store::{PostgresSettings, Statements, Store, WriterMode};
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

/// Readers and writers of a world on a server. More than one of each, so that what may happen at once does.
const CONNECTIONS: usize = 3;
/// Worlds are small: few entries are as much to them as fifty thousand are to a shop.
const ENTRIES_AT_ONCE: u32 = 5;

/// The kinds of databases that a world can stand on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    /// A file, read and written on the calling thread.
    Sqlite,
    /// A database of its own on the server of this process.
    Postgres,
}

impl Database {
    /// The one on which worlds stand where a test names none: what `DUCAT_WORLDS` says, else a file.
    ///
    /// # Panics
    /// Where it says something else than `sqlite` or `postgres`.
    pub fn of_this_run() -> Self {
        match std::env::var("DUCAT_WORLDS").as_deref() {
            Ok("postgres") => Self::Postgres,
            Err(_) | Ok("sqlite") => Self::Sqlite,
            Ok(other) => panic!("DUCAT_WORLDS must be sqlite or postgres, not {other:?}"),
        }
    }
}

/// One world's database.
pub(crate) enum Place {
    File(TempDir),
    Server(String),
}

impl Place {
    /// A place with nothing in it.
    pub(crate) fn new(database: Database) -> Self {
        match database {
            Database::Sqlite => Self::File(tempfile::tempdir().expect("a folder")),
            Database::Postgres => Self::Server(ducat_test_servers::database_like(migrate)),
        }
    }

    /// The same once more, as it is now. Only of a file: a server copies only a database that nobody is connected to, and this one is in use.
    pub(crate) fn copied(&self) -> Self {
        let Self::File(from) = self else { panic!("a world on a server cannot be forked") };
        // It need not survive a power cut, so it is in memory where the system has such a place: what is tested there is not the disk.
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder");
        for name in ["ducat.db", "ducat.db-wal"] {
            let from = from.path().join(name);
            if from.exists() {
                std::fs::copy(&from, folder.path().join(name)).expect("a copy of the database");
            }
        }
        Self::File(folder)
    }

    /// Opens it. `seed` is that of the chance with which commits are marked on a server.
    pub(crate) async fn open(&self, seed: u64, now: Timestamp) -> Store {
        match self {
            Self::File(_) => self.open_file(now),
            Self::Server(url) => connect(url, seed, now).await.with_entries_at_once(ENTRIES_AT_ONCE),
        }
    }

    /// Opens it where it is a file.
    pub(crate) fn open_file(&self, now: Timestamp) -> Store {
        let Self::File(folder) = self else { panic!("a world on a server is opened by connecting") };
        let path: PathBuf = folder.path().join("ducat.db");
        Store::open_sqlite(&path, WriterMode::Caller, now).expect("a database").with_entries_at_once(ENTRIES_AT_ONCE)
    }
}

async fn connect(url: &str, seed: u64, now: Timestamp) -> Store {
    let settings = PostgresSettings {
        url: Secret::new(url.to_owned()),
        readers: CONNECTIONS,
        writers: CONNECTIONS,
        statements: Statements::Kept,
    };
    Store::open_postgres(&settings, Arc::new(Seeded::new(seed)), now).await.expect("a database")
}

/// Makes the database of which those of all worlds are copies: migrated, and empty. The moment is that at which worlds begin.
fn migrate(url: &str) {
    let url = url.to_owned();
    let migrated = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        // Whoever asks waits within a runtime already, so this has a thread of its own. What is copied must have nobody connected to it.
        runtime.block_on(async { drop(connect(&url, 0, ducat_domain::Clock::now(&crate::TestClock::new())).await) });
        drop(runtime);
    });
    migrated.join().expect("the database is migrated");
}
