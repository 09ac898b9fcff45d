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
/// How long a node waits for an answer where the server is well: longer than any machine stands still.
const PATIENT: Duration = Duration::from_secs(10);

/// A node that has looked at the server, and waits long for it.
async fn node(valkey: &Valkey) -> Cache {
    node_waiting(valkey, PATIENT).await
}

/// The same, which waits so long for an answer.
async fn node_waiting(valkey: &Valkey, limit: Duration) -> Cache {
    let cache = Cache::waiting(&Address::read(&valkey.url()).unwrap(), limit);
    let begun = Instant::now();
    while let Err(why) = cache.look().await {
        assert!(begun.elapsed() < PATIENCE, "the server does not answer: {why}");
    }
    assert_eq!(cache.state(), State::Shared);
    cache
}

/// How many calls have come back since then at so many a second, and what may have come back of the next.
fn came_back(since: Instant, per_second: u32) -> u32 {
    u32::try_from(since.elapsed().as_millis()).unwrap() * per_second / 1000 + 2
}

fn limiter(cache: &Cache, per_second: u32, burst: u32) -> Limiter {
    Limiter::new(cache.clone(), "key", Rate::new(per_second, burst))
}

/// Waits until the node's cache stands like this.
async fn until(cache: &Cache, state: State) {
    let begun = Instant::now();
    while cache.state() != state {
        assert!(begun.elapsed() < PATIENCE, "it stays {:?} and does not become {state:?}", cache.state());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
