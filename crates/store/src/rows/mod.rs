//! What the store keeps or gives that is no domain type of its own.
//!
//! - `events`: committed facts, and where a reader of them stands.
//! - `requests`: messages of PSPs, and requests that may be repeated.
//! - `jobs`: pieces of work, and the claims on them.
//! - `webhooks`: what there is to do for webhook endpoints.
//! - `declines`: refusals, as they are counted, and where customers came from.
//! - `lists`: lists by pages.
//! - `books`: the journal and the balances, as they are kept.
//! - `settlement`: lines of the PSPs' statements, and what a person has to look at.
//! - `report`: what was committed, what a check of the whole database found, how the server is reached, and whom we wait for.

mod books;
mod declines;
mod events;
mod jobs;
mod lists;
mod report;
mod requests;
mod settlement;
mod webhooks;

pub use books::{AccountBalance, Books, EntryFilter, EntryRow, PostingRow, StatementAsk, StatementLines, StatementRow};
pub(crate) use declines::NO_NETWORK;
pub use declines::{DeclineKey, DeclineRow, DeclinesAsked, ForgetDeclines, Visit};
pub use events::{EventCursor, EventRow};
pub use jobs::{ClaimedJob, Job};
pub use lists::{OrderFilter, Page, PageAnchor};
pub use report::{Finding, HiddenSessions, Link, OpenTransaction, Stats, VerifyProgress, VerifyReport, WaitingCommits};
pub use requests::{IdempotencyRow, InboxState, StoredAnswer};
pub use settlement::{BookException, Closed, PspCursor, PspLineRow};
pub use webhooks::{ClaimedDelivery, DeliveryFilter, EndpointAtWork, EventMark};
