//! When a delivery is tried again: at once, and then for about three days at growing distances. Pure.

use ducat_domain::{Chance, Timestamp, random_bytes};
use std::time::Duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// The waits after the first try, in seconds: the schedule that Standard Webhooks gives as its example.
const WAITS: [u64; 9] = [5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 20 * HOUR];

/// How many tries a delivery has.
pub const TRIES: u32 = WAITS.len() as u32 + 1;

/// A wait is up to a tenth longer or shorter, so that what failed together does not come back together.
const JITTER: u64 = 10;

/// The longest wait that a receiver may ask for. One that asks for more is tried again after this.
const LONGEST_ASKED: Duration = Duration::from_secs(24 * HOUR);

/// When it is tried again after a try that failed at `now`, of which there were `tried` so far; never where the schedule is used up.
/// `asked` is how long the receiver wants to be left alone.
pub fn next(tried: u32, now: Timestamp, asked: Option<Duration>, chance: &dyn Chance) -> Option<Timestamp> {
    let wait = WAITS.get(usize::try_from(tried.checked_sub(1)?).ok()?)?;
    let planned = jittered(Duration::from_secs(*wait), chance);
    Some(now.plus(planned.max(asked.unwrap_or_default().min(LONGEST_ASKED))))
}

fn jittered(wait: Duration, chance: &dyn Chance) -> Duration {
    let micros = u64::try_from(wait.as_micros()).unwrap_or(u64::MAX);
    let spread = micros / JITTER;
    let drawn = u64::from_le_bytes(random_bytes(chance)) % (2 * spread + 1);
    Duration::from_micros(micros - spread + drawn)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    struct Steps(AtomicU64);
    impl Chance for Steps {
        fn fill(&self, bytes: &mut [u8]) {
            let drawn = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed).to_le_bytes();
            bytes.iter_mut().zip(drawn.iter().cycle()).for_each(|(byte, drawn)| *byte = *drawn);
        }
    }

    const NOW: Timestamp = Timestamp::from_seconds(1_795_000_000);

    #[test]
    fn ten_tries_take_about_three_days_and_then_it_is_over() {
        let chance = Steps(AtomicU64::new(7));
        for _ in 0..1000 {
            let mut at = NOW;
            for tried in 1..TRIES {
                let next = next(tried, at, None, &chance).unwrap();
                let wait = WAITS[tried as usize - 1] * 1000;
                let took = u64::try_from(next.since(at).as_millis()).unwrap();
                assert!((wait * 9 / 10..=wait * 11 / 10).contains(&took), "after try {tried}: {took} ms");
                at = next;
            }
            let hours = at.since(NOW).as_secs() / HOUR;
            assert!((64..=79).contains(&hours), "{hours} hours");
            assert_eq!(super::next(TRIES, at, None, &chance), None);
        }
        assert_eq!(TRIES, 10);
    }

    #[test]
    fn waits_of_the_same_step_differ() {
        let chance = Steps(AtomicU64::new(7));
        let times: std::collections::BTreeSet<_> =
            (0..100).filter_map(|_| next(2, NOW, None, &chance)).map(Timestamp::as_micros).collect();
        assert!(times.len() > 90, "{}", times.len());
    }

    #[test]
    fn a_receiver_may_ask_for_more_time_but_not_for_all_of_it() {
        let chance = Steps(AtomicU64::new(7));
        let asked = |seconds| next(1, NOW, Some(Duration::from_secs(seconds)), &chance).unwrap().since(NOW);
        assert_eq!(asked(100), Duration::from_secs(100));
        assert!(asked(1) >= Duration::from_millis(4500));
        assert_eq!(asked(u64::MAX), LONGEST_ASKED);
    }
}
