//! Events: the log of committed facts.
//!
//! - `list`: read on from a cursor. `get`: one event.

pub(crate) mod get;
pub(crate) mod list;

pub(crate) use get::get;
pub(crate) use list::list;
