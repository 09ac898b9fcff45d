//! The invariants, each as a query that finds what breaks it.
//!
//! - `journal`: entries, balances, corrections, conversions.
//! - `payments`: orders, attempts, their events and jobs.
//! - `parts`: captures, refunds, disputes, and what each of them booked.
//! - `settlement`: payouts, the PSPs' statements, exceptions.
//! - `webhooks`: endpoints and deliveries.
//!
//! What two tables must agree on is compared by one pass over both: the rows of the one with a plus, those of the other with a minus,
//! grouped by what they are about; a group that does not come out at zero is a breach, whichever side lacks it. `named` reads the id in
//! a reference of the journal, `shown` writes an id as people see it.

mod journal;
mod parts;
mod payments;
mod settlement;
mod webhooks;

/// An invariant, and the query that gives one text per breach.
pub(super) struct Invariant {
    /// What must be so.
    pub says: &'static str,
    /// What finds where it is not.
    pub breaches: &'static str,
}

pub(super) const INVARIANTS: &[&[Invariant]] =
    &[journal::INVARIANTS, payments::INVARIANTS, parts::INVARIANTS, settlement::INVARIANTS, webhooks::INVARIANTS];
