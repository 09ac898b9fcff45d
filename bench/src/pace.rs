//! When each payment of a fixed rate is to begin. The times are set beforehand and do not move when the gateway is slow: a payment that
//! has to wait for its turn has waited from the moment at which it should have begun (no coordinated omission).

use std::time::{Duration, Instant};
use tokio::sync::mpsc;

const SECOND: u128 = 1_000_000_000;
/// How many payments may be behind before the pacer itself waits. Their times stay as they were.
const MOST_BEHIND: usize = 1 << 16;

/// When the payment of this number begins, counted from the start.
pub fn begins(number: u64, per_second: u64) -> Duration {
    let nanos = u128::from(number) * SECOND / u128::from(per_second.max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// Sends each payment's time when it has come, from a thread of its own, because the runtime's timers are good to a millisecond only.
/// Ends after `most` payments, or when nobody listens any more.
pub fn begin(per_second: u64, most: u64) -> mpsc::Receiver<Instant> {
    let (sender, receiver) = mpsc::channel(MOST_BEHIND);
    std::thread::spawn(move || {
        let start = Instant::now();
        for number in 0..most {
            let due = start + begins(number, per_second);
            let wait = due.saturating_duration_since(Instant::now());
            if !wait.is_zero() {
                std::thread::sleep(wait);
            }
            if sender.blocking_send(due).is_err() {
                return;
            }
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_keeps_to_its_times_without_drifting() {
        assert_eq!(begins(0, 3), Duration::ZERO);
        assert_eq!(begins(3, 3), Duration::from_secs(1));
        assert_eq!(begins(1, 3), Duration::from_nanos(333_333_333));
        assert_eq!(begins(3_000_000_000, 3), Duration::from_secs(1_000_000_000), "thirds do not add up to an error");
    }

    #[tokio::test]
    async fn a_payment_that_nobody_took_in_time_keeps_its_time() {
        let mut times = begin(1_000, 30);
        let first = times.recv().await.expect("a first one");
        // Nobody listens while ten are due.
        while first.elapsed() < Duration::from_millis(10) {
            std::hint::spin_loop();
        }
        for number in 1..30 {
            assert_eq!(times.recv().await.expect("one more") - first, begins(number, 1_000));
        }
        assert!(times.recv().await.is_none(), "only as many as were asked for");
    }
}
