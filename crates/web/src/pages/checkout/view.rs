//! What the page says in each state. It never says more than we know.

use crate::pages::wording::{moment, money, refund, until};
use askama::Template;
use ducat_domain::Timestamp;
use ducat_engine::payments::{Checkout, PaymentOrderView};

/// Where the customer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// On the order's page.
    Order,
    /// Sent to the PSP, whose address is not there yet.
    OnTheWay,
    /// Back from the PSP.
    Return,
}

/// What the page is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The customer can pay.
    Pay,
    /// The last try was refused; the customer can try again.
    TryAgain,
    /// Too much was declined; the customer can try again later.
    HeldBack,
    /// The PSP has not answered yet.
    OneMoment,
    /// The customer acted; nobody knows the outcome yet.
    Confirming,
    /// Somebody asked to call it off.
    Canceling,
    /// Paid.
    Paid,
    /// The money is held.
    Held,
    /// It cannot be paid.
    Failed,
    /// Called off.
    Canceled,
    /// Lapsed.
    Expired,
}

/// One line of what is bought.
pub(super) struct Line {
    pub name: String,
    pub quantity: u32,
    pub each: String,
    pub sum: String,
}

#[derive(Template)]
#[template(path = "checkout.html")]
pub(super) struct CheckoutPage {
    pub id: String,
    pub merchant: String,
    pub reference: String,
    pub description: Option<String>,
    pub lines: Vec<Line>,
    /// What the lines do not add up to, such as shipping or a discount.
    pub rest: Option<String>,
    pub total: String,
    /// What was taken, where that is less than what was ordered.
    pub taken: Option<String>,
    /// What went back, or is on its way, each with how it stands.
    pub refunds: Vec<(String, &'static str)>,
    pub psp: String,
    pub status: &'static str,
    pub version: u32,
    pub stage: Stage,
    pub decline: Option<&'static str>,
    /// When it lapses, for machines and for people.
    pub open_until: Option<(String, String)>,
    pub now: String,
    /// When it was paid, or the money held, in words.
    pub paid_at: Option<String>,
    pub cancel_url: Option<String>,
    pub onward_url: Option<String>,
    pub place: Place,
    /// Until when the customer has to wait, in words.
    pub held_until: Option<String>,
}

impl CheckoutPage {
    pub fn of(checkout: &Checkout, place: Place, now: Timestamp) -> Self {
        let order = &checkout.order;
        let stage = stage(checkout, place);
        let sums: i64 = order.line_items.iter().map(|line| line.unit_amount.saturating_mul(i64::from(line.quantity))).sum();
        let rest = order.amount.saturating_sub(sums);
        let open = matches!(stage, Stage::Pay | Stage::TryAgain | Stage::OneMoment);
        Self {
            id: order.id.clone(),
            merchant: checkout.merchant_name.clone(),
            reference: order.reference.clone(),
            description: order.description.clone(),
            lines: lines(order),
            rest: (rest != 0 && !order.line_items.is_empty()).then(|| money(rest, &order.currency)),
            total: money(order.amount, &order.currency),
            taken: (order.amount_captured > 0 && order.amount_captured < order.amount)
                .then(|| money(order.amount_captured, &order.currency)),
            refunds: order.refunds.iter().flatten().map(refund).collect(),
            psp: checkout.psp_title.clone(),
            status: order.status,
            version: order.version,
            stage,
            decline: checkout.decline_text.filter(|_| matches!(stage, Stage::Pay | Stage::TryAgain | Stage::Failed)),
            open_until: open.then(|| (order.expires_at.clone(), until(&order.expires_at, now))),
            now: now.to_string(),
            paid_at: checkout.paid_at.map(|at| moment(&at.to_string())),
            cancel_url: checkout.cancel_url.clone(),
            onward_url: checkout.onward_url.clone(),
            place,
            held_until: None,
        }
    }

    /// The page for a customer who has to wait because too much was declined.
    pub fn held_back(checkout: &Checkout, end: Timestamp, now: Timestamp) -> Self {
        let held_until = Some(until(&end.to_string(), now));
        Self { stage: Stage::HeldBack, decline: None, open_until: None, held_until, ..Self::of(checkout, Place::Order, now) }
    }

    /// Whether the page is only there until the PSP answers.
    pub fn waits(&self) -> bool {
        self.stage == Stage::OneMoment
    }

    /// Whether the page changes by itself, so that a browser without scripts has to come again.
    fn refreshes(&self) -> bool {
        matches!(self.stage, Stage::OneMoment | Stage::Confirming | Stage::Canceling)
    }

    /// Whether anything can still change.
    fn is_live(&self) -> bool {
        !matches!(self.stage, Stage::HeldBack | Stage::Paid | Stage::Failed | Stage::Canceled | Stage::Expired)
    }

    fn payable(&self) -> bool {
        matches!(self.stage, Stage::Pay | Stage::TryAgain)
    }

    fn paid(&self) -> bool {
        matches!(self.stage, Stage::Paid | Stage::Held)
    }

    /// Where a page that waits comes again.
    fn next_address(&self) -> String {
        let id = &self.id;
        match self.place {
            Place::Order => format!("/pay/{id}"),
            Place::OnTheWay => format!("/pay/{id}/go"),
            Place::Return => format!("/pay/{id}/return"),
        }
    }

    fn heading(&self) -> &'static str {
        match self.stage {
            Stage::Pay if self.decline.is_some() => "That did not work",
            Stage::Pay => "Your order",
            Stage::TryAgain => "That did not work",
            Stage::HeldBack => "Please take a short break",
            Stage::OneMoment => "One moment…",
            Stage::Confirming => "Your payment is being confirmed",
            Stage::Canceling => "This order is being called off",
            Stage::Paid => "Paid. Thank you!",
            Stage::Held => "Your payment is authorised",
            Stage::Failed => "This order cannot be paid",
            Stage::Canceled => "This order was called off",
            Stage::Expired => "The time for this order is over",
        }
    }

    fn tone(&self) -> &'static str {
        match self.stage {
            Stage::Pay if self.decline.is_none() => "calm",
            Stage::Pay | Stage::TryAgain | Stage::HeldBack => "warn",
            Stage::OneMoment | Stage::Confirming | Stage::Canceling => "wait",
            Stage::Paid | Stage::Held => "good",
            Stage::Failed | Stage::Canceled | Stage::Expired => "ended",
        }
    }
}

fn lines(order: &PaymentOrderView) -> Vec<Line> {
    let line = |line: &ducat_engine::payments::LineItemView| Line {
        name: line.name.clone(),
        quantity: line.quantity,
        each: money(line.unit_amount, &order.currency),
        sum: money(line.unit_amount.saturating_mul(i64::from(line.quantity)), &order.currency),
    };
    order.line_items.iter().map(line).collect()
}

fn stage(checkout: &Checkout, place: Place) -> Stage {
    let order = &checkout.order;
    match order.status {
        "succeeded" => Stage::Paid,
        "authorized" => Stage::Held,
        "failed" => Stage::Failed,
        "canceled" => Stage::Canceled,
        "expired" => Stage::Expired,
        _ if order.cancel_requested_at.is_some() => Stage::Canceling,
        "processing" => Stage::Confirming,
        // Who comes back from the PSP without a refusal has most likely paid; until the PSP says so, we do not.
        _ if place == Place::Return && order.redirect_url.is_some() && checkout.decline_text.is_none() => Stage::Confirming,
        _ if order.redirect_url.is_some() => Stage::Pay,
        _ if checkout.can_try_again => Stage::TryAgain,
        _ => Stage::OneMoment,
    }
}
