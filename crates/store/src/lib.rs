//! What is kept. Reads give domain types; a use case's writes are one [`Change`], committed whole or refused whole.
//!
//! - `change`: everything a use case writes, as one value, and why a commit may be refused.
//! - `rows`: what the store keeps that is no domain type of its own: events, jobs, inbox, idempotent answers, pages.
//! - `between`: who is let in between two accesses.
//! - `store`: the [`Store`], in front of whichever database there is.
//! - `reads`: every read, said once for both databases, with `value` (what a statement is given), `row` (what it finds) and `codec` (domain
//!   types from rows).
//! - `archive`: orders that are over, apart from those that live. `closings`: what lay on accounts, kept every so many entries.
//! - `invariants`: what must be so of the whole database, as queries that find what breaks it.
//! - `sqlite`: the embedded database. `postgres`: a server. Nothing of either leaks above this crate.

mod archive;
mod between;
mod change;
mod closings;
mod codec;
#[cfg(test)]
mod every_read;
mod invariants;
mod postgres;
mod reads;
mod row;
mod rows;
mod sqlite;
mod store;
mod value;

pub use archive::Archived;
pub use between::Between;
pub use change::{
    Balances, BooksStep, BooksWrite, Change, CommitError, DeliveryKey, DeliveryNext, DeliveryWrite, DisputeFile, EndpointWrite,
    IdempotencyWrite, InboxWrite, JobNext, JobWrite, PartWrite, PaymentWrite, Unique,
};
pub use postgres::{PostgresSettings, Statements};
pub use reads::PartFilter;
pub(crate) use rows::NO_NETWORK;
pub use rows::{
    AccountBalance, BookException, Books, ClaimedDelivery, ClaimedJob, Closed, DeclineKey, DeclineRow, DeclinesAsked,
    DeliveryFilter, EndpointAtWork, EntryFilter, EntryRow, EventCursor, EventMark, EventRow, Finding, ForgetDeclines,
    HiddenSessions, IdempotencyRow, InboxState, Job, Link, OpenTransaction, OrderFilter, Page, PageAnchor, PostingRow, PspCursor,
    PspLineRow, StatementAsk, StatementLines, StatementRow, Stats, StoredAnswer, VerifyProgress, VerifyReport, Visit,
    WaitingCommits,
};
pub use store::{Durability, OpenError, Store, Unready, WriterMode};

/// A read came to nothing because of the database itself.
#[derive(Debug, thiserror::Error)]
#[error("the database cannot be read: {0}")]
pub struct ReadError(pub String);
