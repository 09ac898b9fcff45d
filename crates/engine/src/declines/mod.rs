//! What was refused, counted: against card testing, and for the card networks' limits. Everything is in the database, so it holds across
//! restarts, and across PSP accounts.
//!
//! - `keys`: by what refusals are counted, as digests. `note`: what is written beside a decline.
//! - `guard`: when an order, a customer or an address has had too much refused. `card`: whether a card may be tried.
//! - `visit`: where a customer comes from. `forget`: what is old.

mod card;
mod forget;
mod guard;
mod keys;
mod note;
mod visit;

pub use card::{NewTry, may_try};
pub use forget::forget;
pub(crate) use guard::{customer_closed, is_over};
pub(crate) use note::Noted;
pub(crate) use visit::arrive;
