//! The client that all connectors share: it sends what a connector says, as its spec says, and brings back what came of it.
//!
//! - `transport`: what is needed of the outside, as a trait. `http`: the real one.
//! - `address`: where a PSP's API lives, and which addresses are allowed.
//! - `dress`: a connector's request with everything that is the same for all of its PSP's requests.
//! - `talk`: an operation from its first request to its outcome, and the one policy for trying again at once.

mod address;
mod dress;
mod http;
mod talk;
mod transport;

pub(crate) use address::address;
pub use http::HttpTransport;
pub(crate) use talk::go_on;
pub use talk::{Patience, talk};
pub use transport::{Outgoing, Transport};
