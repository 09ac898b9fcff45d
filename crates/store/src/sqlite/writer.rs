//! The one writer. It takes what is waiting from all callers and commits it together: one sync for the whole group. A change that
//! lost a race is undone alone. The writer never waits for company, so an idle system answers after one sync.

use super::checkpoints::Checkpoints;
use super::ledger::{Balances, Moved};
use super::{apply, archive, jobs, webhooks};
use crate::{Change, ClaimedDelivery, ClaimedJob, CommitError, Durability, OpenError, ReadError, Stats};
use ducat_domain::{MerchantId, PaymentOrderId, Timestamp, WebhookEndpointId};
use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use tokio::sync::oneshot;

/// How many changes are committed together at the most.
const MAX_GROUP: usize = 256;
/// How many changes may wait; beyond it callers are told to come again.
const MAX_WAITING: usize = 4096;

/// What the writer is asked to do.
pub(super) enum Ask {
    Commit(Box<Change>, oneshot::Sender<Done>),
    Claim {
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
        held: Vec<ClaimedJob>,
        reply: oneshot::Sender<Result<Vec<ClaimedJob>, CommitError>>,
    },
    ClaimDeliveries {
        wanted: Vec<(MerchantId, WebhookEndpointId, u32)>,
        now: Timestamp,
        lease_until: Timestamp,
        reply: DeliveriesReply,
    },
    PutAway {
        merchant: MerchantId,
        orders: Vec<PaymentOrderId>,
        quiet_since: Timestamp,
        reply: oneshot::Sender<Result<u64, CommitError>>,
    },
    Durability(oneshot::Sender<Result<Durability, ReadError>>),
    Run(&'static str, oneshot::Sender<Result<(), CommitError>>),
}

/// A change that was written, or why not. It is given back to who made it: the writer has more to do than to take it apart, and memory is
/// best given back where it came from.
type Done = (Box<Change>, Result<(), CommitError>);

type DeliveriesReply = oneshot::Sender<Result<Vec<ClaimedDelivery>, CommitError>>;

/// How much was committed since the store was opened.
#[derive(Debug, Default)]
pub(super) struct Counters {
    commits: AtomicU64,
    changes: AtomicU64,
}

impl Counters {
    fn count(&self, changes: u64) {
        self.commits.fetch_add(u64::from(changes > 0), Ordering::Relaxed);
        self.changes.fetch_add(changes, Ordering::Relaxed);
    }

    pub(super) fn stats(&self) -> Stats {
        Stats { commits: self.commits.load(Ordering::Relaxed), changes: self.changes.load(Ordering::Relaxed) }
    }
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
    counters: Arc<Counters>,
}

/// What is committed together.
struct Group<Asks> {
    asks: Asks,
    /// Why nothing of it can be committed.
    lost: Option<CommitError>,
    changes: u64,
}

impl std::fmt::Debug for Ask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ask")
    }
}

impl Writer {
    pub(super) fn on_caller(connection: Connection, counters: Arc<Counters>) -> Self {
        Self::Caller(Arc::new(Mutex::new(Pen { connection, broken: None, counters })))
    }

    /// Starts the writer's thread. It ends when the last way to it is dropped.
    pub(super) fn on_thread(
        connection: Connection,
        mut checkpoints: Checkpoints,
        counters: Arc<Counters>,
    ) -> Result<Self, OpenError> {
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        let (sender, receiver) = mpsc::sync_channel(MAX_WAITING);
        let mut pen = Pen { connection, broken: None, counters };
        std::thread::Builder::new().name("ducat-writer".into()).spawn(move || {
            let mut group = Vec::with_capacity(MAX_GROUP);
            while let Ok(first) = receiver.recv() {
                group.push(first);
                group.extend(receiver.try_iter().take(MAX_GROUP - 1));
                pen.write(group.drain(..));
                checkpoints.after_commit(&pen.connection);
            }
            checkpoints.end();
        })?;
        Ok(Self::Thread(sender))
    }

    pub(super) async fn commit(&self, change: Box<Change>) -> Result<(), CommitError> {
        let (reply, answer) = oneshot::channel();
        self.ask(Ask::Commit(change, reply))?;
        answer.await.map_err(|_| gone())?.1
    }

    pub(super) async fn claim(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
        held: Vec<ClaimedJob>,
    ) -> Result<Vec<ClaimedJob>, CommitError> {
        let (reply, answer) = oneshot::channel();
        self.ask(Ask::Claim { now, lease_until, limit, held, reply })?;
        answer.await.map_err(|_| gone())?
    }

