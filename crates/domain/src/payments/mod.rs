//! The payment order and its attempts: what they are, and every way they may move.
//!
//! - `terms`: what the merchant asked for; never changes.
//! - `order`: the order and its states.
//! - `attempt`: one try at one PSP account.
//! - `decline`: why a PSP said no, in our words.
//! - `observation`: what a PSP says about a registration.
//! - the moves: `open`, `register`, `observe`, `cancel`, `expire`, `retry`. Each takes the order by value and gives back a [`Moved`].

mod attempt;
mod cancel;
mod decline;
mod expire;
mod observation;
mod observe;
mod open;
mod order;
mod register;
mod retry;
mod terms;

#[cfg(test)]
mod properties;

pub use attempt::{Attempt, AttemptStatus, MAX_ATTEMPTS, PspName, PspToken};
pub use decline::{Decline, DeclineClass, DeclineCode};
pub use observation::{Fee, Observation, Observed};
pub use open::open;
pub use order::{EventKind, Moved, OrderStatus, Payment, PaymentOrder, TransitionError};
pub use terms::{CaptureMode, Channel, Customer, LineItem, PaymentMethod, PaymentType, Terms};
