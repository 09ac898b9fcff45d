//! The two calls behind a payment page that the official tool makes to pay a session: look at it, and confirm it.

use super::checkout::{self, KIND};
use super::context::Ctx;
use super::errors::{Answer, ApiError};
use super::payment_methods;
use super::routes::{Args, Route};
use crate::world::{Read, list};
use serde_json::{Value, json};

pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/payment_pages/{id}", "payment_pages.retrieve", "payment_page", retrieve).public(),
    Route::new("POST", "/v1/payment_pages/{id}/confirm", "payment_pages.confirm", "payment_page", confirm).public(),
];

fn retrieve(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let session = ctx.load(KIND, args.id())?;
    Ok(page(ctx, &session))
}

fn confirm(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let session = ctx.load(KIND, args.id())?;
    let Some(name) = args.params.some("payment_method") else { return Err(ApiError::missing("payment_method")) };
    let due = session.int("amount_total");
    if let Some(expected) = args.params.get("expected_amount").and_then(Value::as_i64).filter(|n| *n != due) {
        let text = format!(
            "The amount to be paid is {due}, but the expected amount was {expected}. Please review the payment page and try again."
        );
        return Err(ApiError::invalid(text).code("amount_mismatch").param("expected_amount"));
    }
    let method = payment_methods::named(ctx, name, "payment_method")?;
    checkout::pay(ctx, args.id(), &method)?;
    let session = ctx.load(KIND, args.id())?;
    Ok(page(ctx, &session))
}

/// The session as its page sees it.
fn page(ctx: &Ctx<'_>, session: &Value) -> Value {
    let id = session.text("id");
    let intent = session.some("payment_intent").and_then(|id| ctx.account.get("payment_intent", id)).cloned();
    let items = session["_line_items"].as_array().cloned().unwrap_or_default();
    json!({
        "id": id, "object": "payment_page", "session_id": id, "livemode": false, "created": session["created"],
        "amount_subtotal": session["amount_subtotal"], "amount_total": session["amount_total"], "currency": session["currency"],
        "cancel_url": session["cancel_url"], "success_url": session["success_url"], "return_url": session["return_url"],
        "customer": session["customer"], "customer_email": session["customer_email"], "mode": session["mode"],
        "line_items": list(&format!("/v1/checkout/sessions/{id}/line_items"), items, false),
        "payment_intent": intent, "payment_method_types": session["payment_method_types"],
        "payment_status": session["payment_status"], "state": session["status"], "status": session["status"],
        "total_details": session["total_details"], "ui_mode": session["ui_mode"], "url": session["url"],
    })
}
