//! What a group of changes writes: the rows of all of them, one statement per table and kind of write, in the same order of tables in
//! every group and sorted by key within a table, so that two groups never wait for each other in a ring. Statements that need not see each
//! other's rows make one leg.
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

use super::leg::Leg;
use super::statement::Statement;
use crate::{Change, CommitError};

pub(super) type Applied = Result<(), CommitError>;

/// What writes all of these changes, leg by leg. No two of them may touch the same row.
pub(super) fn legs(changes: &[&Change], accounts: &KnownAccounts) -> Result<Vec<Leg>, CommitError> {
    let mut legs = Legs::default();
    // What others may have been faster at comes first, so that a lost race costs little.
    legs.together(|out| {
        merchants::idempotency(out, changes)?;
        merchants::inbox(out, changes)?;
        payments::write(out, changes)
    })?;
    legs.apart(|out| payments::unpaid_ends(out, changes))?;
    legs.apart(|out| merchants::write(out, changes))?;
    legs.apart(|out| parts::write(out, changes))?;
    legs.apart(|out| settlement::write(out, changes))?;
    legs.apart(|out| webhooks::endpoints(out, changes))?;
    // What an event tells of is there before the event, and the event before its deliveries.
    legs.together(|out| {
        journal::write(out, changes, accounts)?;
        events::write(out, changes)
    })?;
    legs.apart(|out| webhooks::deliveries(out, changes))?;
    legs.apart(|out| forget::write(out, changes))?;
    legs.apart(|out| journal::books(out, changes))?;
    // Last, because all of a merchant's payments meet in these rows, the job of a PSP account's statement and the balances: they are held
    // only while the commit is under way.
    let mut rounds = jobs::rounds(changes);
    let mut last = rounds.pop().unwrap_or_default();
    journal::balances(&mut last, changes)?;
    legs.0.extend(rounds.into_iter().chain([last]).filter(|round| !round.is_empty()));
    Ok(legs.0)
}

/// Legs, as they come.
#[derive(Default)]
struct Legs(Vec<Leg>);

impl Legs {
    /// Statements that are one leg: none of them looks for what another one writes.
    fn together(&mut self, write: impl FnOnce(&mut Vec<Statement>) -> Applied) -> Applied {
        let mut statements = Vec::new();
        write(&mut statements)?;
        if !statements.is_empty() {
            self.0.push(statements);
        }
        Ok(())
    }

    /// Statements that are a leg each.
    fn apart(&mut self, write: impl FnOnce(&mut Vec<Statement>) -> Applied) -> Applied {
        let mut statements = Vec::new();
        write(&mut statements)?;
        self.0.extend(statements.into_iter().map(|statement| vec![statement]));
        Ok(())
    }
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
