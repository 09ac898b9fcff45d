//! A claim against a charge: an inquiry leaves the money where it is, a chargeback takes it at once, and the debit of a bank account that
//! its bank sends back is lost from the beginning.

use super::super::context::Ctx;
use super::super::errors::Refusal;
use super::{evidence, verdict, withdraw};
use crate::world::{Read, Task};
use serde_json::{Map, Value, json};

/// How long the merchant may take to answer a chargeback.
const DUE_SECONDS: i64 = 9 * 86_400;
/// An inquiry that nobody carries on is closed after this time.
pub(super) const INQUIRY_SECONDS: i64 = 120 * 86_400;
/// Why the money is asked back, as Stripe names it, and Visa's number for it.
const REASONS: [(&str, &str); 15] = [
    ("bank_cannot_process", "12.7"),
    ("check_returned", "12.7"),
    ("credit_not_processed", "13.6"),
    ("customer_initiated", "13.7"),
    ("debit_not_authorized", "10.4"),
    ("duplicate", "12.6.1"),
    ("fraudulent", "10.4"),
    ("general", "13.1"),
    ("incorrect_account_details", "12.4"),
    ("insufficient_funds", "11.3"),
    ("noncompliant", "12.7"),
    ("product_not_received", "13.1"),
    ("product_unacceptable", "13.3"),
    ("subscription_canceled", "13.2"),
    ("unrecognized", "10.4"),
];

/// How serious a claim is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    /// The bank only asks.
    Inquiry,
    /// The bank takes the money.
    Chargeback,
}

/// What is asked back.
pub(crate) struct Claim<'a> {
    /// All that was taken and not claimed yet if none.
    pub amount: Option<i64>,
    /// Fraud, or a debit that nobody authorised, if none.
    pub reason: Option<&'a str>,
    pub case: Case,
}

/// The holder of a test card disputes what was just taken.
pub(crate) fn open_by_card(ctx: &mut Ctx<'_>, charge_id: &str, reason: &str, case: Case) {
    if let Some(charge) = ctx.account.get("charge", charge_id).cloned() {
        // Such a card disputes once, right after it paid, so that there is nothing to refuse.
        let _ = open(ctx, charge, &Claim { amount: None, reason: Some(reason), case });
    }
}

/// Opens a dispute of a charge.
pub(crate) fn open(ctx: &mut Ctx<'_>, mut charge: Value, claim: &Claim<'_>) -> Result<Value, Refusal> {
    let is_debit = charge.text("id").starts_with("py_");
    let reason = claim.reason.unwrap_or(if is_debit { "debit_not_authorized" } else { "fraudulent" });
    let Some((reason, network_reason)) = REASONS.iter().find(|(r, _)| *r == reason) else {
        return Err(("reason", format!("must be one of {}", REASONS.map(|(r, _)| r).join(", "))));
    };
    if is_debit && claim.case == Case::Inquiry {
        return Err(("inquiry", "cannot be true for a debit of a bank account: its bank does not ask".to_owned()));
    }
    let amount = claimed(ctx, &charge, claim.amount)?;
    let inquiry = claim.case == Case::Inquiry;
    let mut dispute = blank(ctx, &charge, amount, reason);
    if is_debit {
        // There is no answer to a bank that returns a debit.
        dispute["status"] = json!("lost");
        dispute["evidence_details"]["due_by"] = json!(0);
    } else {
        dispute["status"] = json!(if inquiry { "warning_needs_response" } else { "needs_response" });
        dispute["is_charge_refundable"] = json!(inquiry);
        dispute["payment_method_details"] = json!({ "type": "card", "card": {
            "brand": charge["payment_method_details"]["card"]["brand"], "case_type": if inquiry { "inquiry" } else { "chargeback" },
            "network_reason_code": network_reason,
        } });
        let wait = if inquiry { INQUIRY_SECONDS } else { DUE_SECONDS };
        ctx.plan_in(wait, Task::EndDispute(dispute.text("id").to_owned()));
    }
    charge["disputed"] = json!(true);
    charge["_charged_back"] = json!(!inquiry || charge.yes("_charged_back"));
    ctx.store(&charge);
    if !inquiry {
        withdraw(ctx, &mut dispute);
    }
    ctx.store_and_emit(&dispute, "charge.dispute.created");
    if !inquiry {
        ctx.emit("charge.dispute.funds_withdrawn", &dispute);
    }
    Ok(if is_debit { verdict::end(ctx, dispute, "lost") } else { dispute })
}

fn blank(ctx: &Ctx<'_>, charge: &Value, amount: i64, reason: &str) -> Value {
    let mut given: Map<String, Value> = evidence::FIELDS.iter().map(|name| ((*name).to_owned(), Value::Null)).collect();
    given.insert("enhanced_evidence".into(), json!({}));
    json!({
        "id": ctx.id("du"), "object": "dispute", "amount": amount, "balance_transactions": [], "charge": charge["id"],
        "created": ctx.now(), "currency": charge["currency"], "enhanced_eligibility_types": [], "evidence": given,
        "evidence_details": {
            "due_by": ctx.now() + DUE_SECONDS, "enhanced_eligibility": {}, "has_evidence": false, "past_due": false, "submission_count": 0,
        },
        "is_charge_refundable": false, "livemode": false, "metadata": {}, "payment_intent": charge["payment_intent"],
        "reason": reason, "status": "needs_response",
    })
}

/// How much is asked back: no more than was taken and is not claimed already.
fn claimed(ctx: &Ctx<'_>, charge: &Value, asked: Option<i64>) -> Result<i64, Refusal> {
    if charge.text("status") != "succeeded" || charge.int("amount_captured") < 1 {
        return Err(("charge", "must name a charge whose money was taken".to_owned()));
    }
    let counts = |d: &Value| d["charge"] == charge["id"] && !matches!(d.text("status"), "won" | "warning_closed");
    let disputes = ctx.account.table("dispute").newest_first().map(|(_, d)| d);
    let left = charge.int("amount_captured") - disputes.filter(|d| counts(d)).map(|d| d.int("amount")).sum::<i64>();
    if left < 1 {
        return Err(("charge", "names a charge that is disputed as a whole already".to_owned()));
    }
    match asked.unwrap_or(left) {
        amount if (1..=left).contains(&amount) => Ok(amount),
        _ => Err(("amount", format!("must be from 1 to {left}, which was taken and is not disputed yet"))),
    }
}

/// An inquiry becomes a chargeback: the money goes now, and the time to answer begins anew.
pub(super) fn escalate(ctx: &mut Ctx<'_>, mut dispute: Value) -> Value {
    let before = dispute.clone();
    dispute["status"] = json!("needs_response");
    dispute["is_charge_refundable"] = json!(false);
    dispute["payment_method_details"]["card"]["case_type"] = json!("chargeback");
    dispute["evidence_details"]["due_by"] = json!(ctx.now() + DUE_SECONDS);
    dispute["evidence_details"]["submission_count"] = json!(0);
    ctx.plan_in(DUE_SECONDS, Task::EndDispute(dispute.text("id").to_owned()));
    if let Some(mut charge) = ctx.account.get("charge", dispute.text("charge")).cloned() {
        charge["_charged_back"] = json!(true);
        ctx.store(&charge);
    }
    withdraw(ctx, &mut dispute);
    ctx.store(&dispute);
    ctx.emit_change("charge.dispute.updated", &before, &dispute);
    ctx.emit("charge.dispute.funds_withdrawn", &dispute);
    dispute
}
