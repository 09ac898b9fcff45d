//! Disputes: payers who say that a payment was wrong, or ask about it.
//!
//! - the verbs: `list`, `get`, `submit` (evidence), `accept`.

pub(crate) mod accept;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod submit;

pub(crate) use accept::accept;
pub(crate) use get::get;
pub(crate) use list::list;
pub(crate) use submit::submit;