    pub(super) async fn claim_deliveries(
        &self,
        wanted: Vec<(MerchantId, WebhookEndpointId, u32)>,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Vec<ClaimedDelivery>, CommitError> {
        let (reply, answer) = oneshot::channel();
        self.ask(Ask::ClaimDeliveries { wanted, now, lease_until, reply })?;
        answer.await.map_err(|_| gone())?
    }

    /// Runs one statement.
    pub(super) async fn run(&self, sql: &'static str) -> Result<(), CommitError> {
        let (reply, answer) = oneshot::channel();
        self.ask(Ask::Run(sql, reply))?;
        answer.await.map_err(|_| gone())?
    }

    pub(super) async fn put_away(
        &self,
        merchant: MerchantId,
        orders: Vec<PaymentOrderId>,
        quiet_since: Timestamp,
    ) -> Result<u64, CommitError> {
        let (reply, answer) = oneshot::channel();
        self.ask(Ask::PutAway { merchant, orders, quiet_since, reply })?;
        answer.await.map_err(|_| gone())?
    }

    pub(super) async fn durability(&self) -> Result<Durability, ReadError> {
        let (reply, answer) = oneshot::channel();
        self.ask(Ask::Durability(reply)).map_err(|e| ReadError(e.to_string()))?;
        answer.await.map_err(|_| ReadError(gone().to_string()))?
    }

    fn ask(&self, ask: Ask) -> Result<(), CommitError> {
        match self {
            Self::Thread(sender) => sender.try_send(ask).map_err(|e| match e {
                mpsc::TrySendError::Full(_) => CommitError::Busy,
                mpsc::TrySendError::Disconnected(_) => gone(),
            }),
            Self::Caller(pen) => {
                // A panic while writing is caught where its change is undone; the pen itself is sound.
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
        let mut group = Group { lost: self.broken.clone().map(CommitError::Unavailable), asks: group, changes: 0 };
        let failure = self.write_group(&mut group, &mut held).err();
        for answer in held {
            answer(failure.clone());
        }
    }

    fn write_group(&mut self, group: &mut Group<impl Iterator<Item = Ask>>, held: &mut Vec<Held>) -> Result<(), CommitError> {
        if group.lost.is_none() {
            group.lost = self.run("BEGIN IMMEDIATE").err();
        }
        let mut balances = Balances::default();
        for ask in group.asks.by_ref() {
            match ask {
                Ask::Commit(change, reply) => {
                    let mut write = |db: &Connection| {
                        let mut moved = Moved::new();
                        apply::apply(db, &change, &mut moved)?;
                        match change.balances {
                            crate::Balances::Kept => balances.add(db, moved),
                            crate::Balances::Summed => Ok(()),
                        }
                    };
                    let mut result = self.alone(&mut group.lost, &mut write);
                    if let Some(archived) = archive::reason(&self.connection, &change, &result) {
                        result = self.alone(&mut group.lost, |db| {
                            archive::bring_back(db, &archived)?;
                            write(db)
                        });
                    }
                    group.changes += u64::from(result.is_ok() && !change.is_empty());
                    held.push(Box::new(move |failure| drop(reply.send((change, failure.map_or(result, Err))))));
                }
                Ask::Claim { now, lease_until, limit, held: still_held, reply } => {
                    let result = self.alone(&mut group.lost, |db| jobs::claim(db, now, lease_until, limit, &still_held));
                    held.push(Box::new(move |failure| drop(reply.send(failure.map_or(result, Err)))));
                }
                Ask::ClaimDeliveries { wanted, now, lease_until, reply } => {
                    let result = self.alone(&mut group.lost, |db| webhooks::claim(db, &wanted, now, lease_until));
                    held.push(Box::new(move |failure| drop(reply.send(failure.map_or(result, Err)))));
                }
                Ask::Run(sql, reply) => {
                    let result = self.alone(&mut group.lost, |db| apply::run(db, sql, []).map(drop));
                    held.push(Box::new(move |failure| drop(reply.send(failure.map_or(result, Err)))));
                }
                Ask::PutAway { merchant, orders, quiet_since, reply } => {
                    let result = self.alone(&mut group.lost, |db| archive::put_away(db, merchant, &orders, quiet_since));
                    held.push(Box::new(move |failure| drop(reply.send(failure.map_or(result, Err)))));
                }
                Ask::Durability(reply) => {
                    let result = super::durability_of(&self.connection).map_err(ReadError::from);
                    held.push(Box::new(move |_| drop(reply.send(result))));
                }
            }
        }
        let folded = group.lost.take().map_or_else(|| balances.fold(&self.connection), Err);
        if let Err(e) = folded {
            self.undo();
            return Err(e);
        }
        let committed = self.run("COMMIT");
        match &committed {
            Ok(()) => self.counters.count(group.changes),
            Err(e) => self.give_up(e),
        }
        committed
    }

    fn run(&self, sql: &str) -> Result<(), CommitError> {
        let ran = self.connection.prepare_cached(sql).and_then(|mut statement| statement.execute([]));
        ran.map(drop).map_err(|e| CommitError::Unavailable(e.to_string()))
    }

    /// Does one piece of work so that it can be undone without touching its neighbours. A panic in it is an error of ours and refuses
    /// this piece alone. When the database drops the whole transaction by itself (a full disk, say), `lost` says so: the rest of the
    /// group must not be written then, because each piece would commit alone, without its balances.
    fn alone<T>(
        &self,
        lost: &mut Option<CommitError>,
        work: impl FnOnce(&Connection) -> Result<T, CommitError>,
    ) -> Result<T, CommitError> {
        if let Some(why) = lost {
            return Err(why.clone());
        }
        let result = self.run("SAVEPOINT one").and_then(|()| {
            catch_unwind(AssertUnwindSafe(|| work(&self.connection)))
                .unwrap_or_else(|_| Err(CommitError::Refused("the store failed while it wrote the change".into())))
        });
        let closed = match &result {
            Ok(_) => self.run("RELEASE one"),
            Err(e) if self.connection.is_autocommit() => Err(e.clone()),
            Err(_) => self.run("ROLLBACK TO one").and_then(|()| self.run("RELEASE one")),
        };
        *lost = closed.err();
        lost.clone().map_or(result, Err)
    }

    /// Drops what is written so far. Nothing of it has reached the disk as committed, so the next group may try.
    fn undo(&mut self) {
        if !self.connection.is_autocommit()
            && let Err(e) = self.run("ROLLBACK")
        {
            self.give_up(&e);
        }
    }

    /// A commit that failed is never tried again on the same file handle: the operating system may have dropped the pages.
    fn give_up(&mut self, error: &CommitError) {
        tracing::error!(%error, "a commit failed; nothing more is written until a restart");
        let _ = self.connection.execute_batch("ROLLBACK");
        self.broken = Some(format!("an earlier commit failed: {error}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pen() -> Pen {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE written (what TEXT)").unwrap();
        Pen { connection, broken: None, counters: Arc::default() }
    }

    fn write(what: &'static str) -> impl FnOnce(&Connection) -> Result<(), CommitError> {
        move |db| apply::run(db, "INSERT INTO written VALUES (?1)", [what]).map(drop)
    }

    fn written(pen: &Pen) -> Vec<String> {
        let mut statement = pen.connection.prepare("SELECT what FROM written").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn a_panic_in_one_change_is_undone_alone() {
        let (pen, mut lost) = (pen(), None);
        pen.run("BEGIN IMMEDIATE").unwrap();
        pen.alone(&mut lost, write("before")).unwrap();
        let broken: Result<(), _> = pen.alone(&mut lost, |db| {
            write("half")(db)?;
            panic!("a fault in the middle of a change")
        });
        assert!(matches!(broken, Err(CommitError::Refused(_))));
        pen.alone(&mut lost, write("after")).unwrap();
        pen.run("COMMIT").unwrap();
        assert_eq!((written(&pen), lost), (vec!["before".to_owned(), "after".to_owned()], None));
    }

    #[test]
    fn nothing_more_is_written_once_the_database_has_dropped_the_transaction() {
        let (mut pen, mut lost) = (pen(), None);
        pen.run("BEGIN IMMEDIATE").unwrap();
        pen.alone(&mut lost, write("before")).unwrap();
        // What SQLite does by itself on a full disk, for example.
        let full: Result<(), _> = pen.alone(&mut lost, |db| {
            db.execute_batch("ROLLBACK").map_err(super::super::refusal::refused)?;
            Err(CommitError::Unavailable("the disk is full".into()))
        });
        assert!(full.is_err() && lost.is_some());
        assert_eq!(pen.alone(&mut lost, write("after")), Err(CommitError::Unavailable("the disk is full".into())));
        pen.undo();
        assert_eq!((written(&pen), pen.broken), (Vec::new(), None));
    }

    #[tokio::test]
    async fn after_a_failed_commit_nothing_is_written_until_a_restart() {
        let mut pen = pen();
        pen.run("BEGIN IMMEDIATE").unwrap();
        pen.give_up(&CommitError::Unavailable("input/output error".into()));
        let (reply, answer) = oneshot::channel();
        pen.write(std::iter::once(Ask::Commit(Box::default(), reply)));
        assert!(matches!(answer.await.unwrap().1, Err(CommitError::Unavailable(why)) if why.contains("input/output error")));
        assert!(pen.connection.is_autocommit());
    }
}
