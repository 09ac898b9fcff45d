//! The file of the database inside the gateway, looked at while the gateway works or after it has ended.

use crate::Failure;
use rusqlite::Connection;
use std::path::Path;
use std::time::Duration;

/// How long a checkpoint may wait for the gateway.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the database in a gateway's folder takes, in bytes, once everything is in its file.
pub fn size(folder: &Path) -> Result<u64, Failure> {
    let path = folder.join("ducat.db");
    let connection = Connection::open(&path)?;
    connection.busy_timeout(PATIENCE)?;
    let busy: i64 = connection.query_row("PRAGMA wal_checkpoint(FULL)", [], |row| row.get(0))?;
    if busy != 0 {
        return Err("the log could not be moved into the database's file".into());
    }
    Ok(std::fs::metadata(&path)?.len())
}

/// The number that a statement says of it.
pub fn number(folder: &Path, sql: &str) -> Result<u64, Failure> {
    let said: i64 = Connection::open(folder.join("ducat.db"))?.query_row(sql, [], |row| row.get(0))?;
    Ok(u64::try_from(said)?)
}

/// Changes something in it.
pub fn change(folder: &Path, sql: &str) -> Result<(), Failure> {
    Ok(Connection::open(folder.join("ducat.db"))?.execute_batch(sql)?)
}

/// The version that is built in, here and in the gateway.
pub fn version() -> String {
    rusqlite::version().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_still_in_the_log_counts() {
        const MEGABYTE: u64 = 1 << 20;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ducat.db");
        let kept_open = Connection::open(&path).expect("a database");
        kept_open
            .execute_batch("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (x BLOB)")
            .expect("made");
        kept_open.execute("INSERT INTO t VALUES (zeroblob(1048576))", []).expect("written");
        assert!(std::fs::metadata(&path).expect("the file").len() < MEGABYTE);
        assert!(size(folder.path()).expect("a size") >= MEGABYTE);
    }
}
