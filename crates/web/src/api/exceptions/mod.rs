//! Exceptions: what a person has to look at.
//!
//! - the verbs: `list`, `close`.

pub(crate) mod close;
pub(crate) mod list;

pub(crate) use close::close;
pub(crate) use list::list;
