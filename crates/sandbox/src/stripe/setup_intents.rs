//! SetupIntents: saving a method for payments to come.

use super::cards::{self, CardOutcome};
use super::context::Ctx;
use super::errors::{Answer, ApiError};
use super::payment_intents::{chosen_method, return_possible, secret_fits};
use super::payments::charge;
use super::routes::{Args, Route};
use super::{expand, lists, metadata, payment_methods};
use crate::world::Read;
use serde_json::{Map, Value, json};

pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/setup_intents", "setup_intents.list", "list:setup_intent", list),
    Route::new("POST", "/v1/setup_intents", "setup_intents.create", "setup_intent", create),
    Route::new("GET", "/v1/setup_intents/{id}", "setup_intents.retrieve", "setup_intent", retrieve).public(),
    Route::new("POST", "/v1/setup_intents/{id}", "setup_intents.update", "setup_intent", update),
    Route::new("POST", "/v1/setup_intents/{id}/confirm", "setup_intents.confirm", "setup_intent", confirm).public(),
    Route::new("POST", "/v1/setup_intents/{id}/cancel", "setup_intents.cancel", "setup_intent", cancel),
];

fn list(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    lists::page(ctx, args, "setup_intent", "/v1/setup_intents", |s| lists::same(&args.params, s, &["customer", "payment_method"]))
}

fn retrieve(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let intent = ctx.load("setup_intent", args.id())?;
    secret_fits(&intent, args)?;
    Ok(intent)
}

fn create(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let params = &args.params;
    if let Some(customer) = params.some("customer") {
        ctx.load_param("customer", customer, "customer")?;
    }
    ctx.room_for("setup_intent")?;
    let mut intent = blank(ctx, params);
    // Older API versions, which the command-line tool speaks, do not ask for this unless automatic methods were asked for.
    if params.yes("confirm") && params.has("automatic_payment_methods") {
        return_possible(&intent, params)?;
    }
    let method = chosen_method(ctx, params)?;
    if let Some(method) = &method {
        intent["payment_method"] = method["id"].clone();
        intent["status"] = json!("requires_confirmation");
    }
    ctx.store_and_emit(&intent, "setup_intent.created");
    if params.yes("confirm") {
        return confirm_with(ctx, intent, method, params.some("return_url"));
    }
    Ok(intent)
}

fn blank(ctx: &Ctx<'_>, params: &Map<String, Value>) -> Value {
    let given = |name: &str| params.get(name).cloned().unwrap_or_default();
    let id = ctx.id("seti");
    let automatic = given("automatic_payment_methods");
    let left_to_stripe = !params.has("payment_method_types") && (!automatic.is_object() || automatic.yes("enabled"));
    let automatic = match left_to_stripe {
        true => json!({ "allow_redirects": automatic.some("allow_redirects").unwrap_or("always"), "enabled": true }),
        false => Value::Null,
    };
    let types = params.get("payment_method_types").filter(|v| v.is_array()).cloned();
    json!({
        "id": id, "object": "setup_intent", "application": null, "automatic_payment_methods": automatic, "cancellation_reason": null,
        "client_secret": format!("{id}_secret_{}", ctx.secret(33)), "created": ctx.now(), "customer": given("customer"), "customer_account": null,
        "description": given("description"), "excluded_payment_method_types": given("excluded_payment_method_types"),
        "flow_directions": given("flow_directions"), "last_setup_error": null, "latest_attempt": null, "livemode": false, "managed_payments": null, "mandate": null,
        "metadata": metadata::fresh(params), "next_action": null, "on_behalf_of": null, "payment_method": null,
        "payment_method_configuration_details": null,
        "payment_method_options": { "card": { "mandate_options": null, "network": null, "request_three_d_secure": "automatic" } },
        "payment_method_types": types.unwrap_or_else(|| json!(["card", "sepa_debit"])), "single_use_mandate": null,
        "status": "requires_payment_method", "usage": params.some("usage").unwrap_or("off_session"),
    })
}

