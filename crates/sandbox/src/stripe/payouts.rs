//! Payouts: available money on its way to the bank. Every night Stripe pays out what is available, a payout for each currency; more can
//! be asked for at any time.
//!
//! - `automatic`: what is paid out by itself, and of which lines of the balance it is made.
//! - `journey`: submitted, arrived, failed.

mod automatic;
mod journey;

use super::balance::{self, Entry};
use super::context::Ctx;
use super::errors::{Answer, ApiError};
use super::routes::{Args, Route};
use super::{lists, metadata};
use crate::world::{Read, Task};
use serde_json::{Map, Value, json};

pub(crate) use automatic::{pay_out, pay_out_available, plan};
pub(crate) use journey::{arrive, fail, submit};

pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/payouts", "payouts.list", "list:payout", list),
    Route::new("POST", "/v1/payouts", "payouts.create", "payout", create),
    Route::new("GET", "/v1/payouts/{id}", "payouts.retrieve", "payout", retrieve),
    Route::new("POST", "/v1/payouts/{id}", "payouts.update", "payout", update),
    Route::new("POST", "/v1/payouts/{id}/cancel", "payouts.cancel", "payout", cancel),
];

/// When a payout is handed to the bank and when it is there, on the sandbox's clock: real ones take days, and a demonstration should see
/// every step.
const SUBMITTED_AFTER_SECONDS: i64 = 30;
const ARRIVES_AFTER_SECONDS: i64 = 60;

fn list(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let keep = |p: &Value| {
        lists::same(&args.params, p, &["destination", "status"])
            && lists::in_range(&args.params, "arrival_date", p.int("arrival_date"))
    };
    lists::page(ctx, args, "payout", "/v1/payouts", keep)
}

fn retrieve(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    ctx.load("payout", args.id())
}

fn create(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let params = &args.params;
    let (currency, amount) = (params.text("currency"), params.int("amount"));
    if amount < 1 {
        return Err(ApiError::invalid("This value must be greater than or equal to 1.")
            .code("parameter_invalid_integer")
            .param("amount"));
    }
    if amount > balance::available(ctx, currency) {
        let text = "You have insufficient funds in your Stripe account for this transfer. Your card balance is too low. You can use the /v1/balance endpoint to view your Stripe balance (for more details, see stripe.com/docs/api#balance).";
        return Err(ApiError::invalid(text).code("balance_insufficient"));
    }
    ctx.room_for("payout")?;
    Ok(make(ctx, currency, amount, params))
}

/// Takes the money out of the balance and sends it on its way.
fn make(ctx: &mut Ctx<'_>, currency: &str, amount: i64, params: &Map<String, Value>) -> Value {
    let id = ctx.id("po");
    let transaction = book(ctx, &id, currency, -amount, "payout");
    let given = |name: &str| params.get(name).cloned().unwrap_or_default();
    let automatic = params.yes("automatic");
    let payout = json!({
        "id": id, "object": "payout", "amount": amount, "application_fee": null, "application_fee_amount": null,
        "arrival_date": ctx.now() + ARRIVES_AFTER_SECONDS, "automatic": automatic, "balance_transaction": transaction, "created": ctx.now(),
        "currency": currency, "description": given("description"), "destination": given("destination"), "failure_balance_transaction": null,
        "failure_code": null, "failure_message": null, "livemode": false, "metadata": metadata::fresh(params),
        "method": params.some("method").unwrap_or("standard"), "original_payout": null, "payout_method": given("payout_method"),
        "reconciliation_status": if automatic { "in_progress" } else { "not_applicable" }, "reversed_by": null,
        "source_type": params.some("source_type").unwrap_or("card"), "statement_descriptor": given("statement_descriptor"),
        "status": "pending", "trace_id": null, "type": "bank_account",
    });
    ctx.store_and_emit(&payout, "payout.created");
    ctx.plan_in(SUBMITTED_AFTER_SECONDS, Task::SubmitPayout(id.clone()));
    ctx.plan_in(ARRIVES_AFTER_SECONDS, Task::PayOut(id));
    payout
}

fn book(ctx: &mut Ctx<'_>, id: &str, currency: &str, amount: i64, kind: &str) -> Value {
    let entry = Entry {
        kind,
        category: if kind == "payout" { "payout" } else { "payout_reversal" },
        amount,
        currency,
        settles_in: currency,
        fee: 0,
        fee_text: "",
        source: Some(id),
        description: json!("STRIPE PAYOUT"),
        pending: false,
    };
    balance::book(ctx, &entry)
}

fn update(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let before = ctx.load("payout", args.id())?;
    let mut after = before.clone();
    metadata::merge(&mut after, &args.params)?;
    ctx.store(&after);
    ctx.emit_change("payout.updated", &before, &after);
    Ok(after)
}

fn cancel(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let mut payout = ctx.load("payout", args.id())?;
    if payout.yes("automatic") {
        return Err(ApiError::invalid("You cannot cancel an automatic payout.").code("payout_not_cancelable"));
    }
    if payout.text("status") != "pending" {
        let text = format!(
            "You cannot cancel this payout because it has a status of {}; only a pending payout can be canceled.",
            payout.text("status")
        );
        return Err(ApiError::invalid(text).code("payout_not_cancelable"));
    }
    let (currency, amount) = (payout.text("currency").to_owned(), payout.int("amount"));
    payout["status"] = json!("canceled");
    payout["failure_balance_transaction"] = book(ctx, args.id(), &currency, amount, "payout_cancel");
    ctx.store_and_emit(&payout, "payout.canceled");
    Ok(payout)
}
