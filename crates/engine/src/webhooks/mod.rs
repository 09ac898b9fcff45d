//! Messages of PSPs.
//!
//! - `receive`: verify over the raw bytes, keep once, apply or ask.

mod receive;

pub use receive::{ReceiveError, Received, receive};
