//! Committed facts: what they are about, and their kinds.

use crate::{PaymentOrderId, PayoutId, WebhookEndpointId};

/// What an event is about. The events of one subject are numbered without gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// An order, with its attempts, captures, refunds and disputes.
    PaymentOrder(PaymentOrderId),
    /// A payout of a PSP.
    Payout(PayoutId),
    /// A merchant's address for events.
    WebhookEndpoint(WebhookEndpointId),
}

impl Subject {
    /// The kind of the subject as text, as in the API.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::PaymentOrder(_) => "payment_order",
            Self::Payout(_) => "payout",
            Self::WebhookEndpoint(_) => "webhook_endpoint",
        }
    }

    /// The 16 bytes of its id, as the store keeps them.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        match self {
            Self::PaymentOrder(id) => id.as_bytes(),
            Self::Payout(id) => id.as_bytes(),
            Self::WebhookEndpoint(id) => id.as_bytes(),
        }
    }

    /// The subject of this kind with these bytes.
    pub fn from_parts(kind: &str, bytes: [u8; 16]) -> Option<Self> {
        match kind {
            "payment_order" => Some(Self::PaymentOrder(PaymentOrderId::from_bytes(bytes))),
            "payout" => Some(Self::Payout(PayoutId::from_bytes(bytes))),
            "webhook_endpoint" => Some(Self::WebhookEndpoint(WebhookEndpointId::from_bytes(bytes))),
            _ => None,
        }
    }

    /// The order, where it is one.
    pub const fn order(&self) -> Option<PaymentOrderId> {
        match self {
            Self::PaymentOrder(id) => Some(*id),
            Self::Payout(_) | Self::WebhookEndpoint(_) => None,
        }
    }
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::PaymentOrder(id) => id.fmt(f),
            Self::Payout(id) => id.fmt(f),
            Self::WebhookEndpoint(id) => id.fmt(f),
        }
    }
}

macro_rules! event_kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// What a committed change was.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum EventKind { $($(#[$doc])* $name,)* }

        impl EventKind {
            /// Every kind there is.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The kind as text, as in the API.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The kind with this text.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.as_str() == text)
            }
        }
    };
}

event_kinds! {
    /// The order was recorded, with its first attempt.
    Created = "payment_order.created";
    /// A PSP confirmed the registration; the customer can pay.
    Pending = "payment_order.pending";
    /// The PSP's answer to the registration was lost.
    AttemptUnknown = "payment_order.attempt_unknown";
    /// The PSP refused a try; the customer may try again.
    AttemptDeclined = "payment_order.attempt_declined";
    /// An attempt ended without money; the order can still be paid by another.
    AttemptEnded = "payment_order.attempt_ended";
    /// A new attempt was begun.
    AttemptStarted = "payment_order.attempt_started";
    /// The customer acted; the PSP has not said its last word.
    Processing = "payment_order.processing";
    /// The money is held.
    Authorized = "payment_order.authorized";
    /// The PSP is asked to take money that is held.
    CaptureRequested = "payment_order.capture_requested";
    /// The PSP's answer to a capture was lost.
    CaptureUnknown = "payment_order.capture_unknown";
    /// A part of the held money is taken; more may follow.
    PartiallyCaptured = "payment_order.partially_captured";
    /// The PSP refused a capture; the money is still held.
    CaptureFailed = "payment_order.capture_failed";
    /// The money is taken.
    Succeeded = "payment_order.succeeded";
    /// It cannot be paid.
    Failed = "payment_order.failed";
    /// Somebody asked to call it off.
    CancelRequested = "payment_order.cancel_requested";
    /// It was called off.
    Canceled = "payment_order.canceled";
    /// It lapsed.
    Expired = "payment_order.expired";
    /// The order was paid a second time; the surplus is booked, flagged and given back.
    PaidTwice = "payment_order.paid_twice";
    /// The PSP told its fee.
    FeeBooked = "payment_order.fee_booked";
    /// Somebody of the merchant's took the order on.
    Claimed = "payment_order.claimed";
    /// Money is to be given back; the PSP is being told.
    RefundCreated = "refund.created";
    /// The PSP's answer to a refund was lost.
    RefundUnknown = "refund.unknown";
    /// The PSP accepted the refund and has not said its last word.
    RefundPending = "refund.pending";
    /// The money is given back.
    RefundSucceeded = "refund.succeeded";
    /// The money did not go back; also days after it had succeeded.
    RefundFailed = "refund.failed";
    /// The payer disputes the payment, or asks about it.
    DisputeOpened = "dispute.opened";
    /// Something about the dispute changed: its due date, its stage.
    DisputeUpdated = "dispute.updated";
    /// An answer to the dispute is due soon.
    DisputeEvidenceDue = "dispute.evidence_due";
    /// Evidence was handed in.
    DisputeEvidenceSubmitted = "dispute.evidence_submitted";
    /// The merchant gave in.
    DisputeAccepted = "dispute.accepted";
    /// The PSP took the disputed money.
    DisputeFundsWithdrawn = "dispute.funds_withdrawn";
    /// The PSP gave the disputed money back.
    DisputeFundsReturned = "dispute.funds_returned";
    /// The dispute was won.
    DisputeWon = "dispute.won";
    /// The dispute was lost.
    DisputeLost = "dispute.lost";
    /// An inquiry ended without a dispute.
    DisputeClosed = "dispute.closed";
    /// A PSP sends money to the bank.
    PayoutCreated = "payout.created";
    /// Something about the payout changed.
    PayoutUpdated = "payout.updated";
    /// The PSP says that the payout has arrived.
    PayoutPaid = "payout.paid";
    /// The payout came back.
    PayoutFailed = "payout.failed";
    /// The bank's credit for a payout was booked.
    PayoutArrived = "payout.arrived";
    /// An address for events failed for days, or asked to be left alone.
    WebhookEndpointDisabled = "webhook_endpoint.disabled";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_back() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::parse(kind.as_str()), Some(*kind));
        }
    }

    #[test]
    fn a_subject_reads_back_from_its_parts() {
        let bytes = [3; 16];
        for subject in [
            Subject::PaymentOrder(PaymentOrderId::from_bytes(bytes)),
            Subject::Payout(PayoutId::from_bytes(bytes)),
            Subject::WebhookEndpoint(WebhookEndpointId::from_bytes(bytes)),
        ] {
            assert_eq!(Subject::from_parts(subject.kind(), *subject.as_bytes()), Some(subject));
        }
    }
}
