//! Letting go of what is held: because the merchant says so, or because the bank's time is up.

use super::super::context::Ctx;
use super::super::errors::Answer;
use super::super::routes::Args;
use super::super::{checkout, payments, refunds};
use crate::world::Read;
use serde_json::{Value, json};

const CANCELABLE: [&str; 4] = ["requires_payment_method", "requires_capture", "requires_confirmation", "requires_action"];

pub(super) fn cancel(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let intent = ctx.load("payment_intent", args.id())?;
    if !CANCELABLE.contains(&intent.text("status")) {
        let allowed = "requires_payment_method, requires_capture, requires_reauthorization, requires_confirmation, requires_action, processing";
        return Err(payments::unexpected(&intent, "cancel", allowed));
    }
    if intent.text("status") == "requires_capture" {
        release(ctx, intent.text("latest_charge"));
    }
    let reason = args.params.get("cancellation_reason").cloned().unwrap_or_default();
    Ok(canceled(ctx, intent, reason))
}

fn canceled(ctx: &mut Ctx<'_>, mut intent: Value, reason: Value) -> Value {
    intent["status"] = json!("canceled");
    intent["amount_capturable"] = json!(0);
    intent["canceled_at"] = json!(ctx.now());
    intent["cancellation_reason"] = reason;
    intent["next_action"] = Value::Null;
    ctx.store_and_emit(&intent, "payment_intent.canceled");
    checkout::intent_moved(ctx, &intent);
    intent
}

/// Lets go of what is held and was not taken. Older versions of the API show that as a refund.
fn release(ctx: &mut Ctx<'_>, charge_id: &str) {
    let Some(before) = ctx.account.get("charge", charge_id).cloned() else { return };
    let mut after = before.clone();
    let taken = before.int("amount_captured");
    after["_released"] = json!(true);
    after["captured"] = json!(taken > 0);
    if before.yes("_releases_by_refund") {
        let rest = before.int("amount") - taken;
        after["amount_refunded"] = json!(before.int("amount_refunded") + rest);
        after["_refunded_untaken"] = json!(rest);
        after["refunded"] = json!(taken == 0);
    } else {
        after["refunded"] = json!(refunds::is_whole(&after));
    }
    ctx.store(&after);
    if before.yes("_releases_by_refund") {
        ctx.emit_change("charge.refunded", &before, &after);
    }
}

/// The bank holds the money no longer. What was taken in parts until then stays taken.
pub(crate) fn lapse(ctx: &mut Ctx<'_>, charge_id: &str) {
    let Some(charge) = ctx.account.get("charge", charge_id).cloned() else { return };
    if charge.yes("captured") || charge.yes("_released") || charge.yes("refunded") {
        return;
    }
    let intent = charge.some("payment_intent").and_then(|id| ctx.account.get("payment_intent", id)).cloned();
    match intent {
        Some(intent) if intent.int("amount_received") > 0 => end(ctx, intent, &charge),
        Some(intent) => {
            let reason = if charge.yes("_releases_by_refund") { "automatic" } else { "expired" };
            release(ctx, charge_id);
            tell_expired(ctx, charge_id);
            canceled(ctx, intent, json!(reason));
        }
        None => {
            release(ctx, charge_id);
            tell_expired(ctx, charge_id);
        }
    }
}

fn tell_expired(ctx: &mut Ctx<'_>, charge_id: &str) {
    if let Some(charge) = ctx.account.get("charge", charge_id).cloned() {
        ctx.emit("charge.expired", &charge);
    }
}

/// A payment that was taken in parts is over when nothing is held any more.
fn end(ctx: &mut Ctx<'_>, mut intent: Value, before: &Value) {
    release(ctx, before.text("id"));
    if let Some(after) = ctx.account.get("charge", before.text("id")).cloned() {
        ctx.emit_change("charge.captured", before, &after);
    }
    intent["status"] = json!("succeeded");
    intent["amount_capturable"] = json!(0);
    ctx.store_and_emit(&intent, "payment_intent.succeeded");
    checkout::intent_moved(ctx, &intent);
    payments::dispute_if_asked(ctx, before);
}
