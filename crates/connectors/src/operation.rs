//! What the engine can ask of a PSP, and what comes of it.

use ducat_domain::payments::{
    CaptureMode, Decline, DisputeAnswer, DisputeSeen, Fee, LineItem, Observation, PspToken, RefundSeen,
};
use ducat_domain::settlement::{PayoutSeen, StatementLine};
use ducat_domain::{Currency, Money, Secret, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;

/// One merchant's credentials at a PSP, opened for use.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// By the names in the spec's settings.
    pub settings: BTreeMap<String, Secret>,
}

impl Account {
    /// The setting of this name, where it is set and not empty.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(Secret::expose).filter(|value| !value.is_empty())
    }
}

/// What can be asked. A connector answers [`Fault::Unsupported`] to what its PSP cannot do.
#[derive(Clone, Debug)]
pub enum Operation {
    /// Tell the PSP about an attempt. Asking again with the same registration inside the key's lifetime gives the same answer.
    Register(Registration),
    /// Look a registration up by the PSP's token, money and fees included.
    Fetch(PspToken),
    /// Look a registration up by our own reference, after its answer was lost.
    Find {
        /// The attempt's id, as it was sent with the registration.
        reference: String,
        /// Not earlier than this.
        since: Timestamp,
    },
    /// End a registration that nobody has paid, so that nobody can.
    Close {
        /// Which.
        token: PspToken,
        /// Makes it happen once.
        key: String,
    },
    /// Take money that is held. What comes of it is how the registration stands then.
    Capture {
        /// Which registration.
        token: PspToken,
        /// How much this time.
        amount: Money,
        /// What is captured in all once it is done: a PSP that has that much captured has done it.
        total: Money,
        /// Let the rest of the hold go.
        is_final: bool,
        /// Makes it happen once.
        key: String,
    },
    /// Let money go that is held.
    Void {
        /// Which registration.
        token: PspToken,
        /// Makes it happen once.
        key: String,
    },
    /// Give money back.
    Refund {
        /// Which registration.
        token: PspToken,
        /// Our id of the refund, which the PSP carries along so that the refund is found again.
        refund: String,
        /// How much.
        amount: Money,
        /// Why, in the merchant's words.
        reason: Option<String>,
        /// Makes it happen once.
        key: String,
    },
    /// Tell the PSP what the merchant says to a dispute.
    AnswerDispute {
        /// The PSP's id of the dispute.
        psp_dispute: String,
        /// Evidence, or that the payer is right.
        answer: DisputeAnswer,
        /// What is said, by the name of the field.
        evidence: BTreeMap<String, String>,
        /// What is shown.
        files: Vec<EvidenceFile>,
        /// In which currency the payment was: the PSP's own words may need it.
        currency: Currency,
        /// Makes it happen once.
        key: String,
    },
    /// Read the PSP's statement on: at most one page of its lines.
    Statement {
        /// After this line, by the PSP's id; from the beginning without it.
        after: Option<String>,
        /// Not earlier than this.
        since: Timestamp,
    },
    /// Tell the PSP where its messages go. Gives back the secret with which it signs them.
    Subscribe {
        /// Our address for its messages.
        url: String,
        /// Makes it happen once.
        key: String,
    },
    /// Find out which of our attempts a payment belongs to.
    Locate {
        /// The PSP's id of the payment.
        psp_payment: String,
    },
    /// Ask for nothing but whether the credentials are good.
    Ping,
}

/// What a PSP is told about an attempt.
#[derive(Clone, Debug)]
pub struct Registration {
    /// The attempt's id: our reference at the PSP, and the key that makes the registration happen once.
    pub attempt: String,
    /// The order's id.
    pub order: String,
    /// The merchant's own order id.
    pub reference: String,
    /// What is to be paid.
    pub amount: Money,
    /// At once, or authorised first.
    pub capture: CaptureMode,
    /// What the customer reads as the purpose.
    pub description: Option<String>,
    /// What is bought; empty, or summing to the amount.
    pub line_items: Vec<LineItem>,
    /// Where a receipt goes.
    pub customer_email: Option<String>,
    /// Where the customer returns after paying.
    pub return_url: String,
    /// Where the customer returns without paying.
    pub cancel_url: String,
    /// When the order lapses.
    pub expires_at: Timestamp,
    /// When the attempt was first written down. Requests must not depend on the present moment, or a replay would differ.
    pub created_at: Timestamp,
}

