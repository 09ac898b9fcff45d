//! Keys to the API.
//!
//! - `create`, `list`, `revoke`: each needs a key of scope admin.

pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod revoke;

pub(crate) use create::create;
pub(crate) use list::list;
pub(crate) use revoke::revoke;
