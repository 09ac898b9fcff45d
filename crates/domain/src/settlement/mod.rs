//! What a PSP's own statement says: its lines, and the payouts by which the money reaches the bank.
//!
//! - `line`: one line of the statement, in our words, and where it is booked.
//! - `payout`: money on its way from the PSP to the bank, with its moves.

mod line;
mod payout;

pub use line::{Booked, LineAbout, LineKind, Place, StatementLine};
pub use payout::{Arrival, Payout, PayoutError, PayoutMoved, PayoutSeen, PayoutStatus};
