//! Refunds: money that goes back. They are made at their order: `payment_orders::refund`.
//!
//! - the verbs: `list`, `get`.

pub(crate) mod get;
pub(crate) mod list;

pub(crate) use get::get;
pub(crate) use list::list;
