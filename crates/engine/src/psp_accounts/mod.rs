//! A merchant's accounts at PSPs.
//!
//! - `create`, `update`: the credentials come in, and are kept encrypted.
//! - `view`: what is shown of them. `secrets`: sealing and opening.
//! - `check`: ask the PSP whether they are good. `subscribe`: tell the PSP where its messages go.
//! - `cache`: accounts seen lately, opened. `capability`: whether a PSP can take a payment.

mod cache;
mod capability;
mod check;
mod create;
mod secrets;
mod subscribe;
mod update;
mod view;

pub(crate) use cache::{AccountCache, Opened, active_of, opened};
pub(crate) use capability::can_take;
pub use check::check;
pub use create::{NewPspAccount, create};
pub(crate) use secrets::open;
pub use subscribe::subscribe;
pub use update::{PspAccountPatch, update};
pub use view::{PspAccountView, get, list};
