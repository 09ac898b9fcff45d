//! What the API and the events show of a refund.

use crate::payments::DeclineView;
use ducat_domain::payments::Refund;
use serde::Serialize;
use utoipa::ToSchema;

/// A refund, as the API shows it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(title = "Refund")]
pub struct RefundView {
    /// `re_…`
    pub id: String,
    /// Always `refund`.
    pub object: &'static str,
    /// The order's id.
    pub payment_order: String,
    /// The attempt whose money goes back.
    pub attempt: String,
    /// Minor units.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
    /// pending, unknown, succeeded or failed. A refund may fail days after it had succeeded.
    pub status: &'static str,
    /// Why, in your words.
    pub reason: Option<String>,
    /// Who began it: `api`, `psp` (somebody at the PSP) or `surplus` (the order had been paid twice).
    pub origin: &'static str,
    /// The PSP's id of the refund.
    pub psp_refund: Option<String>,
    /// Why it failed.
    pub failure: Option<DeclineView>,
    /// When the PSP is asked next, RFC 3339.
    pub check_at: Option<String>,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339.
    pub updated_at: String,
}

impl RefundView {
    /// The refund as it stands.
    pub(crate) fn of(r: &Refund) -> Self {
        Self {
            id: r.id.to_string(),
            object: "refund",
            payment_order: r.order.to_string(),
            attempt: r.attempt.to_string(),
            amount: r.amount.minor,
            currency: r.amount.currency.to_string(),
            status: r.status.as_str(),
            reason: r.reason.clone(),
            origin: r.origin.as_str(),
            psp_refund: r.psp_refund.clone(),
            failure: r.failure.as_ref().map(DeclineView::of),
            check_at: r.check_at.map(|t| t.to_string()),
            created_at: r.created_at.to_string(),
            updated_at: r.updated_at.to_string(),
        }
    }
}
