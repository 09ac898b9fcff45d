//! Charges as they are made: one for every try to take money, failed or not.

use super::super::cards::{self, CardOutcome, Decline, TestCard};
use super::super::context::Ctx;
use super::super::errors::ApiError;
use super::super::{balance, expand};
use crate::ids;
use crate::world::{Read, Task};
use serde_json::{Value, json};

/// How long a bank holds money for a card.
const HELD_SECONDS: i64 = 7 * 86_400;
/// Where more than the held amount may be taken, it is up to so many hundredths of it.
const MOST_PERCENT: i64 = 115;

/// What becomes of one try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Try {
    Taken,
    Held,
    Pending,
    Refused(Decline),
    Blocked,
}

/// The test card behind a stored PaymentMethod or legacy card.
pub(crate) fn card_of(method: &Value) -> Option<&'static TestCard> {
    method.some("_number").and_then(cards::by_number)
}

/// Makes, stores and tells of the charge for a bill: an intent, or anything else with its fields.
pub(crate) fn make(ctx: &mut Ctx<'_>, bill: &Value, method: &Value, tried: Try, authenticated: bool) -> Value {
    let is_card = method.text("type") == "card" || method.text("object") == "card";
    let id = ctx.id(if is_card { "ch" } else { "py" });
    let mut charge = blank(ctx, bill, method, &id);
    charge["payment_method_details"] = details(ctx, bill, method, tried, authenticated);
    let event = match tried {
        Try::Taken => {
            settle(ctx, &mut charge, bill.int("amount"));
            "charge.succeeded"
        }
        Try::Held => {
            charge["status"] = json!("succeeded");
            charge["paid"] = json!(true);
            ctx.plan_in(HELD_SECONDS, Task::LapseHold(id));
            "charge.succeeded"
        }
        Try::Pending => {
            charge["status"] = json!("pending");
            "charge.pending"
        }
        Try::Refused(decline) => {
            fail(&mut charge, decline.code, decline.message);
            charge["outcome"] = refused(&decline);
            "charge.failed"
        }
        Try::Blocked => {
            fail(&mut charge, cards::FRAUDULENT.code, cards::FRAUDULENT.message);
            charge["outcome"] = blocked();
            "charge.failed"
        }
    };
    ctx.store_and_emit(&charge, event);
    charge
}

/// The money of a charge is taken, and no more of it will be.
pub(crate) fn settle(ctx: &mut Ctx<'_>, charge: &mut Value, amount: i64) {
    take(ctx, charge, amount);
    charge["captured"] = json!(true);
}

/// This much of the money is taken; more may follow. Its line of the balance is the newest of the charge.
pub(crate) fn take(ctx: &mut Ctx<'_>, charge: &mut Value, amount: i64) {
    charge["status"] = json!("succeeded");
    charge["paid"] = json!(true);
    charge["amount_captured"] = json!(charge.int("amount_captured") + amount);
    charge["receipt_url"] = json!(format!("{}/c/receipts/{}", ctx.public_url, charge.text("id")));
    if amount > 0 {
        charge["balance_transaction"] = balance::book_payment(ctx, charge, amount);
    }
}

/// The charge failed for this reason.
pub(crate) fn fail(charge: &mut Value, code: &str, message: &str) {
    charge["status"] = json!("failed");
    charge["paid"] = json!(false);
    charge["failure_code"] = json!(code);
    charge["failure_message"] = json!(message);
}

