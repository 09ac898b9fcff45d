//! PaymentMethods: made from a card, a debit account, a token or a test name ([`shape`] checks and shapes what was given); attached to
//! customers and taken off again.

mod shape;

use super::cards::{self, CardOutcome};
use super::context::Ctx;
use super::errors::{Answer, ApiError};
use super::routes::{Args, Route};
use super::{changed, lists, metadata};
use crate::world::{Read, shown};
use serde_json::{Map, Value, json};

pub(crate) use shape::{CheckedCard, checked_card, fingerprint, of_test_card};
use shape::{card_method, debit_method, method_of_source};

pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/payment_methods", "payment_methods.list", "list:payment_method", list),
    Route::new("POST", "/v1/payment_methods", "payment_methods.create", "payment_method", create).public(),
    Route::new("GET", "/v1/payment_methods/{id}", "payment_methods.retrieve", "payment_method", retrieve),
    Route::new("POST", "/v1/payment_methods/{id}", "payment_methods.update", "payment_method", update),
    Route::new("POST", "/v1/payment_methods/{id}/attach", "payment_methods.attach", "payment_method", attach),
    Route::new("POST", "/v1/payment_methods/{id}/detach", "payment_methods.detach", "payment_method", detach),
    Route::new(
        "GET",
        "/v1/customers/{id}/payment_methods",
        "customers.list_payment_methods",
        "list:payment_method",
        list_of_customer,
    ),
    Route::new(
        "GET",
        "/v1/customers/{id}/payment_methods/{id}",
        "customers.retrieve_payment_method",
        "payment_method",
        retrieve_of_customer,
    ),
];

/// What is typed into a card form.
pub(crate) struct TypedCard<'a> {
    pub number: &'a str,
    pub exp_month: i64,
    pub exp_year: i64,
    pub cvc: &'a str,
    pub name: Option<&'a str>,
    pub email: Option<&'a str>,
}

/// A stored PaymentMethod of type card; a number, date or code that cannot be is a 402 as Stripe says it.
pub(crate) fn from_card(ctx: &mut Ctx<'_>, card: &TypedCard<'_>) -> Result<Value, ApiError> {
    let checked = checked_card(ctx, card.number, card.exp_month, card.exp_year, Some(card.cvc))?;
    let mut method = card_method(ctx, &checked);
    method["billing_details"]["name"] = json!(card.name);
    method["billing_details"]["email"] = json!(card.email);
    keep_new(ctx, method)
}

/// A stored PaymentMethod of type sepa_debit.
pub(crate) fn from_debit(ctx: &mut Ctx<'_>, iban: &str, name: &str, email: &str) -> Result<Value, ApiError> {
    let mut method = debit_method(ctx, iban)?;
    method["billing_details"]["name"] = json!(Some(name).filter(|n| !n.is_empty()));
    method["billing_details"]["email"] = json!(Some(email).filter(|e| !e.is_empty()));
    keep_new(ctx, method)
}

/// The stored PaymentMethod that a parameter names: an id, a test name such as `pm_card_visa`, or a `tok_…`.
pub(crate) fn named(ctx: &mut Ctx<'_>, name: &str, param: &str) -> Result<Value, ApiError> {
    if let Some(method) = ctx.account.get("payment_method", name) {
        return Ok(method.clone());
    }
    if let Some(card) = cards::by_name(name) {
        let checked = of_test_card(ctx, card);
        let method = card_method(ctx, &checked);
        return keep_new(ctx, method);
    }
    let source = if name.starts_with("tok_") { used_token(ctx, name)? } else { ctx.account.get("card", name).cloned() };
    match source {
        Some(card) => {
            let method = method_of_source(ctx, &card);
            keep_new(ctx, method)
        }
        None => ctx.load_param("payment_method", name, param),
    }
}

/// A parameter that holds further ones; null if it was not given.
pub(crate) fn part<'a>(params: &'a Map<String, Value>, name: &str) -> &'a Value {
    params.get(name).unwrap_or(&Value::Null)
}

