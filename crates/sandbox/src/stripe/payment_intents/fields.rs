//! The fields of a PaymentIntent: how they begin, which of them may still change, and who may read them.

use super::super::context::Ctx;
use super::super::errors::ApiError;
use super::super::form::Node;
use super::super::routes::Args;
use super::super::{balance, expand, metadata, payment_methods};
use super::OPEN;
use crate::world::Read;
use serde_json::{Map, Value, json};

/// Types of methods that this sandbox can be paid with when the caller leaves the choice to Stripe.
fn usual_types(currency: &str) -> Value {
    if currency == "eur" { json!(["card", "sepa_debit"]) } else { json!(["card"]) }
}

fn given(params: &Map<String, Value>, name: &str) -> Value {
    params.get(name).cloned().unwrap_or_default()
}

/// The intent as it begins, not kept yet.
pub(super) fn blank(ctx: &Ctx<'_>, params: &Map<String, Value>) -> Result<Value, ApiError> {
    let currency = params.text("currency").to_owned();
    let amount = balance::check_amount(params, "amount", &currency)?;
    if let Some(customer) = params.some("customer") {
        ctx.load_param("customer", customer, "customer")?;
    }
    let automatic = &given(params, "automatic_payment_methods");
    if automatic.yes("enabled") && params.has("payment_method_types") {
        let text = "You may only specify one of these parameters: automatic_payment_methods, payment_method_types.";
        return Err(ApiError::invalid(text).param("automatic_payment_methods"));
    }
    let types = params.get("payment_method_types").filter(|v| v.is_array()).cloned();
    let left_to_stripe = types.is_none() && (!automatic.is_object() || automatic.yes("enabled"));
    let automatic = match left_to_stripe {
        true => json!({ "allow_redirects": automatic.some("allow_redirects").unwrap_or("always"), "enabled": true }),
        false => Value::Null,
    };
    let types = types.unwrap_or_else(|| if left_to_stripe { usual_types(&currency) } else { json!(["card"]) });
    let id = ctx.id("pi");
    let mut intent = json!({
        "id": id, "object": "payment_intent", "amount": amount, "amount_capturable": 0, "amount_details": { "tip": {} },
        "amount_received": 0, "application": null, "application_fee_amount": given(params, "application_fee_amount"),
        "automatic_payment_methods": automatic, "canceled_at": null, "cancellation_reason": null,
        "capture_method": params.some("capture_method").unwrap_or("automatic_async"),
        "client_secret": format!("{id}_secret_{}", ctx.secret(25)),
        "confirmation_method": params.some("confirmation_method").unwrap_or("automatic"), "created": ctx.now(), "currency": currency,
        "customer": given(params, "customer"), "customer_account": null, "description": given(params, "description"),
        "excluded_payment_method_types": given(params, "excluded_payment_method_types"), "last_payment_error": null, "latest_charge": null,
        "livemode": false, "managed_payments": null, "metadata": metadata::fresh(params), "next_action": null, "on_behalf_of": null, "payment_method": null,
        "payment_method_configuration_details": null, "payment_method_options": {}, "payment_method_types": types, "processing": null,
        "receipt_email": given(params, "receipt_email"), "review": null, "setup_future_usage": given(params, "setup_future_usage"),
        "shipping": shipping(&given(params, "shipping")), "statement_descriptor": given(params, "statement_descriptor"),
        "statement_descriptor_suffix": given(params, "statement_descriptor_suffix"), "status": "requires_payment_method",
        "transfer_data": null, "transfer_group": given(params, "transfer_group"),
    });
    intent["payment_method_options"] = options(&intent, &given(params, "payment_method_options"));
    Ok(intent)
}

