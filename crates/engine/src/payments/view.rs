//! What the API and the events show of an order.

use super::claim::Proof;
use super::snapshot::{AttemptSnapshot, Snapshot};
use crate::Error;
use crate::captures::CaptureView;
use crate::disputes::DisputeView;
use crate::refunds::RefundView;
use ducat_domain::journal::Layer;
use ducat_domain::payments::{
    Advice, Attempt, CaptureMode, Channel, Decline, DeclineClass, Fee, OrderStatus, Payment, PaymentMethod, PaymentType,
};
use ducat_domain::{PaymentOrderId, Secret, Timestamp};
use ducat_store::{EntryRow, EventRow};
use serde::Serialize;
use serde_json::Value;
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
    /// Minor units on their way back.
    pub amount_refunding: i64,
    /// Minor units withheld or lost in disputes.
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
    /// Who has taken the order on, to fulfil it once.
    pub claim: Option<ClaimView>,
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
    /// Every refund, first to last; only when expanded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refunds: Option<Vec<RefundView>>,
    /// Every capture that was asked for, first to last; only when expanded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub captures: Option<Vec<CaptureView>>,
    /// Every dispute, first to last; only when expanded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disputes: Option<Vec<DisputeView>>,
    /// Every event, first to last; only when expanded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<EventView>>,
}

/// Who took an order on.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(title = "Claim")]
pub struct ClaimView {
    /// In your own words.
    pub claimed_by: String,
    /// RFC 3339.
    pub claimed_at: String,
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
    /// The card network's own code, where the PSP passes it on.
    pub network_code: Option<String>,
    /// What the PSP or the network advises: confirm_card_data, do_not_try_again or try_again_later.
    pub advice: Option<&'static str>,
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

/// A committed fact, with what it is about as it was then.
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
    /// Counts the events of its subject from 1, without gaps.
    pub sequence: u32,
    /// RFC 3339.
    pub created_at: String,
    /// The order's id, where it is about an order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_order: Option<String>,
    /// The id of what it is about.
    pub subject: String,
    /// What it is about, as it was right after the change: the order, the payout, the endpoint.
    #[schema(value_type = Object)]
    pub data: EventData,
    /// The capture that the change was about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub capture: Option<Value>,
    /// The refund that the change was about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub refund: Option<Value>,
    /// The dispute that the change was about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub dispute: Option<Value>,
    /// Proves, with the merchant's return secret, that the order has been in this status since that sequence. The return address
    /// carries the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
}

/// What an event is about.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum EventData {
    /// A payment order.
    PaymentOrder(Box<PaymentOrderView>),
    /// Anything else, as it was kept.
    Other(Value),
}

impl EventData {
    /// The order, where the event is about one.
    pub fn order(&self) -> Option<&PaymentOrderView> {
        match self {
            Self::PaymentOrder(order) => Some(order),
            Self::Other(_) => None,
        }
    }
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

/// Where an order's own pages are.
#[derive(Clone, Copy)]
pub(crate) struct Links<'a> {
    pub public_url: &'a str,
}

impl Links<'_> {
    pub(super) fn checkout(self, order: PaymentOrderId) -> String {
        format!("{}/pay/{order}", self.public_url)
    }
}

/// A version of an order: which, since when, and what moved with it.
pub(super) struct Version {
    pub number: u32,
    pub at: Timestamp,
    pub snapshot: Snapshot,
}

impl PaymentOrderView {
    /// The order as it stands.
    pub(crate) fn now(links: Links<'_>, payment: &Payment) -> Self {
        let (number, at) = (payment.order.version, payment.order.updated_at);
        Self::at(links, payment, Version { number, at, snapshot: Snapshot::alone(payment) })
    }

    /// The order as it was in that version, which was about this attempt.
    pub(super) fn at(links: Links<'_>, of: &Payment, Version { number, at, snapshot }: Version) -> Self {
        let (order, terms) = (&of.order, &of.order.terms);
        let attempt = AttemptView::at(&of.attempt, &snapshot.attempt, snapshot.status);
        Self {
            id: order.id.to_string(),
            object: "payment_order",
            reference: terms.reference.clone(),
            status: snapshot.status.as_str(),
            amount: terms.amount.minor,
            currency: terms.amount.currency.to_string(),
            amount_authorized: snapshot.authorized(),
            amount_captured: snapshot.captured,
            amount_refunded: snapshot.refunded,
            amount_refunding: snapshot.refunding,
            amount_disputed: snapshot.disputed,
            payment_type: match terms.payment_type {
                PaymentType::Sale => "SALE",
                PaymentType::Recc => "RECC",
            },
            payment_method: match terms.payment_method {
                PaymentMethod::Card => "CARD",
                PaymentMethod::Apm => "APM",
            },
            capture: match terms.capture {
                CaptureMode::Automatic => "automatic",
                CaptureMode::Manual => "manual",
            },
            channel: match terms.channel {
                Channel::Ecommerce => "ecommerce",
                Channel::Pos => "pos",
            },
            psp: attempt.psp.clone(),
            psp_token: attempt.psp_token.clone(),
            checkout_url: links.checkout(order.id),
            redirect_url: snapshot.attempt.redirect_url(&of.attempt, snapshot.status),
            latest_attempt: attempt,
            description: terms.description.clone(),
            line_items: terms
                .line_items
                .iter()
                .map(|l| LineItemView { name: l.name.clone(), quantity: l.quantity, unit_amount: l.unit_amount })
                .collect(),
            customer: terms.customer.as_ref().map(|c| CustomerView { email: c.email.clone(), name: c.name.clone() }),
            success_url: terms.success_url.clone(),
            cancel_url: terms.cancel_url.clone(),
            paid_late: snapshot.paid_late,
            claim: snapshot.claim.map(|c| ClaimView { claimed_by: c.by, claimed_at: c.at.to_string() }),
            cancel_requested_at: snapshot.cancel_requested_at.map(|t| t.to_string()),
            expires_at: terms.expires_at.to_string(),
            created_at: order.created_at.to_string(),
            updated_at: at.to_string(),
            version: number,
            metadata: terms.metadata.clone(),
            attempts: None,
            refunds: None,
            captures: None,
            disputes: None,
            events: None,
        }
    }
}

