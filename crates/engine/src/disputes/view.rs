//! What the API and the events show of a dispute.

use crate::payments::{DeclineView, FeeView};
use ducat_domain::payments::Dispute;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A dispute, as the API shows it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(title = "Dispute")]
pub struct DisputeView {
    /// `dp_…`
    pub id: String,
    /// Always `dispute`.
    pub object: &'static str,
    /// The order's id.
    pub payment_order: String,
    /// The attempt whose money is disputed.
    pub attempt: String,
    /// Minor units in dispute.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
    /// fraudulent, not_received, not_as_described, duplicate, credit_not_processed, subscription_canceled, unrecognized, bank_returned
    /// or other.
    pub reason: &'static str,
    /// inquiry_needs_response, inquiry_under_review, needs_response, under_review, closed (an inquiry that came to nothing), won or lost.
    pub status: &'static str,
    /// Whether the bank only asks so far: then no money has moved.
    pub inquiry: bool,
    /// The PSP took the disputed money.
    pub funds_withdrawn: bool,
    /// The PSP gave it back.
    pub funds_returned: bool,
    /// What the PSP charged for the dispute.
    pub fees: Vec<FeeView>,
    /// Until when evidence is taken, RFC 3339.
    pub evidence_due_at: Option<String>,
    /// What you said in your defence, by field.
    pub evidence: BTreeMap<String, String>,
    /// What is on its way to the PSP: `evidence` or `acceptance`.
    pub answering: Option<&'static str>,
    /// Why the PSP refused your last answer.
    pub refusal: Option<DeclineView>,
    /// When evidence was handed in, RFC 3339.
    pub submitted_at: Option<String>,
    /// When you gave in, RFC 3339.
    pub accepted_at: Option<String>,
    /// The PSP's id of the dispute.
    pub psp_dispute: String,
    /// When it was opened at the PSP, RFC 3339.
    pub opened_at: String,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339.
    pub updated_at: String,
}

impl DisputeView {
    /// The dispute as it stands.
    pub(crate) fn of(d: &Dispute) -> Self {
        use ducat_domain::payments::DisputeStatus as S;
        Self {
            id: d.id.to_string(),
            object: "dispute",
            payment_order: d.order.to_string(),
            attempt: d.attempt.to_string(),
            amount: d.amount.minor,
            currency: d.amount.currency.to_string(),
            reason: d.reason.as_str(),
            status: d.status.as_str(),
            inquiry: matches!(d.status, S::InquiryNeedsResponse | S::InquiryUnderReview | S::Closed),
            funds_withdrawn: d.withdrawn,
            funds_returned: d.returned,
            fees: d.fees.iter().map(FeeView::of).collect(),
            evidence_due_at: d.evidence_due_at.map(|t| t.to_string()),
            evidence: d.evidence.clone(),
            answering: d.answer.map(|a| a.as_str()),
            refusal: d.refusal.as_ref().map(DeclineView::of),
            submitted_at: d.submitted_at.map(|t| t.to_string()),
            accepted_at: d.accepted_at.map(|t| t.to_string()),
            psp_dispute: d.psp_dispute.clone(),
            opened_at: d.opened_at.to_string(),
            created_at: d.created_at.to_string(),
            updated_at: d.updated_at.to_string(),
        }
    }
}
