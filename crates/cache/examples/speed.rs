//! What a call costs before anything is done: `cargo run --release -p ducat-cache --example speed [redis://127.0.0.1:6379]`. One key, two
//! threads at once; then many keys.

use ducat_cache::{Address, Cache, Limiter, Rate, State};
use std::sync::Arc;
use tokio::time::Instant;

const CALLS: u32 = 2_000_000;
const THREADS: u32 = 2;

#[tokio::main]
async fn main() {
    let address = std::env::args().nth(1).unwrap_or_else(|| "memory:".to_owned());
    let cache = Cache::at(&Address::read(&address).expect("an address"));
    cache.look().await.expect("the server answers");
    for (what, keys) in [("one key", 1), ("10,000 keys", 10_000)] {
        // As much as is wanted, so that nothing is refused.
        let limiter = Arc::new(Limiter::new(cache.clone(), "speed", Rate::new(1_000_000, 1_000_000)));
        let begun = Instant::now();
        let threads: Vec<_> = (0..THREADS).map(|thread| tokio::spawn(calls(limiter.clone(), thread, keys))).collect();
        let mut admitted = 0;
        for thread in threads {
            admitted += thread.await.expect("a thread");
        }
        let nanos = begun.elapsed().as_nanos() * u128::from(THREADS) / u128::from(CALLS);
        println!("{address}, {what}: {nanos} ns of a thread's time for each call, {admitted} of {CALLS} admitted");
    }
    assert_ne!(cache.state(), State::Degraded);
}

async fn calls(limiter: Arc<Limiter>, thread: u32, keys: u32) -> u32 {
    let mut admitted = 0;
    for call in 0..CALLS / THREADS {
        let mut name = [0; 16];
        name[12..].copy_from_slice(&(call.wrapping_add(thread) % keys).to_be_bytes());
        admitted += u32::from(limiter.take(name, Instant::now()).await.admitted);
    }
    admitted
}
