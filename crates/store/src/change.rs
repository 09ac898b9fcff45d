//! Everything a use case writes, as one value.

use crate::{
    AccountBalance, BookException, Books, DeclineRow, EventRow, ForgetDeclines, Job, PspCursor, PspLineRow, StoredAnswer, Visit,
};
use ducat_domain::journal::FiledEntry;
use ducat_domain::payments::{Attempt, Part, Payment, PaymentOrder};
use ducat_domain::settlement::Payout;
use ducat_domain::webhooks::{Delivery, DeliveryTry, EndpointStatus, Replay, WebhookEndpoint};
use ducat_domain::{
    ApiKey, ApiKeyId, DeliveryId, DisputeFileId, DisputeId, EntryId, EventId, Merchant, MerchantId, PaymentOrderId, PspAccount,
    PspAccountId, Timestamp, WebhookEndpointId,
};

/// The writes of one use case. The store commits it whole or refuses it whole, and may commit it together with others'.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Merchants to insert.
    pub merchants: Vec<Merchant>,
    /// Keys to insert.
    pub api_keys: Vec<ApiKey>,
    /// Keys to take back.
    pub revoked_keys: Vec<(ApiKeyId, Timestamp)>,
    /// Keys that were used.
    pub used_keys: Vec<(ApiKeyId, Timestamp)>,
    /// PSP accounts to insert (version 1) or to move from the version before.
    pub psp_accounts: Vec<PspAccount>,
    /// Orders and attempts.
    pub payments: Vec<PaymentWrite>,
    /// Captures, refunds and disputes, new or moved; each beside a move of its order, whose version guards them.
    pub parts: Vec<PartWrite>,
    /// Evidence to keep, or to replace by field.
    pub dispute_files: Vec<(MerchantId, DisputeFile)>,
    /// Disputes whose evidence need not be kept any more.
    pub forget_files: Vec<(MerchantId, DisputeId)>,
    /// Payouts to insert (version 1) or to move from the version before.
    pub payouts: Vec<Payout>,
    /// Lines of a PSP's statement, each kept once.
    pub psp_lines: Vec<PspLineRow>,
    /// Up to where a PSP's statement is read.
    pub psp_cursor: Option<(MerchantId, PspCursor)>,
    /// What a person has to look at: new ones are open, closed ones are closed now.
    pub exceptions: Vec<BookException>,
    /// Journal entries to append.
    pub entries: Vec<FiledEntry>,
    /// What becomes of the balances that follow from them.
    pub balances: Balances,
    /// A step in closing a merchant's books.
    pub books: Option<BooksWrite>,
    /// Events to append.
    pub events: Vec<EventRow>,
    /// Refusals to count, each told of by an event that is kept or comes with it.
    pub declines: Vec<DeclineRow>,
    /// Where a customer came from.
    pub visit: Option<Visit>,
    /// Refusals that are old enough to be forgotten.
    pub forget_declines: Option<ForgetDeclines>,
    /// Jobs to schedule or finish.
    pub jobs: Vec<JobWrite>,
    /// A PSP's message, to be kept once.
    pub inbox: Option<InboxWrite>,
    /// The key under which the request may be repeated.
    pub idempotency: Option<IdempotencyWrite>,
    /// Requests under keys that were begun before this moment are forgotten, a thousand at a time.
    pub forget_keys_before: Option<Timestamp>,
    /// Webhook endpoints.
    pub endpoints: Vec<EndpointWrite>,
    /// Wishes for a replay to insert.
    pub replays: Vec<Replay>,
    /// Deliveries.
    pub deliveries: Vec<DeliveryWrite>,
    /// Deliveries that were made before this moment are forgotten with their tries, a thousand at a time.
    pub forget_deliveries_before: Option<Timestamp>,
}

