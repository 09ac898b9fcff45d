//! Time that stands still until a test moves it.

use ducat_domain::{Clock, Timestamp};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// A clock that shows what it was set to.
#[derive(Debug)]
pub struct TestClock(AtomicI64);

impl TestClock {
    /// A clock that shows 2026-11-21T10:00:00Z.
    pub fn new() -> Self {
        Self(AtomicI64::new(1_795_255_200_000_000))
    }

    /// A clock that stands at this moment.
    pub fn at(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.as_micros()))
    }

    /// Moves it forward.
    pub fn advance(&self, span: Duration) {
        self.0.fetch_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    /// Moves it backwards, as real clocks do at times.
    pub fn go_back(&self, span: Duration) {
        self.0.fetch_sub(i64::try_from(span.as_micros()).unwrap_or(0), Ordering::Relaxed);
    }
}

impl Default for TestClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Relaxed))
    }
}
