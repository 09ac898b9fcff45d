//! Telling merchants what happened: each event is carried to each of the merchant's webhook endpoints that wants its kind.
//!
//! - `signature`: how a delivery proves where it comes from.

pub mod signature;
