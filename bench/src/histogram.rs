//! Latencies, counted in buckets of at most 1.6 % width, so that a million of them take 32 KiB and percentiles stay exact enough.

use std::time::Duration;

/// Buckets for each doubling.
const PARTS: u64 = 64;
const PART_BITS: u32 = PARTS.trailing_zeros();
/// The widest value has 64 bits; those below `PARTS` have a bucket each.
const BUCKETS: usize = (64 - PART_BITS as usize + 1) * PARTS as usize;

/// How often each latency was seen.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    largest: u64,
}

/// What is shown of a histogram, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Spread {
    /// How many were counted.
    pub count: u64,
    /// Half were quicker.
    pub p50: u64,
    /// Nine in ten were quicker.
    pub p90: u64,
    /// 99 in a hundred were quicker.
    pub p99: u64,
    /// 999 in a thousand were quicker.
    pub p999: u64,
    /// The slowest.
    pub max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS], total: 0, largest: 0 }
    }
}

impl Histogram {
    /// Counts one.
    pub fn add(&mut self, latency: Duration) {
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.counts[bucket(nanos)] += 1;
        self.total += 1;
        self.largest = self.largest.max(nanos);
    }

    /// The latency in nanoseconds that so many in a thousand did not exceed: the upper edge of its bucket. Zero when nothing was counted.
    pub fn at(&self, permille: u64) -> u64 {
        // The smallest rank that covers the share; the first one at the least.
        let rank = (self.total.saturating_mul(permille)).div_ceil(1000).max(1);
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return upper_edge(index).min(self.largest);
            }
        }
        0
    }

    /// What is shown of it.
    pub fn spread(&self) -> Spread {
        Spread {
            count: self.total,
            p50: self.at(500),
            p90: self.at(900),
            p99: self.at(990),
            p999: self.at(999),
            max: self.largest,
        }
    }
}

/// Values below `PARTS` are exact; above, the leading bits choose the bucket.
fn bucket(nanos: u64) -> usize {
    if nanos < PARTS {
        return nanos as usize;
    }
    let shift = 63 - nanos.leading_zeros() - PART_BITS;
    ((u64::from(shift) + 1) * PARTS + ((nanos >> shift) - PARTS)) as usize
}

/// The largest value that falls into a bucket.
fn upper_edge(index: usize) -> u64 {
    let index = index as u64;
    if index < PARTS {
        return index;
    }
    let (shift, part) = (index / PARTS - 1, index % PARTS);
    let next = u128::from(PARTS + part + 1) << shift;
    u64::try_from(next - 1).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(nanos: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::default();
        nanos.into_iter().for_each(|n| histogram.add(Duration::from_nanos(n)));
        histogram
    }

    #[test]
    fn nothing_counted_is_nothing_shown() {
        assert_eq!(Histogram::default().spread(), Spread::default());
    }

    #[test]
    fn small_values_are_exact() {
        let spread = of(1..=60).spread();
        assert_eq!((spread.p50, spread.p90, spread.p99, spread.max, spread.count), (30, 54, 60, 60, 60));
    }

    #[test]
    fn one_slow_call_in_a_thousand_shows_at_p999_and_not_at_p99() {
        let spread = of((0..998).map(|_| 1_000).chain([5_000_000, 5_000_000])).spread();
        assert!(spread.p99 < 1_020, "{spread:?}");
        assert_eq!((spread.p999, spread.max), (5_000_000, 5_000_000));
    }

    #[test]
    fn the_longest_latency_has_a_bucket() {
        assert_eq!(of([u64::MAX]).spread().max, u64::MAX);
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    proptest! {
        #[test]
        fn a_value_lies_in_its_bucket_and_the_bucket_is_narrow(nanos: u64) {
            let index = bucket(nanos);
            prop_assert!(upper_edge(index) >= nanos);
            prop_assert!(index == 0 || upper_edge(index - 1) < nanos);
            prop_assert!(upper_edge(index) - nanos <= nanos / PARTS);
        }

        #[test]
        fn percentiles_are_those_of_the_sorted_list(mut nanos in proptest::collection::vec(1_u64..10_000_000_000, 1..400), permille in 1_u64..=1000) {
            let histogram = of(nanos.iter().copied());
            nanos.sort_unstable();
            let rank = (nanos.len() as u64 * permille).div_ceil(1000) as usize;
            let exact = nanos[rank - 1];
            let shown = histogram.at(permille);
            prop_assert!(shown >= exact && shown - exact <= exact / PARTS, "{shown} for {exact}");
        }
    }
}
