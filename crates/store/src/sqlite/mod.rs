//! The embedded database.

use crate::*;
use ducat_domain::payments::{Attempt, Payment, PaymentOrder, PspToken};
use ducat_domain::*;
use std::path::Path;

/// Where the writer runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriterMode {
    /// On a thread of its own; changes that wait are committed together.
    Thread,
    /// On the calling thread, reads included: nothing happens behind the caller's back.
    Caller,
}

/// The settings that decide whether a commit survives a power cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Durability {
    /// `wal`.
    pub journal_mode: String,
    /// 2 is FULL.
    pub synchronous: i64,
    /// Whether foreign keys are enforced.
    pub foreign_keys: bool,
    /// The database library.
    pub library: String,
}

/// Why the database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The database says no.
    #[error("the database cannot be opened: {0}")]
    Database(String),
    /// It was written by a newer Ducat.
    #[error("the database has migration {found}, this program knows only up to {known}")]
    Newer {
        /// The newest in the database.
        found: u32,
        /// The newest we know.
        known: u32,
    },
}

/// The store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {}

#[allow(unused_variables)]
impl Store {
    /// Opens or creates the database file and brings it to the newest migration.
    pub fn open_sqlite(path: &Path, mode: WriterMode, now: Timestamp) -> Result<Self, OpenError> { unreachable!() }
    /// Commits a change whole, or says why not.
    pub async fn commit(&self, change: Change) -> Result<(), CommitError> { unreachable!() }
    /// Whether the database answers.
    pub async fn ready(&self) -> Result<(), ReadError> { unreachable!() }
    /// The settings that decide about durability.
    pub async fn durability(&self) -> Result<Durability, ReadError> { unreachable!() }
    /// The order with its latest attempt.
    pub async fn payment(&self, order: PaymentOrderId) -> Result<Option<Payment>, ReadError> { unreachable!() }
    /// The order with the attempt of this id.
    pub async fn payment_by_attempt(&self, attempt: AttemptId) -> Result<Option<Payment>, ReadError> { unreachable!() }
    /// The order with the attempt that has this token.
    pub async fn payment_by_token(&self, account: PspAccountId, token: &PspToken) -> Result<Option<Payment>, ReadError> { unreachable!() }
    /// The merchant's order with this reference, with its latest attempt.
    pub async fn payment_by_reference(&self, merchant: MerchantId, reference: &str) -> Result<Option<Payment>, ReadError> { unreachable!() }
    /// A merchant's orders, newest first, each with its latest attempt.
    pub async fn payments(&self, merchant: MerchantId, filter: OrderFilter, anchor: PageAnchor<PaymentOrderId>, limit: u32) -> Result<Page<Payment>, ReadError> { unreachable!() }
    /// Every attempt of an order, first to last.
    pub async fn attempts(&self, order: PaymentOrderId) -> Result<Vec<Attempt>, ReadError> { unreachable!() }
    /// Orders by id, in no particular order.
    pub async fn orders(&self, ids: Vec<PaymentOrderId>) -> Result<Vec<PaymentOrder>, ReadError> { unreachable!() }
    /// A merchant's events in the order of their commit. `None` where the cursor is unknown.
    pub async fn events(&self, merchant: MerchantId, cursor: EventCursor, kinds: Vec<String>, limit: u32) -> Result<Option<Page<EventRow>>, ReadError> { unreachable!() }
    /// All events of an order, first to last.
    pub async fn events_of(&self, order: PaymentOrderId) -> Result<Vec<EventRow>, ReadError> { unreachable!() }
    /// One event.
    pub async fn event(&self, merchant: MerchantId, id: EventId) -> Result<Option<EventRow>, ReadError> { unreachable!() }
    /// What is kept of an idempotency key.
    pub async fn idempotency(&self, merchant: MerchantId, key: &str) -> Result<Option<IdempotencyRow>, ReadError> { unreachable!() }
    /// Takes jobs that are due; nobody else gets them until the lease ends.
    pub async fn claim_jobs(&self, now: Timestamp, lease: std::time::Duration, limit: u32) -> Result<Vec<ClaimedJob>, CommitError> { unreachable!() }
    /// When the next job is due.
    pub async fn next_job_at(&self) -> Result<Option<Timestamp>, ReadError> { unreachable!() }
    /// The key with this hash.
    pub async fn api_key(&self, hash: [u8; 32]) -> Result<Option<ApiKey>, ReadError> { unreachable!() }
    /// A merchant's keys, newest first.
    pub async fn api_keys(&self, merchant: MerchantId) -> Result<Vec<ApiKey>, ReadError> { unreachable!() }
    /// All merchants, oldest first.
    pub async fn merchants(&self) -> Result<Vec<Merchant>, ReadError> { unreachable!() }
    /// One merchant.
    pub async fn merchant(&self, id: MerchantId) -> Result<Option<Merchant>, ReadError> { unreachable!() }
    /// One PSP account.
    pub async fn psp_account(&self, id: PspAccountId) -> Result<Option<PspAccount>, ReadError> { unreachable!() }
    /// A merchant's PSP accounts, oldest first.
    pub async fn psp_accounts(&self, merchant: MerchantId) -> Result<Vec<PspAccount>, ReadError> { unreachable!() }
    /// The journal entries of an order, oldest first.
    pub async fn entries_of(&self, order: PaymentOrderId) -> Result<Vec<EntryRow>, ReadError> { unreachable!() }
    /// What lies on a merchant's accounts.
    pub async fn balances(&self, merchant: MerchantId) -> Result<Vec<AccountBalance>, ReadError> { unreachable!() }
    /// Runs every invariant over the whole database.
    pub async fn verify(&self) -> Result<VerifyReport, ReadError> { unreachable!() }
}
