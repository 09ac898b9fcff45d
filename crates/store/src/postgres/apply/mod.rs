//! What a group of changes writes: the rows of all of them, one statement per table and kind of write, in the same order of tables in
//! every group and sorted by key within a table, so that two groups never wait for each other in a ring.
//!
//! - `merchants`: merchants, keys, PSP accounts, idempotency keys, messages. `payments`: orders and attempts. `parts`: captures, refunds,
//!   disputes. `settlement`: payouts, statements, exceptions. `journal`: entries and balances. `events`: events and declines. `jobs`.
//!   `webhooks`: endpoints, deliveries, replays. `forget`: what is old enough to go.

mod events;
mod forget;
mod jobs;
mod journal;
mod merchants;
mod parts;
mod payments;
mod settlement;
mod webhooks;

pub(super) use journal::KnownAccounts;

use super::statement::Statement;
use crate::{Change, CommitError};

pub(super) type Applied = Result<(), CommitError>;

/// The statements that write all of these changes. No two of them may touch the same row.
pub(super) fn statements(changes: &[&Change], accounts: &KnownAccounts) -> Result<Vec<Statement>, CommitError> {
    let mut out = Vec::with_capacity(16);
    // What others may have been faster at comes first, so that a lost race costs little.
    merchants::idempotency(&mut out, changes);
    merchants::inbox(&mut out, changes);
    merchants::write(&mut out, changes);
    payments::write(&mut out, changes)?;
    parts::write(&mut out, changes)?;
    settlement::write(&mut out, changes)?;
    journal::write(&mut out, changes, accounts)?;
    // What an event tells of is there before the event, and the event before its deliveries.
    webhooks::endpoints(&mut out, changes)?;
    events::write(&mut out, changes);
    webhooks::deliveries(&mut out, changes)?;
    forget::write(&mut out, changes);
    // Last, because all of a merchant's payments meet in these rows, the job of a PSP account's statement and the balances: they are held
    // only while the commit is under way.
    jobs::write(&mut out, changes);
    journal::balances(&mut out, changes)?;
    Ok(out)
}

/// Every row of one kind in all changes.
fn all<'c, T>(changes: &[&'c Change], of: impl Fn(&'c Change) -> &'c [T]) -> Vec<&'c T> {
    changes.iter().flat_map(|change| of(change)).collect()
}

/// A value as JSON, where there is one.
fn text_of<T: serde::Serialize>(value: Option<&T>) -> Result<Option<String>, CommitError> {
    value.map(text).transpose()
}

/// A value as JSON.
fn text<T: serde::Serialize>(value: &T) -> Result<String, CommitError> {
    serde_json::to_string(value).map_err(|e| CommitError::Refused(e.to_string()))
}
