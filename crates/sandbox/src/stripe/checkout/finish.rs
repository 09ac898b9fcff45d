//! What a session becomes when its payment moves: complete, paid later, or failed later.

use super::discount;
use super::session::{KIND, details};
use crate::stripe::context::Ctx;
use crate::world::Read;
use serde_json::{Value, json};

/// An intent changed its state: the session it belongs to (if any) follows.
pub(crate) fn intent_moved(ctx: &mut Ctx<'_>, intent: &Value) {
    let Some(id) = intent.some("_checkout_session") else { return };
    let Some(session) = ctx.account.get(KIND, id).cloned() else { return };
    match (session.text("status"), intent.text("status")) {
        ("open", "succeeded") => complete(ctx, session, intent, "paid"),
        ("open", "requires_capture") => complete(ctx, session, intent, "unpaid"),
        ("open", "processing") => {
            let mut session = session;
            session["_delayed"] = json!(true);
            complete(ctx, session, intent, "unpaid");
        }
        ("complete", "succeeded") if session.text("payment_status") == "unpaid" => paid_later(ctx, session),
        ("complete", "requires_payment_method" | "canceled") if session.yes("_delayed") => failed_later(ctx, session),
        _ => {}
    }
}

/// The customer is done: the session closes with what became known of them.
pub(super) fn complete(ctx: &mut Ctx<'_>, mut session: Value, intent: &Value, payment_status: &str) {
    session["status"] = json!("complete");
    session["payment_status"] = json!(payment_status);
    session["url"] = Value::Null;
    if !session.has("customer") {
        session["customer"] = session["_customer"].clone();
    }
    session["customer_details"] = customer_details(ctx, &session, intent);
    let shipping = if intent["shipping"].is_object() { &intent["shipping"] } else { &session["_typed"]["shipping"] }.clone();
    if session["shipping_address_collection"].is_object() && shipping.is_object() {
        session["collected_information"]["shipping_details"] =
            json!({ "address": shipping["address"], "name": shipping["name"] });
    }
    discount::redeem(ctx, &session);
    ctx.store_and_emit(&session, "checkout.session.completed");
}

fn customer_details(ctx: &Ctx<'_>, session: &Value, intent: &Value) -> Value {
    let method = intent.some("payment_method").and_then(|id| ctx.account.get("payment_method", id));
    let billing = method.map(|m| m["billing_details"].clone()).unwrap_or_default();
    let known = &session["customer_details"];
    let typed = &session["_typed"];
    let first = |name: &str| {
        [known, typed, &billing]
            .into_iter()
            .find(|from| from.some(name).is_some())
            .map(|from| from[name].clone())
            .unwrap_or_default()
    };
    let name = [&billing, typed, known]
        .into_iter()
        .find(|from| from.some("name").is_some())
        .map(|from| from["name"].clone())
        .unwrap_or_default();
    let address =
        [&billing["address"], &typed["address"]].into_iter().find(|a| a.is_object()).unwrap_or(&known["address"]).clone();
    let mut shown = details(address, &first("email"), &name, &first("phone"), known.some("tax_exempt"));
    shown["tax_ids"] = json!([]);
    shown
}

/// The money came after the customer had left: by a delayed method, or by a capture, of which nobody is told through the session.
fn paid_later(ctx: &mut Ctx<'_>, mut session: Value) {
    let delayed = session.yes("_delayed");
    session["payment_status"] = json!("paid");
    session["_delayed"] = json!(false);
    ctx.store(&session);
    if delayed {
        ctx.emit("checkout.session.async_payment_succeeded", &session);
    }
}

fn failed_later(ctx: &mut Ctx<'_>, mut session: Value) {
    session["_delayed"] = json!(false);
    ctx.store_and_emit(&session, "checkout.session.async_payment_failed");
}
