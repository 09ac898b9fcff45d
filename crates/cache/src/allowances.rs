//! What this node has taken out of the shared buckets beforehand, so that most calls need not ask; and who is known to have nothing left.

use crate::rate::{Rate, Taken};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How many names are remembered; beyond that, those that were not seen for a moment are forgotten, with what they had left.
const MAX_NAMES: usize = 20_000;
/// That moment.
const SEEN_LATELY: Duration = Duration::from_secs(1);

/// The allowances under one rate, by name.
pub(crate) struct Allowances {
    rate: Rate,
    kept: Mutex<HashMap<[u8; 16], Allowance>>,
}

#[derive(Clone, Copy)]
struct Allowance {
    /// Calls that this node may still admit without asking.
    left: u32,
    /// What was used in the shared bucket when it was asked, and when that was.
    used: u64,
    asked_at: Instant,
}

impl Allowances {
    pub fn new(rate: Rate) -> Self {
        Self { rate, kept: Mutex::default() }
    }

    /// Takes one call without asking; nothing where the shared bucket has to be asked.
    pub fn take(&self, name: &[u8; 16], now: Instant) -> Option<Taken> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let allowance = kept.get_mut(name)?;
        if allowance.left > 0 {
            allowance.left -= 1;
            return Some(self.taken(allowance, now, Admitted::Yes));
        }
        // Others may have taken what has come back meanwhile; before that, asking is in vain.
        let refused = self.rate.wait(self.used(allowance, now)) > Duration::ZERO;
        refused.then(|| self.taken(allowance, now, Admitted::No))
    }

    /// Notes what the shared bucket gave, and takes one call of it.
    pub fn put(&self, name: [u8; 16], granted: u32, used: u64, now: Instant) -> Taken {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_NAMES {
            kept.retain(|_, allowance| now.saturating_duration_since(allowance.asked_at) < SEEN_LATELY);
        }
        let before = kept.get(&name).map_or(0, |allowance| allowance.left);
        let (left, admitted) = match before.saturating_add(granted).checked_sub(1) {
            Some(left) => (left, Admitted::Yes),
            None => (0, Admitted::No),
        };
        let allowance = Allowance { left, used, asked_at: now };
        if kept.len() < MAX_NAMES {
            kept.insert(name, allowance);
        }
        self.taken(&allowance, now, admitted)
    }

    fn used(&self, allowance: &Allowance, now: Instant) -> u64 {
        let micros = now.saturating_duration_since(allowance.asked_at).as_micros();
        let gained = u64::try_from(micros).unwrap_or(u64::MAX).saturating_mul(self.rate.per_second().into());
        allowance.used.saturating_sub(gained)
    }

    fn taken(&self, allowance: &Allowance, now: Instant, admitted: Admitted) -> Taken {
        let used = self.used(allowance, now);
        let mut standing = self.rate.standing(used);
        standing.remaining = standing.remaining.saturating_add(allowance.left).min(standing.limit);
        let wait = if allowance.left > 0 { Duration::ZERO } else { self.rate.wait(used) };
        Taken { admitted: admitted == Admitted::Yes, standing, wait }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Admitted {
    Yes,
    No,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate::Bucket;
    use proptest::prelude::*;

    const NAME: [u8; 16] = [7; 16];

    #[test]
    fn an_allowance_is_used_up_before_anybody_is_asked_again() {
        let (allowances, now) = (Allowances::new(Rate::new(100, 20)), Instant::now());
        assert_eq!(allowances.take(&NAME, now), None);
        let first = allowances.put(NAME, 3, 3_000_000, now);
        assert_eq!((first.admitted, first.standing.remaining), (true, 19));
        let left: Vec<u32> = std::iter::from_fn(|| allowances.take(&NAME, now)).map(|taken| taken.standing.remaining).collect();
        assert_eq!(left, [18, 17]);
    }

    #[test]
    fn who_has_nothing_left_is_told_so_without_asking_until_something_can_have_come_back() {
        let (allowances, now) = (Allowances::new(Rate::new(100, 20)), Instant::now());
        let refused = allowances.put(NAME, 0, 20_000_000, now);
        assert_eq!((refused.admitted, refused.wait), (false, Duration::from_millis(10)));
        assert_eq!(allowances.take(&NAME, now + Duration::from_millis(9)).map(|taken| taken.admitted), Some(false));
        assert_eq!(allowances.take(&NAME, now + Duration::from_millis(10)), None, "now it is worth asking");
    }

    proptest! {
        /// Nodes that call as they like, on one shared bucket: in no window they admit together more than the limit and an allowance each.
        #[test]
        fn nodes_together_admit_at_most_the_limit_and_an_allowance_each(
            per_second in 1u32..3_000,
            burst in 1u32..3_000,
            nodes in 1usize..5,
            calls in prop::collection::vec((0usize..5, 0u64..200_000, 1u32..300), 1..60),
        ) {
            let rate = Rate::new(per_second, burst);
            let (mut shared, began, mut now) = (Bucket::default(), Instant::now(), 0);
            let all: Vec<Allowances> = (0..nodes).map(|_| Allowances::new(rate)).collect();
            let mut admitted = Vec::new();
            for (node, later, times) in calls {
                now += later;
                let at = began + Duration::from_micros(now);
                let mut call = || {
                    let taken = all[node % nodes].take(&NAME, at).unwrap_or_else(|| {
                        let granted = rate.take(&mut shared, now, rate.allowance());
                        all[node % nodes].put(NAME, granted, rate.used(shared, now), at)
                    });
                    u64::from(taken.admitted)
                };
                admitted.push((now, (0..times).map(|_| call()).sum::<u64>()));
            }
            let beyond = u64::from(rate.allowance()) * nodes as u64;
            for i in 0..admitted.len() {
                let mut sum = 0;
                for (to, count) in &admitted[i..] {
                    sum += count;
                    let most = (u64::from(burst) + beyond) * 1_000_000 + (to - admitted[i].0) * u64::from(per_second);
                    prop_assert!(sum * 1_000_000 <= most, "{sum} calls from {} to {to}", admitted[i].0);
                }
            }
        }
    }
}
