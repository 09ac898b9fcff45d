//! What the store keeps or gives that is no domain type of its own.

use ducat_domain::journal::Layer;
use ducat_domain::payments::{EventKind, OrderStatus};
use ducat_domain::{Currency, EntryId, EventId, MerchantId, Money, PaymentOrderId, Timestamp};

/// A committed fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// Its id; also the cursor for reading on.
    pub id: EventId,
    /// Whose.
    pub merchant: MerchantId,
    /// The order it is about.
    pub order: PaymentOrderId,
    /// Counts the order's events from 1, without gaps; equals the order's version.
    pub sequence: u32,
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub at: Timestamp,
    /// The moving part of the order as it was, as JSON.
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

/// What work a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobKind {
    /// See to an order: resolve, ask, close, expire, whatever is next.
    Attend,
}

impl JobKind {
    /// The kind as text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Attend => "attend",
        }
    }

    /// The kind with this text.
    pub fn parse(text: &str) -> Option<Self> {
        (text == "attend").then_some(Self::Attend)
    }
}

/// A piece of work; there is at most one of a kind per subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Job {
    /// What.
    pub kind: JobKind,
    /// On which order.
    pub order: PaymentOrderId,
}

/// A job that this caller may run until the lease ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimedJob {
    /// Which.
    pub job: Job,
    /// Whose order it is.
    pub merchant: MerchantId,
    /// How often it was claimed since it was scheduled, this time included.
    pub tries: u32,
    /// Until when nobody else takes it.
    pub lease_until: Timestamp,
}

/// What became of a PSP's message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InboxState {
    /// It moved the order.
    Applied,
    /// It said nothing new, or nothing that concerns us.
    Ignored,
    /// The PSP is asked because of it.
    Checked,
    /// It does not fit what we know; its body is kept for a person.
    Refused,
}

impl InboxState {
    /// The state as text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Ignored => "ignored",
            Self::Checked => "checked",
            Self::Refused => "refused",
        }
    }
}

/// An answer that is given again, byte for byte, when the request comes again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnswer {
    /// What kind of answer, in the engine's words.
    pub kind: String,
    /// The body.
    pub body: Vec<u8>,
}

/// What is kept of an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyRow {
    /// What was asked, digested.
    pub fingerprint: [u8; 32],
    /// Until when nobody else may take the request over.
    pub locked_until: Timestamp,
    /// The order it is about.
    pub order: Option<PaymentOrderId>,
    /// The answer, once there is one.
    pub answer: Option<StoredAnswer>,
}

/// Which orders of a merchant are listed.
#[derive(Clone, Debug, Default)]
pub struct OrderFilter {
    /// With this reference.
    pub reference: Option<String>,
    /// In this status.
    pub status: Option<OrderStatus>,
    /// Created at this moment or later.
    pub created_gte: Option<Timestamp>,
    /// Created before this moment.
    pub created_lt: Option<Timestamp>,
}

/// Where a page of a list begins. Lists are newest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PageAnchor<Id> {
    /// With the newest.
    #[default]
    Newest,
    /// After this one, towards the older.
    After(Id),
    /// Before this one, towards the newer.
    Before(Id),
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// Newest first.
    pub data: Vec<T>,
    /// Whether there is more in the direction of reading.
    pub has_more: bool,
}

/// A journal entry as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryRow {
    /// Its id.
    pub id: EntryId,
    /// What makes it unique, such as `cap:pa_…`.
    pub event_ref: String,
    /// When it happened.
    pub at: Timestamp,
    /// Its lines.
    pub postings: Vec<PostingRow>,
}

/// One line of an entry: a debit is positive, a credit negative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostingRow {
    /// The account, such as `merchant:mer_…:payable`.
    pub account: String,
    /// How much, signed.
    pub amount: Money,
    /// Moved, or held.
    pub layer: Layer,
}

/// What lies on an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountBalance {
    /// Whose books.
    pub merchant: MerchantId,
    /// The account, such as `merchant:mer_…:payable`.
    pub account: String,
    /// Its currency.
    pub currency: Currency,
    /// Minor units that moved; a debit is positive.
    pub posted: i64,
    /// Minor units that are held.
    pub pending: i64,
}

/// How much was committed since the store was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Commits, each with one sync; many changes share one.
    pub commits: u64,
    /// Changes in them.
    pub changes: u64,
}

/// Something that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The invariant that is broken.
    pub invariant: &'static str,
    /// Where.
    pub subject: String,
}

/// What a check of the whole database found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// What was looked at, with how many rows.
    pub checked: Vec<(&'static str, u64)>,
    /// What is wrong; at most a thousand are listed.
    pub findings: Vec<Finding>,
    /// How many invariants were checked.
    pub invariants: u32,
}
