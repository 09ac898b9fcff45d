//! The payment order: its states, and what a move gives back.

use super::claim::Claim;
use super::{Attempt, Part, Terms};
use crate::events::EventKind;
use crate::journal::Entry;
use crate::{AttemptId, MerchantId, Money, MoneyError, PaymentOrderId, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What the merchant wants paid, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentOrder {
    /// Its id.
    pub id: PaymentOrderId,
    /// Whose.
    pub merchant: MerchantId,
    /// What was asked for. It never changes, so whatever the order becomes shares it.
    pub terms: Arc<Terms>,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// Where it stands.
    pub status: OrderStatus,
    /// Counts the committed changes of the order and its attempts; each has the event of the same number.
    pub version: u32,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Minor units held for us, at the most so far.
    pub amount_authorized: i64,
    /// Minor units taken.
    pub amount_captured: i64,
    /// Minor units given back.
    pub amount_refunded: i64,
    /// Minor units on their way back.
    pub amount_refunding: i64,
    /// Minor units withheld or lost in disputes.
    pub amount_disputed: i64,
    /// The one attempt that paid it.
    pub paid_by: Option<AttemptId>,
    /// Somebody asked to call it off; it is done once the PSP confirms.
    pub cancel_requested_at: Option<Timestamp>,
    /// Money came after the order had ended otherwise.
    pub paid_late: bool,
    /// The version with which the order came into its status: the number of the event that told of it.
    pub status_version: u32,
    /// Who of the merchant's has taken it on, to fulfil it once.
    pub claim: Option<Claim>,
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Recorded; no PSP has confirmed it yet.
    Created,
    /// Registered, waiting for the customer.
    Pending,
    /// The customer acted; the PSP has not said its last word.
    Processing,
    /// The money is held.
    Authorized,
    /// The PSP owes us the money.
    Succeeded,
    /// It cannot be paid.
    Failed,
    /// Called off.
    Canceled,
    /// Lapsed.
    Expired,
}

impl OrderStatus {
    /// Every status there is.
    pub const ALL: &[Self] = &[
        Self::Created,
        Self::Pending,
        Self::Processing,
        Self::Authorized,
        Self::Succeeded,
        Self::Failed,
        Self::Canceled,
        Self::Expired,
    ];

    /// The status as text, as in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Authorized => "authorized",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Expired => "expired",
        }
    }

    /// Whether it is an end. Only a later truth of the PSP leads out of one.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Canceled | Self::Expired)
    }

    /// Whether it is an end without money.
    pub const fn is_unpaid_end(self) -> bool {
        matches!(self, Self::Failed | Self::Canceled | Self::Expired)
    }

    /// Whether an order may go from this status to `next`. Staying is no move.
    pub const fn may_become(self, next: Self) -> bool {
        use OrderStatus as S;
        match (self, next) {
            // Only the PSP's word that the money is there leads out of an end.
            (S::Failed | S::Canceled | S::Expired, S::Authorized | S::Succeeded) => true,
            (S::Succeeded | S::Failed | S::Canceled | S::Expired, _) => false,
            (S::Created, S::Created) => false,
            (S::Created, _) => true,
            (_, S::Created) => false,
            (S::Pending, S::Pending) | (S::Processing, S::Processing) | (S::Authorized, S::Authorized) => false,
            (S::Authorized, S::Pending | S::Processing | S::Failed) => false,
            _ => true,
        }
    }
}

/// An order with the attempt that matters now: the latest, or the one that an observation is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// The order.
    pub order: PaymentOrder,
    /// The attempt.
    pub attempt: Attempt,
}

/// What a move gives back: everything that is to be committed together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The order and the attempt as they are now; the order's version has grown by one.
    pub payment: Payment,
    /// The capture, refund or dispute that moved with them.
    pub part: Option<Part>,
    /// What was booked.
    pub entries: Vec<Entry>,
    /// What happened.
    pub event: EventKind,
}

/// Why a move is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransitionError {
    /// The order is in a status that the move does not start from.
    #[error("a payment order that is {} cannot {action}", status.as_str())]
    Order {
        /// Where it stands.
        status: OrderStatus,
        /// What was wanted.
        action: &'static str,
    },
    /// The PSP speaks of another registration than ours.
    #[error("the PSP's token is not the one of this attempt")]
    Token,
    /// The PSP speaks of another amount or currency than ours.
    #[error("the PSP's amount or currency is not the one of this order")]
    Amount,
    /// The order has made as many attempts as it may.
    #[error("the payment order has made {} attempts, which is the limit", super::MAX_ATTEMPTS)]
    TooManyAttempts,
    /// There is no money on the attempt that could be given back.
    #[error("nothing was captured that could be given back")]
    NothingCaptured,
    /// More is asked for than there is.
    #[error("at most {left} is left to {action}")]
    TooMuch {
        /// What there is.
        left: Money,
        /// What was wanted.
        action: &'static str,
    },
    /// The payer disputes the payment.
    #[error("the payment is disputed; a refund now could pay the customer twice")]
    Disputed,
    /// A capture is under way.
    #[error("another capture of the payment order is under way")]
    CaptureUnderWay,
    /// The dispute is in a status that the move does not start from.
    #[error("a dispute that is {} cannot {action}", status.as_str())]
    Dispute {
        /// Where it stands.
        status: super::DisputeStatus,
        /// What was wanted.
        action: &'static str,
    },
    /// Somebody has claimed the order.
    #[error("the payment order was claimed by {by:?}")]
    Claimed {
        /// Who.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// The sums do not fit.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

impl Payment {
    /// Puts the order into `status`, if it may go there; staying is allowed.
    pub(super) fn enter(&mut self, status: OrderStatus, action: &'static str) -> Result<(), TransitionError> {
        let from = self.order.status;
        if from == status || from.may_become(status) {
            if from != status {
                self.order.status_version = self.order.version.saturating_add(1);
            }
            self.order.status = status;
            Ok(())
        } else {
            Err(TransitionError::Order { status: from, action })
        }
    }

    /// Closes a move: one version, one event.
    pub(super) fn moved(mut self, now: Timestamp, event: EventKind, entries: Vec<Entry>) -> Moved {
        self.order.version = self.order.version.saturating_add(1);
        self.order.updated_at = now;
        Moved { payment: self, part: None, entries, event }
    }
}
