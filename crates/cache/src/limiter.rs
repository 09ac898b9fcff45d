//! How often each name may call, on all nodes together: out of what this node has taken beforehand, else out of the shared bucket, and where
//! that does not answer, out of this node's own.

use crate::Cache;
use crate::allowances::Allowances;
use crate::memory::Buckets;
use crate::rate::{Rate, Taken};
use crate::valkey::Valkey;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How many names may ask the shared server at once; names share a turn by chance.
const TURNS: usize = 64;

/// One rate for many names.
pub struct Limiter {
    cache: Cache,
    /// What the names are of, in the shared server: `key`, `address`.
    of: &'static str,
    rate: Rate,
    own: Buckets,
    allowances: Allowances,
    turns: Vec<Mutex<()>>,
}

impl Limiter {
    /// Counts names `of` one kind.
    pub fn new(cache: Cache, of: &'static str, rate: Rate) -> Self {
        let turns = std::iter::repeat_with(Mutex::default).take(TURNS).collect();
        Self { cache, of, rate, own: Buckets::new(rate), allowances: Allowances::new(rate), turns }
    }

    /// Takes one call of this name. At the worst it waits twice the time limit: for a turn and for an answer.
    pub async fn take(&self, name: [u8; 16], now: Instant) -> Taken {
        if let Some(valkey) = self.cache.reached() {
            if let Some(taken) = self.allowances.take(&name, now) {
                return taken;
            }
            if let Some(taken) = self.ask(valkey, name, now).await {
                return taken;
            }
        }
        self.own.take(name, now)
    }

    /// Asks for an allowance. One call asks for all that came with it.
    async fn ask(&self, valkey: &Valkey, name: [u8; 16], now: Instant) -> Option<Taken> {
        let turn = &self.turns[usize::from(name.iter().fold(0, |mix, byte| mix ^ byte)) % TURNS];
        let _turn = tokio::time::timeout(valkey.limit(), turn.lock()).await.ok()?;
        if let Some(taken) = self.allowances.take(&name, now) {
            return Some(taken);
        }
        let bucket = format!("ducat:{}:{:032x}", self.of, u128::from_be_bytes(name));
        let (granted, used) = valkey.take(&bucket, self.rate, self.rate.allowance()).await.ok()?;
        Some(self.allowances.put(name, granted, used, now))
    }
}
