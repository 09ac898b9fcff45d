//! What the merchant answers: texts and files, kept as a draft or sent to the bank.

use super::super::context::Ctx;
use super::super::errors::{Answer, ApiError};
use super::super::metadata;
use super::super::routes::Args;
use super::{is_inquiry, verdict};
use crate::world::Read;
use serde_json::{Map, Value, json};

/// All texts together may not be longer.
const MAX_CHARACTERS: usize = 150_000;
/// What can be answered with a file.
const FILES: [&str; 9] = [
    "cancellation_policy",
    "customer_communication",
    "customer_signature",
    "duplicate_charge_documentation",
    "receipt",
    "refund_policy",
    "service_documentation",
    "shipping_documentation",
    "uncategorized_file",
];
/// Everything that can be answered.
pub(super) const FIELDS: [&str; 27] = [
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

pub(super) fn update(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let before = ctx.load("dispute", args.id())?;
    let mut after = before.clone();
    metadata::merge(&mut after, &args.params)?;
    if let Some(Value::Object(given)) = args.params.get("evidence") {
        answerable(&before)?;
        files_exist(ctx, given)?;
        metadata::assign(&mut after["evidence"], given, &FIELDS);
        short_enough(&after["evidence"])?;
        after["evidence_details"]["has_evidence"] = json!(FIELDS.iter().any(|name| after["evidence"].has(name)));
    }
    let submits = args.params.get("submit").map_or(args.params.has("evidence"), |v| v == true);
    if submits {
        answerable(&before)?;
        return Ok(submit(ctx, &before, after));
    }
    ctx.store(&after);
    ctx.emit_change("charge.dispute.updated", &before, &after);
    Ok(after)
}

/// Sends what is there to the bank.
pub(super) fn submit(ctx: &mut Ctx<'_>, before: &Value, mut after: Value) -> Value {
    let details = &before["evidence_details"];
    after["evidence_details"]["submission_count"] = json!(details.int("submission_count") + 1);
    after["evidence_details"]["past_due"] = json!(ctx.now() > details.int("due_by"));
    after["status"] = json!(if is_inquiry(before) { "warning_under_review" } else { "under_review" });
    ctx.store(&after);
    ctx.emit_change("charge.dispute.updated", before, &after);
    verdict::decide(ctx, after)
}

fn answerable(dispute: &Value) -> Result<(), ApiError> {
    if matches!(dispute.text("status"), "needs_response" | "warning_needs_response") {
        return Ok(());
    }
    Err(ApiError::invalid("This dispute is already closed or under review, and its evidence can no longer be changed."))
}

fn files_exist(ctx: &Ctx<'_>, given: &Map<String, Value>) -> Result<(), ApiError> {
    for name in FILES {
        let Some(id) = given.some(name) else { continue };
        let param = format!("evidence[{name}]");
        let file = ctx.load_param("file", id, &param)?;
        if file.text("purpose") != "dispute_evidence" {
            return Err(
                ApiError::invalid(format!("The file {id} was not uploaded with the purpose `dispute_evidence`.")).param(&param)
            );
        }
    }
    Ok(())
}

fn short_enough(evidence: &Value) -> Result<(), ApiError> {
    let texts = FIELDS.iter().filter(|name| !FILES.contains(name));
    let count: usize = texts.map(|name| evidence.text(name).chars().count()).sum();
    if count <= MAX_CHARACTERS {
        return Ok(());
    }
    let text = format!("The combined character count of all evidence is limited to {MAX_CHARACTERS}, but {count} were given.");
    Err(ApiError::invalid(text).param("evidence"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_together_are_limited_and_the_names_of_files_do_not_count() {
        let long = "é".repeat(MAX_CHARACTERS - 5);
        assert!(short_enough(&json!({"uncategorized_text": long, "customer_name": "Countess"})).is_err());
        assert!(short_enough(&json!({"uncategorized_text": long, "customer_name": "Ada L", "receipt": "file_1"})).is_ok());
    }
}
