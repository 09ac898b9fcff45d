//! What is kept. Reads give domain types; a use case's writes are one [`Change`], committed whole or refused whole.
//!
//! - `change`: everything a use case writes, as one value, and why a commit may be refused.
//! - `rows`: what the store keeps that is no domain type of its own: events, jobs, inbox, idempotent answers, pages.
//! - `sqlite`: the embedded database. Nothing of it leaks above this crate.

mod change;
mod rows;
mod sqlite;

pub use change::{
    Change, CommitError, DeliveryNext, DeliveryWrite, DisputeFile, EndpointWrite, IdempotencyWrite, InboxWrite, JobWrite,
    PartWrite, PaymentWrite, Unique,
};
pub use rows::{
    AccountBalance, BookException, ClaimedDelivery, ClaimedJob, Closed, DeclineKey, DeclineRow, DeclinesAsked, DeliveryFilter,
    EndpointAtWork, EntryFilter, EntryRow, EventCursor, EventMark, EventRow, Finding, ForgetDeclines, IdempotencyRow, InboxState,
    Job, OrderFilter, Page, PageAnchor, PostingRow, PspCursor, PspLineRow, StatementAsk, StatementLines, StatementRow, Stats,
    StoredAnswer, VerifyReport, Visit,
};
pub use sqlite::{Durability, OpenError, PartFilter, Store, VerifyProgress, WriterMode};

/// A read came to nothing because of the database itself.
#[derive(Debug, thiserror::Error)]
#[error("the database cannot be read: {0}")]
pub struct ReadError(pub String);