impl AttemptView {
    /// The attempt as it stands.
    pub(super) fn now(attempt: &Attempt) -> Self {
        // The status is said here, so that it does not matter what would go without saying.
        Self::at(attempt, &AttemptSnapshot::of(attempt), OrderStatus::Created)
    }

    /// The attempt as it was when the snapshot was taken.
    fn at(attempt: &Attempt, then: &AttemptSnapshot, order: OrderStatus) -> Self {
        Self {
            id: attempt.id.to_string(),
            status: then.status(order).as_str(),
            number: attempt.number,
            psp: attempt.psp.clone(),
            psp_account: attempt.psp_account.to_string(),
            psp_token: then.token_of(attempt, order).map(str::to_owned),
            failure: then.decline.as_ref().map(DeclineView::of),
            declines: then.declines,
            check_at: then.check_at.map(|t| t.to_string()),
            fees: then.fees.iter().map(FeeView::of).collect(),
            surplus: then.surplus,
        }
    }
}

impl FeeView {
    pub(crate) fn of(f: &Fee) -> Self {
        Self { amount: f.amount.minor, currency: f.amount.currency.to_string(), psp_line: f.psp_line.clone() }
    }
}

impl DeclineView {
    pub(crate) fn of(d: &Decline) -> Self {
        Self {
            code: d.code.as_str(),
            class: match d.class() {
                DeclineClass::Hard => "hard",
                DeclineClass::Soft => "soft",
                DeclineClass::Fixable => "fixable",
                DeclineClass::Authenticate => "authenticate",
                DeclineClass::Technical => "technical",
            },
            psp_code: d.psp_code.clone(),
            network_code: d.network_code.clone(),
            advice: d.advice.map(Advice::as_str),
            message: d.code.for_customer(),
        }
    }
}

impl EventView {
    /// The event with the order as it was. `attempts` are the order's, each with it.
    pub(crate) fn of_order(
        public_url: &str,
        row: &EventRow,
        attempts: &[Payment],
        secret: Option<&Secret>,
    ) -> Result<Self, Error> {
        let mut snapshot: Snapshot =
            serde_json::from_str(&row.snapshot).map_err(|e| Error::Internal(format!("event {}: {e}", row.id)))?;
        let of = attempts.iter().find(|of| of.attempt.number == snapshot.attempt.number);
        let of = of.ok_or_else(|| Error::Internal(format!("event {} has no order with its attempt", row.id)))?;
        let (capture, refund, dispute) = (snapshot.capture.take(), snapshot.refund.take(), snapshot.dispute.take());
        let id = of.order.id;
        let proof =
            secret.zip(snapshot.status_version(row.sequence)).map(|(s, sequence)| Proof::of(s, id, snapshot.status, sequence));
        let version = Version { number: row.sequence, at: row.at, snapshot };
        let data = EventData::PaymentOrder(Box::new(PaymentOrderView::at(Links { public_url }, of, version)));
        Ok(Self { payment_order: Some(id.to_string()), capture, refund, dispute, proof, ..Self::about(row, data) })
    }

    /// The event about something else than an order.
    pub(crate) fn of_other(row: &EventRow) -> Result<Self, Error> {
        let data = serde_json::from_str(&row.snapshot).map_err(|e| Error::Internal(format!("event {}: {e}", row.id)))?;
        Ok(Self::about(row, EventData::Other(data)))
    }

    fn about(row: &EventRow, data: EventData) -> Self {
        Self {
            id: row.id.to_string(),
            object: "event",
            kind: row.kind.as_str(),
            sequence: row.sequence,
            created_at: row.at.to_string(),
            payment_order: None,
            subject: row.subject.to_string(),
            data,
            capture: None,
            refund: None,
            dispute: None,
            proof: None,
        }
    }
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