fn blank(ctx: &Ctx<'_>, bill: &Value, method: &Value, id: &str) -> Value {
    let descriptor = bill
        .some("statement_descriptor")
        .or_else(|| bill.some("statement_descriptor_suffix"))
        .unwrap_or("DUCAT SANDBOX")
        .to_uppercase();
    let outcome = card_of(method).map(|c| c.outcome);
    let captured = !holds(bill, method);
    let intent = bill.some("id").filter(|id| id.starts_with("pi_"));
    json!({
        "id": id, "object": "charge", "amount": bill["amount"], "amount_captured": 0, "amount_refunded": 0, "application": null,
        "application_fee": null, "application_fee_amount": bill["application_fee_amount"], "balance_transaction": null,
        "billing_details": billing(method), "calculated_statement_descriptor": descriptor, "captured": captured, "created": ctx.now(),
        "currency": bill["currency"], "customer": bill["customer"], "description": bill["description"],
        "disputed": false, "failure_balance_transaction": null, "failure_code": null, "failure_message": null, "fraud_details": {},
        "livemode": false, "metadata": bill["metadata"], "on_behalf_of": null, "outcome": authorised(method), "paid": false,
        "payment_intent": intent, "payment_method": method["id"], "payment_method_details": null, "radar_options": {},
        "receipt_email": bill["receipt_email"], "receipt_number": null, "receipt_url": null, "refunded": false, "refunds": null, "review": null,
        "shipping": bill["shipping"], "source_transfer": null, "statement_descriptor": bill["statement_descriptor"],
        "statement_descriptor_suffix": bill["statement_descriptor_suffix"], "status": "pending", "transfer_data": null,
        "transfer_group": bill["transfer_group"],
        "_releases_by_refund": ctx.origin.releases_by_refund(),
        "_refund_fails": outcome == Some(CardOutcome::RefundFails),
        "_available_at_once": method.some("_number").is_some_and(|n| n.ends_with("00000000077")),
    })
}

/// Whether the bill asks to hold the money only, for this method.
pub(crate) fn holds(bill: &Value, method: &Value) -> bool {
    let option = &bill["payment_method_options"][method.text("type")]["capture_method"];
    bill.text("capture_method") == "manual" || option == "manual"
}

fn billing(method: &Value) -> Value {
    let mut billing = json!({
        "address": { "city": null, "country": null, "line1": null, "line2": null, "postal_code": null, "state": null },
        "email": null, "name": null, "phone": null, "tax_id": null,
    });
    if let Some(given) = method["billing_details"].as_object() {
        for (name, value) in given {
            billing[name.as_str()] = value.clone();
        }
    }
    billing
}

fn authorised(method: &Value) -> Value {
    let elevated = method.some("_number") == Some("4000000000009235");
    json!({
        "advice_code": null, "network_advice_code": null, "network_decline_code": null, "network_status": "approved_by_network",
        "reason": if elevated { json!("elevated_risk_level") } else { Value::Null },
        "risk_level": if elevated { "elevated" } else { "normal" }, "risk_score": if elevated { 67 } else { 20 },
        "seller_message": "Payment complete.", "type": "authorized",
    })
}

fn refused(decline: &Decline) -> Value {
    json!({
        "advice_code": decline.advice, "network_advice_code": null, "network_decline_code": decline.network_code,
        "network_status": "declined_by_network", "reason": decline.decline_code, "risk_level": "normal", "risk_score": 20,
        "seller_message": "The bank returned the decline code `".to_owned() + decline.decline_code + "`.", "type": "issuer_declined",
    })
}

fn blocked() -> Value {
    json!({
        "advice_code": null, "network_advice_code": null, "network_decline_code": null, "network_status": "not_sent_to_network",
        "reason": "highest_risk_level", "risk_level": "highest", "risk_score": 92,
        "seller_message": "Stripe blocked this payment as too risky.", "type": "blocked",
    })
}

fn details(ctx: &Ctx<'_>, bill: &Value, method: &Value, tried: Try, authenticated: bool) -> Value {
    if method.text("object") == "card" {
        return json!({ "type": "card", "card": card_details(ctx, bill, method, method, tried, authenticated) });
    }
    match method.text("type") {
        "card" => json!({ "type": "card", "card": card_details(ctx, bill, method, &method["card"], tried, authenticated) }),
        "sepa_debit" => {
            let debit = &method["sepa_debit"];
            json!({ "type": "sepa_debit", "sepa_debit": {
                "bank_code": debit["bank_code"], "branch_code": debit["branch_code"], "country": debit["country"],
                "fingerprint": debit["fingerprint"], "last4": debit["last4"], "mandate": null,
            } })
        }
        other => json!({ "type": other, (other): {} }),
    }
}

