//! The real clock and the system's randomness: the one place where the ambient ones are taken.

use ducat_domain::{Chance, Clock, Timestamp};
use std::cell::RefCell;
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

/// How many random bytes a thread asks the system for at once: for sixteen ids, of which a payment needs eight. Linux gives up to 256 as one piece.
const AHEAD: usize = 256;

thread_local! {
    /// Random bytes that nobody has had yet, and how many of them there are, at the beginning.
    static UNUSED: RefCell<([u8; AHEAD], usize)> = const { RefCell::new(([0; AHEAD], 0)) };
}

/// The system's source of random bytes. What an id or a nonce needs is taken from a few that were asked for ahead; keys and secrets are
/// never in memory before they are made.
#[derive(Clone, Copy, Debug)]
pub struct SystemChance;

impl Chance for SystemChance {
    fn fill(&self, bytes: &mut [u8]) {
        if bytes.len() > size_of::<u128>() {
            return ask_the_system(bytes);
        }
        UNUSED.with_borrow_mut(|(unused, left)| {
            if *left < bytes.len() {
                ask_the_system(unused);
                *left = AHEAD;
            }
            let given = &mut unused[*left - bytes.len()..*left];
            bytes.copy_from_slice(given);
            // Given once, and kept nowhere.
            given.fill(0);
            *left -= bytes.len();
        });
    }
}

#[allow(clippy::disallowed_methods, reason = "here the real source is made")]
fn ask_the_system(bytes: &mut [u8]) {
    if let Err(e) = getrandom::fill(bytes) {
        // Without randomness every key and id would be guessable: nothing may go on.
        eprintln!("ducat: the system gives no random bytes: {e}");
        std::process::abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ducat_domain::random_bytes;
    use std::collections::HashSet;

    #[test]
    fn the_clock_tells_a_time_after_this_was_written_and_chance_does_not_repeat_itself() {
        assert!(SystemClock.now() > Timestamp::from_seconds(1_750_000_000));
        assert_ne!(random_bytes::<32>(&SystemChance), random_bytes::<32>(&SystemChance));
    }

    #[test]
    fn what_is_asked_for_ahead_is_given_once_and_never_as_zeros() {
        let mut given = HashSet::new();
        for _ in 0..3 * AHEAD {
            let id = random_bytes::<16>(&SystemChance);
            assert!(given.insert(id) && id[..8] != [0; 8] && id[8..] != [0; 8], "{id:?}");
            // So that the next is not taken from an even place.
            assert_eq!(random_bytes::<3>(&SystemChance).len(), 3);
        }
    }
}
