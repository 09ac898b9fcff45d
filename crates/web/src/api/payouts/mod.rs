//! Payouts: what PSPs send to the bank.
//!
//! - the verbs: `list`, `get`, `arrive`.

pub(crate) mod arrive;
pub(crate) mod get;
pub(crate) mod list;

pub(crate) use arrive::arrive;
pub(crate) use get::get;
pub(crate) use list::list;
