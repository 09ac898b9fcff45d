//! Committed facts, and where a reader of them stands.

use ducat_domain::{EventId, EventKind, MerchantId, Subject, Timestamp};

/// A committed fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// Its id; also the cursor for reading on.
    pub id: EventId,
    /// Whose.
    pub merchant: MerchantId,
    /// What it is about.
    pub subject: Subject,
    /// Counts the subject's events from 1, without gaps; equals an order's version.
    pub sequence: u32,
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub at: Timestamp,
    /// The moving part of the subject as it was, as JSON.
    pub snapshot: String,
}

/// Where a reader of events stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventCursor {
    /// Before the first.
    Start,
    /// After this one.
    After(EventId),
    /// After the last, looking back: the newest comes first. This is how a reader finds the end of the log.
    Newest,
}
