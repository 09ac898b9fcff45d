//! What the store keeps or gives that is no domain type of its own.

use crate::{JobNext, JobWrite};
use ducat_domain::journal::{Layer, Note};
use ducat_domain::payments::{CardNetwork, Initiator, OrderStatus};
use ducat_domain::webhooks::{Delivery, DeliveryState, WebhookEndpoint};
use ducat_domain::*;
use std::collections::BTreeMap;

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

/// By what refusals are counted: a keyed digest, of which nobody can tell whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeclineKey {
    /// An order.
    Order([u8; 32]),
    /// A customer.
    Customer([u8; 32]),
    /// An address that customers come from.
    Address([u8; 32]),
    /// A card.
    Card([u8; 32]),
}

impl DeclineKey {
    /// What is counted, as text.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Order(_) => "order",
            Self::Customer(_) => "customer",
            Self::Address(_) => "address",
            Self::Card(_) => "card",
        }
    }

    /// The digest.
    pub const fn digest(&self) -> &[u8; 32] {
        match self {
            Self::Order(d) | Self::Customer(d) | Self::Address(d) | Self::Card(d) => d,
        }
    }
}

/// What is kept of a refusal that no card network had a part in.
pub(crate) const NO_NETWORK: &str = "none";

/// A refusal, under one of the keys by which it is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclineRow {
    /// Whose.
    pub merchant: MerchantId,
    /// By what it is counted here.
    pub key: DeclineKey,
    /// When.
    pub at: Timestamp,
    /// The event that told of it.
    pub event: EventId,
    /// The card's network, where it was a card.
    pub network: Option<CardNetwork>,
    /// Who had it tried.
    pub initiator: Initiator,
    /// Never again.
    pub is_final: bool,
}

/// Where the customer of an order came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visit {
    /// Whose order.
    pub merchant: MerchantId,
    /// The order.
    pub order: PaymentOrderId,
    /// The address, digested.
    pub address: [u8; 32],
    /// When.
    pub at: Timestamp,
}

/// Refusals under one key: which are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeclinesAsked {
    /// Under which key.
    pub key: DeclineKey,
    /// After this moment.
    pub since: Timestamp,
    /// The newest so many.
    pub limit: u32,
}

/// Refusals that are older than this are forgotten, a thousand at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForgetDeclines {
    /// The ordinary ones, and where customers came from.
    pub ordinary: Timestamp,
    /// Those that were final.
    pub is_final: Timestamp,
}

/// A piece of work; there is at most one of a kind per subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Job {
    /// See to an order: resolve, ask, close, expire, whatever is next.
    Attend(PaymentOrderId),
    /// Find out what became of a capture.
    Capture(CaptureId),
    /// Find out what became of a refund.
    Refund(RefundId),
    /// See to a dispute: tell the PSP, remind the merchant.
    Dispute(DisputeId),
    /// Read the statement of a PSP account.
    Statement(PspAccountId),
}

impl Job {
    /// What work it is, as text.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Attend(_) => "attend",
            Self::Capture(_) => "capture",
            Self::Refund(_) => "refund",
            Self::Dispute(_) => "dispute",
            Self::Statement(_) => "statement",
        }
    }

    /// The 16 bytes of the id of its subject.
    pub const fn subject(&self) -> &[u8; 16] {
        match self {
            Self::Attend(id) => id.as_bytes(),
            Self::Capture(id) => id.as_bytes(),
            Self::Refund(id) => id.as_bytes(),
            Self::Dispute(id) => id.as_bytes(),
            Self::Statement(id) => id.as_bytes(),
        }
    }

    /// The table in which its subject is found.
    pub(crate) const fn table(&self) -> &'static str {
        match self {
            Self::Attend(_) => "payment_orders",
            Self::Capture(_) => "captures",
            Self::Refund(_) => "refunds",
            Self::Dispute(_) => "disputes",
            Self::Statement(_) => "psp_accounts",
        }
    }

    /// The job of this kind on this subject.
    pub fn from_parts(kind: &str, subject: [u8; 16]) -> Option<Self> {
        match kind {
            "attend" => Some(Self::Attend(PaymentOrderId::from_bytes(subject))),
            "capture" => Some(Self::Capture(CaptureId::from_bytes(subject))),
            "refund" => Some(Self::Refund(RefundId::from_bytes(subject))),
            "dispute" => Some(Self::Dispute(DisputeId::from_bytes(subject))),
            "statement" => Some(Self::Statement(PspAccountId::from_bytes(subject))),
            _ => None,
        }
    }
}

/// A job that this caller may run until the lease ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimedJob {
    /// Which.
    pub job: Job,
    /// Whose subject it is.
    pub merchant: MerchantId,
    /// How often it was claimed since it was scheduled, this time included.
    pub tries: u32,
    /// Until when nobody else takes it.
    pub lease_until: Timestamp,
}

/// An event, as far as its deliveries are concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventMark {
    /// Its place in the order of commits.
    pub position: i64,
    /// Its id.
    pub id: EventId,
    /// Its kind.
    pub kind: String,
}