/// An address with all its fields; null stays null.
pub(crate) fn address(given: &Value) -> Value {
    if !given.is_object() {
        return Value::Null;
    }
    json!({
        "city": given["city"], "country": given["country"], "line1": given["line1"], "line2": given["line2"],
        "postal_code": given["postal_code"], "state": given["state"],
    })
}

fn keep_new(ctx: &mut Ctx<'_>, method: Value) -> Result<Value, ApiError> {
    ctx.room_for("payment_method")?;
    ctx.store(&method);
    Ok(method)
}

/// The card inside a token that was not used yet; it counts as used from now on.
fn used_token(ctx: &mut Ctx<'_>, id: &str) -> Result<Option<Value>, ApiError> {
    let Some(mut token) = ctx.account.get("token", id).cloned() else { return Ok(None) };
    if token.yes("used") {
        let text = format!("You cannot use a Stripe token more than once: {id}.");
        return Err(ApiError::invalid(text).code("token_already_used"));
    }
    token["used"] = json!(true);
    ctx.store(&token);
    Ok(Some(token["card"].clone()))
}

fn create(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let params = &args.params;
    if params.has("payment_method") {
        return Err(ApiError::invalid("Cloning a PaymentMethod needs a connected account, which this sandbox has none of.")
            .param("payment_method"));
    }
    let mut method = match params.some("type") {
        None => return Err(ApiError::missing("type")),
        Some("card") => card_of(ctx, part(params, "card"), "card")?,
        Some("sepa_debit") => match part(params, "sepa_debit").some("iban") {
            Some(iban) => debit_method(ctx, iban)?,
            None => return Err(ApiError::missing("sepa_debit[iban]")),
        },
        Some(other) => {
            let text = format!("This sandbox makes PaymentMethods of type card and sepa_debit, not of type {other}.");
            return Err(ApiError::invalid(text).param("type"));
        }
    };
    apply_common(&mut method, params);
    method["metadata"] = metadata::fresh(params);
    keep_new(ctx, method).map(|m| shown(&m))
}

/// The PaymentMethod, not kept yet, of a card that a parameter of this path describes by its token or its number.
pub(crate) fn card_of(ctx: &mut Ctx<'_>, given: &Value, path: &str) -> Result<Value, ApiError> {
    if let Some(token) = given.some("token") {
        if let Some(card) = cards::by_name(token) {
            let checked = of_test_card(ctx, card);
            return Ok(card_method(ctx, &checked));
        }
        return match used_token(ctx, token)? {
            Some(card) => Ok(method_of_source(ctx, &card)),
            None => Err(ApiError::no_such("token", token, &format!("{path}[token]"))),
        };
    }
    for name in ["number", "exp_month", "exp_year"] {
        if !given.has(name) {
            return Err(ApiError::missing(&format!("{path}[{name}]")));
        }
    }
    let checked = checked_card(ctx, given.text("number"), given.int("exp_month"), given.int("exp_year"), given.some("cvc"))?;
    let mut method = card_method(ctx, &checked);
    method["card"]["networks"]["preferred"] = given["networks"]["preferred"].clone();
    Ok(method)
}

/// Sets what cards and debits have in common.
fn apply_common(method: &mut Value, params: &Map<String, Value>) {
    metadata::assign(method, params, &["allow_redisplay"]);
    let Value::Object(given) = part(params, "billing_details") else { return };
    if let Some(place) = given.get("address") {
        method["billing_details"]["address"] = if place.is_null() { address(&json!({})) } else { address(place) };
    }
    metadata::assign(&mut method["billing_details"], given, &["email", "name", "phone", "tax_id"]);
}

fn retrieve(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    by_path(ctx, args.id()).map(|m| shown(&m))
}

/// A stored PaymentMethod, or a fresh one if the path holds a test name.
fn by_path(ctx: &mut Ctx<'_>, id: &str) -> Result<Value, ApiError> {
    if cards::by_name(id).is_some() && id.starts_with("pm_") {
        named(ctx, id, "payment_method")
    } else {
        ctx.load("payment_method", id)
    }
}

