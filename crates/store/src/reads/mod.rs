//! Every read, said once for both databases: SQL that SQLite and PostgreSQL both understand. What belongs to a merchant is read with that
//! merchant in the condition.
//!
//! - `payments`: orders with their attempts. `parts`: captures, refunds, disputes and their evidence.
//! - `journal`: entries, the statement of an account. `sums`: what lies on accounts, and lay there at a moment.
//! - `settlement`: the PSPs' statements, payouts, exceptions.
//! - `events`: the log of events. `webhooks`: endpoints, deliveries, replays, and the events that go to them.
//! - `merchants`: merchants, keys, PSP accounts. `jobs`, `idempotency`: what the engine keeps for itself.
//! - `declines`: what was refused, and where customers came from.

mod declines;
mod events;
mod idempotency;
mod jobs;
mod journal;
mod merchants;
mod parts;
mod payments;
mod settlement;
mod sums;
mod webhooks;

pub(crate) use journal::next;
pub use parts::PartFilter;
pub(crate) use sums::Lines;
pub(crate) use webhooks::first_of;

use crate::Store;

impl Store {
    /// A condition, to be put after others, on a table that names its rows' merchant only on a server, where every row is found by its
    /// merchant first. The merchant is `$1`.
    pub(crate) fn theirs(&self, alias: &str) -> String {
        if self.is_postgres() { format!(" AND {alias}.merchant_id = $1") } else { String::new() }
    }
}
