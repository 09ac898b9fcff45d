//! The engine: its parts, and what it is told about its surroundings.

use crate::api_keys::KeyCache;
use crate::courier::Guard;
use crate::payments::Recent;
use crate::psp::Transport;
use crate::psp_accounts::AccountCache;
use crate::vault::Vault;
use crate::webhook_endpoints::TestTurns;
use ducat_cache::Cache;
use ducat_domain::payments::DeclineGuard;
use ducat_domain::{Chance, Clock, PaymentOrderId, Timestamp};
use ducat_store::Store;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, broadcast};

/// How many committed changes a slow watcher may lag behind before it has to look again for itself.
const WATCH_BUFFER: usize = 1024;

/// How many orders are remembered for having been asked about.
const MAX_ASKED: usize = 10_000;

/// How many orders may be decided upon at once by callers who wait their turn; orders share turns by chance.
const TURNS: usize = 1024;

/// What the engine is made of. Clock, chance and transport are parameters, so that a test or a simulation can give its own.
pub struct Parts {
    /// Where everything is kept.
    pub store: Store,
    /// What this node shares with others and may lose.
    pub cache: Cache,
    /// How PSPs are reached.
    pub transport: Arc<dyn Transport>,
    /// How merchants' own servers are reached.
    pub courier: Arc<dyn Transport>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where randomness comes from.
    pub chance: Arc<dyn Chance>,
    /// What encrypts credentials.
    pub vault: Vault,
    /// What it is told about its surroundings.
    pub settings: Settings,
}

/// What the engine is told about its surroundings, and its limits.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where customers and PSPs reach us, without a slash at the end.
    pub public_url: String,
    /// How long a PSP may take to answer before the outcome counts as unknown.
    pub psp_timeout: Duration,
    /// How long a claimed job, or a request under an idempotency key, belongs to who took it.
    pub lease: Duration,
    /// How long after a registration without a message the PSP is asked for the first time.
    pub poll_after: Duration,
    /// How long after its last change an order that is over goes to the archive; never without it.
    pub archive_after: Option<Duration>,
    /// Where merchants' webhook endpoints may be.
    pub webhooks: Guard,
    /// When too much was refused.
    pub guard: DeclineGuard,
    /// Whether PSPs' test cards come to the networks' limits too.
    pub test_cards: TestCards,
}

/// What becomes of PSPs' test cards. Everybody who tries a gateway out uses the same few, so they would soon be at their limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestCards {
    /// They are not counted.
    Ignored,
    /// They are counted like any card, to see what happens then.
    Counted,
}

impl Settings {
    /// The defaults, for this public address.
    pub fn new(public_url: impl Into<String>) -> Self {
        Self {
            public_url: public_url.into(),
            psp_timeout: Duration::from_secs(10),
            lease: Duration::from_secs(45),
            poll_after: Duration::from_secs(60),
            archive_after: Some(Duration::from_secs(90 * 24 * 3600)),
            webhooks: Guard::default(),
            guard: DeclineGuard::default(),
            test_cards: TestCards::Ignored,
        }
    }
}

/// The use cases' common ground. They are functions over it, one verb a file. Cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    parts: Parts,
    changes: broadcast::Sender<PaymentOrderId>,
    work: Notify,
    outbox: Notify,
    tests: TestTurns,
    arrived: AtomicU64,
    missed: AtomicU64,
    keys: KeyCache,
    accounts: AccountCache,
    registered: Recent,
    asked: Mutex<HashMap<PaymentOrderId, Timestamp>>,
    turns: Vec<tokio::sync::Mutex<()>>,
}

impl Engine {
    /// Puts the parts together. Nothing starts.
    pub fn new(parts: Parts) -> Self {
        let (changes, _) = broadcast::channel(WATCH_BUFFER);
        let turns = std::iter::repeat_with(tokio::sync::Mutex::default).take(TURNS).collect();
        Self(Arc::new(Inner {
            parts,
            changes,
            work: Notify::new(),
            outbox: Notify::new(),
            tests: TestTurns::default(),
            arrived: AtomicU64::new(0),
            missed: AtomicU64::new(0),
            keys: KeyCache::default(),
            accounts: AccountCache::default(),
            registered: Recent::default(),
            asked: Mutex::default(),
            turns,
        }))
    }

