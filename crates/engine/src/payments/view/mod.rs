//! What the API shows of an order; `event`: what it shows of an event.

mod event;

use super::snapshot::{AttemptSnapshot, Snapshot};
use crate::captures::CaptureView;
use crate::disputes::DisputeView;
use crate::refunds::RefundView;
use ducat_domain::payments::{
    Advice, Attempt, CaptureMode, Channel, Decline, DeclineClass, Fee, OrderStatus, Payment, PaymentMethod, PaymentType,
};
use ducat_domain::{PaymentOrderId, Timestamp};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

pub use event::{EventData, EventView};

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
