//! How many calls an API key may make: a bucket per key that fills steadily. Kept in memory; a node that restarts begins afresh.

use axum::http::{HeaderMap, HeaderValue};
use ducat_domain::ApiKeyId;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How many buckets are kept before the full ones, which say nothing, are thrown away.
const MAX_BUCKETS: usize = 10_000;

/// The buckets. Each is kept as the moment at which it will be full again.
pub(crate) struct Limiter {
    /// What one call costs, as time.
    interval: Duration,
    /// What a full bucket holds, as time.
    depth: Duration,
    burst: u32,
    full_at: Mutex<HashMap<ApiKeyId, Instant>>,
}

/// What a key has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub limit: u32,
    pub remaining: u32,
    /// Seconds until everything is there again.
    pub reset_seconds: u64,
}

impl Standing {
    /// Writes the `RateLimit-…` headers.
    pub fn write(&self, headers: &mut HeaderMap) {
        headers.insert("ratelimit-limit", HeaderValue::from(self.limit));
        headers.insert("ratelimit-remaining", HeaderValue::from(self.remaining));
        headers.insert("ratelimit-reset", HeaderValue::from(self.reset_seconds));
    }
}

impl Limiter {
    /// Buckets that take `burst` calls at once and refill at `per_second`.
    pub fn new(per_second: u32, burst: u32) -> Self {
        let interval = Duration::from_secs(1) / per_second.max(1);
        Self { interval, depth: interval * burst.max(1), burst: burst.max(1), full_at: Mutex::default() }
    }

    /// Takes one call out of the key's bucket; says what is left, and whether there was one to take.
    pub fn take(&self, key: ApiKeyId, now: Instant) -> (Standing, bool) {
        // A thread that panicked in here left a moment behind, which is as good as any.
        let mut buckets = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_BUCKETS {
            buckets.retain(|_, full_at| *full_at > now);
        }
        let full_at = buckets.get(&key).copied().unwrap_or(now).max(now);
        let after = full_at + self.interval;
        let admitted = after - now <= self.depth;
        if admitted {
            buckets.insert(key, after);
        }
        (self.standing(if admitted { after - now } else { full_at - now }), admitted)
    }

    fn standing(&self, used: Duration) -> Standing {
        let left = self.depth.saturating_sub(used).as_nanos() / self.interval.as_nanos().max(1);
        let reset_seconds = used.as_millis().div_ceil(1000) as u64;
        Standing { limit: self.burst, remaining: u32::try_from(left).unwrap_or(self.burst), reset_seconds }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_admitted_then_calls_at_the_steady_rate() {
        let limiter = Limiter::new(10, 3);
        let (key, other) = (ApiKeyId::from_bytes([1; 16]), ApiKeyId::from_bytes([2; 16]));
        let start = Instant::now();
        let take = |key, ms| limiter.take(key, start + Duration::from_millis(ms));
        assert_eq!(take(key, 0), (Standing { limit: 3, remaining: 2, reset_seconds: 1 }, true));
        assert!(take(key, 0).1);
        assert_eq!(take(key, 0).0.remaining, 0);
        assert!(!take(key, 0).1, "the bucket is empty");
        assert!(take(other, 0).1, "another key has a bucket of its own");
        assert!(take(key, 100).1 && !take(key, 100).1, "one call comes back after a tenth of a second");
    }
}