impl Change {
    /// Whether there is nothing to commit.
    pub fn is_empty(&self) -> bool {
        self.merchants.is_empty()
            && self.api_keys.is_empty()
            && self.revoked_keys.is_empty()
            && self.used_keys.is_empty()
            && self.psp_accounts.is_empty()
            && self.payments.is_empty()
            && self.parts.is_empty()
            && self.dispute_files.is_empty()
            && self.forget_files.is_empty()
            && self.payouts.is_empty()
            && self.psp_lines.is_empty()
            && self.psp_cursor.is_none()
            && self.exceptions.is_empty()
            && self.entries.is_empty()
            && self.books.is_none()
            && self.events.is_empty()
            && self.declines.is_empty()
            && self.visit.is_none()
            && self.forget_declines.is_none()
            && self.jobs.is_empty()
            && self.inbox.is_none()
            && self.idempotency.is_none()
            && self.forget_keys_before.is_none()
            && self.endpoints.is_empty()
            && self.replays.is_empty()
            && self.deliveries.is_empty()
            && self.forget_deliveries_before.is_none()
    }
}

/// Whether what lies on each account is kept beside the journal, of which it is the sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Balances {
    /// With each entry. All payments of a merchant meet in a few rows; they are read in no time.
    #[default]
    Kept,
    /// No: whoever asks has the journal summed.
    Summed,
}

impl Balances {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Summed => "summed",
        }
    }

    /// What the word stands for.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Kept, Self::Summed].into_iter().find(|balances| balances.as_str() == text)
    }
}

/// A step in closing a merchant's books. It is refused as stale where they are not as they were found.
#[derive(Clone, Debug)]
pub struct BooksWrite {
    /// Whose books.
    pub merchant: MerchantId,
    /// As they were found.
    pub found: Books,
    /// The step.
    pub step: BooksStep,
}

/// What is done to books.
#[derive(Clone, Debug)]
pub enum BooksStep {
    /// From now on, whatever is booked before this entry comes late.
    Begin(EntryId),
    /// They are closed up to where that was begun, and this is what lay on the accounts there.
    Close(Vec<AccountBalance>),
}

/// What happens to an order and an attempt of it.
#[derive(Clone, Debug)]
pub enum PaymentWrite {
    /// Both are new.
    Insert(Payment),
    /// Both move. The order's version must be one more than what is kept.
    Move(Payment),
    /// The order moves, the attempt is new.
    AddAttempt(Payment),
}

impl PaymentWrite {
    /// The order after the write.
    pub fn order(&self) -> &PaymentOrder {
        match self {
            Self::Insert(p) | Self::Move(p) | Self::AddAttempt(p) => &p.order,
        }
    }

    /// The attempt after the write.
    pub fn attempt(&self) -> &Attempt {
        match self {
            Self::Insert(p) | Self::Move(p) | Self::AddAttempt(p) => &p.attempt,
        }
    }

    /// Whether the order ends without money with this.
    pub(crate) fn is_unpaid_end(&self) -> bool {
        let order = self.order();
        order.status_version == order.version && order.status.is_unpaid_end()
    }
}

/// What is written of a part of an order: it is inserted where it is new, and moved where it is known.
#[derive(Clone, Debug)]
pub struct PartWrite {
    /// Whose order it is.
    pub merchant: MerchantId,
    /// The part as it is now.
    pub part: Part,
}

/// Evidence for a dispute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisputeFile {
    /// Its id.
    pub id: DisputeFileId,
    /// For which dispute.
    pub dispute: DisputeId,
    /// What it shows: one file per field.
    pub field: String,
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// How large it is.
    pub size: u32,
    /// What is in it; empty once the dispute is decided.
    pub bytes: Option<Vec<u8>>,
    /// When it was given.
    pub created_at: Timestamp,
}

/// What happens to a job. Refused where its subject is not there, or is another merchant's.
#[derive(Clone, Debug)]
pub struct JobWrite {
    /// Whose subject it is.
    pub merchant: MerchantId,
    /// Which.
    pub job: Job,
    /// What happens to it.
    pub then: JobNext,
}

