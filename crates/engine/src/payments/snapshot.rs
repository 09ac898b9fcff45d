//! The moving part of an order as it was right after a change. Together with the terms, which never change, it is the whole order:
//! the API's answer and the event's data are made from it in the same way.

use crate::Error;
use crate::captures::CaptureView;
use crate::disputes::DisputeView;
use crate::refunds::RefundView;
use ducat_domain::Timestamp;
use ducat_domain::payments::{AttemptStatus, Claim, Decline, Fee, OrderStatus, Part, Payment};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What moves. Kept as JSON with each event; what is at its default is left out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Snapshot {
    pub version: u32,
    pub status: OrderStatus,
    pub updated_at: Timestamp,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub authorized: i64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub captured: i64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub refunded: i64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub disputed: i64,
    #[serde(default, skip_serializing_if = "is_false")]
    pub paid_late: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_requested_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub refunding: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_version: Option<u32>,
    pub attempt: AttemptSnapshot,
    /// The capture, refund or dispute that the change was about, as the API shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dispute: Option<Value>,
}

/// The attempt that the change was about.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct AttemptSnapshot {
    pub id: ducat_domain::AttemptId,
    pub number: u16,
    pub psp: String,
    pub psp_account: ducat_domain::PspAccountId,
    pub status: AttemptStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decline: Option<Decline>,
    #[serde(default, skip_serializing_if = "no_declines")]
    pub declines: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub surplus: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fees: Vec<Fee>,
}

fn is_zero(n: &i64) -> bool {
    *n == 0
}

fn no_declines(n: &u16) -> bool {
    *n == 0
}

fn is_false(b: &bool) -> bool {
    !b
}

impl Snapshot {
    pub(super) fn of(payment: &Payment, part: Option<&Part>) -> Result<Self, Error> {
        let mut snapshot = Self::alone(payment);
        let shown = |view: serde_json::Result<Value>| view.map(Some).map_err(|e| Error::Internal(e.to_string()));
        match part {
            None => {}
            Some(Part::Capture(c)) => snapshot.capture = shown(serde_json::to_value(CaptureView::of(c)))?,
            Some(Part::Refund(r)) => snapshot.refund = shown(serde_json::to_value(RefundView::of(r)))?,
            Some(Part::Dispute(d)) => snapshot.dispute = shown(serde_json::to_value(DisputeView::of(d)))?,
        }
        Ok(snapshot)
    }

    /// The payment without anything beside it.
    pub(super) fn alone(payment: &Payment) -> Self {
        let o = &payment.order;
        Self {
            version: o.version,
            status: o.status,
            updated_at: o.updated_at,
            authorized: o.amount_authorized,
            captured: o.amount_captured,
            refunded: o.amount_refunded,
            disputed: o.amount_disputed,
            paid_late: o.paid_late,
            cancel_requested_at: o.cancel_requested_at,
            refunding: o.amount_refunding,
            claim: o.claim.clone(),
            status_version: Some(o.status_version),
            attempt: AttemptSnapshot::of(&payment.attempt),
            capture: None,
            refund: None,
            dispute: None,
        }
    }
}

impl AttemptSnapshot {
    pub(super) fn of(a: &ducat_domain::payments::Attempt) -> Self {
        Self {
            id: a.id,
            number: a.number,
            psp: a.psp.clone(),
            psp_account: a.psp_account,
            status: a.status,
            token: a.token.as_ref().map(|t| t.0.clone()),
            redirect_url: a.redirect_url.clone(),
            decline: a.decline.clone(),
            declines: a.declines,
            check_at: a.check_at,
            surplus: a.surplus,
            fees: a.fees.clone(),
        }
    }
}
