//! Money: integer minor units with an ISO 4217 currency.
//!
//! - `currency`: the codes and their exponents.
//! - `amount`: checked arithmetic, display, and the one function that rounds.

mod amount;
mod currency;

pub use amount::{Money, MoneyError};
pub use currency::{Currency, CurrencyError};
