//! Refunds: giving back a charge, whole or in parts, and the refund that fails after all.

use super::balance::{self, Entry};
use super::context::Ctx;
use super::errors::{Answer, ApiError};
use super::payments::charge;
use super::routes::{Args, Route};
use super::{lists, metadata, money};
use crate::world::{Read, Task};
use serde_json::{Map, Value, json};

pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/refunds", "refunds.list", "list:refund", list),
    Route::new("POST", "/v1/refunds", "refunds.create", "refund", create),
    Route::new("GET", "/v1/refunds/{id}", "refunds.retrieve", "refund", retrieve),
    Route::new("POST", "/v1/refunds/{id}", "refunds.update", "refund", update),
    Route::new("POST", "/v1/refunds/{id}/cancel", "refunds.cancel", "refund", cancel),
];

/// After how long, on the sandbox's clock, a refund that must fail does.
const FAILS_AFTER_SECONDS: i64 = 5;

fn list(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    lists::page(ctx, args, "refund", "/v1/refunds", |r| lists::same(&args.params, r, &["charge", "payment_intent"]))
}

fn retrieve(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    ctx.load("refund", args.id())
}

fn create(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let charge = charge_to_refund(ctx, &args.params)?;
    make(ctx, charge, &args.params)
}

fn charge_to_refund(ctx: &Ctx<'_>, params: &Map<String, Value>) -> Result<Value, ApiError> {
    match (params.some("charge"), params.some("payment_intent")) {
        (Some(charge), intent) => {
            let charge = ctx.load_param("charge", charge, "charge")?;
            if intent.is_some_and(|id| charge.text("payment_intent") != id) {
                return Err(
                    ApiError::invalid("The charge does not belong to the payment_intent that was given.").param("payment_intent")
                );
            }
            Ok(charge)
        }
        (None, Some(id)) => {
            let intent = ctx.load_param("payment_intent", id, "payment_intent")?;
            let charge = ctx.account.get("charge", intent.text("latest_charge")).filter(|c| c.text("status") == "succeeded");
            charge.cloned().ok_or_else(|| {
                ApiError::invalid(format!("This PaymentIntent ({id}) does not have a successful charge to refund."))
                    .param("payment_intent")
            })
        }
        (None, None) => {
            Err(ApiError::invalid("One of the following params should be provided for this request: payment_intent or charge."))
        }
    }
}

/// Refunds a charge: the amount that is named, or all that is left.
pub(crate) fn make(ctx: &mut Ctx<'_>, charge: Value, params: &Map<String, Value>) -> Answer {
    let amount = refundable(&charge, params)?;
    ctx.room_for("refund")?;
    let is_card = charge.text("id").starts_with("ch_");
    let id = ctx.id(if is_card { "re" } else { "pyr" });
    let transaction = book(ctx, &charge, &id, -amount, "refund");
    let mut refund = blank(ctx, &id, &charge, amount, transaction);
    refund["metadata"] = metadata::fresh(params);
    refund["reason"] = params.get("reason").cloned().unwrap_or_default();
    if is_card {
        let card = json!({ "reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund" });
        refund["destination_details"] = json!({ "card": card, "type": "card" });
    } else {
        let kind = charge["payment_method_details"].text("type").to_owned();
        refund["destination_details"] = json!({ "type": kind });
    }
    ctx.store_and_emit(&refund, "refund.created");
    refunded_by(ctx, &charge, amount);
    if charge.yes("_refund_fails") {
        ctx.plan_in(FAILS_AFTER_SECONDS, Task::FailRefund(id));
    }
    Ok(refund)
}

/// A refund that went through, as every one begins.
fn blank(ctx: &Ctx<'_>, id: &str, charge: &Value, amount: i64, transaction: Value) -> Value {
    json!({
        "id": id, "object": "refund", "amount": amount, "balance_transaction": transaction, "charge": charge["id"], "created": ctx.now(),
        "currency": charge["currency"], "metadata": {}, "payment_intent": charge["payment_intent"], "reason": null,
        "receipt_number": null, "source_transfer_reversal": null, "status": "succeeded", "transfer_reversal": null,
    })
}

/// How much is to be given back, if it can be.
fn refundable(charge: &Value, params: &Map<String, Value>) -> Result<i64, ApiError> {
    let (id, currency) = (charge.text("id"), charge.text("currency"));
    let left = refundable_at_most(charge) - charge.int("amount_refunded");
    if charge.text("status") != "succeeded" || charge.int("amount_captured") < 1 {
        return Err(ApiError::invalid(format!("Charge {id} cannot be refunded because its money was not taken."))
            .code("charge_not_refundable")
            .param("charge"));
    }
    if charge.yes("refunded") || left < 1 {
        return Err(ApiError::state("charge_already_refunded", format!("Charge {id} has already been refunded.")));
    }
    if charge.yes("disputed") && charge.yes("_charged_back") {
        return Err(ApiError::state("charge_disputed", format!("Charge {id} has been charged back; cannot issue a refund.")));
    }
    if params.some("currency").is_some_and(|given| given != currency) {
        return Err(
            ApiError::invalid(format!("The currency of a refund must be that of its charge: {currency}.")).param("currency")
        );
    }
    let amount = if params.has("amount") { params.int("amount") } else { left };
    if amount < 1 {
        return Err(ApiError::invalid("This value must be greater than or equal to 1.")
            .code("parameter_invalid_integer")
            .param("amount"));
    }
    if amount > left {
        let than = if charge.int("amount_refunded") > 0 { "unrefunded amount on charge" } else { "charge amount" };
        let text = format!(
            "Refund amount ({}) is greater than {than} ({})",
            money::display(amount, currency),
            money::display(left, currency)
        );
        return Err(ApiError::invalid(text).param("amount"));
    }
    Ok(amount)
}

