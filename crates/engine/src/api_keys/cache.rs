//! Keys seen lately, so that a call needs no read; and when they were used, so that a call needs no write.

use ducat_domain::{ApiKey, ApiKeyId, Timestamp};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a key is believed without looking. A key that was taken back on another node dies within this time, and sooner where nodes
/// share a cache.
const BELIEVED: Duration = Duration::from_secs(5);
/// How many keys are remembered.
const MAX_KEYS: usize = 10_000;
/// How exactly the last use is kept.
const USE_STEP: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(crate) struct KeyCache {
    keys: Mutex<HashMap<[u8; 32], Seen>>,
    used: Mutex<HashMap<ApiKeyId, Timestamp>>,
}

/// A key as it was read.
struct Seen {
    key: ApiKey,
    at: Timestamp,
    /// The generation of keys before it was read: in a later one it may have been taken back.
    generation: u64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl KeyCache {
    pub(super) fn get(&self, hash: &[u8; 32], generation: u64, now: Timestamp) -> Option<ApiKey> {
        let keys = lock(&self.keys);
        let good = |seen: &&Seen| seen.generation == generation && seen.at <= now && now.since(seen.at) < BELIEVED;
        keys.get(hash).filter(good).map(|seen| seen.key.clone())
    }

    /// Remembers a key that was read in this generation or later.
    pub(super) fn put(&self, key: ApiKey, generation: u64, now: Timestamp) {
        let mut keys = lock(&self.keys);
        if keys.len() >= MAX_KEYS {
            keys.clear();
        }
        keys.insert(key.hash, Seen { key, at: now, generation });
    }

    pub(super) fn note_use(&self, key: &ApiKey, now: Timestamp) {
        if key.last_used_at.is_none_or(|at| now.since(at) >= USE_STEP) {
            lock(&self.used).insert(key.id, now);
        }
    }

    /// The uses that are not written down yet.
    pub(crate) fn take_uses(&self) -> Vec<(ApiKeyId, Timestamp)> {
        lock(&self.used).drain().collect()
    }
}
