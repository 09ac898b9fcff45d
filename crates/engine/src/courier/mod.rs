//! The way to the merchants' own servers. Their addresses come from the outside, so nothing of the inside may be reached by it.
//!
//! - `guard`: which addresses are allowed. `lookup`: names to allowed addresses.
//! - `http`: the real courier.

mod guard;
mod http;
mod lookup;

pub use guard::{Guard, MAX_URL, Refused};
pub use http::{ANSWER_KEPT, HttpCourier};
pub use lookup::{Found, Lookup, SystemLookup};
