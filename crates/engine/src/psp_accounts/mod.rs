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

/// What the account at the sandbox is called. The accounts that the configuration speaks of are found again by their names at each start: so no other
/// account is called so, and they are called nothing else.
pub const SANDBOX_ACCOUNT: &str = "Stripe sandbox";
/// What the account is called whose key stands in the configuration.
pub const CONFIGURED_ACCOUNT: &str = "Stripe (from the configuration)";

/// Whether a name is one of the configuration's.
pub fn is_of_configuration(name: &str) -> bool {
    name == SANDBOX_ACCOUNT || name == CONFIGURED_ACCOUNT
}
