//! What the API and the events show of an order.

use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A payment order, as the API shows it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(title = "PaymentOrder")]
pub struct PaymentOrderView {
    /// `po_…`
    pub id: String,
    /// Always `payment_order`.
    pub object: &'static str,
    /// The merchant's own order id.
    pub reference: String,
    /// created, pending, processing, authorized, succeeded, failed, canceled or expired.
    pub status: &'static str,
    /// Minor units.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
    /// Minor units held at the PSP, at the most so far.
    pub amount_authorized: i64,
    /// Minor units taken.
    pub amount_captured: i64,
    /// Minor units given back.
    pub amount_refunded: i64,
    /// Minor units in dispute.
    pub amount_disputed: i64,
    /// `SALE` or `RECC`.
    pub payment_type: &'static str,
    /// `APM` or `CARD`.
    pub payment_method: &'static str,
    /// `automatic` or `manual`.
    pub capture: &'static str,
    /// `ecommerce` or `pos`.
    pub channel: &'static str,
    /// The PSP of the latest attempt.
    pub psp: String,
    /// The PSP's id for the latest registration.
    pub psp_token: Option<String>,
    /// Ducat's own page for the order.
    pub checkout_url: String,
    /// The PSP's page, while it can be used.
    pub redirect_url: Option<String>,
    /// The latest attempt.
    pub latest_attempt: AttemptView,
    /// What the customer reads as the purpose.
    pub description: Option<String>,
    /// What is bought.
    pub line_items: Vec<LineItemView>,
    /// Who buys.
    pub customer: Option<CustomerView>,
    /// Where the customer goes after paying.
    pub success_url: Option<String>,
    /// Where the customer goes without paying.
    pub cancel_url: Option<String>,
    /// Money came after the order had ended otherwise.
    pub paid_late: bool,
    /// Somebody asked to call it off; it is done once the PSP confirms.
    pub cancel_requested_at: Option<String>,
    /// RFC 3339.
    pub expires_at: String,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339.
    pub updated_at: String,
    /// Counts the order's changes; equals the sequence of its newest event.
    pub version: u32,
    /// The merchant's own notes.
    pub metadata: BTreeMap<String, String>,
    /// Every attempt, first to last; only when expanded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<Vec<AttemptView>>,
    /// Every event, first to last; only when expanded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<EventView>>,
}

/// One line of what is bought.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(title = "LineItem")]
pub struct LineItemView {
    /// What it is.
    pub name: String,
    /// How many.
    pub quantity: u32,
    /// Minor units for one.
    pub unit_amount: i64,
}

/// Who buys.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(title = "Customer")]
pub struct CustomerView {
    /// Where a receipt goes.
    pub email: Option<String>,
    /// The full name.
    pub name: Option<String>,
}

/// One try at one PSP account.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(title = "PaymentAttempt")]
pub struct AttemptView {
    /// `pa_…`
    pub id: String,
    /// registering, unknown, requires_action, processing, authorized, captured, failed, canceled or expired.
    pub status: &'static str,
    /// 1 for the first.
    pub number: u16,
    /// `stripe`
    pub psp: String,
    /// `psp_…`
    pub psp_account: String,
    /// The PSP's id for the registration.
    pub psp_token: Option<String>,
    /// The last refusal.
    pub failure: Option<DeclineView>,
    /// How many refusals there were.
    pub declines: u16,
    /// When the PSP is asked next, RFC 3339.
    pub check_at: Option<String>,
    /// What the PSP charged.
    pub fees: Vec<FeeView>,
    /// The money came although the order was paid by another attempt.
    pub surplus: bool,
}

/// A refusal.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(title = "Decline")]
pub struct DeclineView {
    /// Our stable code.
    pub code: &'static str,
    /// hard, soft, fixable, authenticate or technical.
    pub class: &'static str,
    /// The PSP's own code.
    pub psp_code: Option<String>,
    /// One sentence for the customer.
    pub message: &'static str,
}

/// What the PSP charged.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(title = "Fee")]
pub struct FeeView {
    /// Minor units.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
    /// The PSP's id of the line.
    pub psp_line: String,
}

/// A committed fact, with the order as it was then.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(title = "Event")]
pub struct EventView {
    /// `evt_…`
    pub id: String,
    /// Always `event`.
    pub object: &'static str,
    /// `payment_order.succeeded`
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Counts the order's events from 1, without gaps.
    pub sequence: u32,
    /// RFC 3339.
    pub created_at: String,
    /// The order's id.
    pub payment_order: String,
    /// The order as it was right after the change.
    pub data: Box<PaymentOrderView>,
}

/// A journal entry.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(title = "JournalEntry")]
pub struct EntryView {
    /// `je_…`
    pub id: String,
    /// Always `journal_entry`.
    pub object: &'static str,
    /// What makes it unique, such as `cap:pa_…`.
    pub event_ref: String,
    /// RFC 3339.
    pub created_at: String,
    /// Its lines; they sum to zero per currency and layer.
    pub postings: Vec<PostingView>,
}

/// One line of an entry.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(title = "Posting")]
pub struct PostingView {
    /// The account.
    pub account: String,
    /// Minor units; a debit is positive, a credit negative.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
    /// `posted` or `pending`.
    pub layer: &'static str,
}
