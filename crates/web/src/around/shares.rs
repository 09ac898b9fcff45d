//! How much each API key and each address may call.

use crate::settings::Limits;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use ducat_cache::{Limiter, Rate, Standing, Taken};
use ducat_domain::ApiKeyId;
use ducat_engine::{Engine, visitor};
use std::net::IpAddr;
use std::time::Duration;
use tokio::time::Instant;

/// What is counted.
pub(crate) struct Shares {
    of_keys: Limiter,
    /// Nothing where addresses are not limited.
    of_addresses: Option<Limiter>,
}

impl Shares {
    pub fn new(engine: &Engine, limits: &Limits) -> Self {
        let limiter = |of, per_second, burst| Limiter::new(engine.cache().clone(), of, Rate::new(per_second, burst));
        Self {
            of_keys: limiter("key", limits.calls_per_second, limits.burst),
            of_addresses: (limits.visits_per_second > 0)
                .then(|| limiter("address", limits.visits_per_second, limits.visits_at_once)),
        }
    }

    /// Takes one call of this key.
    pub async fn of_key(&self, key: ApiKeyId) -> Taken {
        self.of_keys.take(*key.as_bytes(), Instant::now()).await
    }

    /// Takes one call of whoever comes from there. Says how long to wait where there is none.
    pub async fn of_address(&self, engine: &Engine, ip: Option<IpAddr>) -> Result<(), Duration> {
        let Some(limiter) = &self.of_addresses else { return Ok(()) };
        let Some(name) = ip.and_then(|ip| visitor::name(engine, ip)) else { return Ok(()) };
        let taken = limiter.take(name, Instant::now()).await;
        if taken.admitted { Ok(()) } else { Err(taken.wait) }
    }
}

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// Writes the `RateLimit-…` headers.
pub(super) fn write(standing: &Standing, headers: &mut HeaderMap) {
    headers.insert(LIMIT, HeaderValue::from(standing.limit));
    headers.insert(REMAINING, HeaderValue::from(standing.remaining));
    headers.insert(RESET, HeaderValue::from(whole_seconds(standing.full_after)));
}

/// A part of a second is waited for as a whole one.
pub(crate) fn whole_seconds(span: Duration) -> u64 {
    span.as_secs() + u64::from(span.subsec_nanos() > 0)
}
