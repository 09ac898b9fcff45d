//! What is true: money, ids, states, journal rules. Pure: no async, no I/O, no ambient time or chance.

pub mod chance;
pub mod events;
pub mod id;
pub mod journal;
pub mod merchants;
pub mod money;
pub mod payments;
pub mod secret;
pub mod settlement;
pub mod time;
pub mod webhooks;

pub use chance::{Chance, random_bytes};
pub use events::{EventKind, Subject};
pub use id::*;
pub use merchants::{ApiKey, Merchant, PspAccount, Scope};
pub use money::{Currency, CurrencyError, Money, MoneyError};
pub use secret::Secret;
pub use time::{Clock, Timestamp};
