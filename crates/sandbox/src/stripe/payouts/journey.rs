//! A payout on its way: handed to the bank, arrived, or sent back.

use super::super::context::Ctx;
use super::super::errors::Refusal;
use super::book;
use crate::world::Read;
use serde_json::{Value, json};

/// Why banks send money back, as Stripe names it, and the words for it.
const FAILURES: [(&str, &str); 4] = [
    ("account_closed", "The bank account has been closed."),
    ("could_not_process", "The bank could not process this transfer."),
    ("invalid_account_number", "The routing number seems correct, but the account number is invalid."),
    ("no_account", "The bank account could not be located."),
];

/// The bank has it. From now on it is known of which lines an automatic payout is made.
pub(crate) fn submit(ctx: &mut Ctx<'_>, id: &str) {
    let Some(before) = ctx.account.get("payout", id).filter(|p| p.text("status") == "pending").cloned() else { return };
    let mut after = before.clone();
    after["status"] = json!("in_transit");
    if before.yes("automatic") {
        after["reconciliation_status"] = json!("completed");
    }
    ctx.store(&after);
    ctx.emit_change("payout.updated", &before, &after);
    if before.yes("automatic") {
        ctx.emit("payout.reconciliation_completed", &after);
    }
}

/// It is on the bank account.
pub(crate) fn arrive(ctx: &mut Ctx<'_>, id: &str) {
    let on_its_way = |p: &&Value| matches!(p.text("status"), "pending" | "in_transit");
    let Some(mut payout) = ctx.account.get("payout", id).filter(on_its_way).cloned() else { return };
    payout["status"] = json!("paid");
    payout["trace_id"] = json!({ "status": "supported", "value": ctx.secret(16).to_uppercase() });
    ctx.store_and_emit(&payout, "payout.paid");
}

/// The bank sends it back, even after it seemed paid: the money is in the balance again, by a line of its own.
pub(crate) fn fail(ctx: &mut Ctx<'_>, mut payout: Value, code: &str) -> Result<Value, Refusal> {
    let Some((code, words)) = FAILURES.iter().find(|(c, _)| *c == code) else {
        return Err(("failure_code", format!("must be one of {}", FAILURES.map(|(c, _)| c).join(", "))));
    };
    if !matches!(payout.text("status"), "pending" | "in_transit" | "paid") {
        return Err(("id", format!("names a payout that is {} already", payout.text("status"))));
    }
    let (id, currency) = (payout.text("id").to_owned(), payout.text("currency").to_owned());
    payout["status"] = json!("failed");
    payout["failure_code"] = json!(code);
    payout["failure_message"] = json!(words);
    payout["failure_balance_transaction"] = book(ctx, &id, &currency, payout.int("amount"), "payout_failure");
    ctx.store_and_emit(&payout, "payout.failed");
    Ok(payout)
}
