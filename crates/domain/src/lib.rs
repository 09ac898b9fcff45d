//! What is true: money, ids, states, journal rules. Pure: no async, no I/O, no ambient time or chance.

pub mod chance;
pub mod time;

pub use chance::{Chance, random_bytes};
pub use time::{Clock, Timestamp};
