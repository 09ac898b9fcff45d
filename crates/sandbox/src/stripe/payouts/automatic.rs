//! What is paid out by itself: at midnight, in each currency, everything that is available and not yet paid out.

use super::super::balance;
use super::super::context::Ctx;
use super::make;
use crate::world::{Read, Task};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

const DAY_SECONDS: i64 = 86_400;

/// Money becomes available at this second: it leaves at the next midnight.
pub(crate) fn plan(ctx: &mut Ctx<'_>, available_on: i64) {
    let midnight = (available_on.div_euclid(DAY_SECONDS) + 1) * DAY_SECONDS;
    if ctx.account.payout_times.insert(midnight) {
        ctx.account.plan(midnight.saturating_mul(1_000), Task::PayOutAvailable);
    }
}

/// Pays out what is available, a payout for each currency.
pub(crate) fn pay_out_available(ctx: &mut Ctx<'_>) {
    let now = ctx.now();
    ctx.account.payout_times.retain(|time| *time > now);
    let lines = ctx.account.table("balance_transaction").newest_first();
    let currencies: BTreeSet<String> = lines.map(|(_, line)| line.text("currency").to_owned()).collect();
    for currency in currencies {
        pay_out(ctx, &currency);
    }
}

/// Pays out what is available in one currency; nothing if nothing is, or if more is owed than there is.
pub(crate) fn pay_out(ctx: &mut Ctx<'_>, currency: &str) -> Option<Value> {
    balance::ripen(ctx);
    let open = |t: &Value| t.text("currency") == currency && t.text("status") == "available" && !t.has("_payout");
    let lines: Vec<Value> =
        ctx.account.table("balance_transaction").newest_first().map(|(_, t)| t).filter(|t| open(t)).cloned().collect();
    let amount: i64 = lines.iter().map(|t| t.int("net")).sum();
    if amount < 1 || ctx.room_for("payout").is_err() {
        return None;
    }
    let params = Map::from_iter([("automatic".to_owned(), json!(true)), ("description".to_owned(), json!("STRIPE PAYOUT"))]);
    let payout = make(ctx, currency, amount, &params);
    let own = payout.some("balance_transaction").and_then(|id| ctx.account.get("balance_transaction", id)).cloned();
    for mut line in lines.into_iter().chain(own) {
        line["_payout"] = payout["id"].clone();
        ctx.store(&line);
    }
    Some(payout)
}
