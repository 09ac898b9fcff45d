//! What a PSP says about one registration, in our words.

use super::{CardNetwork, Decline, DisputeReason, DisputeStatus, PspToken};
use crate::{Money, RefundId, Secret, Timestamp};
use serde::{Deserialize, Serialize};

/// The truth about a registration as its PSP tells it, by an answer or by a verified message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The PSP's id for the registration.
    pub token: PspToken,
    /// The PSP's id for the payment behind it, where it has one.
    pub psp_payment: Option<String>,
    /// The PSP's page for the customer, while it can be used.
    pub redirect_url: Option<String>,
    /// How far it is.
    pub state: Observed,
    /// The last refusal, where there was one.
    pub decline: Option<Decline>,
    /// The card of that refusal, where it was one.
    pub card: Option<Box<CardSeen>>,
    /// What the PSP charged so far; empty where it did not say.
    pub fees: Vec<Fee>,
    /// What it gave or gives back, as far as it says.
    pub refunds: Vec<RefundSeen>,
    /// What the payer disputes, as far as it says.
    pub disputes: Vec<DisputeSeen>,
}

/// Whether a card is somebody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardMode {
    /// Somebody's, with a bank and a network behind it.
    Live,
    /// One of the PSP's for tests, which everybody uses and no network hears of.
    Test,
}

/// A card, as a PSP knows it again. We keep nothing of it but keyed digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardSeen {
    /// Whether it is a card at all.
    pub mode: CardMode,
    /// Its network.
    pub network: CardNetwork,
    /// The PSP's own mark of the number; the same card has it at the same PSP account.
    pub fingerprint: Option<Secret>,
    /// What is printed on it, as far as it is told: enough to know it again at another PSP.
    pub face: Option<Secret>,
}

/// How far a registration is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observed {
    /// Waiting for the customer.
    Open,
    /// The customer acted; the last word is not said.
    Processing,
    /// The money is held; a part of it may be taken already.
    Held {
        /// All that was authorised.
        authorized: Money,
        /// What was taken of it.
        captured: Money,
    },
    /// The money is taken: this much, and no more will be.
    Captured(Money),
    /// Refused for good; nothing can be paid on it any more.
    Failed,
    /// Called off, or the hold let go.
    Canceled,
    /// Lapsed unpaid.
    Expired,
}

/// A refund, as its PSP tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundSeen {
    /// The PSP's id of the refund.
    pub psp_refund: String,
    /// Our id, where the PSP carried it along; refunds that were made at the PSP have none.
    pub ours: Option<RefundId>,
    /// How much, in the payment's currency.
    pub amount: Money,
    /// How far it is.
    pub state: RefundState,
    /// Why it failed, where it did.
    pub failure: Option<Decline>,
}

/// How far a refund is at its PSP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RefundState {
    /// Accepted; the last word is not said.
    Pending,
    /// The money is given back.
    Succeeded,
    /// The money did not go back, or came back.
    Failed,
}

/// A dispute, as its PSP tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisputeSeen {
    /// The PSP's id of the dispute.
    pub psp_dispute: String,
    /// How much is disputed, in the payment's currency.
    pub amount: Money,
    /// Why, in our words; `other` where we have none.
    pub reason: DisputeReason,
    /// Where it stands.
    pub status: DisputeStatus,
    /// Until when evidence is taken.
    pub evidence_due_at: Option<Timestamp>,
    /// Whether evidence was handed in.
    pub evidence_submitted: bool,
    /// The PSP took the disputed money.
    pub withdrawn: bool,
    /// The PSP gave it back.
    pub returned: bool,
    /// What the PSP charged for the dispute, by its own lines.
    pub fees: Vec<Fee>,
    /// When it was opened.
    pub opened_at: Timestamp,
}

/// One line of what the PSP charged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fee {
    /// The PSP's id of the line.
    pub psp_line: String,
    /// How much; in the currency in which the PSP settles.
    pub amount: Money,
}
