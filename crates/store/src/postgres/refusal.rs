//! What the server's refusal of a change means.

use super::connect::NoAnswer;
use crate::{CommitError, Unique};
use tokio_postgres::error::{DbError, SqlState};

/// Raised by `must_be` where a row has moved since it was read.
const STALE: &str = "DU409";

/// What becomes of a group whose statements came to nothing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Two transactions met; the same may be tried again at once.
    Met,
    /// The database refuses it.
    Refused(CommitError),
    /// The connection is gone, or the server is going: what was under way may have been committed.
    Lost(String),
}

pub(super) fn failure(e: &NoAnswer) -> Failure {
    let told = e.to_string();
    let said = match e {
        NoAnswer::Said(e) => e.as_db_error(),
        NoAnswer::Silent => None,
    };
    let Some(db) = said else { return Failure::Lost(told) };
    let code = db.code();
    if [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED, SqlState::LOCK_NOT_AVAILABLE].contains(code) {
        return Failure::Met;
    }
    match code.code() {
        STALE => Failure::Refused(CommitError::Stale),
        "23505" => Failure::Refused(CommitError::Taken(unique(db))),
        "22003" => Failure::Refused(CommitError::BalanceOutOfRange),
        code if code.starts_with("23") || code.starts_with("22") => Failure::Refused(CommitError::Refused(told)),
        // The connection ends, the server goes down, or it is short of something.
        code if code.starts_with("57") || code.starts_with("08") => Failure::Lost(told),
        "25006" => Failure::Lost(told),
        code if code.starts_with("53") || code.starts_with("58") => Failure::Refused(CommitError::Unavailable(told)),
        _ => Failure::Refused(CommitError::Refused(told)),
    }
}

fn unique(db: &DbError) -> Unique {
    let (table, constraint) = (db.table().unwrap_or_default(), db.constraint().unwrap_or_default());
    // A partition is named after its table.
    let of = |name: &str| table.starts_with(name);
    if constraint.starts_with("payment_orders_reference") {
        Unique::Reference
    } else if of("idempotency_keys") {
        Unique::IdempotencyKey
    } else if of("inbox") {
        Unique::Message
    } else if of("journal_entries") && constraint.contains("event_ref") {
        Unique::EventRef
    } else if of("psp_lines") {
        Unique::PspLine
    } else if ["captures", "refunds", "disputes", "payouts"].into_iter().any(of) {
        Unique::Part
    } else if of("attempts") {
        Unique::Attempt
    } else {
        Unique::Other
    }
}
