//! Group commit on a server: a few writers, each of which takes what is waiting from all callers and commits it in one transaction. One
//! transaction is carried out while the one before it waits for the disk; more at a time only where many changes wait. Most of what a
//! transaction costs the server it costs whatever is in it, so two small ones are dearer than one that takes what both would have taken.
//! A change that lost a race is refused alone, and the others of its group are committed without it.

use super::apply::{self, KnownAccounts};
use super::archive::bring_back;
use super::connect::Connections;
use super::flight;
use super::leg::Leg;
use super::look;
use super::refusal::Failure;
use super::touch::Touched;
use crate::{Change, CommitError, Stats, archive};
use ducat_domain::Chance;
use futures_util::FutureExt;
use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

/// How many changes are committed together at the most.
const MAX_GROUP: usize = 256;
/// How many changes wait before a writer begins although another one's transaction is still being carried out.
const CROWD: usize = 64;
/// How many changes may wait; beyond it callers are told to come again.
const MAX_WAITING: usize = 4096;
/// How often a transaction that met another one is tried again.
const MAX_TRIES: u32 = 6;
/// How often it is asked who of a group has lost.
const MAX_SIFTS: u32 = 3;
/// How long a caller waits. While the server is away or frozen, what has been sent is looked for on and on; callers are told that nobody knows.
const WITHIN: Duration = Duration::from_secs(20);

type Reply = oneshot::Sender<Result<(), CommitError>>;

/// A change that somebody waits for, by the number under which it was handed in.
struct Ask {
    number: u64,
    change: Box<Change>,
    reply: Reply,
}

/// What waits, and how many transactions the server is carrying out. One that has come as far as its COMMIT is not counted: it waits for
/// the disk.
#[derive(Default)]
struct Queue {
    waiting: VecDeque<Ask>,
    handed_in: u64,
    carried_out: usize,
}

impl Queue {
    /// Whether a writer may take what is waiting.
    fn is_open(&self) -> bool {
        self.waiting.len() >= if self.carried_out == 0 { 1 } else { CROWD }
    }
}

/// A transaction that the server carries out. Its end lets the next writer begin.
pub(super) struct Turn(Arc<Writers>);

impl Drop for Turn {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        queue.carried_out = queue.carried_out.saturating_sub(1);
        if queue.is_open() {
            self.0.arrived.notify_one();
        }
    }
}

/// What all callers and all writers share.
pub(super) struct Writers {
    connections: Connections,
    queue: Mutex<Queue>,
    arrived: Notify,
    is_closed: AtomicBool,
    known: KnownAccounts,
    commits: AtomicU64,
    changes: AtomicU64,
    chance: Arc<dyn Chance>,
}

/// The way to the writers. They end when the last way to them is dropped.
#[derive(Clone)]
pub(super) struct Writer(Arc<Door>);

struct Door(Arc<Writers>);

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Writer")
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.0.is_closed.store(true, Ordering::Release);
        self.0.arrived.notify_waiters();
        self.0.arrived.notify_one();
    }
}

impl Writer {
    /// Starts so many writers.
    pub fn start(connections: Connections, writers: usize, chance: Arc<dyn Chance>) -> Self {
        let shared = Arc::new(Writers {
            connections,
            queue: Mutex::default(),
            arrived: Notify::new(),
            is_closed: AtomicBool::new(false),
            known: KnownAccounts::default(),
            commits: AtomicU64::new(0),
            changes: AtomicU64::new(0),
            chance,
        });
        for _ in 0..writers.max(1) {
            tokio::spawn(Arc::clone(&shared).work());
        }
        Self(Arc::new(Door(shared)))
    }

    pub async fn commit(&self, change: Box<Change>) -> Result<(), CommitError> {
        let (reply, answer) = oneshot::channel();
        let number = self.0.0.put(change, reply)?;
        match timeout(WITHIN, answer).await {
            Ok(answer) => answer.map_err(|_| CommitError::Unknown("the writer failed".into()))?,
            Err(_) => Err(self.0.0.withdraw(number)),
        }
    }

    /// Asks whether the server is there, on a connection that no writer has.
    pub async fn knock(&self) -> Result<(), CommitError> {
        self.0.0.knock().await
    }

    pub fn stats(&self) -> Stats {
        let Writers { commits, changes, .. } = &*self.0.0;
        Stats { commits: commits.load(Ordering::Relaxed), changes: changes.load(Ordering::Relaxed) }
    }

    pub fn connections(&self) -> &Connections {
        &self.0.0.connections
    }
}

impl Writers {
    fn put(&self, change: Box<Change>, reply: Reply) -> Result<u64, CommitError> {
        let mut queue = self.queue();
        if queue.waiting.len() >= MAX_WAITING {
            return Err(CommitError::Busy);
        }
        queue.handed_in += 1;
        let number = queue.handed_in;
        queue.waiting.push_back(Ask { number, change, reply });
        if queue.is_open() {
            self.arrived.notify_one();
        }
        Ok(number)
    }

