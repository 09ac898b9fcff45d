//! Payment orders.
//!
//! - the verbs: `create`, `get`, `list`, `cancel`, `capture`, `refund`, `refunds`, `claim`, `ledger`, `stream`.

pub(crate) mod cancel;
pub(crate) mod capture;
pub(crate) mod claim;
pub(crate) mod create;
pub(crate) mod get;
pub(crate) mod ledger;
pub(crate) mod list;
pub(crate) mod refund;
pub(crate) mod refunds;
pub(crate) mod stream;

pub(crate) use cancel::cancel;
pub(crate) use capture::capture;
pub(crate) use claim::claim;
pub(crate) use create::create;
pub(crate) use get::get;
pub(crate) use ledger::ledger;
pub(crate) use list::list;
pub(crate) use refund::refund;
pub(crate) use refunds::refunds;
pub(crate) use stream::stream;
