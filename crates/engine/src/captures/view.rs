//! What the API and the events show of a capture.

use crate::payments::DeclineView;
use ducat_domain::payments::Capture;
use serde::Serialize;
use utoipa::ToSchema;

/// A call to take money that is held, as the API shows it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(title = "Capture")]
pub struct CaptureView {
    /// `cap_…`
    pub id: String,
    /// Always `capture`.
    pub object: &'static str,
    /// The order's id.
    pub payment_order: String,
    /// Minor units that this call takes.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
    /// Whether the rest of the hold is let go.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// pending, unknown, succeeded or failed.
    pub status: &'static str,
    /// Why the PSP refused it.
    pub failure: Option<DeclineView>,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339.
    pub updated_at: String,
}

impl CaptureView {
    /// The capture as it stands.
    pub(crate) fn of(c: &Capture) -> Self {
        Self {
            id: c.id.to_string(),
            object: "capture",
            payment_order: c.order.to_string(),
            amount: c.amount.minor,
            currency: c.amount.currency.to_string(),
            is_final: c.is_final,
            status: c.status.as_str(),
            failure: c.failure.as_ref().map(DeclineView::of),
            created_at: c.created_at.to_string(),
            updated_at: c.updated_at.to_string(),
        }
    }
}
