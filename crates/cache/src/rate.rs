//! How often something may be done: a bucket of calls that fills steadily. Pure arithmetic in whole numbers; `take.lua` is the same once more.

use std::time::Duration;

/// A call in the unit of a bucket: what a bucket gains in a microsecond at one call a second. So nothing is ever rounded.
const CALL: u64 = 1_000_000;
/// A node takes this part of what a key may do in a second out of the shared bucket at once.
const PART: u32 = 20;

/// So many calls a second in the long run, and so many at once after a rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    per_second: u32,
    burst: u32,
}

/// A bucket as it stood at a moment. An absent one is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bucket {
    /// What has been taken and has not come back.
    used: u64,
    /// Microseconds since some beginning.
    at: u64,
}

/// What is left, for whoever called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// How many calls may be made at once after a rest.
    pub limit: u32,
    /// How many could be made now.
    pub remaining: u32,
    /// How long until everything is there again.
    pub full_after: Duration,
}

/// What came of asking for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Whether it may be made.
    pub admitted: bool,
    /// What is left.
    pub standing: Standing,
    /// How long until there is one again; zero where there is one.
    pub wait: Duration,
}

impl Rate {
    /// Both at least one.
    pub fn new(per_second: u32, burst: u32) -> Self {
        Self { per_second: per_second.max(1), burst: burst.max(1) }
    }

    /// Calls a second in the long run.
    pub fn per_second(self) -> u32 {
        self.per_second
    }

    /// Calls at once after a rest.
    pub fn burst(self) -> u32 {
        self.burst
    }

    /// How many calls a node takes out of the shared bucket at once. Nodes together admit at most this for each of them beyond the limit.
    pub fn allowance(self) -> u32 {
        (self.per_second.min(self.burst) / PART).max(1)
    }

    fn depth(self) -> u64 {
        u64::from(self.burst) * CALL
    }

    /// Takes up to `wanted` calls out of the bucket. Says how many.
    pub(crate) fn take(self, bucket: &mut Bucket, now: u64, wanted: u32) -> u32 {
        let used = self.used(*bucket, now);
        let room = self.depth().saturating_sub(used) / CALL;
        let granted = wanted.min(u32::try_from(room).unwrap_or(u32::MAX));
        *bucket = Bucket { used: used + u64::from(granted) * CALL, at: now.max(bucket.at) };
        granted
    }

    /// What is used at this moment.
    pub(crate) fn used(self, bucket: Bucket, now: u64) -> u64 {
        let gained = now.saturating_sub(bucket.at).saturating_mul(u64::from(self.per_second));
        bucket.used.saturating_sub(gained)
    }

    /// What is left where so much is used.
    pub(crate) fn standing(self, used: u64) -> Standing {
        let room = self.depth().saturating_sub(used) / CALL;
        Standing {
            limit: self.burst,
            remaining: u32::try_from(room).unwrap_or(u32::MAX),
            full_after: Duration::from_micros(used.div_ceil(u64::from(self.per_second))),
        }
    }

    /// How long until there is room for one call where so much is used.
    pub(crate) fn wait(self, used: u64) -> Duration {
        let excess = used.saturating_sub(self.depth() - CALL);
        Duration::from_micros(excess.div_ceil(u64::from(self.per_second)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: u64 = 1_000_000;

    #[test]
    fn a_burst_is_admitted_then_calls_at_the_steady_rate() {
        let rate = Rate::new(10, 3);
        let mut bucket = Bucket::default();
        assert_eq!((rate.take(&mut bucket, 0, 5), rate.take(&mut bucket, 0, 1)), (3, 0));
        let used = rate.used(bucket, 0);
        let nothing = Standing { limit: 3, remaining: 0, full_after: Duration::from_millis(300) };
        assert_eq!((rate.standing(used), rate.wait(used)), (nothing, Duration::from_millis(100)));
        assert_eq!((rate.take(&mut bucket, 99_999, 1), rate.take(&mut bucket, 100_000, 1)), (0, 1));
        assert_eq!(rate.take(&mut bucket, 10 * SECOND, 9), 3, "a rest fills it, and no more than that");
    }

    #[test]
    fn a_node_takes_a_twentieth_of_a_second_at_once_and_never_nothing() {
        let takes =
            [(500, 1000), (10, 3), (1, 1), (1_000_000, 40)].map(|(per_second, burst)| Rate::new(per_second, burst).allowance());
        assert_eq!(takes, [25, 1, 1, 2]);
    }

    proptest! {
        /// Whatever is asked for and when: in no span of time more is granted than a burst and what came back meanwhile.
        #[test]
        fn no_window_gets_more_than_its_limit(
            per_second in 1u32..5_000,
            burst in 1u32..5_000,
            asks in prop::collection::vec((0u64..300_000, 0u32..400), 1..80),
        ) {
            let rate = Rate::new(per_second, burst);
            let (mut bucket, mut now, mut granted) = (Bucket::default(), 0, Vec::new());
            for (later, wanted) in asks {
                now += later;
                granted.push((now, u64::from(rate.take(&mut bucket, now, wanted))));
            }
            for (i, (from, _)) in granted.iter().enumerate() {
                let mut sum = 0;
                for (to, count) in &granted[i..] {
                    sum += count;
                    prop_assert!(sum * CALL <= u64::from(burst) * CALL + (to - from) * u64::from(per_second));
                }
            }
        }

        /// Who waits as long as they are told gets a call, and a microsecond less is too early.
        #[test]
        fn the_wait_is_exact(per_second in 1u32..5_000, burst in 1u32..50, later in 0u64..1_000_000) {
            let rate = Rate::new(per_second, burst);
            let mut bucket = Bucket::default();
            rate.take(&mut bucket, 0, burst);
            let wait = u64::try_from(rate.wait(rate.used(bucket, later)).as_micros()).unwrap();
            let at = |now| rate.take(&mut bucket.clone(), now, 1);
            prop_assert_eq!(at(later + wait), 1);
            prop_assert!(wait == 0 || at(later + wait - 1) == 0);
        }
    }
}
