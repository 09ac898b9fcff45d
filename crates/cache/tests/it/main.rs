//! The cache with a real server: shared, lost, slow, back again.
//!
//! - `sharing`: what nodes count together. `losing`: what they do without it. `script`: the arithmetic on the server.

#[path = "../support/valkey.rs"]
mod valkey;

mod losing;
mod script;
mod sharing;

use ducat_cache::{Address, Cache, Limiter, Rate, State};
use std::time::Duration;
use tokio::time::Instant;
use valkey::Valkey;

const NAME: [u8; 16] = [7; 16];
/// How long anything may take before the test gives up on it.
const PATIENCE: Duration = Duration::from_secs(20);

/// A node that has looked at the server once.
async fn node(valkey: &Valkey) -> Cache {
    let cache = Cache::at(&Address::read(&valkey.url()).unwrap());
    cache.look().await.unwrap();
    assert_eq!(cache.state(), State::Shared);
    cache
}

fn limiter(cache: &Cache, per_second: u32, burst: u32) -> Limiter {
    Limiter::new(cache.clone(), "key", Rate::new(per_second, burst))
}

/// Waits until the node's cache stands like this.
async fn until(cache: &Cache, state: State) {
    let begun = Instant::now();
    while cache.state() != state {
        assert!(begun.elapsed() < PATIENCE, "it stays {:?}", cache.state());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
