//! Disputes: payers who say that a payment was wrong, or ask about it.
//!
//! - the verbs: `list`, `get`, `submit` (evidence), `accept`, `add_file`, `files`.

pub(crate) mod accept;
pub(crate) mod add_file;
pub(crate) mod files;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod submit;

pub(crate) use accept::accept;
pub(crate) use add_file::add_file;
pub(crate) use files::files;
pub(crate) use get::get;
pub(crate) use list::list;
pub(crate) use submit::submit;
