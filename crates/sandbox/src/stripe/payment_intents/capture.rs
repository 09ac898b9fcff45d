//! Taking what is held: once, or in parts where that was asked for, and a little more than is held where that was asked for.

use super::super::context::Ctx;
use super::super::errors::{Answer, ApiError};
use super::super::payments::{self, charge};
use super::super::routes::Args;
use super::super::{checkout, metadata, money, refunds};
use crate::world::Read;
use serde_json::{Map, Value, json};

/// Stripe takes so many parts of one payment; a last one may follow.
const MAX_PARTS: i64 = 50;

/// One capture.
struct Part {
    amount: i64,
    /// Nothing will follow: the rest is let go.
    last: bool,
}

pub(super) fn capture(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let mut intent = ctx.load("payment_intent", args.id())?;
    if intent.text("status") != "requires_capture" {
        return Err(payments::unexpected(&intent, "capture", "requires_capture"));
    }
    let charge = ctx.load("charge", intent.text("latest_charge"))?;
    let part = part(&intent, &charge, &args.params)?;
    metadata::merge(&mut intent, &args.params)?;
    metadata::assign(
        &mut intent,
        &args.params,
        &["statement_descriptor", "statement_descriptor_suffix", "application_fee_amount"],
    );
    if part.last { take_last(ctx, intent, &charge, part.amount) } else { take_part(ctx, intent, &charge, part.amount) }
}

/// What is to be taken, if it can be.
fn part(intent: &Value, charge: &Value, params: &Map<String, Value>) -> Result<Part, ApiError> {
    let last = params.get("final_capture").is_none_or(|v| v == true);
    let card = &charge["payment_method_details"]["card"];
    if !last && card["multicapture"].text("status") != "available" {
        let text = "`final_capture` can be false only where multicapture is available: confirm the PaymentIntent with `payment_method_options[card][request_multicapture]` set to `if_available`.";
        return Err(ApiError::invalid(text).param("final_capture"));
    }
    if !last && charge.int("_parts") >= MAX_PARTS {
        let text = format!("A PaymentIntent can be captured at most {MAX_PARTS} times before its final capture.");
        return Err(ApiError::invalid(text).param("final_capture"));
    }
    let held = intent.int("amount_capturable");
    let amount = if params.has("amount_to_capture") { params.int("amount_to_capture") } else { held };
    // After the first part, nothing at all may be taken last: that lets go of the rest.
    let least = i64::from(!last || intent.int("amount_received") == 0);
    if amount < least {
        return Err(ApiError::invalid(format!("This value must be greater than or equal to {least}."))
            .code("parameter_invalid_integer")
            .param("amount_to_capture"));
    }
    let most = match card["overcapture"].text("status") {
        "available" if last => card["overcapture"].int("maximum_amount_capturable") - intent.int("amount_received"),
        _ => held,
    };
    if amount > most {
        let currency = intent.text("currency");
        let text = format!(
            "The amount to capture ({}) is greater than the amount that can be captured ({}).",
            money::display(amount, currency),
            money::display(most, currency)
        );
        return Err(ApiError::invalid(text).code("amount_too_large").param("amount_to_capture"));
    }
    Ok(Part { amount, last })
}

/// Takes a part; the rest stays held.
fn take_part(ctx: &mut Ctx<'_>, mut intent: Value, before: &Value, amount: i64) -> Answer {
    let mut after = before.clone();
    charge::take(ctx, &mut after, amount);
    after["_parts"] = json!(before.int("_parts") + 1);
    ctx.store(&after);
    ctx.emit_change("charge.updated", before, &after);
    intent["amount_capturable"] = json!(intent.int("amount_capturable") - amount);
    intent["amount_received"] = json!(intent.int("amount_received") + amount);
    ctx.store_and_emit(&intent, "payment_intent.amount_capturable_updated");
    checkout::intent_moved(ctx, &intent);
    Ok(intent)
}

/// Takes this much of what is held and lets go of the rest.
fn take_last(ctx: &mut Ctx<'_>, mut intent: Value, before: &Value, amount: i64) -> Answer {
    let mut after = before.clone();
    let rest = before.int("amount") - before.int("amount_captured") - amount;
    if rest > 0 && before.yes("_releases_by_refund") {
        refunds::take_and_release(ctx, &mut after, amount, rest);
    } else {
        charge::settle(ctx, &mut after, amount);
        after["refunded"] = json!(refunds::is_whole(&after));
    }
    ctx.store(&after);
    ctx.emit_change("charge.captured", before, &after);
    intent["status"] = json!("succeeded");
    intent["amount_capturable"] = json!(0);
    intent["amount_received"] = json!(intent.int("amount_received") + amount);
    ctx.store_and_emit(&intent, "payment_intent.succeeded");
    checkout::intent_moved(ctx, &intent);
    payments::dispute_if_asked(ctx, &after);
    Ok(intent)
}

/// Captures the charge of an intent by the charge's own path.
pub(crate) fn capture_by_charge(ctx: &mut Ctx<'_>, intent_id: &str, amount: Option<i64>) -> Result<(), ApiError> {
    let mut params = Map::new();
    if let Some(amount) = amount {
        params.insert("amount_to_capture".into(), json!(amount));
    }
    let args = Args { ids: vec![intent_id.to_owned()], params, ..Args::default() };
    capture(ctx, &args).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(feature: &Value, params: &Value) -> Result<(i64, bool), Value> {
        let intent = json!({"amount_capturable": 600, "amount_received": 400, "currency": "eur"});
        let mut charge = json!({"payment_method_details": {"card": {
            "multicapture": {"status": "unavailable"}, "overcapture": {"status": "unavailable", "maximum_amount_capturable": 1150},
        }}});
        if let Some(feature) = feature.as_str() {
            charge["payment_method_details"]["card"][feature]["status"] = json!("available");
        }
        part(&intent, &charge, params.as_object().unwrap()).map(|p| (p.amount, p.last)).map_err(|e| e.object()["param"].clone())
    }

    #[test]
    fn parts_and_more_than_is_held_are_taken_only_where_they_were_asked_for() {
        assert_eq!(asked(&Value::Null, &json!({})), Ok((600, true)));
        assert_eq!(asked(&Value::Null, &json!({"final_capture": false})), Err(json!("final_capture")));
        assert_eq!(asked(&json!("multicapture"), &json!({"final_capture": false, "amount_to_capture": 100})), Ok((100, false)));
        assert_eq!(
            asked(&json!("multicapture"), &json!({"final_capture": false, "amount_to_capture": 0})),
            Err(json!("amount_to_capture"))
        );
        assert_eq!(asked(&json!("multicapture"), &json!({"amount_to_capture": 0})), Ok((0, true)));
        assert_eq!(asked(&Value::Null, &json!({"amount_to_capture": 601})), Err(json!("amount_to_capture")));
        assert_eq!(asked(&json!("overcapture"), &json!({"amount_to_capture": 750})), Ok((750, true)));
        assert_eq!(asked(&json!("overcapture"), &json!({"amount_to_capture": 751})), Err(json!("amount_to_capture")));
    }
}
