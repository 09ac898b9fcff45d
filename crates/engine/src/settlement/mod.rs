//! What PSPs owe and pay us: their statements, read line by line into the journal, and their payouts.
//!
//! - `get` (and list): looking at payouts. `arrive`: the bank's credit. `exceptions`: what a person has to look at.
//! - `read`: reading a statement on. `place`: where one line belongs. `payouts`: what a PSP says of them.

mod arrive;
mod exceptions;
mod get;
mod payouts;
mod place;
mod read;
mod view;

pub use arrive::{NewArrival, arrive};
pub use exceptions::{ExceptionView, Settled, close_exception, exceptions};
pub use get::{payout, payouts};
pub(crate) use payouts::hear as hear_payout;
pub(crate) use read::read;
pub use view::{ArrivalView, PayoutView};
