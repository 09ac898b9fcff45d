//! The one writer. It takes what is waiting from all callers and commits it together: one sync for the whole group. A change that
//! lost a race is undone alone. The writer never waits for company, so an idle system answers after one sync.

use super::apply::{self, Deltas};
use crate::{Change, ClaimedJob, CommitError};
use ducat_domain::Timestamp;
use rusqlite::Connection;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use tokio::sync::oneshot;

/// How many changes are committed together at the most.
const MAX_GROUP: usize = 256;
/// How many changes may wait; beyond it callers are told to come again.
const MAX_WAITING: usize = 4096;

/// What the writer is asked to do.
pub(super) enum Ask {
    Commit(Box<Change>, oneshot::Sender<Result<(), CommitError>>),
    Claim { now: Timestamp, lease_until: Timestamp, limit: u32, reply: oneshot::Sender<Result<Vec<ClaimedJob>, CommitError>> },
}

/// The way to the writer.
#[derive(Clone, Debug)]
pub(super) enum Writer {
    /// To the writer's thread.
    Thread(mpsc::SyncSender<Ask>),
    /// On the calling thread.
    Caller(Arc<Mutex<Pen>>),
}

/// The connection that writes, and whether it still may.
#[derive(Debug)]
pub(super) struct Pen {
    connection: Connection,
    /// After a failed commit nobody knows what is on the disk: nothing more is written until a restart looks.
    broken: Option<String>,
}

impl std::fmt::Debug for Ask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ask")
    }
}

impl Writer {
    pub(super) fn on_caller(connection: Connection) -> Self {
        Self::Caller(Arc::new(Mutex::new(Pen { connection, broken: None })))
    }

    /// Starts the writer's thread. It ends when the last way to it is dropped.
    pub(super) fn on_thread(connection: Connection) -> std::io::Result<Self> {
        let (sender, receiver) = mpsc::sync_channel(MAX_WAITING);
        let mut pen = Pen { connection, broken: None };
        std::thread::Builder::new().name("ducat-writer".into()).spawn(move || {
            let mut group = Vec::with_capacity(MAX_GROUP);
            while let Ok(first) = receiver.recv() {
                group.push(first);
                group.extend(receiver.try_iter().take(MAX_GROUP - 1));
                pen.write(group.drain(..));
            }
        })?;
        Ok(Self::Thread(sender))
    }

    pub(super) async fn commit(&self, change: Change) -> Result<(), CommitError> {
        let (reply, answer) = oneshot::channel();
        self.ask(Ask::Commit(Box::new(change), reply))?;
        answer.await.map_err(|_| gone())?
    }

    pub(super) async fn claim(&self, now: Timestamp, lease_until: Timestamp, limit: u32) -> Result<Vec<ClaimedJob>, CommitError> {
        let (reply, answer) = oneshot::channel();
        self.ask(Ask::Claim { now, lease_until, limit, reply })?;
        answer.await.map_err(|_| gone())?
    }

    fn ask(&self, ask: Ask) -> Result<(), CommitError> {
        match self {
            Self::Thread(sender) => sender.try_send(ask).map_err(|e| match e {
                mpsc::TrySendError::Full(_) => CommitError::Busy,
                mpsc::TrySendError::Disconnected(_) => gone(),
            }),
            Self::Caller(pen) => {
                // A panic in the middle of a write rolled its transaction back; the pen itself is sound.
                pen.lock().unwrap_or_else(PoisonError::into_inner).write(std::iter::once(ask));
                Ok(())
            }
        }
    }
}

fn gone() -> CommitError {
    CommitError::Unavailable("the writer has stopped".into())
}

/// An answer that is held back until the group is on the disk.
type Held = Box<dyn FnOnce(Option<CommitError>)>;

impl Pen {
    fn write(&mut self, group: impl Iterator<Item = Ask>) {
        let mut held: Vec<Held> = Vec::new();
        let outcome = match &self.broken {
            Some(why) => Err(CommitError::Unavailable(why.clone())),
            None => self.write_group(group, &mut held),
        };
        let failure = outcome.err();
        for answer in held {
            answer(failure.clone());
        }
    }

    fn write_group(&mut self, group: impl Iterator<Item = Ask>, held: &mut Vec<Held>) -> Result<(), CommitError> {
        let unavailable = |e: rusqlite::Error| CommitError::Unavailable(e.to_string());
        let begun = self.connection.execute_batch("BEGIN IMMEDIATE").map_err(unavailable);
        let mut deltas = Deltas::new();
        for ask in group {
            match ask {
                Ask::Commit(change, reply) => {
                    let result = begun.clone().and_then(|()| self.alone(&change, &mut deltas));
                    held.push(Box::new(move |failure| drop(reply.send(failure.map_or(result, Err)))));
                }
                Ask::Claim { now, lease_until, limit, reply } => {
                    let result = begun.clone().and_then(|()| apply::claim_jobs(&self.connection, now, lease_until, limit));
                    held.push(Box::new(move |failure| drop(reply.send(failure.map_or(result, Err)))));
                }
            }
        }
        begun?;
        let folded = apply::fold_balances(&self.connection, &deltas);
        let committed = folded.and_then(|()| self.connection.execute_batch("COMMIT").map_err(unavailable));
        if let Err(e) = &committed {
            self.give_up(e);
        }
        committed
    }

    /// Applies one change so that it can be undone without touching its neighbours.
    fn alone(&self, change: &Change, deltas: &mut Deltas) -> Result<(), CommitError> {
        let savepoint = |sql| self.connection.execute_batch(sql).map_err(|e| CommitError::Unavailable(e.to_string()));
        savepoint("SAVEPOINT one")?;
        let mut own = Deltas::new();
        match apply::apply(&self.connection, change, &mut own) {
            Ok(()) => {
                savepoint("RELEASE one")?;
                for (key, amount) in own {
                    let sum = deltas.entry(key).or_default();
                    *sum = sum.saturating_add(amount);
                }
                Ok(())
            }
            Err(e) => {
                savepoint("ROLLBACK TO one; RELEASE one")?;
                Err(e)
            }
        }
    }

    /// A commit that failed is never tried again on the same file handle: the operating system may have dropped the pages.
    fn give_up(&mut self, error: &CommitError) {
        tracing::error!(%error, "a commit failed; nothing more is written until a restart");
        let _ = self.connection.execute_batch("ROLLBACK");
        self.broken = Some(format!("an earlier commit failed: {error}"));
    }
}
