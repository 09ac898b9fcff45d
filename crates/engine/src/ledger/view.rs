//! What the API shows of a journal entry.

use ducat_domain::journal::Layer;
use ducat_store::EntryRow;
use serde::Serialize;
use utoipa::ToSchema;

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
    /// The order it belongs to, where it belongs to one.
    pub payment_order: Option<String>,
    /// RFC 3339.
    pub created_at: String,
    /// Who booked it by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why it was booked by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
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

impl EntryView {
    pub(crate) fn of(row: &EntryRow) -> Self {
        Self {
            id: row.id.to_string(),
            object: "journal_entry",
            event_ref: row.event_ref.clone(),
            payment_order: row.order.map(|id| id.to_string()),
            created_at: row.at.to_string(),
            by: row.note.as_ref().map(|note| note.by.clone()),
            why: row.note.as_ref().map(|note| note.why.clone()),
            postings: row
                .postings
                .iter()
                .map(|p| PostingView {
                    account: p.account.clone(),
                    amount: p.amount.minor,
                    currency: p.amount.currency.to_string(),
                    layer: match p.layer {
                        Layer::Posted => "posted",
                        Layer::Pending => "pending",
                    },
                })
                .collect(),
        }
    }
}