fn update(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let params = &args.params;
    let mut intent = ctx.load("setup_intent", args.id())?;
    if let Some(customer) = params.some("customer") {
        ctx.load_param("customer", customer, "customer")?;
    }
    if matches!(intent.text("status"), "succeeded" | "canceled") && ["customer", "payment_method"].iter().any(|n| params.has(n)) {
        return Err(unexpected(&intent, "update", "requires_payment_method, requires_confirmation, requires_action"));
    }
    metadata::merge(&mut intent, params)?;
    metadata::assign(
        &mut intent,
        params,
        &["customer", "description", "flow_directions", "payment_method_types", "excluded_payment_method_types"],
    );
    if let Some(method) = chosen_method(ctx, params)? {
        intent["payment_method"] = method["id"].clone();
        intent["status"] = json!("requires_confirmation");
    }
    ctx.store(&intent);
    Ok(intent)
}

fn confirm(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let intent = ctx.load("setup_intent", args.id())?;
    secret_fits(&intent, args)?;
    if matches!(intent.text("status"), "succeeded" | "canceled") {
        return Err(unexpected(&intent, "confirm", "requires_payment_method, requires_confirmation, requires_action"));
    }
    let method = match chosen_method(ctx, &args.params)? {
        Some(method) => Some(method),
        None => intent.some("payment_method").map(|id| payment_methods::named(ctx, id, "payment_method")).transpose()?,
    };
    confirm_with(ctx, intent, method, args.params.some("return_url"))
}

fn confirm_with(ctx: &mut Ctx<'_>, mut intent: Value, method: Option<Value>, return_url: Option<&str>) -> Answer {
    let Some(method) = method else {
        let text = "You cannot confirm this SetupIntent because it's missing a payment method. Update the SetupIntent with a payment method and then confirm it again.";
        return Err(ApiError::state("setup_intent_unexpected_state", text).with("setup_intent", expand::shown_deep(&intent)));
    };
    intent["payment_method"] = method["id"].clone();
    intent["last_setup_error"] = Value::Null;
    intent["next_action"] = Value::Null;
    let decline = match charge::card_of(&method).map(|card| card.outcome) {
        Some(CardOutcome::Declined(decline)) => Some(decline),
        Some(CardOutcome::Blocked) => Some(cards::FRAUDULENT),
        Some(CardOutcome::Authenticates | CardOutcome::AuthenticatesThenDeclined(_) | CardOutcome::AuthenticatesUnlessSetUp) => {
            return Ok(ask_customer(ctx, intent, &method, return_url));
        }
        _ => None,
    };
    let Some(decline) = decline else { return Ok(succeed(ctx, intent, &method)) };
    let error = charge::decline_error(&decline, None, &method);
    attempt(ctx, &mut intent, &method, "failed", error.object());
    intent["status"] = json!("requires_payment_method");
    intent["payment_method"] = Value::Null;
    intent["last_setup_error"] = error.object();
    ctx.store_and_emit(&intent, "setup_intent.setup_failed");
    Err(error.with("setup_intent", expand::shown_deep(&intent)))
}

fn ask_customer(ctx: &mut Ctx<'_>, mut intent: Value, method: &Value, return_url: Option<&str>) -> Value {
    attempt(ctx, &mut intent, method, "requires_action", Value::Null);
    let url = format!("{}/c/3ds/{}", ctx.public_url, intent.text("id"));
    intent["status"] = json!("requires_action");
    intent["next_action"] = match return_url {
        Some(back) => json!({ "type": "redirect_to_url", "redirect_to_url": { "return_url": back, "url": url } }),
        None => json!({ "type": "use_stripe_sdk", "use_stripe_sdk": { "type": "three_d_secure_redirect", "stripe_js": url } }),
    };
    ctx.store_and_emit(&intent, "setup_intent.requires_action");
    intent
}

