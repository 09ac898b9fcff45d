//! How a dispute ends: by the bank's word, by the evidence's magic words, or because time is up.

use super::super::context::Ctx;
use super::super::errors::Refusal;
use super::open::{INQUIRY_SECONDS, escalate};
use super::{Fee, OPEN, evidence, is_inquiry, reinstate};
use crate::world::Read;
use serde_json::{Value, json};

/// The bank decides at once when the evidence holds one of Stripe's magic words; otherwise it goes on thinking.
pub(super) fn decide(ctx: &mut Ctx<'_>, dispute: Value) -> Value {
    match (dispute["evidence"].text("uncategorized_text"), is_inquiry(&dispute)) {
        ("winning_evidence" | "losing_evidence", true) => end(ctx, dispute, "warning_closed"),
        ("escalate_inquiry_evidence", true) => escalate(ctx, dispute),
        ("winning_evidence", false) => win(ctx, dispute, Fee::Kept),
        ("losing_evidence", false) => end(ctx, dispute, "lost"),
        _ => dispute,
    }
}

/// The bank says how it ends.
pub(crate) fn rule(ctx: &mut Ctx<'_>, dispute: Value, status: &str, fee: Fee) -> Result<Value, Refusal> {
    if !OPEN.contains(&dispute.text("status")) {
        return Err(("id", format!("names a dispute that is {} already", dispute.text("status"))));
    }
    match (status, is_inquiry(&dispute)) {
        ("won", false) => Ok(win(ctx, dispute, fee)),
        ("lost", false) => Ok(end(ctx, dispute, "lost")),
        ("escalated", true) => Ok(escalate(ctx, dispute)),
        ("warning_closed", true) => Ok(end(ctx, dispute, "warning_closed")),
        ("won" | "lost", true) => Err(("status", "must be escalated or warning_closed for an inquiry".to_owned())),
        ("escalated" | "warning_closed", false) => Err(("status", "must be won or lost for a chargeback".to_owned())),
        _ => Err(("status", "must be one of won, lost, escalated, warning_closed".to_owned())),
    }
}

fn win(ctx: &mut Ctx<'_>, mut dispute: Value, fee: Fee) -> Value {
    reinstate(ctx, &mut dispute, fee);
    if let Some(mut charge) = ctx.account.get("charge", dispute.text("charge")).cloned() {
        charge["_charged_back"] = json!(false);
        ctx.store(&charge);
    }
    let dispute = ended(dispute, "won");
    ctx.emit("charge.dispute.funds_reinstated", &dispute);
    end(ctx, dispute, "won")
}

fn ended(mut dispute: Value, status: &str) -> Value {
    dispute["status"] = json!(status);
    dispute["is_charge_refundable"] = json!(matches!(status, "warning_closed" | "won"));
    dispute
}

pub(super) fn end(ctx: &mut Ctx<'_>, dispute: Value, status: &str) -> Value {
    let dispute = ended(dispute, status);
    ctx.store_and_emit(&dispute, "charge.dispute.closed");
    dispute
}

/// The time to answer is up. What was drafted goes to the bank; with nothing to say, a chargeback is lost. An inquiry that nobody carried
/// on is closed.
pub(crate) fn end_when_due(ctx: &mut Ctx<'_>, id: &str) {
    let Some(dispute) = ctx.account.get("dispute", id).cloned() else { return };
    let details = &dispute["evidence_details"];
    match dispute.text("status") {
        "warning_needs_response" | "warning_under_review" if ctx.now() >= dispute.int("created") + INQUIRY_SECONDS => {
            end(ctx, dispute, "warning_closed");
        }
        // An escalation gives more time.
        "needs_response" if ctx.now() < details.int("due_by") => {}
        "needs_response" if details.yes("has_evidence") => {
            evidence::submit(ctx, &dispute, dispute.clone());
        }
        "needs_response" => {
            end(ctx, dispute, "lost");
        }
        _ => {}
    }
}
