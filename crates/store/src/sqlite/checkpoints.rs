//! Folding the log into the file, beside the writer. What takes long, copying pages, is done on a thread and a connection of its own while the writer goes
//! on. The log can begin anew only when all of it is in the file, so now and then the writer copies the last few pages itself, after its callers have
//! their answers.

use rusqlite::Connection;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// After how many commits the log is looked at.
const COMMITS_BETWEEN_LOOKS: u32 = 32;
/// How many pages of 4 KiB wait in the log before they are copied.
const MANY: i64 = 4000;
/// From how many pages on the log is to begin anew.
const LONG: i64 = 16_000;
/// How many pages the writer may be asked to copy.
const FEW: i64 = 1000;

/// The writer's end.
#[derive(Debug)]
pub(super) struct Checkpoints {
    looks: SyncSender<()>,
    is_nearly_done: Arc<AtomicBool>,
    commits: u32,
    thread: JoinHandle<()>,
}

impl Checkpoints {
    /// Starts the thread, with a connection that nobody else uses.
    pub fn beside(connection: Connection) -> std::io::Result<Self> {
        let (looks, looked_for) = sync_channel(1);
        let is_nearly_done = Arc::<AtomicBool>::default();
        let nearly_done = Arc::clone(&is_nearly_done);
        let thread = std::thread::Builder::new()
            .name("ducat-checkpoints".into())
            .spawn(move || copy_whenever(&connection, &looked_for, &nearly_done))?;
        Ok(Self { looks, is_nearly_done, commits: 0, thread })
    }

    /// A group is on the disk, and its callers have their answers.
    pub fn after_commit(&mut self, writer: &Connection) {
        if self.is_nearly_done.swap(false, Ordering::Relaxed) {
            log_failure(checkpoint(writer, "PASSIVE"));
        }
        self.commits += 1;
        if self.commits >= COMMITS_BETWEEN_LOOKS {
            self.commits = 0;
            // Where it is full, the thread is still at it, and will look again.
            let _ = self.looks.try_send(());
        }
    }

    /// Waits for the thread to let the file go.
    pub fn end(self) {
        drop(self.looks);
        let _ = self.thread.join();
    }
}

fn copy_whenever(connection: &Connection, looks: &Receiver<()>, is_nearly_done: &AtomicBool) {
    while looks.recv().is_ok() {
        let copied = checkpoint(connection, "NOOP").and_then(|before| match before.waiting() >= MANY {
            true => checkpoint(connection, "PASSIVE"),
            false => Ok(before),
        });
        if let Some(log) = log_failure(copied) {
            is_nearly_done.store(log.pages >= LONG && log.waiting() <= FEW, Ordering::Relaxed);
        }
    }
}

/// How far the log is.
struct Log {
    /// How many pages are in it.
    pages: i64,
    /// How many of them are in the file, too.
    copied: i64,
}

impl Log {
    const fn waiting(&self) -> i64 {
        self.pages - self.copied
    }
}

fn checkpoint(connection: &Connection, mode: &str) -> rusqlite::Result<Log> {
    let read = |row: &rusqlite::Row<'_>| Ok(Log { pages: row.get(1)?, copied: row.get(2)? });
    connection.prepare_cached(&format!("PRAGMA wal_checkpoint({mode})"))?.query_row([], read)
}

/// A log that cannot be copied now grows, and is copied later: what was committed is safe in it.
fn log_failure(copied: rusqlite::Result<Log>) -> Option<Log> {
    copied.inspect_err(|error| tracing::warn!(%error, "the log cannot be folded into the database")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn under_constant_writing_the_log_is_copied_and_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d.db");
        let open = || {
            let connection = Connection::open(&path).unwrap();
            super::super::configure(&connection).unwrap();
            connection.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
            connection.pragma_update(None, "synchronous", "OFF").unwrap();
            connection
        };
        let writer = open();
        writer.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY, b BLOB)").unwrap();
        let mut checkpoints = Checkpoints::beside(open()).unwrap();
        let mut written = 0;
        let mut longest = 0;
        // Until the log has begun anew: it is shorter than it was.
        loop {
            writer.execute("INSERT INTO t (b) VALUES (zeroblob(200000))", []).unwrap();
            written += 1;
            checkpoints.after_commit(&writer);
            let log = checkpoint(&writer, "NOOP").unwrap().pages;
            if log < longest {
                break;
            }
            longest = log;
            assert!(log < 20 * LONG, "the log only grows");
            // Without a disk to wait for, a writer can be faster than what copies on a busy machine: now and then it waits for that.
            while log > 5 * LONG && checkpoint(&writer, "NOOP").unwrap().waiting() >= MANY {
                let _ = checkpoints.looks.try_send(());
                std::thread::yield_now();
            }
        }
        assert!(longest >= LONG);
        checkpoints.end();
        drop(writer);
        let kept: i64 = open().query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
        assert_eq!(kept, written);
    }
}
