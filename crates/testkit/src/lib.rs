//! Only for tests: the engine over a real SQLite file and the sandbox, all on the calling thread, with a clock that the test moves.
//!
//! - `clock`, `chance`: time that stands still until moved, randomness from a seed.
//! - `transport`: carries the engine's requests into the sandbox, and loses them on demand.
//! - `world`: everything wired together, and what a test does with it.

mod chance;
mod clock;
mod transport;
mod world;

pub use chance::Seeded;
pub use clock::TestClock;
pub use transport::SandboxTransport;
pub use world::{Delivered, World};
