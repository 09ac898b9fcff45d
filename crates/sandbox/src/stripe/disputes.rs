//! Disputes: a card's holder asks for the money back, the merchant answers with evidence, the bank decides.
//!
//! - `open`: what a claim looks like and which money it takes at once.
//! - `evidence`: what the merchant answers.
//! - `verdict`: how it ends, and what an end gives back.

mod evidence;
mod open;
mod verdict;

use super::balance::{self, Entry};
use super::context::Ctx;
use super::errors::{Answer, ApiError};
use super::lists;
use super::routes::{Args, Route};
use crate::world::Read;
use serde_json::{Value, json};

pub(crate) use open::{Case, Claim, open, open_by_card};
pub(crate) use verdict::{end_when_due, rule};

pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/disputes", "disputes.list", "list:dispute", list),
    Route::new("GET", "/v1/disputes/{id}", "disputes.retrieve", "dispute", retrieve),
    Route::new("POST", "/v1/disputes/{id}", "disputes.update", "dispute", evidence::update),
    Route::new("POST", "/v1/disputes/{id}/close", "disputes.close", "dispute", close),
];

/// What Stripe keeps for a dispute, in minor units.
const FEE: i64 = 1_500;
/// Statuses in which the last word has not been spoken.
const OPEN: [&str; 4] = ["needs_response", "under_review", "warning_needs_response", "warning_under_review"];

fn list(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    lists::page(ctx, args, "dispute", "/v1/disputes", |d| lists::same(&args.params, d, &["charge", "payment_intent"]))
}

fn retrieve(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    ctx.load("dispute", args.id())
}

/// The merchant gives in.
fn close(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let dispute = ctx.load("dispute", args.id())?;
    if !OPEN.contains(&dispute.text("status")) {
        return Err(ApiError::invalid("This dispute is already closed."));
    }
    let status = if is_inquiry(&dispute) { "warning_closed" } else { "lost" };
    Ok(verdict::end(ctx, dispute, status))
}

fn is_inquiry(dispute: &Value) -> bool {
    dispute.text("status").starts_with("warning_")
}

/// Takes the disputed amount and the fee.
fn withdraw(ctx: &mut Ctx<'_>, dispute: &mut Value) {
    book(ctx, dispute, -dispute.int("amount"), FEE);
}

/// What becomes of the fee when a dispute is won.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fee {
    Kept,
    Returned,
}

/// Gives the disputed amount back, with or without the fee.
fn reinstate(ctx: &mut Ctx<'_>, dispute: &mut Value, fee: Fee) {
    book(ctx, dispute, dispute.int("amount"), if fee == Fee::Returned { -FEE } else { 0 });
}

fn book(ctx: &mut Ctx<'_>, dispute: &mut Value, amount: i64, fee: i64) {
    let (source, currency) = (dispute.text("id").to_owned(), dispute.text("currency").to_owned());
    let charge = ctx.account.get("charge", dispute.text("charge")).cloned().unwrap_or_default();
    let settles_in = balance::kept_in(ctx, &charge);
    let (category, words) =
        if amount < 0 { ("dispute", "Chargeback withdrawal") } else { ("dispute_reversal", "Chargeback reversal") };
    let entry = Entry {
        kind: "adjustment",
        category,
        amount,
        currency: &currency,
        settles_in: &settles_in,
        fee,
        fee_text: "Dispute fee",
        source: Some(&source),
        description: json!(format!("{words} for {}", dispute.text("charge"))),
        pending: false,
    };
    let transaction = balance::book(ctx, &entry);
    let whole = transaction.as_str().and_then(|t| ctx.account.get("balance_transaction", t)).cloned();
    if let (Some(whole), Value::Array(rows)) = (whole, &mut dispute["balance_transactions"]) {
        rows.push(whole);
    }
}
