//! Buckets in this node's own memory.

use crate::rate::{Bucket, Rate, Taken};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How many buckets are kept; beyond that, the full ones, which say nothing, are thrown away.
const MAX_BUCKETS: usize = 100_000;
/// How often that is tried.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// What is counted under one rate, by name.
pub(crate) struct Buckets {
    rate: Rate,
    began: Instant,
    kept: Mutex<Kept>,
}

struct Kept {
    buckets: HashMap<[u8; 16], Bucket>,
    swept: Instant,
}

impl Buckets {
    pub fn new(rate: Rate) -> Self {
        let began = Instant::now();
        Self { rate, began, kept: Mutex::new(Kept { buckets: HashMap::new(), swept: began }) }
    }

    /// Takes one call.
    pub fn take(&self, name: [u8; 16], now: Instant) -> Taken {
        let at = self.moment(now);
        // A thread that panicked in here left a bucket behind, which is as good as any.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.buckets.len() >= MAX_BUCKETS && now.saturating_duration_since(kept.swept) >= SWEEP_EVERY {
            kept.swept = now;
            kept.buckets.retain(|_, bucket| self.rate.used(*bucket, at) > 0);
        }
        let mut bucket = kept.buckets.get(&name).copied().unwrap_or_default();
        let admitted = self.rate.take(&mut bucket, at, 1) == 1;
        // While there are too many to count them all, those that are new are let through: better than to turn everybody away.
        if admitted && (kept.buckets.len() < MAX_BUCKETS || kept.buckets.contains_key(&name)) {
            kept.buckets.insert(name, bucket);
        }
        let used = self.rate.used(bucket, at);
        Taken { admitted, standing: self.rate.standing(used), wait: self.rate.wait(used) }
    }

    fn moment(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.began).as_micros()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(number: u32) -> [u8; 16] {
        let mut name = [0; 16];
        name[..4].copy_from_slice(&number.to_be_bytes());
        name
    }

    #[test]
    fn each_name_has_a_bucket_of_its_own_and_time_gives_calls_back() {
        let buckets = Buckets::new(Rate::new(10, 2));
        let take = |name: u32, ms: u64| buckets.take(named(name), buckets.began + Duration::from_millis(ms));
        assert_eq!((take(1, 0).standing.remaining, take(1, 0).standing.remaining), (1, 0));
        let refused = take(1, 0);
        assert_eq!((refused.admitted, refused.wait), (false, Duration::from_millis(100)));
        assert!(take(2, 0).admitted, "another name has a bucket of its own");
        assert!(take(1, 100).admitted && !take(1, 100).admitted, "one call comes back after a tenth of a second");
    }

    #[test]
    fn the_buckets_stay_within_their_number_and_full_ones_give_way() {
        let buckets = Buckets::new(Rate::new(10, 1));
        let later = |ms| buckets.began + Duration::from_millis(ms);
        let most = u32::try_from(MAX_BUCKETS).unwrap();
        assert!((0..most + 10).all(|name| buckets.take(named(name), later(0)).admitted));
        assert_eq!(buckets.kept.lock().unwrap().buckets.len(), MAX_BUCKETS);
        assert!(!buckets.take(named(1), later(50)).admitted, "those that are kept are still counted");
        buckets.take(named(most + 1), later(2_000));
        assert_eq!(buckets.kept.lock().unwrap().buckets.len(), 1);
    }
}
