//! A merchant's accounts at PSPs.
//!
//! - `create`, `list`, `get`, `update`: the settings. `check`, `subscribe`: talk to the PSP.
//! - `settings`: credentials as they come in.

pub(crate) mod check;
pub(crate) mod create;
pub(crate) mod get;
pub(crate) mod list;
mod settings;
pub(crate) mod subscribe;
pub(crate) mod update;

pub(crate) use check::check;
pub(crate) use create::create;
pub(crate) use get::get;
pub(crate) use list::list;
pub(crate) use subscribe::subscribe;
pub(crate) use update::update;
