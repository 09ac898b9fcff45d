//! Messages of PSPs.
//!
//! - `expect`: what the head alone says. `receive`: verify over the raw bytes, keep once, apply or ask.

mod expect;
mod receive;

pub use expect::expect;
pub use receive::{ReceiveError, Received, receive};