fn update(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let before = ctx.load("payment_method", args.id())?;
    if !before.has("customer") {
        return Err(ApiError::invalid("You must save this PaymentMethod to a customer before you can update it."));
    }
    let mut after = before.clone();
    apply_common(&mut after, &args.params);
    if let Value::Object(card) = part(&args.params, "card") {
        if !after.has("card") {
            return Err(ApiError::invalid("Only a PaymentMethod of type card has a card to update.").param("card"));
        }
        let month = card.get("exp_month").and_then(Value::as_i64).unwrap_or(after["card"].int("exp_month"));
        let year = card.get("exp_year").and_then(Value::as_i64).unwrap_or(after["card"].int("exp_year"));
        let checked = checked_card(ctx, after.text("_number"), month, year, None)?;
        after["card"]["exp_month"] = json!(checked.exp_month);
        after["card"]["exp_year"] = json!(checked.exp_year);
        if let Some(preferred) = card.get("networks").and_then(|n| n.get("preferred")) {
            after["card"]["networks"]["preferred"] = preferred.clone();
        }
    }
    metadata::merge(&mut after, &args.params)?;
    changed(ctx, &before, after, "payment_method.updated")
}

fn attach(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let Some(customer) = args.params.some("customer") else { return Err(ApiError::missing("customer")) };
    ctx.load_param("customer", customer, "customer")?;
    let method = by_path(ctx, args.id())?;
    attach_to(ctx, method, customer).map(|m| shown(&m))
}

/// Saves a stored PaymentMethod to a customer; a card that the bank declines cannot be saved.
pub(crate) fn attach_to(ctx: &mut Ctx<'_>, mut method: Value, customer: &str) -> Result<Value, ApiError> {
    if method.some("customer") == Some(customer) {
        return Ok(method);
    }
    if method.has("customer") {
        return Err(ApiError::state(
            "payment_method_unexpected_state",
            "The payment method you provided has already been attached to a customer.",
        ));
    }
    if method.yes("_detached") || method.yes("_spent") {
        let text = "This PaymentMethod was previously used without being attached to a Customer or was detached from a Customer, and may not be used again.";
        return Err(ApiError::state("payment_method_unexpected_state", text));
    }
    if let Some(CardOutcome::Declined(decline)) = cards::by_number(method.text("_number")).map(|c| c.outcome) {
        return Err(ApiError::card(decline.code, decline.message).with("decline_code", decline.decline_code));
    }
    method["customer"] = json!(customer);
    if method["card"]["checks"].has("cvc_check") {
        method["card"]["checks"]["cvc_check"] = json!("pass");
    }
    ctx.store_and_emit(&method, "payment_method.attached");
    Ok(method)
}

fn detach(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let before = ctx.load("payment_method", args.id())?;
    let Some(customer) = before.some("customer") else {
        let text = "The payment method you provided is not attached to a customer so detachment is impossible.";
        return Err(ApiError::state("payment_method_unexpected_state", text));
    };
    if let Some(mut owner) = ctx.account.get("customer", customer).cloned()
        && owner["invoice_settings"].text("default_payment_method") == args.id()
    {
        owner["invoice_settings"]["default_payment_method"] = Value::Null;
        ctx.store(&owner);
    }
    let mut after = before.clone();
    after["customer"] = Value::Null;
    after["_detached"] = json!(true);
    changed(ctx, &before, after, "payment_method.detached")
}

fn list(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    if let Some(customer) = args.params.some("customer") {
        ctx.load_param("customer", customer, "customer")?;
    }
    lists::page(ctx, args, "payment_method", "/v1/payment_methods", |m| {
        lists::same(&args.params, m, &["customer", "type", "allow_redisplay"])
    })
}

fn list_of_customer(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let customer = args.id();
    ctx.load_owner("customer", customer)?;
    let mine = |m: &Value| m.text("customer") == customer && lists::same(&args.params, m, &["type", "allow_redisplay"]);
    lists::page(ctx, args, "payment_method", &format!("/v1/customers/{customer}/payment_methods"), mine)
}

fn retrieve_of_customer(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let id = args.ids.get(1).map_or("", String::as_str);
    ctx.load_owner("customer", args.id())?;
    let method = ctx.load("payment_method", id)?;
    if method.text("customer") != args.id() {
        return Err(ApiError::not_found("PaymentMethod", id, "payment_method"));
    }
    Ok(shown(&method))
}
