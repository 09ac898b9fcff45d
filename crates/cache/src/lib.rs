//! What nodes share and may lose: how often API keys and addresses call, and the news that a key was taken back. In this node's memory, or in
//! Valkey or Redis; while that does not answer, everything goes on in memory, and says so. No secret and no payment is ever in it.
//!
//! - `cache`: what nodes share, and how it is at present. `address`: where it is. `valkey`: the way there.
//! - `limiter`: how often each name may call. `rate`: the arithmetic; `take.lua`: the same on the server. `memory`: buckets of this node.
//!   `allowances`: what this node has taken out of the shared ones beforehand.

mod address;
mod allowances;
mod cache;
mod limiter;
mod memory;
mod rate;
mod valkey;

pub use address::Address;
pub use cache::{Cache, State};
pub use limiter::Limiter;
pub use rate::{Rate, Standing, Taken};
