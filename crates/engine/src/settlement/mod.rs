//! What PSPs owe and pay us: their statements, read line by line into the journal, and their payouts.
//!
//! - `get` (and list): looking at payouts.
//! - `read`: reading a statement on. `place`: where one line belongs. `payouts`: what a PSP says of them.

mod get;
mod payouts;
mod place;
mod read;
mod view;

pub use get::{payout, payouts};
pub(crate) use payouts::hear as hear_payout;
pub(crate) use read::read;
pub use view::PayoutView;
