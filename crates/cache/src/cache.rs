//! What nodes share: the server, how it is at present, and the news that what they keep is outdated.

use crate::address::Address;
use crate::valkey::{Silence, Valkey};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long an answer of the shared server may take before a node goes on without it.
const TIME_LIMIT: Duration = Duration::from_millis(50);
/// How often the shared server is looked at: so much later, at the most, a node hears of a change on another.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The rest after it did not answer.
const REST: Duration = Duration::from_millis(500);

/// What nodes share and may lose. Cheap to clone.
#[derive(Clone)]
pub struct Cache(Arc<Inner>);

struct Inner {
    valkey: Option<Valkey>,
    generation: AtomicU64,
    /// The mark as it was seen last.
    mark: Mutex<Option<Vec<u8>>>,
}

/// How things stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Everything is in this node's memory, as it was told.
    Memory,
    /// Nodes share.
    Shared,
    /// The shared server does not answer: this node counts for itself.
    Degraded,
}

impl State {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Shared => "shared",
            Self::Degraded => "degraded",
        }
    }
}

impl Cache {
    /// A node that shares nothing.
    pub fn in_memory() -> Self {
        Self::at(&Address::memory())
    }

    /// What is kept there. Nothing is asked before the first look, or the first change that is told.
    pub fn at(address: &Address) -> Self {
        Self::waiting(address, TIME_LIMIT)
    }

    /// The same, which waits so long for each answer.
    pub fn waiting(address: &Address, limit: Duration) -> Self {
        let valkey = address.client().cloned().map(|client| Valkey::new(client, limit));
        Self(Arc::new(Inner { valkey, generation: AtomicU64::new(0), mark: Mutex::default() }))
    }

    /// How things stand.
    pub fn state(&self) -> State {
        match &self.0.valkey {
            None => State::Memory,
            Some(valkey) if valkey.is_reached() => State::Shared,
            Some(_) => State::Degraded,
        }
    }

    /// How often the shared server failed.
    pub fn failures(&self) -> u64 {
        self.0.valkey.as_ref().map_or(0, Valkey::failures)
    }

    /// What this node keeps of what merchants set up (API keys, say) is good as long as this stays the same. Ask before reading what is to be
    /// kept: what changes meanwhile is then not believed.
    pub fn generation(&self) -> u64 {
        self.0.generation.load(Ordering::Acquire)
    }

    /// Tells every node that what they keep may be outdated, after the change was committed; `mark` is new each time. A node that cannot be
    /// told finds out by itself, later.
    pub async fn outdate(&self, mark: [u8; 16]) {
        self.0.generation.fetch_add(1, Ordering::AcqRel);
        let Some(valkey) = &self.0.valkey else { return };
        if let Err(error) = valkey.leave_mark(&mark).await {
            tracing::warn!(%error, "other nodes could not be told of a change, such as an API key that was taken back; they find out within seconds");
        }
    }

    /// Looks once at the shared server, connecting where need be. An error says why it is of no use.
    pub async fn look(&self) -> Result<(), String> {
        self.looked().await.map_err(|silence| silence.to_string())
    }

    /// What kind of server it is, for people; empty where there is none.
    pub async fn version(&self) -> Result<String, String> {
        let Some(valkey) = &self.0.valkey else { return Ok(String::new()) };
        valkey.version().await.map_err(|silence| silence.to_string())
    }

    /// Looks again and again until `stop` ends: this is how a node hears of keys, and how a server that was lost is found again.
    pub async fn watch(self, stop: impl Future<Output = ()> + Send) {
        tokio::pin!(stop);
        if self.0.valkey.is_none() {
            return;
        }
        loop {
            let pause = if self.looked().await.is_ok() { LOOK_EVERY } else { REST };
            tokio::select! {
                () = &mut stop => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn looked(&self) -> Result<(), Silence> {
        let Some(valkey) = &self.0.valkey else { return Ok(()) };
        let mark = valkey.look().await?;
        let mut seen = self.0.mark.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen != mark {
            *seen = mark;
            self.0.generation.fetch_add(1, Ordering::AcqRel);
        }
        Ok(())
    }

    /// The shared server, while it is asked.
    pub(crate) fn reached(&self) -> Option<&Valkey> {
        self.0.valkey.as_ref().filter(|valkey| valkey.is_reached())
    }
}