fn card_details(ctx: &Ctx<'_>, bill: &Value, method: &Value, card: &Value, tried: Try, authenticated: bool) -> Value {
    let went_through = matches!(tried, Try::Taken | Try::Held);
    let amount = if went_through { bill["amount"].clone() } else { Value::Null };
    let mut out = json!({
        "amount_authorized": amount, "authorization_code": if went_through { json!(ctx.secret(6).to_uppercase()) } else { Value::Null },
        "brand": card["brand"].as_str().map(|b| b.to_lowercase().replace("american express", "amex")),
        "checks": checks(card, tried), "country": card["country"], "exp_month": card["exp_month"], "exp_year": card["exp_year"],
        "extended_authorization": { "status": "disabled" }, "fingerprint": card["fingerprint"], "funding": card["funding"],
        "incremental_authorization": { "status": availability(asks(bill, "request_incremental_authorization")) }, "installments": null, "last4": card["last4"], "mandate": null,
        "multicapture": { "status": availability(asks(bill, "request_multicapture")) }, "network": card["brand"].as_str().map(|b| b.to_lowercase().replace("american express", "amex")),
        "network_token": { "used": false }, "network_transaction_id": null,
        "overcapture": overcapture(bill, bill.int("amount")), "regulated_status": "unregulated",
        "three_d_secure": null, "wallet": null,
    });
    if went_through {
        out["network_transaction_id"] = json!(ctx.secret(15).to_uppercase());
    }
    if tried == Try::Held {
        out["capture_before"] = json!(ctx.now() + HELD_SECONDS);
    }
    if authenticated || method.yes("_authenticated") {
        out["three_d_secure"] = json!({
            "authentication_flow": "challenge", "electronic_commerce_indicator": "05", "exemption_indicator": null,
            "result": "authenticated", "result_reason": null, "transaction_id": ids::uuid(ctx.chance), "version": "2.2.0",
        });
    }
    out
}

/// What the card's holder may be charged at most, and whether that is more than what is held.
pub(crate) fn overcapture(bill: &Value, amount: i64) -> Value {
    let asked = asks(bill, "request_overcapture");
    let most = if asked { amount.saturating_mul(MOST_PERCENT) / 100 } else { amount };
    json!({ "maximum_amount_capturable": most, "status": availability(asked) })
}

fn asks(bill: &Value, feature: &str) -> bool {
    bill["payment_method_options"]["card"][feature] == "if_available"
}

fn availability(asked: bool) -> &'static str {
    if asked { "available" } else { "unavailable" }
}

fn checks(card: &Value, tried: Try) -> Value {
    let mut checks = match &card["checks"] {
        Value::Object(_) => card["checks"].clone(),
        _ => {
            json!({ "address_line1_check": card["address_line1_check"], "address_postal_code_check": card["address_zip_check"], "cvc_check": card["cvc_check"] })
        }
    };
    checks["cvc_check"] = match tried {
        Try::Refused(decline) if decline.code == "incorrect_cvc" => json!("fail"),
        _ => json!("pass"),
    };
    checks
}

/// The 402 of a refusal, as a client reads it and as `last_payment_error` keeps it; the intent is not in it yet.
pub(crate) fn decline_error(decline: &Decline, charge: Option<&str>, method: &Value) -> ApiError {
    let mut error = ApiError::card(decline.code, decline.message).with("decline_code", decline.decline_code);
    if let Some(charge) = charge {
        error = error.with("charge", charge);
    }
    if let Some(advice) = decline.advice {
        error = error.with("advice_code", advice);
    }
    if !decline.network_code.is_empty() {
        error = error.with("network_decline_code", decline.network_code);
    }
    let param = match decline.code {
        "expired_card" => Some("exp_month"),
        "incorrect_cvc" => Some("cvc"),
        _ => None,
    };
    if let Some(param) = param {
        error = error.param(param);
    }
    if method.text("object") == "payment_method" {
        error = error.with("payment_method", expand::shown_deep(method));
    }
    error
}
