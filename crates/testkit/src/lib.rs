//! Only for tests: the engine over a real database and the sandbox, with a clock that the test moves; with SQLite all on the calling thread.
//!
//! - `clock`, `chance`: time that stands still until moved, randomness from a seed.
//! - `transport`: carries the engine's requests into the sandbox, and loses them on demand.
//! - `courier`: merchants' servers, in a box.
//! - `place`: the database, a file or on a server. `twin`: somebody who does something between two accesses to it.
//! - `world`: everything wired together, and what a test does with it.

mod chance;
mod clock;
mod courier;
mod place;
mod transport;
mod twin;
mod world;

pub use chance::Seeded;
pub use clock::TestClock;
pub use courier::{Came, Receiver, Receivers};
pub use place::Database;
pub use transport::SandboxTransport;
pub use twin::Twin;
pub use world::{Delivered, STRIPE_KEY, World};
