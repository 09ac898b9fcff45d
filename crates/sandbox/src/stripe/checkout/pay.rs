//! Paying a session: its intent is made at the first try and kept for every later one.

use super::session::KIND;
use super::{ask, finish};
use crate::stripe::context::Ctx;
use crate::stripe::errors::ApiError;
use crate::stripe::payment_intents;
use crate::stripe::payments::{self, Paid};
use crate::world::Read;
use serde_json::{Map, Value, json};

/// The customer pays a session with a stored PaymentMethod: on the hosted page, or through the tool's own path. A decline leaves the
/// session open.
pub(crate) fn pay(ctx: &mut Ctx<'_>, session_id: &str, method: &Value) -> Result<Paid, ApiError> {
    let session = ctx.load(KIND, session_id)?;
    if session.int("amount_total") == 0 {
        return finish_free(ctx, session_id).map(|()| Paid::Succeeded);
    }
    payable(&session, method)?;
    let intent = match session.some("payment_intent") {
        Some(id) => id.to_owned(),
        None => first_try(ctx, session, method)?,
    };
    payments::confirm(ctx, &intent, method, None)
}

/// Completes a session that costs nothing: no method is asked for and no intent is made.
pub(crate) fn finish_free(ctx: &mut Ctx<'_>, session_id: &str) -> Result<(), ApiError> {
    let mut session = ctx.load(KIND, session_id)?;
    open(&session)?;
    if let Some(customer) = new_customer(ctx, &session, &Value::Null)? {
        session["_customer"] = customer;
    }
    finish::complete(ctx, session, &Value::Null, "no_payment_required");
    Ok(())
}

fn open(session: &Value) -> Result<(), ApiError> {
    match session.text("status") {
        "open" => Ok(()),
        "complete" => Err(ApiError::state("checkout_session_completed", "This Checkout Session has already been completed.")),
        status => Err(ApiError::state("checkout_session_not_open", format!("This Checkout Session is {status}."))),
    }
}

fn payable(session: &Value, method: &Value) -> Result<(), ApiError> {
    open(session)?;
    let kind = method.text("type");
    if session["payment_method_types"].as_array().is_some_and(|all| all.iter().any(|k| k == kind)) {
        return Ok(());
    }
    let text = format!("The payment method type \"{kind}\" is not offered by this Checkout Session.");
    Err(ApiError::invalid(text).code("payment_method_unsupported_type").param("payment_method"))
}

fn first_try(ctx: &mut Ctx<'_>, mut session: Value, method: &Value) -> Result<String, ApiError> {
    if let Some(customer) = new_customer(ctx, &session, method)? {
        session["_customer"] = customer;
        ctx.store(&session);
    }
    let made = payment_intents::make(ctx, &intent_params(&session))?;
    let id = made.text("id").to_owned();
    let mut intent = ctx.load("payment_intent", &id)?;
    intent["_checkout_session"] = session["id"].clone();
    ctx.store(&intent);
    session["payment_intent"] = json!(id);
    ctx.store(&session);
    Ok(id)
}

/// A customer is made when the session says always, or when the payment method is to be kept for somebody.
fn new_customer(ctx: &mut Ctx<'_>, session: &Value, method: &Value) -> Result<Option<Value>, ApiError> {
    let keeps = session["_payment_intent_data"].has("setup_future_usage");
    if session.has("customer") || session.has("_customer") || !(session.text("customer_creation") == "always" || keeps) {
        return Ok(None);
    }
    let billing = &method["billing_details"];
    let mut params = Map::new();
    for name in ["email", "name", "phone"] {
        let known = [&session["customer_details"], &session["_typed"], billing].into_iter().find_map(|from| from.some(name));
        if let Some(text) = known {
            params.insert(name.into(), json!(text));
        }
    }
    Ok(Some(ask(ctx, "/v1/customers", params)?["id"].clone()))
}

fn intent_params(session: &Value) -> Map<String, Value> {
    let mut params = match &session["_payment_intent_data"] {
        Value::Object(given) => given.clone(),
        _ => Map::new(),
    };
    params.insert("amount".into(), session["amount_total"].clone());
    params.insert("currency".into(), session["currency"].clone());
    params.insert("payment_method_types".into(), session["payment_method_types"].clone());
    let customer = if session.has("customer") { &session["customer"] } else { &session["_customer"] };
    if !customer.is_null() {
        params.insert("customer".into(), customer.clone());
    }
    if session["payment_method_options"].as_object().is_some_and(|o| !o.is_empty()) {
        params.insert("payment_method_options".into(), session["payment_method_options"].clone());
    }
    // What the shop itself said of the shipping stands.
    if session["_typed"]["shipping"].is_object() && !params.has("shipping") {
        params.insert("shipping".into(), session["_typed"]["shipping"].clone());
    }
    params
}