/// The next request, or the outcome.
#[derive(Clone, Debug)]
pub enum Step {
    /// Send this and come back with the reply.
    Send(crate::HttpRequest),
    /// It is done.
    Done(Outcome),
}

/// What came of an operation. A refusal is an answer of the world, not an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// How the registration stands.
    Seen(Observation),
    /// The PSP refused, for good; nothing happened there.
    Refused(Decline),
    /// The PSP surely has no such registration.
    Absent,
    /// How the refund stands.
    Refunded(RefundSeen),
    /// How the dispute stands.
    Disputed(DisputeSeen),
    /// A page of the statement.
    Statement(StatementPage),
    /// The secret with which the PSP signs its messages to us.
    Subscribed(Secret),
    /// Our attempt's id; nothing where the payment is none of ours.
    Located(Option<String>),
    /// The credentials are good.
    Alive,
}

/// Some lines of a PSP's statement, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatementPage {
    /// The lines.
    pub lines: Vec<StatementLine>,
    /// Whether newer ones follow.
    pub has_more: bool,
}

/// A file that is shown as evidence.
#[derive(Clone, PartialEq, Eq)]
pub struct EvidenceFile {
    /// What it shows: the name of a field.
    pub field: String,
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Evidence is about people: only its size is shown.
impl std::fmt::Debug for EvidenceFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EvidenceFile").field("field", &self.field).field("bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}

/// Why an operation came to nothing: failures of the talk, each of which says whether it may be tried again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// This PSP cannot do that.
    #[error("the PSP does not offer this operation")]
    Unsupported,
    /// What we wanted to send breaks a rule of the PSP that we know. Nothing was sent.
    #[error("the PSP cannot take this: {0}")]
    Invalid(&'static str),
    /// The credentials or settings are wrong. Nothing happened at the PSP.
    #[error("the PSP account is not set up right: {0}")]
    Config(String),
    /// Surely not processed: the same key may be sent again, after the wait if there is one.
    #[error("the PSP did not process the request: {reason}")]
    Retry {
        /// What was seen, for the log.
        reason: String,
        /// How long the PSP asked us to wait.
        after: Option<Duration>,
    },
    /// It may have happened. Only asking can tell.
    #[error("the outcome at the PSP is unknown: {0}")]
    Unknown(String),
    /// It may have happened, and this key will only ever repeat the same error: look it up instead of sending it again.
    #[error("the PSP repeats a stored error for this key: {0}")]
    Stuck(String),
    /// The PSP said something that we do not understand. Never guessed at.
    #[error("the PSP said something unexpected: {0}")]
    Protocol(String),
}

impl Fault {
    /// Whether the PSP may have acted although we have no answer.
    pub const fn may_have_happened(&self) -> bool {
        match self {
            Self::Unknown(_) | Self::Stuck(_) | Self::Protocol(_) => true,
            Self::Unsupported | Self::Invalid(_) | Self::Config(_) | Self::Retry { .. } => false,
        }
    }
}

/// What the PSP charged, where it is asked for by itself.
pub type Fees = Vec<Fee>;

/// What a verified message means to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The PSP's id of the message: the same id twice is the same message.
    pub dedupe: String,
    /// The PSP's name for its kind, for people.
    pub kind: String,
    /// What it says.
    pub news: News,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Nothing that concerns us.
    Nothing,
    /// Something about a registration. Without an observation the PSP is asked for the whole truth.
    Registration(About, Option<Observation>),
    /// A refund of a payment.
    Refund(About, RefundSeen),
    /// A dispute of a payment.
    Dispute(About, DisputeSeen),
    /// A payout.
    Payout(PayoutSeen),
}

/// Which registration a message is about: any of these is enough.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// The PSP's id of the registration, where the message names it.
    pub token: Option<PspToken>,
    /// The PSP's id of the payment behind it, where the message names it.
    pub psp_payment: Option<String>,
    /// Our attempt's id, where the PSP carried it along.
    pub attempt: Option<String>,
}