/// A webhook endpoint that is in use, with what there is to do for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointAtWork {
    /// Which.
    pub endpoint: WebhookEndpoint,
    /// The place of the last event that was looked at.
    pub position: i64,
    /// Whether there are events after that.
    pub behind: bool,
    /// Whether it has a replay that has not come to its end.
    pub replays: bool,
    /// When the next delivery that waits is due.
    pub due_at: Option<Timestamp>,
}

/// A delivery that this caller may try until the lease ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedDelivery {
    /// Which.
    pub delivery: Delivery,
    /// Until when nobody else takes it.
    pub lease_until: Timestamp,
}

/// Which deliveries of an endpoint are listed.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeliveryFilter {
    /// In this state.
    pub state: Option<DeliveryState>,
    /// Of this event.
    pub event: Option<EventId>,
}

impl ClaimedJob {
    /// It is over; the job goes unless somebody has scheduled it anew.
    pub const fn done(&self) -> JobWrite {
        self.then(JobNext::Done { lease_until: self.lease_until })
    }

    /// It did not get there; it runs again at this time, unless somebody has scheduled it anew.
    pub const fn again(&self, run_at: Timestamp) -> JobWrite {
        self.then(JobNext::Again { lease_until: self.lease_until, run_at })
    }

    const fn then(&self, then: JobNext) -> JobWrite {
        JobWrite { merchant: self.merchant, job: self.job, then }
    }
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
    /// What it is about: the bytes of an id.
    pub subject: Option<[u8; 16]>,
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
    /// The order it belongs to, where it belongs to one.
    pub order: Option<PaymentOrderId>,
    /// When it happened.
    pub at: Timestamp,
    /// Who booked it by hand, and why.
    pub note: Option<Note>,
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

/// Which journal entries of a merchant are listed.
#[derive(Clone, Debug, Default)]
pub struct EntryFilter {
    /// Of this order.
    pub order: Option<PaymentOrderId>,
    /// With a line on this account.
    pub account: Option<String>,
    /// Booked at this moment or later.
    pub created_gte: Option<Timestamp>,
    /// Booked before this moment.
    pub created_lt: Option<Timestamp>,
}

/// Which statement is wanted.
#[derive(Clone, Debug)]
pub struct StatementAsk {
    /// The account, such as `merchant:mer_…:payable`.
    pub account: String,
    /// In this currency.
    pub currency: Currency,
    /// From this moment on.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub to: Option<Timestamp>,
    /// The last entry of the page before.
    pub after: Option<EntryId>,
}

/// A page of an account's statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementLines {
    /// Minor units that lay on the account before the first line.
    pub opening: i64,
    /// Oldest first.
    pub lines: Vec<StatementRow>,
    /// Whether there are more.
    pub has_more: bool,
}

/// What one entry moved on an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementRow {
    /// The entry.
    pub id: EntryId,
    /// What makes it unique.
    pub event_ref: String,
    /// The order it belongs to.
    pub order: Option<PaymentOrderId>,
    /// When.
    pub at: Timestamp,
    /// Who booked it by hand, and why.
    pub note: Option<Note>,
    /// Minor units; a debit is positive.
    pub amount: i64,
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

/// A line of a PSP's statement, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PspLineRow {
    /// Whose account.
    pub psp_account: PspAccountId,
    /// The PSP's id of the line.
    pub psp_line: String,
    /// Whose books.
    pub merchant: MerchantId,
    /// What it is, in our words.
    pub kind: String,
    /// What it is, in the PSP's words.
    pub psp_kind: String,
    /// What it adds to what the PSP owes us, before its fee.
    pub amount: Money,
    /// What the PSP charged with it, in the same currency.
    pub fee: i64,
    /// The order it belongs to.
    pub order: Option<PaymentOrderId>,
    /// The payout it belongs to.
    pub payout: Option<PayoutId>,
    /// What a person has to look at because of it.
    pub exception: Option<ExceptionId>,
    /// When the PSP wrote it.
    pub at: Timestamp,
    /// When it was read.
    pub read_at: Timestamp,
}

/// Up to where a PSP's statement is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PspCursor {
    /// Whose account.
    pub psp_account: PspAccountId,
    /// The newest line that is read.
    pub psp_line: String,
    /// When the PSP wrote it.
    pub line_at: Timestamp,
    /// When the statement was read last.
    pub read_at: Timestamp,
    /// When the last days of it were read once more.
    pub reread_at: Timestamp,
}

/// Something that a person has to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookException {
    /// Its id.
    pub id: ExceptionId,
    /// Whose books.
    pub merchant: MerchantId,
    /// What is wrong: `unplaced_line`.
    pub kind: String,
    /// At which PSP account.
    pub psp_account: Option<PspAccountId>,
    /// What it is about, in the PSP's words or by an id.
    pub subject: String,
    /// How much.
    pub amount: Money,
    /// When it was found.
    pub opened_at: Timestamp,
    /// How it was settled.
    pub closed: Option<Closed>,
}

/// How an exception was settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// Why it is settled.
    pub why: String,
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

impl VerifyReport {
    /// How many breaches there are of each invariant.
    pub fn by_invariant(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for finding in &self.findings {
            *counts.entry(finding.invariant).or_default() += 1;
        }
        counts
    }
}

/// How far a verification is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyProgress {
    /// Checks that are done.
    pub done: usize,
    /// All checks.
    pub of: usize,
    /// What was checked last.
    pub last: &'static str,
}
