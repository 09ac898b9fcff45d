//! The balance and what it is made of: one balance transaction for every movement of money.

use super::context::Ctx;
use super::errors::{Answer, ApiError};
use super::routes::{Args, Route};
use super::{exchange, lists, money, payouts};
use crate::world::Read;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/balance", "balance.retrieve", "balance", balance),
    Route::new("GET", "/v1/balance_transactions", "balance_transactions.list", "list:balance_transaction", list),
    Route::new("GET", "/v1/balance_transactions/{id}", "balance_transactions.retrieve", "balance_transaction", retrieve),
];

/// How long a payment is pending before it can be paid out.
const PENDING_SECONDS: i64 = 2 * 86_400;

/// One movement of money.
pub(crate) struct Entry<'a> {
    /// Stripe's type, such as `charge` or `refund`.
    pub kind: &'a str,
    /// The coarser name in reports.
    pub category: &'a str,
    /// What is moved, negative when it leaves.
    pub amount: i64,
    /// The currency of that amount.
    pub currency: &'a str,
    /// The currency in which it is kept.
    pub settles_in: &'a str,
    /// What Stripe keeps of it, in the currency in which it is kept.
    pub fee: i64,
    pub fee_text: &'a str,
    /// The object that caused it.
    pub source: Option<&'a str>,
    pub description: Value,
    /// Whether the money first has to settle.
    pub pending: bool,
}

/// Notes the movement and answers its id.
pub(crate) fn book(ctx: &mut Ctx<'_>, entry: &Entry<'_>) -> Value {
    let id = ctx.id("txn");
    let currency = entry.settles_in;
    let (amount, rate) = exchange::convert(entry.amount, entry.currency, currency);
    let fee_details = match entry.fee {
        0 => json!([]),
        fee => {
            json!([{ "amount": fee, "application": null, "currency": currency, "description": entry.fee_text, "type": "stripe_fee" }])
        }
    };
    let wait = if entry.pending { PENDING_SECONDS } else { 0 };
    let available_on = ctx.now() + wait;
    let transaction = json!({
        "id": id, "object": "balance_transaction", "amount": amount, "available_on": available_on, "balance_type": "payments",
        "created": ctx.now(), "currency": currency, "description": entry.description,
        "exchange_rate": rate.map(|r| r.number()), "fee": entry.fee,
        "fee_details": fee_details, "net": amount - entry.fee, "reporting_category": entry.category, "source": entry.source,
        "status": if entry.pending { "pending" } else { "available" }, "type": entry.kind,
    });
    ctx.store(&transaction);
    if entry.kind != "payout" {
        payouts::plan(ctx, available_on);
    }
    json!(id)
}

/// Books a payment that was taken, for a card charge or another method's.
pub(crate) fn book_payment(ctx: &mut Ctx<'_>, charge: &Value, amount: i64) -> Value {
    let (source, currency) = (charge.text("id"), charge.text("currency"));
    let kind = if source.starts_with("py_") { "payment" } else { "charge" };
    let settles_in = ctx.account.settles_in(currency).to_owned();
    let entry = Entry {
        kind,
        category: "charge",
        amount,
        currency,
        settles_in: &settles_in,
        fee: payment_fee(amount, currency, &settles_in),
        fee_text: "Stripe processing fees",
        source: Some(source),
        description: charge["description"].clone(),
        pending: !charge.yes("_available_at_once"),
    };
    book(ctx, &entry)
}

/// What Stripe keeps of a payment, in the currency in which it is kept.
pub(crate) fn payment_fee(amount: i64, currency: &str, settles_in: &str) -> i64 {
    money::fee(exchange::convert(amount, currency, settles_in).0)
}

/// The currency in which the money of a charge is kept: what goes back of it leaves from there, whatever was settled since.
pub(crate) fn kept_in(ctx: &Ctx<'_>, charge: &Value) -> String {
    let line = charge.some("balance_transaction").and_then(|id| ctx.account.get("balance_transaction", id));
    line.map_or_else(|| ctx.account.settles_in(charge.text("currency")), |line| line.text("currency")).to_owned()
}

/// Makes available what has waited long enough.
pub(crate) fn ripen(ctx: &mut Ctx<'_>) {
    let now = ctx.now();
    let ripe = |t: &Value| t.text("status") == "pending" && t.int("available_on") <= now;
    let due: Vec<Value> =
        ctx.account.table("balance_transaction").newest_first().filter(|(_, t)| ripe(t)).map(|(_, t)| t.clone()).collect();
    for mut transaction in due {
        transaction["status"] = json!("available");
        ctx.store(&transaction);
    }
}

