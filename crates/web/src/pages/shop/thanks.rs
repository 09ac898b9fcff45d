//! `GET /shop/thanks`: the way back into the shop. Checks the signature as any shop would, and shows everything that happened.

use super::shop;
use crate::app::App;
use crate::pages::page;
use crate::pages::wording::{clock_to_the_second, event, money, refund};
use crate::problem::Problem;
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use ducat_domain::{MerchantId, PaymentOrderId};
use ducat_engine::ledger::{EntryView, PostingView};
use ducat_engine::merchants;
use ducat_engine::payments::{self, EventView, Expand, PaymentOrderView};

/// What the address says, and whether it may be believed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Proof {
    /// Signed by Ducat.
    Right,
    /// Signed by somebody else, or changed on the way.
    Wrong,
    /// Nobody claims anything.
    None,
}

struct Step {
    at: String,
    clock: String,
    kind: &'static str,
    status: &'static str,
    sequence: u32,
    title: &'static str,
    meaning: &'static str,
    decline: Option<String>,
    json: String,
}

struct Booking {
    event_ref: String,
    lines: Vec<BookingLine>,
}

struct BookingLine {
    account: String,
    /// The account with its ids cut to their ends, which is enough for an eye.
    short: String,
    debit: String,
    credit: String,
    pending: bool,
}

#[derive(Template)]
#[template(path = "thanks.html")]
struct ThanksPage {
    merchant: String,
    id: String,
    reference: String,
    status: &'static str,
    version: u32,
    paid: bool,
    total: String,
    refunds: Vec<(String, &'static str)>,
    proof: Proof,
    steps: Vec<Step>,
    bookings: Vec<Booking>,
    json: String,
}

impl ThanksPage {
    fn is_signed(&self) -> bool {
        self.proof == Proof::Right
    }

    fn is_forged(&self) -> bool {
        self.proof == Proof::Wrong
    }
}

pub(super) async fn thanks(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let shop = shop(&app)?;
    let query = query.unwrap_or_default();
    let asked =
        |name: &str| form_urlencoded::parse(query.as_bytes()).find(|(n, _)| n == name).map(|(_, value)| value.into_owned());
    let id = asked("order").and_then(|text| text.parse::<PaymentOrderId>().ok());
    let id = id.ok_or_else(|| Problem::not_found("payment order"))?;
    // As the shop's own order: another merchant's is as unknown as none.
    let order = payments::get(&app.engine, shop.merchant, id, Expand { refunds: true, ..Expand::default() }).await?;
    let proof = proof(&app, shop.merchant, id, asked("status"), asked("signature")).await?;
    let events = payments::timeline(&app.engine, shop.merchant, id).await?;
    let entries = payments::ledger(&app.engine, shop.merchant, id).await?;
    let merchant = merchants::get(&app.engine, shop.merchant).await?.name;
    page(&filled(merchant, &order, proof, &events, &entries))
}

async fn proof(
    app: &App,
    merchant: MerchantId,
    id: PaymentOrderId,
    status: Option<String>,
    signature: Option<String>,
) -> Result<Proof, Problem> {
    let (Some(status), Some(signature)) = (status, signature) else { return Ok(Proof::None) };
    let secret = merchants::return_secret(&app.engine, merchant).await?;
    let right = payments::is_return_signed(&secret, id, &status, &signature);
    Ok(if right { Proof::Right } else { Proof::Wrong })
}

fn filled(merchant: String, order: &PaymentOrderView, proof: Proof, events: &[EventView], entries: &[EntryView]) -> ThanksPage {
    ThanksPage {
        merchant,
        id: order.id.clone(),
        reference: order.reference.clone(),
        status: order.status,
        version: order.version,
        paid: matches!(order.status, "succeeded" | "authorized"),
        total: money(order.amount, &order.currency),
        refunds: order.refunds.iter().flatten().map(refund).collect(),
        proof,
        steps: events.iter().map(step).collect(),
        bookings: bookings(entries),
        json: serde_json::to_string_pretty(order).unwrap_or_default(),
    }
}

fn step(seen: &EventView) -> Step {
    let (title, meaning) = event(seen.kind);
    let declined = seen.kind == "payment_order.attempt_declined";
    let order = seen.data.order();
    let decline = order.and_then(|order| order.latest_attempt.failure.as_ref()).filter(|_| declined);
    Step {
        at: seen.created_at.clone(),
        clock: clock_to_the_second(&seen.created_at).to_owned(),
        kind: seen.kind,
        status: order.map_or("", |order| order.status),
        sequence: seen.sequence,
        title,
        meaning,
        decline: decline.map(|d| format!("{} ({}). {}", d.code, d.class, d.message)),
        json: serde_json::to_string_pretty(seen).unwrap_or_default(),
    }
}

/// The entries as they follow from each other: what was booked in one commit has one time.
fn bookings(entries: &[EntryView]) -> Vec<Booking> {
    let mut entries: Vec<&EntryView> = entries.iter().collect();
    let rank =
        |entry: &EntryView| ["auth:", "cap:", "void:"].iter().position(|kind| entry.event_ref.starts_with(kind)).unwrap_or(3);
    entries.sort_by(|a, b| (&a.created_at, rank(a)).cmp(&(&b.created_at, rank(b))));
    entries.into_iter().map(booking).collect()
}

fn booking(entry: &EntryView) -> Booking {
    let line = |posting: &PostingView| {
        let amount = money(posting.amount.saturating_abs(), &posting.currency);
        let (debit, credit) = if posting.amount > 0 { (amount, String::new()) } else { (String::new(), amount) };
        BookingLine {
            short: short(&posting.account),
            account: posting.account.clone(),
            debit,
            credit,
            pending: posting.layer == "pending",
        }
    };
    Booking { event_ref: short(&entry.event_ref), lines: entry.postings.iter().map(line).collect() }
}

fn short(name: &str) -> String {
    let part = |part: &str| match part.len() {
        // Ids are ASCII, so their end is a whole number of characters; what is not stays as it is.
        29.. => part.get(part.len() - 5..).map_or_else(|| part.to_owned(), |end| format!("…{end}")),
        _ => part.to_owned(),
    };
    name.split(':').map(part).collect::<Vec<_>>().join(":")
}
