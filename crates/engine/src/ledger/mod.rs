//! The merchant's books: what lies on its accounts, what was booked, and how a mistake is put right.
//!
//! - `look`: accounts, entries, sums as of a moment. `statement`: one account as a table for a spreadsheet.
//! - `reverse`: the mirror image of an entry that was wrong, and the right one. `view`: what the API shows of an entry.

mod look;
mod reverse;
mod statement;
mod view;

pub use look::{AccountView, TotalView, TrialBalanceView, accounts, entries, entry, trial_balance};
pub use reverse::{MAX_REPLACED, NewLine, NewReversal, ReversalView, reverse};
pub use statement::{MAX_LINES, Statement, statement};
pub use view::{EntryView, PostingView};
