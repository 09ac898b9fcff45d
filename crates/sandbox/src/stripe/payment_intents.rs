//! PaymentIntents: what they are asked to become. What happens to the money itself is told in [`super::payments`].

mod capture;
mod fields;
mod release;

use super::context::Ctx;
use super::errors::{Answer, ApiError};
use super::payments::{self, charge};
use super::routes::{Args, Route};
use super::{balance, checkout, lists, metadata, payment_methods, search};
use crate::world::Read;
use serde_json::{Map, Value, json};

pub(crate) use capture::capture_by_charge;
pub(crate) use fields::{chosen_method, return_possible, secret_fits, shipping};
pub(crate) use release::lapse;

pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/payment_intents", "payment_intents.list", "list:payment_intent", list),
    Route::new("GET", "/v1/payment_intents/search", "payment_intents.search", "list:payment_intent", find),
    Route::new("POST", "/v1/payment_intents", "payment_intents.create", "payment_intent", create),
    Route::new("GET", "/v1/payment_intents/{id}", "payment_intents.retrieve", "payment_intent", retrieve).public(),
    Route::new("POST", "/v1/payment_intents/{id}", "payment_intents.update", "payment_intent", update),
    Route::new("POST", "/v1/payment_intents/{id}/confirm", "payment_intents.confirm", "payment_intent", confirm).public(),
    Route::new("POST", "/v1/payment_intents/{id}/capture", "payment_intents.capture", "payment_intent", capture::capture),
    Route::new("POST", "/v1/payment_intents/{id}/cancel", "payment_intents.cancel", "payment_intent", release::cancel),
    Route::new(
        "POST",
        "/v1/payment_intents/{id}/increment_authorization",
        "payment_intents.increment_authorization",
        "payment_intent",
        increment,
    ),
];

/// Statuses in which nothing has been taken or held yet.
const OPEN: [&str; 3] = ["requires_payment_method", "requires_confirmation", "requires_action"];

/// A new PaymentIntent from checked parameters (amount, currency, customer, metadata, capture_method, description, statement_descriptor,
/// receipt_email, shipping, payment_method_types …), stored and told of by `payment_intent.created`.
pub(crate) fn make(ctx: &mut Ctx<'_>, params: &Map<String, Value>) -> Result<Value, ApiError> {
    let intent = fields::blank(ctx, params)?;
    ctx.room_for("payment_intent")?;
    ctx.store_and_emit(&intent, "payment_intent.created");
    Ok(intent)
}

fn create(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let params = &args.params;
    if !params.yes("confirm") && (params.has("off_session") || params.has("error_on_requires_action")) {
        let name = if params.has("off_session") { "off_session" } else { "error_on_requires_action" };
        return Err(ApiError::invalid(format!(
            "The parameter `{name}` cannot be passed when creating a PaymentIntent unless `confirm` is set to true."
        ))
        .param(name));
    }
    // Everything that can be refused is looked at before anything is kept.
    let mut intent = fields::blank(ctx, params)?;
    ctx.room_for("payment_intent")?;
    if params.yes("confirm") {
        return_possible(&intent, params)?;
    }
    let method = chosen_method(ctx, params)?;
    if let Some(method) = &method {
        payments::fits(&intent, method)?;
        intent["payment_method"] = method["id"].clone();
        intent["status"] = json!("requires_confirmation");
    }
    ctx.store_and_emit(&intent, "payment_intent.created");
    if params.yes("confirm") {
        return confirm_with(ctx, intent, method, params);
    }
    Ok(intent)
}

fn retrieve(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let intent = ctx.load("payment_intent", args.id())?;
    secret_fits(&intent, args)?;
    Ok(intent)
}

fn list(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    lists::page(ctx, args, "payment_intent", "/v1/payment_intents", |i| lists::same(&args.params, i, &["customer"]))
}

fn find(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    search::page(ctx, args, "payment_intent", "/v1/payment_intents/search")
}

