//! Moments and the clock that tells them.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::time::Duration;

/// A moment in UTC, counted in microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// Where the present moment comes from. A component that needs the time takes a clock; only the binary makes the real one.
pub trait Clock: Send + Sync + 'static {
    /// The present moment. It may go backwards, as real clocks do.
    fn now(&self) -> Timestamp;
}

impl Timestamp {
    /// The last second that is read: beyond it the year would have five digits somewhere on earth.
    pub const LATEST: &str = "9999-12-30T22:00:00Z";

    /// The moment `micros` microseconds after the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// The moment `seconds` seconds after the epoch; what does not fit is held at the limit.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Whole milliseconds since the epoch, rounded down; never negative.
    pub const fn as_millis(self) -> u64 {
        let millis = self.0.div_euclid(1_000);
        if millis < 0 { 0 } else { millis as u64 }
    }

    /// The moment `span` later, held at the limit.
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }

    /// The moment `span` earlier, held at the limit.
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }

    /// How much later this moment is than `earlier`; zero if it is not later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Reads RFC 3339, such as `2026-11-21T09:30:00Z` or with an offset, up to [`Self::LATEST`].
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|t| Self(t.as_microsecond()))
    }

    /// Reads the date of an HTTP header, such as `Sat, 21 Nov 2026 09:30:00 GMT`.
    pub fn parse_http_date(text: &str) -> Option<Self> {
        jiff::fmt::rfc2822::parse(text).ok().map(|t| Self(t.timestamp().as_microsecond()))
    }
}

/// RFC 3339 in UTC, with as many digits after the second as are needed.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(t) => t.fmt(f),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(d)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("not an RFC 3339 timestamp"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_reads_back_what_it_wrote() {
        let t = Timestamp::from_micros(1_795_253_400_000_001);
        assert_eq!(Timestamp::parse(&t.to_string()), Some(t));
        assert_eq!(Timestamp::parse("1970-01-01T01:00:00+01:00"), Some(Timestamp::from_seconds(0)));
        assert_eq!(Timestamp::parse("yesterday"), None);
        assert!(Timestamp::parse(Timestamp::LATEST).is_some() && Timestamp::parse("9999-12-30T22:00:01Z").is_none());
        assert_eq!(Timestamp::parse_http_date("Thu, 01 Jan 1970 00:01:00 GMT"), Some(Timestamp::from_seconds(60)));
        assert_eq!(Timestamp::parse_http_date("60"), None);
    }

    #[test]
    fn a_clock_that_went_backwards_gives_no_negative_span() {
        assert_eq!(Timestamp::from_seconds(1).since(Timestamp::from_seconds(9)), Duration::ZERO);
    }
}