/// What happens to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobNext {
    /// Run it at this time, whatever was planned before.
    Schedule(Timestamp),
    /// Run it at this time, or earlier where that was planned.
    Hurry(Timestamp),
    /// It need not run any more.
    Cancel,
    /// The claimed run is over; the job goes unless somebody has scheduled it anew.
    Done {
        /// The claim.
        lease_until: Timestamp,
    },
    /// The claimed run did not get there; run it again at this time, unless somebody has scheduled it anew.
    Again {
        /// The claim.
        lease_until: Timestamp,
        /// When.
        run_at: Timestamp,
    },
}

/// A message of a PSP. The same id from the same account is kept once.
#[derive(Clone, Debug)]
pub struct InboxWrite {
    /// Whose account it is.
    pub merchant: MerchantId,
    /// The account it came to.
    pub psp_account: PspAccountId,
    /// The PSP's id of the message.
    pub message_id: String,
    /// The PSP's name for its kind.
    pub kind: String,
    /// What became of it.
    pub state: crate::InboxState,
    /// The order it is about, where it is about one.
    pub order: Option<PaymentOrderId>,
    /// The raw body, kept where a person may have to look.
    pub body: Option<Vec<u8>>,
    /// When it came.
    pub received_at: Timestamp,
}

/// The life of an idempotency key.
#[derive(Clone, Debug)]
pub enum IdempotencyWrite {
    /// Somebody begins a request under this key. Refused as [`Unique::IdempotencyKey`] where the key is known.
    Claim {
        /// Whose.
        merchant: MerchantId,
        /// The key.
        key: String,
        /// What was asked, digested.
        fingerprint: [u8; 32],
        /// Until when nobody else may take the request over.
        locked_until: Timestamp,
        /// What it is about: the bytes of an id.
        subject: Option<[u8; 16]>,
        /// When.
        at: Timestamp,
        /// The answer, where it is known at once.
        answer: Option<StoredAnswer>,
    },
    /// Somebody takes over a request that was left behind. Refused as stale where another was faster.
    TakeOver {
        /// Whose.
        merchant: MerchantId,
        /// The key.
        key: String,
        /// The lock that was found.
        found: Timestamp,
        /// The new one.
        locked_until: Timestamp,
    },
    /// The request was refused and may be made anew: the key is free again, unless it is answered.
    Release {
        /// Whose.
        merchant: MerchantId,
        /// The key.
        key: String,
    },
    /// The request is answered. The first answer stays.
    Answer {
        /// Whose.
        merchant: MerchantId,
        /// The key.
        key: String,
        /// What was answered.
        answer: StoredAnswer,
    },
}

impl IdempotencyWrite {
    /// The answer that is to be kept, where there is one.
    pub(crate) fn answer_mut(&mut self) -> Option<&mut StoredAnswer> {
        match self {
            Self::Claim { answer, .. } => answer.as_mut(),
            Self::Answer { answer, .. } => Some(answer),
            Self::TakeOver { .. } | Self::Release { .. } => None,
        }
    }

    /// Whose key it is, and the key.
    pub fn name(&self) -> (MerchantId, &str) {
        match self {
            Self::Claim { merchant, key, .. }
            | Self::TakeOver { merchant, key, .. }
            | Self::Release { merchant, key }
            | Self::Answer { merchant, key, .. } => (*merchant, key),
        }
    }
}