/// The options of each accepted type: Stripe's own, then what was set before, then what is given now.
fn options(intent: &Value, given: &Value) -> Value {
    // Only asked for, never shown.
    const UNSHOWN: [&str; 3] = ["cvc_token", "moto", "three_d_secure"];
    let mut out = Map::new();
    for kind in intent["payment_method_types"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let mut own = match kind {
            "card" => {
                json!({ "installments": null, "mandate_options": null, "network": null, "request_three_d_secure": "automatic" })
            }
            _ => json!({}),
        };
        for source in [&intent["payment_method_options"][kind], &given[kind]] {
            let Some(fields) = source.as_object() else { continue };
            for (name, value) in fields.iter().filter(|(n, v)| !v.is_null() && !UNSHOWN.contains(&n.as_str())) {
                own[name.as_str()] = value.clone();
            }
        }
        if own["installments"].is_object() {
            let asked = &own["installments"];
            let plan = Some(&asked["plan"]).filter(|p| p.is_object()).cloned().unwrap_or_default();
            own["installments"] =
                json!({ "available_plans": null, "enabled": asked.yes("enabled") || plan.is_object(), "plan": plan });
        }
        out.insert(kind.to_owned(), own);
    }
    Value::Object(out)
}

/// An address to ship to, every part of it there.
pub(crate) fn shipping(given: &Value) -> Value {
    if !given.is_object() {
        return Value::Null;
    }
    let address: Map<String, Value> = ["city", "country", "line1", "line2", "postal_code", "state"]
        .into_iter()
        .map(|part| (part.to_owned(), given["address"][part].clone()))
        .collect();
    json!({ "address": address, "carrier": given["carrier"], "name": given["name"], "phone": given["phone"], "tracking_number": given["tracking_number"] })
}

/// Takes over what an update or a confirmation sets.
pub(super) fn assign(intent: &mut Value, params: &Map<String, Value>) {
    const PLAIN: [&str; 13] = [
        "amount",
        "application_fee_amount",
        "capture_method",
        "currency",
        "customer",
        "description",
        "excluded_payment_method_types",
        "receipt_email",
        "setup_future_usage",
        "statement_descriptor",
        "statement_descriptor_suffix",
        "transfer_group",
        "payment_method_types",
    ];
    metadata::assign(intent, params, &PLAIN);
    if let Some(given) = params.get("shipping") {
        intent["shipping"] = shipping(given);
    }
    if params.has("payment_method_types") {
        intent["automatic_payment_methods"] = Value::Null;
    }
    if params.has("payment_method_options") || params.has("payment_method_types") {
        intent["payment_method_options"] = options(intent, &given(params, "payment_method_options"));
    }
}

/// Refuses to change what a later status has fixed.
pub(super) fn updatable(intent: &Value, params: &Map<String, Value>) -> Result<(), ApiError> {
    const FIXED: [&str; 9] = [
        "amount",
        "currency",
        "capture_method",
        "customer",
        "payment_method",
        "payment_method_data",
        "payment_method_types",
        "payment_method_options",
        "setup_future_usage",
    ];
    let status = intent.text("status");
    if OPEN.contains(&status) {
        return Ok(());
    }
    let Some(name) = FIXED.iter().find(|name| params.contains_key(**name)) else { return Ok(()) };
    let text = format!(
        "This PaymentIntent's {name} could not be updated because it has a status of {status}. You may only update the {name} of a PaymentIntent with one of the following statuses: {}.",
        OPEN.join(", ")
    );
    Err(ApiError::state("payment_intent_unexpected_state", text).param(name).with("payment_intent", expand::shown_deep(intent)))
}

