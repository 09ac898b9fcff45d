//! Showing sessions and their line items, and the little that can be changed of one.

use super::session::KIND;
use crate::stripe::context::Ctx;
use crate::stripe::errors::{Answer, ApiError};
use crate::stripe::routes::Args;
use crate::stripe::{lists, metadata};
use crate::world::Read;
use serde_json::{Value, json};

pub(super) fn retrieve(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    ctx.load(KIND, args.id())
}

pub(super) fn list(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let params = &args.params;
    let email = params.get("customer_details").and_then(|d| d["email"].as_str()).map(str::to_lowercase);
    let names = ["customer", "customer_account", "payment_intent", "payment_link", "status", "subscription"];
    lists::page(ctx, args, KIND, "/v1/checkout/sessions", |session| {
        let reached = |wanted: &str| session["customer_details"].text("email").to_lowercase() == wanted;
        lists::same(params, session, &names) && email.as_deref().is_none_or(reached)
    })
}

pub(super) fn line_items(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let session = ctx.load(KIND, args.id())?;
    let rows = session["_line_items"].as_array().map(Vec::as_slice).unwrap_or_default();
    lists::page_of(args, rows, "item", &format!("/v1/checkout/sessions/{}/line_items", args.id()))
}

pub(super) fn update(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let mut session = ctx.load(KIND, args.id())?;
    for name in ["line_items", "shipping_options"] {
        if args.params.contains_key(name) {
            let text = format!("This sandbox does not change the `{name}` of a Checkout Session yet.");
            return Err(ApiError::invalid(text).param(name));
        }
    }
    metadata::merge(&mut session, &args.params)?;
    if let Some(collected) = args.params.get("collected_information").filter(|c| c["shipping_details"].is_object()) {
        if session.text("status") != "open" {
            let text = "The `collected_information` of a Checkout Session can only be changed while it is open.";
            return Err(ApiError::invalid(text).param("collected_information"));
        }
        session["collected_information"]["shipping_details"] = shipping_details(&collected["shipping_details"]);
    }
    ctx.store(&session);
    Ok(session)
}

fn shipping_details(given: &Value) -> Value {
    let a = &given["address"];
    let address = json!({
        "city": a["city"], "country": a["country"], "line1": a["line1"], "line2": a["line2"], "postal_code": a["postal_code"],
        "state": a["state"],
    });
    json!({ "address": address, "name": given["name"] })
}
