//! Only for tests: the engine over a real SQLite file and the sandbox, all on the calling thread, with a clock that the test moves.
//!
//! - `clock`, `chance`: time that stands still until moved, randomness from a seed.
//! - `transport`: carries the engine's requests into the sandbox, and loses them on demand.
//! - `courier`: merchants' servers, in a box.
//! - `world`: everything wired together, and what a test does with it.

mod chance;
mod clock;
mod courier;
mod transport;
mod world;

pub use chance::Seeded;
pub use clock::TestClock;
pub use courier::{Came, Receiver, Receivers};
pub use transport::SandboxTransport;
pub use world::{Delivered, STRIPE_KEY, World};
