//! A merchant's addresses for events.
//!
//! - `create`, `list`, `get`, `update`, `delete`, `rotate_secret`: the settings. `test`, `replay`: send one now, or a range again.
//! - `deliveries`, `delivery`, `retry`: the delivery log.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod deliveries;
pub(crate) mod delivery;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod replay;
pub(crate) mod retry;
pub(crate) mod rotate_secret;
pub(crate) mod test;
pub(crate) mod update;

pub(crate) use create::create;
pub(crate) use delete::delete;
pub(crate) use deliveries::deliveries;
pub(crate) use delivery::delivery;
pub(crate) use get::get;
pub(crate) use list::list;
pub(crate) use replay::replay;
pub(crate) use retry::retry;
pub(crate) use rotate_secret::rotate_secret;
pub(crate) use test::test;
pub(crate) use update::update;
