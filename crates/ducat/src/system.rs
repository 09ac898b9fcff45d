//! The real clock and the system's randomness: the one place where the ambient ones are taken.

use ducat_domain::{Chance, Clock, Timestamp};
use std::time::{SystemTime, UNIX_EPOCH};

/// The machine's clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "here the real clock is made")]
    fn now(&self) -> Timestamp {
        let now = SystemTime::now();
        let micros = |span: std::time::Duration| i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_micros(match now.duration_since(UNIX_EPOCH) {
            Ok(after) => micros(after),
            Err(before) => -micros(before.duration()),
        })
    }
}

/// The system's source of random bytes.
#[derive(Clone, Copy, Debug)]
pub struct SystemChance;

impl Chance for SystemChance {
    #[allow(clippy::disallowed_methods, reason = "here the real source is made")]
    fn fill(&self, bytes: &mut [u8]) {
        if let Err(e) = getrandom::fill(bytes) {
            // Without randomness every key and id would be guessable: nothing may go on.
            eprintln!("ducat: the system gives no random bytes: {e}");
            std::process::abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ducat_domain::random_bytes;

    #[test]
    fn the_clock_tells_a_time_after_this_was_written_and_chance_does_not_repeat_itself() {
        assert!(SystemClock.now() > Timestamp::from_seconds(1_750_000_000));
        assert_ne!(random_bytes::<32>(&SystemChance), random_bytes::<32>(&SystemChance));
    }
}