/// The method that the parameters name or describe, if they do.
pub(crate) fn chosen_method(ctx: &mut Ctx<'_>, params: &Map<String, Value>) -> Result<Option<Value>, ApiError> {
    if let Some(name) = params.some("payment_method") {
        return payment_methods::named(ctx, name, "payment_method").map(Some);
    }
    let data = given(params, "payment_method_data");
    if !data.is_object() {
        return Ok(None);
    }
    let billing = &data["billing_details"];
    let mut method = match data.text("type") {
        "sepa_debit" => {
            payment_methods::from_debit(ctx, data["sepa_debit"].text("iban"), billing.text("name"), billing.text("email"))?
        }
        "card" => {
            ctx.room_for("payment_method")?;
            payment_methods::card_of(ctx, &data["card"], "payment_method_data[card]")?
        }
        other => {
            let text = format!(
                "This sandbox makes no PaymentMethod of type {other} from `payment_method_data`; pass `payment_method`, such as pm_card_visa."
            );
            return Err(ApiError::invalid(text).param("payment_method_data[type]"));
        }
    };
    for part in ["name", "email", "phone"] {
        if billing.has(part) {
            method["billing_details"][part] = billing[part].clone();
        }
    }
    if billing["address"].is_object() {
        method["billing_details"]["address"] = payment_methods::address(&billing["address"]);
    }
    if let Value::Object(data) = &data {
        metadata::merge(&mut method, data)?;
        metadata::assign(&mut method, data, &["allow_redisplay"]);
    }
    ctx.store(&method);
    Ok(Some(method))
}

/// A confirmation whose method might send the customer elsewhere must say where they come back to. Stripe leaves the choice of methods
/// open unless it was told otherwise, and asks for this whatever the method at hand is.
pub(crate) fn return_possible(intent: &Value, params: &Map<String, Value>) -> Result<(), ApiError> {
    let automatic = &intent["automatic_payment_methods"];
    let may_redirect = automatic.yes("enabled") && automatic.text("allow_redirects") != "never";
    if !may_redirect || params.has("return_url") || params.yes("use_stripe_sdk") {
        return Ok(());
    }
    let kind = if intent.text("object") == "setup_intent" { "SetupIntent" } else { "PaymentIntent" };
    let text = format!(
        "This {kind} is configured to accept payment methods enabled in your Dashboard. Because some of these payment methods might redirect your customer off of your page, you must provide a `return_url`. If you don't want to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to `true` and `automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and Payment Intents."
    );
    Err(ApiError::invalid(text))
}

/// A client that brings a secret must bring this intent's own.
pub(crate) fn secret_fits(intent: &Value, args: &Args) -> Result<(), ApiError> {
    let brought = match &args.client_secret {
        Some(Node::Text(secret)) => Some(secret.as_str()),
        Some(Node::Tree(_)) => Some(""),
        None => args.params.some("client_secret"),
    };
    if brought.is_none() && args.publishable {
        return Err(ApiError::missing("client_secret"));
    }
    if brought.is_none_or(|secret| secret == intent.text("client_secret")) {
        return Ok(());
    }
    let kind = intent.text("object");
    let text =
        format!("The client_secret provided does not match the client_secret associated with the {}.", kind.replace("_", " "));
    Err(ApiError::invalid(text).code(&format!("{kind}_invalid_parameter")).param("client_secret"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_intent_that_is_paid_keeps_its_amount_and_takes_new_metadata() {
        let paid = json!({"status": "succeeded"});
        let params = |v: Value| v.as_object().cloned().unwrap_or_default();
        assert!(updatable(&paid, &params(json!({"metadata": {"a": "b"}}))).is_ok());
        assert!(updatable(&paid, &params(json!({"amount": 5}))).is_err());
        assert!(updatable(&json!({"status": "requires_action"}), &params(json!({"amount": 5}))).is_ok());
    }

    #[test]
    fn options_given_now_win_over_those_set_before() {
        let intent = json!({"payment_method_types": ["card"], "payment_method_options": {"card": {"capture_method": "manual"}}});
        let read = options(&intent, &json!({"card": {"request_three_d_secure": "any", "moto": true}}));
        assert_eq!(read["card"]["request_three_d_secure"], "any");
        assert_eq!(read["card"]["capture_method"], "manual");
        assert!(read["card"].get("moto").is_none());
    }
}
