//! Customers: whom payments, cards and sessions belong to.

use super::context::Ctx;
use super::errors::{Answer, ApiError};
use super::payment_methods::{self, address, part};
use super::routes::{Args, Route};
use super::{changed, deleted, lists, metadata, search, sources};
use crate::world::{Read, shown};
use serde_json::{Map, Value, json};

pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/customers", "customers.list", "list:customer", list),
    Route::new("POST", "/v1/customers", "customers.create", "customer", create),
    Route::new("GET", "/v1/customers/search", "customers.search", "list:customer", find),
    Route::new("GET", "/v1/customers/{id}", "customers.retrieve", "customer", retrieve),
    Route::new("POST", "/v1/customers/{id}", "customers.update", "customer", update),
    Route::new("DELETE", "/v1/customers/{id}", "customers.delete", "customer", delete),
];

fn create(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let params = &args.params;
    ctx.room_for("customer")?;
    let id = ctx.id("cus");
    let mut customer = json!({
        "id": id, "object": "customer", "address": null, "balance": 0, "cash_balance": null, "created": ctx.now(), "currency": null, "customer_account": null,
        "default_source": null, "delinquent": false, "description": null, "discount": null, "email": null,
        "invoice_prefix": ctx.secret(8).to_ascii_uppercase(),
        "invoice_settings": { "custom_fields": null, "default_payment_method": null, "footer": null, "rendering_options": null },
        "livemode": false, "metadata": metadata::fresh(params), "name": null, "next_invoice_sequence": 1, "phone": null,
        "preferred_locales": [], "shipping": null, "tax_exempt": "none", "test_clock": null,
    });
    apply(&mut customer, params)?;
    if let Some(method) = params.some("payment_method") {
        // Stored first so that the card can be attached; taken back if the bank says no.
        ctx.store(&customer);
        let attached =
            payment_methods::named(ctx, method, "payment_method").and_then(|m| payment_methods::attach_to(ctx, m, &id));
        if let Err(error) = attached {
            ctx.account.remove("customer", &id);
            return Err(error);
        }
    }
    check_default_method(ctx, &customer, params)?;
    if let Some(source) = params.some("source") {
        let card = sources::add(ctx, &id, source, "source")?;
        customer["default_source"] = card["id"].clone();
    }
    ctx.store_and_emit(&customer, "customer.created");
    Ok(shown(&customer))
}

fn apply(customer: &mut Value, params: &Map<String, Value>) -> Result<(), ApiError> {
    const PLAIN: &[&str] =
        &["balance", "description", "email", "invoice_prefix", "name", "next_invoice_sequence", "phone", "preferred_locales"];
    check_email(params)?;
    metadata::assign(customer, params, PLAIN);
    for name in ["business_name", "individual_name"] {
        match params.get(name) {
            Some(Value::String(text)) => customer[name] = json!(text),
            // Unlike the others these two are left out when they are not set.
            Some(_) => {
                customer.as_object_mut().map(|fields| fields.remove(name));
            }
            None => {}
        }
    }
    if let Some(given) = params.get("address") {
        customer["address"] = address(given);
    }
    if let Some(given) = params.get("shipping") {
        customer["shipping"] = shipping(given);
    }
    if let Some(exempt) = params.get("tax_exempt") {
        customer["tax_exempt"] = if exempt.is_null() { json!("none") } else { exempt.clone() };
    }
    if let Value::Object(settings) = part(params, "invoice_settings") {
        metadata::assign(&mut customer["invoice_settings"], settings, &["custom_fields", "default_payment_method", "footer"]);
        if let Some(options) = settings.get("rendering_options") {
            customer["invoice_settings"]["rendering_options"] = match options {
                Value::Object(_) => {
                    json!({ "amount_tax_display": options["amount_tax_display"], "template": options["template"] })
                }
                _ => Value::Null,
            };
        }
    }
    Ok(())
}

fn check_email(params: &Map<String, Value>) -> Result<(), ApiError> {
    let Some(email) = params.some("email") else { return Ok(()) };
    let good = email.split_once('@').is_some_and(|(who, place)| !who.is_empty() && !place.is_empty() && !place.contains('@'))
        && !email.contains(char::is_whitespace);
    if good {
        Ok(())
    } else {
        Err(ApiError::invalid(format!("Invalid email address: {email}")).code("email_invalid").param("email"))
    }
}

fn shipping(given: &Value) -> Value {
    if !given.is_object() {
        return Value::Null;
    }
    json!({ "address": address(&given["address"]), "carrier": null, "name": given["name"], "phone": given["phone"], "tracking_number": null })
}

/// The default PaymentMethod must belong to this customer.
fn check_default_method(ctx: &Ctx<'_>, customer: &Value, params: &Map<String, Value>) -> Result<(), ApiError> {
    let Some(method) = part(params, "invoice_settings").some("default_payment_method") else { return Ok(()) };
    let found = ctx.load_param("payment_method", method, "invoice_settings[default_payment_method]")?;
    if found.text("customer") == customer.text("id") {
        return Ok(());
    }
    let text = format!(
        "The customer does not have a payment method with the ID {method}. The payment method must be attached to the customer."
    );
    Err(ApiError::invalid(text).code("resource_missing").param("invoice_settings[default_payment_method]"))
}

fn retrieve(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let gone = || ctx.account.get("deleted", args.id()).map(|d| d["was"].clone()).filter(|was| was.text("object") == "customer");
    match gone() {
        Some(was) => Ok(was),
        None => ctx.load("customer", args.id()).map(|c| shown(&c)),
    }
}

fn update(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let params = &args.params;
    let before = ctx.load("customer", args.id())?;
    let mut after = before.clone();
    apply(&mut after, params)?;
    metadata::merge(&mut after, params)?;
    check_default_method(ctx, &after, params)?;
    if let Some(source) = params.some("source") {
        after["default_source"] = sources::add(ctx, args.id(), source, "source")?["id"].clone();
    } else if let Some(card) = params.some("default_source").or_else(|| params.some("default_card")) {
        let found = ctx.load_param("card", card, "default_source")?;
        if found.text("customer") != args.id() {
            return Err(ApiError::no_such("source", card, "default_source"));
        }
        after["default_source"] = json!(card);
    }
    changed(ctx, &before, after, "customer.updated")
}

fn delete(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let id = args.id();
    let customer = ctx.load("customer", id)?;
    ctx.account.remove("customer", id);
    for kind in ["payment_method", "card"] {
        let mine: Vec<Value> =
            ctx.account.table(kind).newest_first().filter(|(_, o)| o.text("customer") == id).map(|(_, o)| o.clone()).collect();
        for mut object in mine {
            object["customer"] = Value::Null;
            object["_detached"] = json!(true);
            ctx.store(&object);
        }
    }
    let gone = deleted("customer", id);
    ctx.store(&json!({ "id": id, "object": "deleted", "was": gone }));
    ctx.emit("customer.deleted", &customer);
    Ok(gone)
}

fn list(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    lists::page(ctx, args, "customer", "/v1/customers", |c| lists::same(&args.params, c, &["email", "test_clock"]))
}

fn find(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    search::page(ctx, args, "customer", "/v1/customers/search")
}
