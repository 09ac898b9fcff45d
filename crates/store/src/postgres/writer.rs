//! Group commit on a server: a few writers, each of which takes what is waiting from all callers and commits it in one transaction. None
//! waits for company. A change that lost a race is refused alone, and the others of its group are committed without it.

use super::apply::{self, KnownAccounts};
use super::connect::Connections;
use super::flight;
use super::look;
use super::refusal::Failure;
use super::touch::Touched;
use crate::{Change, CommitError, Stats};
use ducat_domain::Chance;
use futures_util::FutureExt;
use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, oneshot};

/// How many changes are committed together at the most.
const MAX_GROUP: usize = 256;
/// How many changes may wait; beyond it callers are told to come again.
const MAX_WAITING: usize = 4096;
/// How often a transaction that met another one is tried again.
const MAX_TRIES: u32 = 6;
/// How often it is asked who of a group has lost.
const MAX_SIFTS: u32 = 3;

type Reply = oneshot::Sender<Result<(), CommitError>>;

/// A change that somebody waits for.
struct Ask {
    change: Change,
    reply: Reply,
}

/// What all callers and all writers share.
pub(super) struct Writers {
    connections: Connections,
    waiting: Mutex<VecDeque<Ask>>,
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
            waiting: Mutex::default(),
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

    pub async fn commit(&self, change: Change) -> Result<(), CommitError> {
        let (reply, answer) = oneshot::channel();
        self.0.0.put(Ask { change, reply })?;
        answer.await.map_err(|_| CommitError::Unknown("the writer failed".into()))?
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
    fn put(&self, ask: Ask) -> Result<(), CommitError> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= MAX_WAITING {
            return Err(CommitError::Busy);
        }
        waiting.push_back(ask);
        drop(waiting);
        self.arrived.notify_one();
        Ok(())
    }

    async fn work(self: Arc<Self>) {
        loop {
            let arrived = self.arrived.notified();
            let group = self.take();
            if !group.is_empty() {
                // A panic is an error of ours: those who wait are told that nobody knows, and the writer goes on.
                if AssertUnwindSafe(self.write(group)).catch_unwind().await.is_err() {
                    tracing::error!("the store failed while it wrote a group of changes");
                }
                continue;
            }
            if self.is_closed.load(Ordering::Acquire) {
                // The others are to see it too.
                self.arrived.notify_one();
                return;
            }
            arrived.await;
        }
    }

    /// Takes what is waiting, the longest waiting first. Whoever touches what another one of the group touches waits on.
    fn take(&self) -> Vec<Ask> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut touched = Touched::default();
        let (mut group, mut later) = (Vec::new(), VecDeque::new());
        while group.len() < MAX_GROUP
            && let Some(ask) = waiting.pop_front()
        {
            if touched.add(&ask.change) { group.push(ask) } else { later.push_back(ask) }
        }
        let left_over = !later.is_empty() || !waiting.is_empty();
        while let Some(ask) = later.pop_back() {
            waiting.push_front(ask);
        }
        if left_over {
            // There is work for another writer.
            self.arrived.notify_one();
        }
        group
    }

    /// Commits a group. Where it is refused, those who are known to have lost leave it; where that is nobody, each half goes its own way, so
    /// that one who lost in a way that nobody looks for is found in a few commits.
    async fn write(&self, group: Vec<Ask>) {
        // What is left, the longest waiting last.
        let mut left = vec![group];
        let mut sifts = 0;
        while let Some(group) = left.pop() {
            let why = match self.commit(&group).await {
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
        let changes: Vec<&Change> = group.iter().map(|ask| &ask.change).collect();
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
    async fn commit(&self, group: &[Ask]) -> Result<(), CommitError> {
        let changes: Vec<&Change> = group.iter().map(|ask| &ask.change).collect();
        let written = changes.iter().filter(|change| !change.is_empty()).count() as u64;
        if written == 0 {
            return self.knock().await;
        }
        let statements = apply::statements(&changes, &self.known)?;
        for _ in 0..MAX_TRIES {
            match flight::commit(&self.connections, &statements, &*self.chance).await {
                Ok(()) => {
                    self.known.note(&changes);
                    self.commits.fetch_add(1, Ordering::Relaxed);
                    self.changes.fetch_add(written, Ordering::Relaxed);
                    return Ok(());
                }
                Err(Failure::Met) => tokio::task::yield_now().await,
                Err(Failure::Refused(why)) => return Err(why),
                Err(Failure::Lost(why)) => return Err(CommitError::Unknown(why)),
            }
        }
        Err(CommitError::Busy)
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
