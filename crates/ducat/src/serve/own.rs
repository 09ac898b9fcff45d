//! One gateway to one database file. The lock lies beside it and belongs to the process: however that ends, the system lets go of it. Verbs that look at
//! the file or change it in one commit (`verify`, `doctor`, `keys`) need no lock.

use crate::Failure;
use crate::config::Database;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Holds the database while it lives.
#[derive(Debug)]
pub(crate) struct Owned {
    _lock: Option<File>,
}

/// Takes the database for this process alone. A server is there for many.
pub(crate) fn take(database: &Database) -> Result<Owned, Failure> {
    let Database::Sqlite(path) = database else { return Ok(Owned { _lock: None }) };
    let place = beside(path);
    let failed = |e: std::io::Error| format!("{}: {e}", place.display());
    let mut lock =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&place).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(taken(path, &mut lock).into()),
        Err(TryLockError::Error(e)) => return Err(failed(e).into()),
    }
    lock.set_len(0).and_then(|()| writeln!(lock, "{}", std::process::id())).map_err(failed)?;
    Ok(Owned { _lock: Some(lock) })
}

/// Beside the file itself, whatever links lead to it.
fn beside(path: &Path) -> PathBuf {
    let itself = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut beside = itself.into_os_string();
    beside.push(".lock");
    beside.into()
}

fn taken(path: &Path, lock: &mut File) -> String {
    let mut text = String::new();
    // Who it is helps a person; without it the answer is the same.
    let _ = lock.read_to_string(&mut text);
    let who = text.trim().parse::<u32>().map_or_else(|_| "another process".to_owned(), |pid| format!("another process ({pid})"));
    format!(
        "{who} serves {}. A database file belongs to one node: end that one first, give this one a data_dir of its own, or keep the database on \
         a PostgreSQL server, which many nodes share",
        path.display()
    )
}
