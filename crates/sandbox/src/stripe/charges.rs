//! Charges: read and described here, made by [`super::payments`]; the older way of charging a token directly is kept, too.

use super::context::Ctx;
use super::errors::{Answer, ApiError};
use super::payments::{self, charge, charge::Try};
use super::routes::{Args, Route};
use super::{balance, cards, expand, lists, metadata, payment_intents, payment_methods, refunds, search};
use crate::stripe::cards::CardOutcome;
use crate::world::Read;
use serde_json::{Map, Value, json};

pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/charges", "charges.list", "list:charge", list),
    Route::new("GET", "/v1/charges/search", "charges.search", "list:charge", find),
    Route::new("POST", "/v1/charges", "charges.create", "charge", create),
    Route::new("GET", "/v1/charges/{id}", "charges.retrieve", "charge", retrieve),
    Route::new("POST", "/v1/charges/{id}", "charges.update", "charge", update),
    Route::new("POST", "/v1/charges/{id}/capture", "charges.capture", "charge", capture),
    Route::new("GET", "/v1/charges/{id}/refunds", "charges.refunds.list", "list:refund", list_refunds),
    Route::new("POST", "/v1/charges/{id}/refunds", "charges.refunds.create", "refund", refund),
    Route::new("POST", "/v1/charges/{id}/refund", "charges.refund", "charge", refund_whole),
];

fn list(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    lists::page(ctx, args, "charge", "/v1/charges", |c| {
        lists::same(&args.params, c, &["customer", "payment_intent", "transfer_group"])
    })
}

fn retrieve(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    balance::ripen(ctx);
    ctx.load("charge", args.id())
}

fn create(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let params = &args.params;
    let Some(currency) = params.some("currency") else { return Err(ApiError::missing("currency")) };
    if !params.has("amount") {
        return Err(ApiError::missing("amount"));
    }
    balance::check_amount(params, "amount", currency)?;
    let method = payer(ctx, params)?;
    ctx.room_for("charge")?;
    let bill = bill(params);
    let outcome = charge::card_of(&method).map_or(CardOutcome::Succeeds, |card| card.outcome);
    let refusal = match outcome {
        CardOutcome::Declined(decline)
        | CardOutcome::DeclinedWhenCharged(decline)
        | CardOutcome::AuthenticatesThenDeclined(decline) => Some(Try::Refused(decline)),
        CardOutcome::Blocked => Some(Try::Blocked),
        // Nobody is there to authenticate.
        CardOutcome::Authenticates | CardOutcome::AuthenticatesUnlessSetUp => Some(Try::Refused(cards::AUTHENTICATION)),
        _ => None,
    };
    let holds = charge::holds(&bill, &method);
    let tried = refusal.unwrap_or(if holds { Try::Held } else { Try::Taken });
    let made = charge::make(ctx, &bill, &method, tried, false);
    match tried {
        Try::Refused(decline) => Err(charge::decline_error(&decline, made.some("id"), &Value::Null)),
        Try::Blocked => Err(charge::decline_error(&cards::FRAUDULENT, made.some("id"), &Value::Null)),
        Try::Taken => {
            payments::dispute_if_asked(ctx, &made);
            ctx.load("charge", made.text("id"))
        }
        _ => Ok(made),
    }
}

/// What pays an older kind of charge: a token or card that is named, or the customer's default.
fn payer(ctx: &mut Ctx<'_>, params: &Map<String, Value>) -> Result<Value, ApiError> {
    let customer = params.some("customer").map(|id| ctx.load_param("customer", id, "customer")).transpose()?;
    let named = params.some("source").or_else(|| params.some("card"));
    let default =
        customer.as_ref().and_then(|c| c.some("default_source").or_else(|| c["invoice_settings"].some("default_payment_method")));
    let Some(name) = named.or(default) else {
        return Err(match customer {
            Some(_) => ApiError::card("missing", "Cannot charge a customer that has no active card").param("card"),
            None => ApiError::invalid("Must provide source or customer.").code("parameter_missing"),
        });
    };
    payment_methods::named(ctx, name, "source")
}

fn bill(params: &Map<String, Value>) -> Value {
    let given = |name: &str| params.get(name).cloned().unwrap_or_default();
    let captures = params.get("capture").is_none_or(|c| c == true);
    json!({
        "id": null, "amount": given("amount"), "currency": given("currency"), "customer": given("customer"), "description": given("description"),
        "metadata": metadata::fresh(params), "receipt_email": given("receipt_email"), "shipping": payment_intents::shipping(&given("shipping")),
        "statement_descriptor": given("statement_descriptor"), "statement_descriptor_suffix": given("statement_descriptor_suffix"),
        "transfer_group": given("transfer_group"), "application_fee_amount": given("application_fee_amount"),
        "capture_method": if captures { "automatic" } else { "manual" },
    })
}

fn find(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    search::page(ctx, args, "charge", "/v1/charges/search")
}

fn update(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let before = ctx.load("charge", args.id())?;
    let mut after = before.clone();
    if let Some(customer) = args.params.some("customer") {
        ctx.load_param("customer", customer, "customer")?;
    }
    metadata::merge(&mut after, &args.params)?;
    metadata::assign(&mut after, &args.params, &["customer", "description", "receipt_email", "transfer_group"]);
    if let Some(given) = args.params.get("shipping") {
        after["shipping"] = payment_intents::shipping(given);
    }
    if let Some(report) = args.params.get("fraud_details").and_then(|f| f.some("user_report")) {
        after["fraud_details"] = json!({ "user_report": report });
    }
    ctx.store(&after);
    ctx.emit_change("charge.updated", &before, &after);
    Ok(after)
}

fn capture(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let before = ctx.load_owner("charge", args.id())?;
    let id = args.id();
    if before.yes("captured") {
        return Err(ApiError::state("charge_already_captured", format!("Charge {id} has already been captured.")));
    }
    if before.yes("refunded") || before.yes("_released") || before.text("status") != "succeeded" {
        return Err(ApiError::state("charge_not_capturable", format!("Charge {id} cannot be captured: nothing is held.")));
    }
    let amount = args.params.has("amount").then(|| args.params.int("amount"));
    if let Some(intent) = before.some("payment_intent") {
        payment_intents::capture_by_charge(ctx, intent, amount)?;
        return ctx.load("charge", id);
    }
    let amount = amount.unwrap_or_else(|| before.int("amount"));
    if !(1..=before.int("amount")).contains(&amount) {
        return Err(ApiError::invalid("The amount to capture must be positive and no more than what is held.")
            .code("amount_too_large")
            .param("amount"));
    }
    let mut after = before.clone();
    metadata::assign(
        &mut after,
        &args.params,
        &["receipt_email", "statement_descriptor", "statement_descriptor_suffix", "transfer_group"],
    );
    charge::settle(ctx, &mut after, amount);
    ctx.store(&after);
    ctx.emit_change("charge.captured", &before, &after);
    payments::dispute_if_asked(ctx, &after);
    ctx.load("charge", id)
}

fn list_refunds(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let charge = ctx.load_owner("charge", args.id())?;
    let id = charge.text("id");
    lists::page(ctx, args, "refund", &format!("/v1/charges/{id}/refunds"), |r| r.text("charge") == id)
}

fn refund(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let charge = ctx.load_owner("charge", args.id())?;
    refunds::make(ctx, charge, &args.params)
}

fn refund_whole(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    refund(ctx, args)?;
    ctx.load("charge", args.id()).map(|c| expand::shown_deep(&c))
}
