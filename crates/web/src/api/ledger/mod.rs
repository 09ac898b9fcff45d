//! The merchant's books.
//!
//! - `accounts`, `entries`, `entry`, `trial_balance`: looking. `statement`: one account as a table.
//! - `reverse`: putting a mistake right.

pub(crate) mod accounts;
pub(crate) mod entries;
pub(crate) mod entry;
pub(crate) mod reverse;
pub(crate) mod statement;
pub(crate) mod trial_balance;

pub(crate) use accounts::accounts;
pub(crate) use entries::entries;
pub(crate) use entry::entry;
pub(crate) use reverse::reverse;
pub(crate) use statement::statement;
pub(crate) use trial_balance::trial_balance;
