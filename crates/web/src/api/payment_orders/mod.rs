//! Payment orders.
//!
//! - the verbs: `create`, `get`, `list`, `cancel`, `ledger`, `stream`.

pub(crate) mod cancel;
pub(crate) mod create;
pub(crate) mod get;
pub(crate) mod ledger;
pub(crate) mod list;
pub(crate) mod stream;

pub(crate) use cancel::cancel;
pub(crate) use create::create;
pub(crate) use get::get;
pub(crate) use ledger::ledger;
pub(crate) use list::list;
pub(crate) use stream::stream;