/// The customer passed or failed the authentication of a SetupIntent that requires it.
pub(crate) fn authenticate(ctx: &mut Ctx<'_>, id: &str, passed: bool) -> Answer {
    let mut intent = ctx.load("setup_intent", id)?;
    if intent.text("status") != "requires_action" {
        return Err(unexpected(&intent, "authenticate", "requires_action"));
    }
    let method = ctx.load("payment_method", intent.text("payment_method"))?;
    intent["next_action"] = Value::Null;
    if passed {
        return Ok(succeed(ctx, intent, &method));
    }
    let text = "We are unable to authenticate your payment method. Please choose a different payment method and try again.";
    let error = ApiError::state("setup_intent_authentication_failure", text)
        .status(402)
        .with("payment_method", expand::shown_deep(&method));
    intent["status"] = json!("requires_payment_method");
    intent["payment_method"] = Value::Null;
    intent["last_setup_error"] = error.object();
    ctx.store_and_emit(&intent, "setup_intent.setup_failed");
    Err(error.with("setup_intent", expand::shown_deep(&intent)))
}

/// The method is saved: to the customer, if there is one.
fn succeed(ctx: &mut Ctx<'_>, mut intent: Value, method: &Value) -> Value {
    attempt(ctx, &mut intent, method, "succeeded", Value::Null);
    let mut kept = method.clone();
    kept["_set_up"] = json!(true);
    let attaches = intent.has("customer") && !method.has("customer");
    if attaches {
        kept["customer"] = intent["customer"].clone();
    }
    ctx.store(&kept);
    if attaches {
        ctx.emit("payment_method.attached", &kept);
    }
    intent["status"] = json!("succeeded");
    ctx.store_and_emit(&intent, "setup_intent.succeeded");
    intent
}

fn attempt(ctx: &mut Ctx<'_>, intent: &mut Value, method: &Value, status: &str, error: Value) {
    let id = ctx.id("setatt");
    let kind = method.text("type");
    let details = match kind {
        "card" => {
            let card = &method["card"];
            json!({ "type": "card", "card": {
                "brand": card["brand"], "checks": card["checks"], "country": card["country"], "exp_month": card["exp_month"],
                "exp_year": card["exp_year"], "fingerprint": card["fingerprint"], "funding": card["funding"], "last4": card["last4"],
                "network": card["brand"], "three_d_secure": null, "wallet": null,
            } })
        }
        other => json!({ "type": other, (other): {} }),
    };
    let attempt = json!({
        "id": id, "object": "setup_attempt", "application": null, "created": ctx.now(), "customer": intent["customer"], "customer_account": null,
        "flow_directions": intent["flow_directions"], "livemode": false, "on_behalf_of": null, "payment_method": method["id"],
        "payment_method_details": details, "setup_error": error, "setup_intent": intent["id"], "status": status, "usage": intent["usage"],
    });
    ctx.store(&attempt);
    intent["latest_attempt"] = json!(id);
}

fn unexpected(intent: &Value, act: &str, allowed: &str) -> ApiError {
    let text = format!(
        "You cannot {act} this SetupIntent because it has a status of {}. Only a SetupIntent with one of the following statuses allows it: {allowed}.",
        intent.text("status")
    );
    ApiError::state("setup_intent_unexpected_state", text).with("setup_intent", expand::shown_deep(intent))
}

fn cancel(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let mut intent = ctx.load("setup_intent", args.id())?;
    if matches!(intent.text("status"), "succeeded" | "canceled") {
        return Err(unexpected(&intent, "cancel", "requires_payment_method, requires_confirmation, requires_action"));
    }
    intent["status"] = json!("canceled");
    intent["cancellation_reason"] = args.params.get("cancellation_reason").cloned().unwrap_or_default();
    intent["next_action"] = Value::Null;
    ctx.store_and_emit(&intent, "setup_intent.canceled");
    Ok(intent)
}