    /// Where everything is kept.
    pub fn store(&self) -> &Store {
        &self.0.parts.store
    }

    /// What this node shares with others and may lose.
    pub fn cache(&self) -> &Cache {
        &self.0.parts.cache
    }

    /// What it was told about its surroundings.
    pub fn settings(&self) -> &Settings {
        &self.0.parts.settings
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.0.parts.clock.now()
    }

    /// Where randomness comes from.
    pub fn chance(&self) -> &dyn Chance {
        &*self.0.parts.chance
    }

    /// Hears of every order that changed on this node, after the commit. A hint: who misses one looks for itself.
    pub fn changes(&self) -> broadcast::Receiver<PaymentOrderId> {
        self.0.changes.subscribe()
    }

    /// Whether the PSP may be asked about this order for somebody who has just come by: not more often than once in `every`.
    pub(crate) fn may_ask_again(&self, order: PaymentOrderId, every: Duration) -> bool {
        let now = self.now();
        let mut asked = self.0.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.len() >= MAX_ASKED {
            asked.retain(|_, at| now.since(*at) < every);
        }
        let allowed = asked.get(&order).is_none_or(|at| now.since(*at) >= every) && asked.len() < MAX_ASKED;
        if allowed {
            asked.insert(order, now);
        }
        allowed
    }

    /// One caller's turn to decide upon an order, on this node. It saves races, and is not what makes them harmless.
    pub(crate) async fn turn(&self, order: PaymentOrderId) -> tokio::sync::MutexGuard<'_, ()> {
        let [.., a, b] = *order.as_bytes();
        self.0.turns[usize::from(u16::from_be_bytes([a, b])) % TURNS].lock().await
    }

    pub(crate) fn transport(&self) -> &dyn Transport {
        &*self.0.parts.transport
    }

    pub(crate) fn courier(&self) -> &dyn Transport {
        &*self.0.parts.courier
    }

    pub(crate) fn vault(&self) -> &Vault {
        &self.0.parts.vault
    }

    /// Tells watchers and the dispatcher that an order changed.
    pub(crate) fn announce(&self, order: PaymentOrderId) {
        self.wake_dispatcher();
        // Nobody listening is no error.
        let _ = self.0.changes.send(order);
    }

    /// Tells the worker that something is due now. Without it the worker finds out at its next look.
    pub(crate) fn wake_worker(&self) {
        self.0.work.notify_one();
    }

    pub(crate) fn work(&self) -> &Notify {
        &self.0.work
    }

    /// Tells the dispatcher that there are events or deliveries. Without it the dispatcher finds out at its next look.
    pub(crate) fn wake_dispatcher(&self) {
        self.0.outbox.notify_one();
    }

    pub(crate) fn outbox(&self) -> &Notify {
        &self.0.outbox
    }

    /// How many tries of webhook deliveries arrived and how many did not, since this node began.
    pub fn tries_counted(&self) -> (u64, u64) {
        (self.0.arrived.load(Ordering::Relaxed), self.0.missed.load(Ordering::Relaxed))
    }

    pub(crate) fn count_arrival(&self) {
        self.0.arrived.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_miss(&self) {
        self.0.missed.fetch_add(1, Ordering::Relaxed);
    }

    /// The turns of those who test a webhook endpoint.
    pub(crate) fn tests(&self) -> &TestTurns {
        &self.0.tests
    }

    pub(crate) fn keys(&self) -> &KeyCache {
        &self.0.keys
    }

    /// What was registered here a moment ago.
    pub(crate) fn registered(&self) -> &Recent {
        &self.0.registered
    }

    /// The PSP accounts seen lately, opened.
    pub(crate) fn accounts(&self) -> &AccountCache {
        &self.0.accounts
    }
}
