//! Payouts: what PSPs send to the bank.
//!
//! - the verbs: `list`, `get`.

pub(crate) mod get;
pub(crate) mod list;

pub(crate) use get::get;
pub(crate) use list::list;
