//! The session object: how it looks when it is new, and where it sends the customer.

use super::{options, rules};
use crate::stripe::context::Ctx;
use crate::stripe::errors::ApiError;
use crate::stripe::metadata;
use crate::world::Read;
use serde_json::{Map, Value, json};

/// The kind of object.
pub(crate) const KIND: &str = "checkout.session";

/// What was worked out before the object is made.
pub(super) struct Priced {
    pub currency: String,
    pub items: Vec<Value>,
    pub discounts: Value,
    pub coupon: Option<String>,
    pub shipping_options: Value,
    pub shipping_cost: Value,
    pub method_types: Vec<String>,
    pub expires_at: i64,
}

/// Parameters that the object shows as they came, null if they did not.
const AS_GIVEN: &[&str] = &[
    "allow_promotion_codes",
    "billing_address_collection",
    "cancel_url",
    "client_reference_id",
    "customer",
    "customer_email",
    "integration_identifier",
    "locale",
    "origin_context",
    "permissions",
    "shipping_address_collection",
    "submit_type",
    "success_url",
    "wallet_options",
];

/// Fields of what this sandbox does not have, or not yet.
const NULL_HERE: &[&str] = &[
    "consent",
    "currency_conversion",
    "customer_account",
    "invoice",
    "payment_intent",
    "payment_link",
    "payment_method_configuration_details",
    "recovered_from",
    "setup_intent",
    "subscription",
];

/// A new open session.
pub(super) fn new(ctx: &Ctx<'_>, params: &Map<String, Value>, priced: Priced) -> Result<Value, ApiError> {
    let given = |name: &str| options::given(params, name);
    let id = ctx.id("cs_test");
    let ui_mode = rules::ui_mode(params);
    let hosted = ui_mode == "hosted_page";
    let sum = |field: &str| priced.items.iter().map(|i| i.int(field)).sum::<i64>();
    let (subtotal, discount, shipping) =
        (sum("amount_subtotal"), sum("amount_discount"), priced.shipping_cost.int("amount_total"));
    let total = sum("amount_total") + shipping;
    let creation =
        if params.has("customer") { Value::Null } else { json!(params.some("customer_creation").unwrap_or("if_required")) };
    let mut session = json!({
        "id": id, "object": KIND, "ui_mode": ui_mode, "status": "open", "livemode": false, "mode": "payment",
        "created": ctx.now(), "expires_at": priced.expires_at, "currency": priced.currency,
        "amount_subtotal": subtotal, "amount_total": total,
        "total_details": { "amount_discount": discount, "amount_shipping": shipping, "amount_tax": sum("amount_tax") },
        "payment_status": if total == 0 { "no_payment_required" } else { "unpaid" },
        "url": if hosted { json!(format!("{}/c/pay/{id}", ctx.public_url)) } else { Value::Null },
        "client_secret": if hosted { Value::Null } else { json!(format!("{id}_secret_{}", ctx.secret(24))) },
        "customer_creation": creation, "customer_details": known_customer(ctx, params),
        "discounts": priced.discounts, "metadata": metadata::fresh(params),
        "shipping_cost": priced.shipping_cost, "shipping_options": priced.shipping_options,
        "payment_method_options": options::payment_method_options(params, &priced.method_types),
        "payment_method_types": priced.method_types,
    });
    for name in AS_GIVEN {
        session[*name] = given(name);
    }
    for name in NULL_HERE {
        session[*name] = Value::Null;
    }
    options::add(&mut session, params)?;
    options::add_optional(&mut session, params, ui_mode);
    session["_line_items"] = Value::Array(priced.items);
    session["_payment_intent_data"] = given("payment_intent_data");
    session["_coupon"] = json!(priced.coupon);
    Ok(session)
}

/// What is known of the customer before anything was typed; null if nothing is.
fn known_customer(ctx: &Ctx<'_>, params: &Map<String, Value>) -> Value {
    let stored = params.some("customer").and_then(|id| ctx.account.get("customer", id));
    match (stored, params.some("customer_email")) {
        (Some(customer), _) => details(
            customer["address"].clone(),
            &customer["email"],
            &customer["name"],
            &customer["phone"],
            customer.some("tax_exempt"),
        ),
        (None, Some(email)) => details(Value::Null, &json!(email), &Value::Null, &Value::Null, None),
        (None, None) => Value::Null,
    }
}

/// The object `customer_details`.
pub(super) fn details(address: Value, email: &Value, name: &Value, phone: &Value, tax_exempt: Option<&str>) -> Value {
    json!({
        "address": address, "business_name": null, "email": email, "individual_name": null, "name": name, "phone": phone,
        "tax_exempt": tax_exempt.unwrap_or("none"), "tax_ids": null,
    })
}

/// Where a customer who has paid goes: the literal `{CHECKOUT_SESSION_ID}` becomes the id only here.
pub(crate) fn destination(session: &Value) -> Option<String> {
    let url = session.some("success_url").or_else(|| session.some("return_url"))?;
    Some(url.replace("{CHECKOUT_SESSION_ID}", session.text("id")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_literal_in_the_success_url_becomes_the_id_at_the_redirect() {
        let session = json!({"id": "cs_test_1", "success_url": "https://a.example/?s={CHECKOUT_SESSION_ID}"});
        assert_eq!(destination(&session).unwrap(), "https://a.example/?s=cs_test_1");
    }
}
