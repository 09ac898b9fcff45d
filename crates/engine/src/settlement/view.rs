//! What the API and the events show of payouts.

use ducat_domain::settlement::{Arrival, Payout};
use serde::Serialize;
use utoipa::ToSchema;

/// A payout of a PSP, as the API shows it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(title = "Payout")]
pub struct PayoutView {
    /// `pout_…`
    pub id: String,
    /// Always `payout`.
    pub object: &'static str,
    /// `psp_…`
    pub psp_account: String,
    /// The PSP's id of the payout.
    pub psp_payout: String,
    /// Minor units.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
    /// pending, in_transit, paid, failed or canceled, as the PSP says.
    pub status: &'static str,
    /// When the PSP expects it at the bank, RFC 3339.
    pub arrives_at: Option<String>,
    /// Whether the bank's credit is booked.
    pub arrived: bool,
    /// What the bank credited, once that is booked.
    pub arrival: Option<ArrivalView>,
    /// Counts the payout's changes; equals the sequence of its newest event.
    pub version: u32,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339.
    pub updated_at: String,
}

/// What the bank credited for a payout.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(title = "Arrival")]
pub struct ArrivalView {
    /// Your name for the bank account.
    pub bank: String,
    /// Minor units that were credited.
    pub credited: i64,
    /// Minor units that the bank kept.
    pub fee: i64,
    /// Of both, ISO 4217. Another one than the payout's means that the bank converted it.
    pub currency: String,
    /// What the bank's statement calls it.
    pub reference: Option<String>,
    /// When it was told, RFC 3339.
    pub told_at: String,
}

impl ArrivalView {
    fn of(a: &Arrival) -> Self {
        Self {
            bank: a.bank.clone(),
            credited: a.credited.minor,
            fee: a.fee.minor,
            currency: a.credited.currency.to_string(),
            reference: a.reference.clone(),
            told_at: a.at.to_string(),
        }
    }
}

impl PayoutView {
    /// The payout as it stands.
    pub(crate) fn of(p: &Payout) -> Self {
        Self {
            id: p.id.to_string(),
            object: "payout",
            psp_account: p.psp_account.to_string(),
            psp_payout: p.psp_payout.clone(),
            amount: p.amount.minor,
            currency: p.amount.currency.to_string(),
            status: p.status.as_str(),
            arrives_at: p.arrives_at.map(|t| t.to_string()),
            arrived: p.arrival.is_some(),
            arrival: p.arrival.as_ref().map(ArrivalView::of),
            version: p.version,
            created_at: p.created_at.to_string(),
            updated_at: p.updated_at.to_string(),
        }
    }
}
