//! Telling merchants what happened: each event is carried to each of the merchant's webhook endpoints that wants its kind.
//!
//! - `dispatch`: has carried what is due, every endpoint on its own. `look`: what there is to do, read and claimed; `fan_out`: from events to
//!   deliveries. `hand`: what is claimed and waits; `standing`: how much at once; `known`: endpoints in use.
//! - `attempt`: one delivery, tried; `settle`: tries, written down together. `body`, `signature`, `carry`: what is sent, how it is proved, how it goes.
//! - `schedule`: when it is tried again. `retry`: when somebody asks for it.
//! - `view`: the delivery log; `redact`: what may be kept in it; `forget`: for how long.

mod attempt;
mod body;
mod carry;
mod dispatch;
mod fan_out;
mod forget;
mod hand;
mod known;
mod look;
mod redact;
mod retry;
pub mod schedule;
mod settle;
pub mod signature;
mod standing;
mod view;

pub(crate) use carry::{Parcel, carry};
pub use dispatch::Dispatcher;
pub use forget::forget;
pub use retry::retry;
pub use view::{DeliveryView, ResponseView, TryView, get, list};
