//! Disputes: a card's holder asks for the money back, the merchant answers with evidence, the bank decides.

use super::balance::{self, Entry};
use super::context::Ctx;
use super::errors::{Answer, ApiError};
use super::routes::{Args, Route};
use super::{lists, metadata};
use crate::world::Read;
use serde_json::{Map, Value, json};

pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/disputes", "disputes.list", "list:dispute", list),
    Route::new("GET", "/v1/disputes/{id}", "disputes.retrieve", "dispute", retrieve),
    Route::new("POST", "/v1/disputes/{id}", "disputes.update", "dispute", update),
    Route::new("POST", "/v1/disputes/{id}/close", "disputes.close", "dispute", close),
];

/// What Stripe keeps for a dispute, in minor units.
const FEE: i64 = 1_500;
const DUE_SECONDS: i64 = 9 * 86_400;
const EVIDENCE: [&str; 27] = [
    "access_activity_log",
    "billing_address",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "customer_signature",
    "duplicate_charge_documentation",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_documentation",
    "shipping_tracking_number",
    "uncategorized_file",
    "uncategorized_text",
];

/// The holder disputes a charge; a mere inquiry leaves the money where it is.
pub(crate) fn open(ctx: &mut Ctx<'_>, charge_id: &str, reason: &str, inquiry: bool) {
    let Some(mut charge) = ctx.account.get("charge", charge_id).cloned() else { return };
    let id = ctx.id("du");
    let mut evidence: Map<String, Value> = EVIDENCE.iter().map(|name| ((*name).to_owned(), Value::Null)).collect();
    evidence.insert("enhanced_evidence".into(), json!({}));
    let network_reason = if reason == "fraudulent" { "10.4" } else { "13.1" };
    let mut dispute = json!({
        "id": id, "object": "dispute", "amount": charge["amount_captured"], "balance_transactions": [],
        "charge": charge_id, "created": ctx.now(), "currency": charge["currency"], "enhanced_eligibility_types": [], "evidence": evidence,
        "evidence_details": { "due_by": ctx.now() + DUE_SECONDS, "enhanced_eligibility": {}, "has_evidence": false, "past_due": false, "submission_count": 0 },
        "is_charge_refundable": inquiry, "livemode": false, "metadata": {}, "payment_intent": charge["payment_intent"],
        "payment_method_details": { "type": "card", "card": {
            "brand": charge["payment_method_details"]["card"]["brand"], "case_type": if inquiry { "inquiry" } else { "chargeback" },
            "network_reason_code": network_reason,
        } },
        "reason": reason, "status": if inquiry { "warning_needs_response" } else { "needs_response" },
    });
    charge["disputed"] = json!(true);
    charge["_charged_back"] = json!(!inquiry);
    ctx.store(&charge);
    if !inquiry {
        move_money(ctx, &mut dispute, -1);
    }
    ctx.store_and_emit(&dispute, "charge.dispute.created");
    if !inquiry {
        ctx.emit("charge.dispute.funds_withdrawn", &dispute);
    }
}

/// Takes the disputed amount (-1) or gives it back (1).
fn move_money(ctx: &mut Ctx<'_>, dispute: &mut Value, sign: i64) {
    let source = dispute.text("id").to_owned();
    let currency = dispute.text("currency").to_owned();
    let taken = sign < 0;
    let words = if taken { "Chargeback withdrawal" } else { "Chargeback reversal" };
    let entry = Entry {
        kind: "adjustment",
        category: if taken { "dispute" } else { "dispute_reversal" },
        amount: sign * dispute.int("amount"),
        fee: if taken { FEE } else { 0 },
        fee_text: "Dispute fee",
        currency: &currency,
        source: &source,
        description: json!(format!("{words} for {}", dispute.text("charge"))),
        pending: false,
    };
    let transaction = balance::book(ctx, &entry);
    let whole = transaction.as_str().and_then(|t| ctx.account.get("balance_transaction", t)).cloned();
    if let (Some(whole), Value::Array(rows)) = (whole, &mut dispute["balance_transactions"]) {
        rows.push(whole);
    }
}

fn list(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    lists::page(ctx, args, "dispute", "/v1/disputes", |d| lists::same(&args.params, d, &["charge", "payment_intent"]))
}

fn retrieve(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    ctx.load("dispute", args.id())
}

fn update(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let before = ctx.load("dispute", args.id())?;
    let mut after = before.clone();
    metadata::merge(&mut after, &args.params)?;
    if let Some(Value::Object(evidence)) = args.params.get("evidence") {
        answerable(&before)?;
        metadata::assign(&mut after["evidence"], evidence, &EVIDENCE);
        after["evidence_details"]["has_evidence"] = json!(EVIDENCE.iter().any(|name| after["evidence"].has(name)));
    }
    let submits = args.params.get("submit").map_or(args.params.has("evidence"), |v| v == true);
    if submits {
        answerable(&before)?;
        let count = before["evidence_details"].int("submission_count");
        after["evidence_details"]["submission_count"] = json!(count + 1);
        after["status"] = json!(if is_inquiry(&before) { "warning_under_review" } else { "under_review" });
    }
    ctx.store(&after);
    ctx.emit_change("charge.dispute.updated", &before, &after);
    if submits {
        return Ok(decide(ctx, after));
    }
    Ok(after)
}

fn is_inquiry(dispute: &Value) -> bool {
    dispute.text("status").starts_with("warning_")
}

fn answerable(dispute: &Value) -> Result<(), ApiError> {
    if matches!(dispute.text("status"), "needs_response" | "warning_needs_response") {
        return Ok(());
    }
    Err(ApiError::invalid("This dispute is already closed or under review, and its evidence can no longer be changed."))
}

/// The bank decides at once when the evidence holds one of Stripe's magic words; otherwise it goes on thinking.
fn decide(ctx: &mut Ctx<'_>, dispute: Value) -> Value {
    match dispute["evidence"].text("uncategorized_text") {
        "winning_evidence" if is_inquiry(&dispute) => end(ctx, dispute, "warning_closed"),
        "winning_evidence" => {
            let mut won = dispute;
            move_money(ctx, &mut won, 1);
            let won = end(ctx, won, "won");
            ctx.emit("charge.dispute.funds_reinstated", &won);
            won
        }
        "losing_evidence" if is_inquiry(&dispute) => {
            let mut lost = dispute;
            move_money(ctx, &mut lost, -1);
            ctx.emit("charge.dispute.funds_withdrawn", &lost);
            end(ctx, lost, "lost")
        }
        "losing_evidence" => end(ctx, dispute, "lost"),
        _ => dispute,
    }
}

fn end(ctx: &mut Ctx<'_>, mut dispute: Value, status: &str) -> Value {
    dispute["status"] = json!(status);
    dispute["is_charge_refundable"] = json!(status == "warning_closed");
    ctx.store_and_emit(&dispute, "charge.dispute.closed");
    dispute
}

fn close(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let dispute = ctx.load("dispute", args.id())?;
    if !matches!(dispute.text("status"), "needs_response" | "warning_needs_response" | "under_review" | "warning_under_review") {
        return Err(ApiError::invalid("This dispute is already closed."));
    }
    Ok(end(ctx, dispute, "lost"))
}