    /// Takes a change back that was not written in time, and says what its caller is told: what no writer has taken yet was not committed.
    fn withdraw(&self, number: u64) -> CommitError {
        let mut queue = self.queue();
        let before = queue.waiting.len();
        queue.waiting.retain(|ask| ask.number != number);
        let why = format!("the database did not take it within {} seconds", WITHIN.as_secs());
        if queue.waiting.len() < before { CommitError::Unavailable(why) } else { CommitError::Unknown(why) }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another transaction is carried out.
    fn turn(self: &Arc<Self>) -> Turn {
        self.queue().carried_out += 1;
        Turn(Arc::clone(self))
    }

    async fn work(self: Arc<Self>) {
        loop {
            let arrived = self.arrived.notified();
            if let Some((group, turn)) = self.take() {
                // A panic is an error of ours: those who wait are told that nobody knows, and the writer goes on.
                if AssertUnwindSafe(self.write(group, turn)).catch_unwind().await.is_err() {
                    tracing::error!("the store failed while it wrote a group of changes");
                }
                continue;
            }
            if self.is_closed.load(Ordering::Acquire) && self.queue().waiting.is_empty() {
                // The others are to see it too.
                self.arrived.notify_one();
                return;
            }
            arrived.await;
        }
    }

    /// Takes what is waiting, the longest waiting first. Whoever touches what another one of the group touches waits on.
    fn take(self: &Arc<Self>) -> Option<(Vec<Ask>, Turn)> {
        let mut queue = self.queue();
        if !queue.is_open() {
            return None;
        }
        let mut touched = Touched::default();
        let (mut group, mut later) = (Vec::new(), VecDeque::new());
        while group.len() < MAX_GROUP
            && let Some(ask) = queue.waiting.pop_front()
        {
            if touched.add(&ask.change) { group.push(ask) } else { later.push_back(ask) }
        }
        while let Some(ask) = later.pop_back() {
            queue.waiting.push_front(ask);
        }
        queue.carried_out += 1;
        if queue.is_open() {
            // There is work for another writer.
            self.arrived.notify_one();
        }
        Some((group, Turn(Arc::clone(self))))
    }

    /// Commits a group. Where it is refused, those who are known to have lost leave it; where that is nobody, each half goes its own way, so
    /// that one who lost in a way that nobody looks for is found in a few commits.
    async fn write(self: &Arc<Self>, group: Vec<Ask>, turn: Turn) {
        // What is left, the longest waiting last.
        let mut left = vec![group];
        let mut turn = Some(turn);
        let mut sifts = 0;
        while let Some(group) = left.pop() {
            let why = match self.commit(&group, turn.take()).await {
                Ok(()) => {
                    answer(group, &Ok(()));
                    continue;
                }
                Err(why) => why,
            };
            let nobody_could = matches!(why, CommitError::Unavailable(_) | CommitError::Unknown(_) | CommitError::Busy);
            if nobody_could || group.len() <= 1 {
                answer(group, &Err(why));
                continue;
            }
            let whole = group.len();
            let mut sound = if sifts < MAX_SIFTS { self.sift(group).await } else { group };
            sifts += 1;
            if sound.len() == whole {
                left.push(sound.split_off(whole / 2));
            }
            if !sound.is_empty() {
                left.push(sound);
            }
        }
    }

    /// Answers those who have lost already, and gives back the others.
    async fn sift(&self, group: Vec<Ask>) -> Vec<Ask> {
        let changes: Vec<&Change> = group.iter().map(|ask| &*ask.change).collect();
        let lost = match self.connections.take().await {
            Ok(connection) => look::lost(&connection, &changes).await,
            Err(_) => return group,
        };
        let Ok(mut lost) = lost else { return group };
        let mut left = Vec::with_capacity(group.len());
        for (i, ask) in group.into_iter().enumerate() {
            match lost.remove(&i) {
                Some(why) => drop(ask.reply.send(Err(why))),
                None => left.push(ask),
            }
        }
        left
    }

    /// Commits a group whole, or says why nothing of it was committed.
    async fn commit(self: &Arc<Self>, group: &[Ask], mut turn: Option<Turn>) -> Result<(), CommitError> {
        let changes: Vec<&Change> = group.iter().map(|ask| &*ask.change).collect();
        let written = changes.iter().filter(|change| !change.is_empty()).count() as u64;
        if written == 0 {
            // Nothing is carried out: a server that is silent to this question keeps nobody else waiting.
            drop(turn);
            return self.knock().await;
        }
        let mut legs = apply::legs(&changes, &self.known)?;
        let mut looked = false;
        for _ in 0..MAX_TRIES {
            let turn = turn.take().unwrap_or_else(|| self.turn());
            match flight::commit(&self.connections, &legs, &*self.chance, turn).await {
                Ok(()) => {
                    self.known.note(&changes);
                    self.commits.fetch_add(1, Ordering::Relaxed);
                    self.changes.fetch_add(written, Ordering::Relaxed);
                    return Ok(());
                }
                Err(Failure::Met) => tokio::task::yield_now().await,
                Err(Failure::Refused(why)) => {
                    if looked || !archive::may_be_why(&why) {
                        return Err(why);
                    }
                    looked = true;
                    match self.bring_back(&changes).await {
                        Some(leg) => legs.insert(0, leg),
                        None => return Err(why),
                    }
                }
                Err(Failure::Lost(why)) => return Err(CommitError::Unknown(why)),
            }
        }
        Err(CommitError::Busy)
    }

    /// What brings the orders back that these changes name and that are archived, where there are such.
    async fn bring_back(&self, changes: &[&Change]) -> Option<Leg> {
        let named: Vec<look::Named> = changes.iter().flat_map(|change| archive::named(change)).collect();
        if named.is_empty() {
            return None;
        }
        let connection = self.connections.take().await.ok()?;
        let archived = look::archived(&connection, &named).await.ok()?;
        bring_back(archived)
    }

    /// Nothing is to be written: whether it could be is what the caller wants to know.
    async fn knock(&self) -> Result<(), CommitError> {
        let connection = self.connections.take().await.map_err(CommitError::Unavailable)?;
        connection.query("SELECT 1", &[]).await.map(drop).map_err(|e| CommitError::Unavailable(e.to_string()))
    }
}

fn answer(group: Vec<Ask>, result: &Result<(), CommitError>) {
    for ask in group {
        // Whoever does not wait any more has no need of the answer.
        drop(ask.reply.send(result.clone()));
    }
}