fn update(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let params = &args.params;
    let mut intent = ctx.load("payment_intent", args.id())?;
    fields::updatable(&intent, params)?;
    let currency = params.some("currency").unwrap_or(intent.text("currency")).to_owned();
    if params.has("amount") {
        balance::check_amount(params, "amount", &currency)?;
    }
    if let Some(customer) = params.some("customer") {
        ctx.load_param("customer", customer, "customer")?;
    }
    metadata::merge(&mut intent, params)?;
    fields::assign(&mut intent, params);
    if params.contains_key("payment_method") && !params.has("payment_method") {
        intent["payment_method"] = Value::Null;
        intent["status"] = json!("requires_payment_method");
    }
    if let Some(method) = chosen_method(ctx, params)? {
        payments::fits(&intent, &method)?;
        intent["payment_method"] = method["id"].clone();
        intent["status"] = json!("requires_confirmation");
        intent["next_action"] = Value::Null;
    }
    ctx.store(&intent);
    Ok(intent)
}

fn confirm(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let params = &args.params;
    let mut intent = ctx.load("payment_intent", args.id())?;
    secret_fits(&intent, args)?;
    payments::confirmable(&intent)?;
    fields::assign(&mut intent, params);
    return_possible(&intent, params)?;
    let method = match chosen_method(ctx, params)? {
        Some(method) => Some(method),
        None => intent.some("payment_method").map(|id| payment_methods::named(ctx, id, "payment_method")).transpose()?,
    };
    if let Some(method) = &method {
        payments::fits(&intent, method)?;
    }
    ctx.store(&intent);
    confirm_with(ctx, intent, method, params)
}

fn confirm_with(ctx: &mut Ctx<'_>, mut intent: Value, method: Option<Value>, params: &Map<String, Value>) -> Answer {
    let id = intent.text("id").to_owned();
    let Some(method) = method else {
        let text = "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a payment method or ConfirmationToken.";
        return Err(
            ApiError::state("payment_intent_unexpected_state", text).with("payment_intent", super::expand::shown_deep(&intent))
        );
    };
    intent["_off_session"] = json!(params.get("off_session").is_some_and(|v| *v == json!(true) || v.is_string()));
    intent["_error_on_requires_action"] = json!(params.yes("error_on_requires_action"));
    ctx.store(&intent);
    payments::confirm(ctx, &id, &method, params.some("return_url"))?;
    ctx.load("payment_intent", &id)
}

fn increment(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let mut intent = ctx.load("payment_intent", args.id())?;
    if intent.text("status") != "requires_capture" {
        return Err(payments::unexpected(&intent, "increment", "requires_capture"));
    }
    let asked = &intent["payment_method_options"]["card"]["request_incremental_authorization"];
    if asked != "if_available" {
        let text = "This PaymentIntent is not eligible for incremental authorization: it was not confirmed with `request_incremental_authorization` set to `if_available`.";
        return Err(ApiError::invalid(text).code("payment_intent_unexpected_state"));
    }
    let currency = intent.text("currency").to_owned();
    let amount = balance::check_amount(&args.params, "amount", &currency)?;
    if amount <= intent.int("amount") {
        let text = "The amount must be greater than the amount that is authorized already.";
        return Err(ApiError::invalid(text).code("parameter_invalid_integer").param("amount"));
    }
    metadata::merge(&mut intent, &args.params)?;
    metadata::assign(&mut intent, &args.params, &["description", "statement_descriptor"]);
    let mut charge = ctx.load("charge", intent.text("latest_charge"))?;
    charge["amount"] = json!(amount);
    charge["payment_method_details"]["card"]["amount_authorized"] = json!(amount);
    charge["payment_method_details"]["card"]["overcapture"] = charge::overcapture(&intent, amount);
    ctx.store(&charge);
    intent["amount"] = json!(amount);
    intent["amount_capturable"] = json!(amount - intent.int("amount_received"));
    ctx.store_and_emit(&intent, "payment_intent.amount_capturable_updated");
    checkout::intent_moved(ctx, &intent);
    Ok(intent)
}
