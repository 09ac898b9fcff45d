//! What the database's refusal of a change means.

use crate::{CommitError, Unique};
use rusqlite::{ErrorCode, ffi};

/// How our triggers begin when they refuse a row because it is there already. They look before SQLite's own unique indexes do.
const TAKEN: &str = "taken: ";

/// The refusal in the store's words. Unique indexes and triggers are told apart by the columns they name.
pub(super) fn refused(error: rusqlite::Error) -> CommitError {
    let rusqlite::Error::SqliteFailure(code, message) = &error else {
        return CommitError::Refused(error.to_string());
    };
    let text = message.as_deref().unwrap_or_default();
    match code.extended_code {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY => CommitError::Taken(unique(text)),
        ffi::SQLITE_CONSTRAINT_TRIGGER if text.starts_with(TAKEN) => CommitError::Taken(unique(text)),
        _ if code.code == ErrorCode::ConstraintViolation => CommitError::Refused(text.to_owned()),
        _ => CommitError::Unavailable(error.to_string()),
    }
}

fn unique(text: &str) -> Unique {
    if text.contains("payment_orders.reference") {
        Unique::Reference
    } else if text.contains("idempotency_keys") {
        Unique::IdempotencyKey
    } else if text.contains("inbox") {
        Unique::Message
    } else if text.contains("journal_entries.event_ref") {
        Unique::EventRef
    } else if text.contains("psp_lines") {
        Unique::PspLine
    } else if ["captures", "refunds", "disputes", "payouts"].iter().any(|table| text.contains(table)) {
        Unique::Part
    } else if text.contains("attempts") {
        Unique::Attempt
    } else {
        Unique::Other
    }
}