/// What was taken, and what older versions of the API gave back as a refund without ever taking it.
fn refundable_at_most(charge: &Value) -> i64 {
    charge.int("amount_captured") + charge.int("_refunded_untaken")
}

/// Whether all that was taken went back, and no more will be taken.
pub(crate) fn is_whole(charge: &Value) -> bool {
    let refunded = charge.int("amount_refunded");
    charge.yes("captured") && refunded > 0 && refunded >= refundable_at_most(charge)
}

fn book(ctx: &mut Ctx<'_>, charge: &Value, refund: &str, amount: i64, what: &str) -> Value {
    let card = charge.text("id").starts_with("ch_");
    let kind = match (what, card) {
        ("refund", true) => "refund",
        ("refund", false) => "payment_refund",
        _ => "refund_failure",
    };
    let words = if what == "refund" { "REFUND FOR CHARGE" } else { "REFUND FAILURE FOR CHARGE" };
    let description = match charge.some("description") {
        Some(text) => format!("{words} ({text})"),
        None => words.to_owned(),
    };
    let settles_in = balance::kept_in(ctx, charge);
    let entry = Entry {
        kind,
        category: what,
        amount,
        currency: charge.text("currency"),
        settles_in: &settles_in,
        fee: 0,
        fee_text: "",
        source: Some(refund),
        description: json!(description),
        pending: false,
    };
    balance::book(ctx, &entry)
}

/// Takes a part of what a charge holds the way older versions of the API show it: the whole is booked, and what is not taken comes
/// back at once by a refund and a line of its own.
pub(crate) fn take_and_release(ctx: &mut Ctx<'_>, charge: &mut Value, amount: i64, rest: i64) {
    let taken = charge.int("amount_captured") + amount;
    charge::settle(ctx, charge, amount + rest);
    charge["amount_captured"] = json!(taken);
    let (id, currency) = (ctx.id("re"), charge.text("currency").to_owned());
    let settles_in = balance::kept_in(ctx, charge);
    let fee = |n: i64| balance::payment_fee(n, &currency, &settles_in);
    let entry = Entry {
        kind: "refund",
        category: "partial_capture_reversal",
        amount: -rest,
        currency: &currency,
        settles_in: &settles_in,
        fee: fee(amount) - fee(amount + rest),
        fee_text: "Stripe processing fees",
        source: Some(&id),
        description: json!("REFUND FOR CHARGE"),
        pending: false,
    };
    let transaction = balance::book(ctx, &entry);
    let refund = blank(ctx, &id, charge, rest, transaction);
    ctx.store(&refund);
    charge["amount_refunded"] = json!(charge.int("amount_refunded") + rest);
    charge["_refunded_untaken"] = json!(rest);
}

/// The charge follows: this much more of it is refunded.
fn refunded_by(ctx: &mut Ctx<'_>, charge: &Value, amount: i64) {
    let mut after = charge.clone();
    let refunded = charge.int("amount_refunded") + amount;
    after["amount_refunded"] = json!(refunded);
    after["refunded"] = json!(is_whole(&after));
    ctx.store(&after);
    if amount > 0 {
        ctx.emit_change("charge.refunded", charge, &after);
    }
}

/// The bank sends the money of a refund back.
pub(crate) fn fail_later(ctx: &mut Ctx<'_>, id: &str) {
    let Some(before) = ctx.account.get("refund", id).filter(|r| r.text("status") == "succeeded").cloned() else { return };
    let Some(charge) = ctx.account.get("charge", before.text("charge")).cloned() else { return };
    let mut after = before.clone();
    after["status"] = json!("failed");
    after["failure_reason"] = json!("expired_or_canceled_card");
    after["failure_balance_transaction"] = book(ctx, &charge, id, before.int("amount"), "refund_failure");
    ctx.store(&after);
    refunded_by(ctx, &charge, -before.int("amount"));
    ctx.emit_change("refund.updated", &before, &after);
    ctx.emit_change("charge.refund.updated", &before, &after);
    ctx.emit("refund.failed", &after);
}

fn update(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let before = ctx.load("refund", args.id())?;
    let mut after = before.clone();
    metadata::merge(&mut after, &args.params)?;
    ctx.store(&after);
    ctx.emit_change("refund.updated", &before, &after);
    ctx.emit_change("charge.refund.updated", &before, &after);
    Ok(after)
}

/// Only a refund that waits for its receiver can be stopped, and none here does.
fn cancel(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let refund = ctx.load("refund", args.id())?;
    let text = format!(
        "You cannot cancel this refund because it has a status of {}. Only a refund with a status of requires_action may be canceled.",
        refund.text("status")
    );
    Err(ApiError::invalid(text).code("refund_unexpected_state"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(charge: &Value, params: &Value) -> Result<i64, Value> {
        refundable(charge, params.as_object().unwrap_or(&Map::new())).map_err(|e| e.object()["message"].clone())
    }

    #[test]
    fn no_more_is_given_back_than_was_taken() {
        let charge = json!({"id": "ch_1", "currency": "usd", "status": "succeeded", "captured": true, "amount_captured": 1000, "amount_refunded": 400});
        assert_eq!(asked(&charge, &json!({})), Ok(600));
        assert_eq!(asked(&charge, &json!({"amount": 600})), Ok(600));
        assert_eq!(
            asked(&charge, &json!({"amount": 601})),
            Err(json!("Refund amount ($6.01) is greater than unrefunded amount on charge ($6.00)"))
        );
        let whole = json!({"id": "ch_1", "currency": "usd", "status": "succeeded", "captured": true, "amount_captured": 1000, "amount_refunded": 1000, "refunded": true});
        assert_eq!(asked(&whole, &json!({})), Err(json!("Charge ch_1 has already been refunded.")));
    }
}