/// Makes everything of a currency available, whether it has waited or not.
pub(crate) fn settle_pending(ctx: &mut Ctx<'_>, currency: &str) {
    let waits = |t: &Value| t.text("status") == "pending" && t.text("currency") == currency;
    let all: Vec<Value> =
        ctx.account.table("balance_transaction").newest_first().filter(|(_, t)| waits(t)).map(|(_, t)| t.clone()).collect();
    for mut transaction in all {
        transaction["available_on"] = json!(ctx.now());
        transaction["status"] = json!("available");
        ctx.store(&transaction);
    }
}

/// What of a currency can be paid out now.
pub(crate) fn available(ctx: &mut Ctx<'_>, currency: &str) -> i64 {
    ripen(ctx);
    let rows = ctx.account.table("balance_transaction").newest_first().map(|(_, t)| t);
    rows.filter(|t| t.text("currency") == currency && t.text("status") == "available").map(|t| t.int("net")).sum()
}

fn balance(ctx: &mut Ctx<'_>, _args: &Args) -> Answer {
    ripen(ctx);
    let mut sums: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for (_, transaction) in ctx.account.table("balance_transaction").newest_first() {
        let (available, pending) = sums.entry(transaction.text("currency").to_owned()).or_default();
        let sum = if transaction.text("status") == "pending" { pending } else { available };
        *sum = sum.saturating_add(transaction.int("net"));
    }
    if sums.is_empty() {
        sums.insert(ctx.account.settles_in("").to_owned(), (0, 0));
    }
    let amounts = |pick: fn(&(i64, i64)) -> i64| -> Vec<Value> {
        sums.iter()
            .map(|(c, both)| json!({ "amount": pick(both), "currency": c, "source_types": { "card": pick(both) } }))
            .collect()
    };
    Ok(json!({ "object": "balance", "available": amounts(|b| b.0), "livemode": false, "pending": amounts(|b| b.1) }))
}

fn list(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    ripen(ctx);
    let paid_out = args.params.some("payout").map(|id| ctx.load_param("payout", id, "payout")).transpose()?;
    if paid_out.as_ref().is_some_and(|p| !p.yes("automatic")) {
        let text = "Balance transaction history can only be filtered on automatic transfers, not manual.";
        return Err(ApiError::invalid(text).param("payout"));
    }
    let in_payout = |t: &Value| paid_out.as_ref().is_none_or(|p| t["_payout"] == p["id"]);
    let keep = |t: &Value| in_payout(t) && lists::same(&args.params, t, &["currency", "source", "type"]);
    lists::page(ctx, args, "balance_transaction", "/v1/balance_transactions", keep)
}

fn retrieve(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    ripen(ctx);
    ctx.load("balance_transaction", args.id())
}

/// Refuses an amount that Stripe would not charge in this currency.
pub(crate) fn check_amount(params: &Map<String, Value>, name: &str, currency: &str) -> Result<i64, ApiError> {
    let amount = params.int(name);
    let least = money::minimum(currency);
    if amount < 1 {
        let text = "This value must be greater than or equal to 1.";
        return Err(ApiError::invalid(text).code("parameter_invalid_integer").param(name));
    }
    if amount < least {
        let text = format!("Amount must be at least {} {currency}", money::display(least, currency));
        return Err(ApiError::invalid(text).code("amount_too_small").param(name));
    }
    if amount > money::MAX_AMOUNT {
        let text = format!("Amount must be no more than {}", money::display(money::MAX_AMOUNT, currency));
        return Err(ApiError::invalid(text).code("amount_too_large").param(name));
    }
    Ok(amount)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(amount: i64, currency: &str) -> Option<Value> {
        let Value::Object(params) = json!({ "amount": amount }) else { return None };
        check_amount(&params, "amount", currency).err().map(|e| e.object()["code"].clone())
    }

    #[test]
    fn amounts_are_taken_from_the_currency_s_least_to_eight_digits() {
        assert_eq!(refused(0, "usd"), Some(json!("parameter_invalid_integer")));
        assert_eq!(refused(49, "usd"), Some(json!("amount_too_small")));
        assert_eq!(refused(50, "usd"), None);
        assert_eq!(refused(99_999_999, "usd"), None);
        assert_eq!(refused(100_000_000, "usd"), Some(json!("amount_too_large")));
        assert_eq!(refused(1, "krw"), None);
    }
}