/// What happens to a webhook endpoint.
#[derive(Clone, Debug)]
pub enum EndpointWrite {
    /// It is new, and begins after the newest event.
    Insert(WebhookEndpoint),
    /// Its settings change. Its version must be one more than what is kept; its health and its place in the events are left alone, but for
    /// one that is used again: it counts as healthy.
    Update(WebhookEndpoint),
    /// It has come further in the events. Refused as stale where it is elsewhere by now, or where its settings have changed.
    Advance {
        /// Whose.
        merchant: MerchantId,
        /// Which.
        endpoint: WebhookEndpointId,
        /// The settings by which the deliveries were made.
        version: u32,
        /// Where it was.
        from: i64,
        /// The last event that was looked at.
        to: i64,
    },
    /// One of its replays has come further. Refused as stale where it is elsewhere by now.
    AdvanceReplay {
        /// As it was read.
        replay: Replay,
        /// The last event that was looked at, where there was one.
        cursor: Option<EventId>,
        /// How many deliveries were made of the events.
        made: u32,
        /// When it came to its end, if it did.
        done_at: Option<Timestamp>,
    },
    /// A try reached it.
    Reached(MerchantId, WebhookEndpointId),
    /// A try failed.
    Missed(MerchantId, WebhookEndpointId, Timestamp),
    /// It is paused because of its failures. Refused as stale unless it is in use and has told of as many events as were read.
    Pause {
        /// As it was read.
        endpoint: WebhookEndpoint,
        /// Why.
        status: EndpointStatus,
    },
}

/// What happens to a delivery.
#[derive(Clone, Debug)]
pub enum DeliveryWrite {
    /// It is new.
    Insert(Delivery),
    /// It is new, and belongs until then to who made it, as if it had been claimed.
    InsertClaimed(Delivery, Timestamp),
    /// It is new, and was tried at once. It is tried no more.
    InsertTried(Delivery, DeliveryTry),
    /// The claimed try is over. Refused as stale where the claim is lost.
    Tried {
        /// Which.
        delivery: DeliveryKey,
        /// The claim.
        lease_until: Timestamp,
        /// How it went.
        went: DeliveryTry,
        /// What comes of it.
        then: DeliveryNext,
    },
    /// Somebody wants it tried now, from the beginning of the schedule. Refused as stale while a try is under way, or where it has arrived.
    TryNow(DeliveryKey, Timestamp),
    /// The claimed try was not begun: it is due again as it was. Nothing happens where the claim is lost.
    GiveBack {
        /// Which.
        delivery: DeliveryKey,
        /// The claim.
        lease_until: Timestamp,
        /// When it was due.
        due: Timestamp,
    },
}

/// Which delivery, with whose it is and where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryKey {
    /// Whose.
    pub merchant: MerchantId,
    /// Where to.
    pub endpoint: WebhookEndpointId,
    /// Which.
    pub id: DeliveryId,
}

impl From<&Delivery> for DeliveryKey {
    fn from(delivery: &Delivery) -> Self {
        Self { merchant: delivery.merchant, endpoint: delivery.endpoint, id: delivery.id }
    }
}

/// What comes of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryNext {
    /// It arrived.
    Arrived,
    /// It is tried again at this time.
    Again(Timestamp),
    /// It is tried no more.
    Dead,
}

/// Why a change was not committed. Nothing of it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// A row has moved since it was read. Read again and decide again.
    #[error("somebody else changed it first")]
    Stale,
    /// Something that must be unique is there already.
    #[error("already there: {0:?}")]
    Taken(Unique),
    /// The database's own rules refuse it: an error of ours.
    #[error("the database refuses the change: {0}")]
    Refused(String),
    /// A balance would not fit into 64 bits.
    #[error("a balance would be out of range")]
    BalanceOutOfRange,
    /// The connection was lost while the database committed, and it could not be asked in time what became of it.
    #[error("nobody can say whether it was committed: {0}")]
    Unknown(String),
    /// The queue of waiting changes is full.
    #[error("too many changes are waiting")]
    Busy,
    /// The database cannot be written.
    #[error("the database cannot be written: {0}")]
    Unavailable(String),
}

/// What must be unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unique {
    /// The merchant's own order id.
    Reference,
    /// The caller's key.
    IdempotencyKey,
    /// The PSP's message.
    Message,
    /// The journal's reference.
    EventRef,
    /// One registration, one live attempt, one success.
    Attempt,
    /// One capture under way, one refund or dispute or payout per id at its PSP.
    Part,
    /// A line of a PSP's statement.
    PspLine,
    /// Anything else.
    Other,
}
