//! Taxes of a line item: the rates that were named, what each comes to, and the sums a session shows of its discounts and taxes.

use crate::stripe::context::Ctx;
use crate::stripe::errors::ApiError;
use crate::stripe::money::Decimal;
use crate::world::{Read, shown};
use serde_json::{Value, json};

const MAX_RATES: usize = 5;

/// The tax rates of a line; each must exist and be active.
pub(super) fn rates(ctx: &Ctx<'_>, line: &Value, path: &str) -> Result<Vec<Value>, ApiError> {
    if line["dynamic_tax_rates"].as_array().is_some_and(|all| !all.is_empty()) {
        let text = "This sandbox does not choose tax rates by the customer's address yet.";
        return Err(ApiError::invalid(text).param(&format!("{path}[dynamic_tax_rates]")));
    }
    let given = line["tax_rates"].as_array().map(Vec::as_slice).unwrap_or_default();
    if given.len() > MAX_RATES {
        let text = format!("You may only specify up to {MAX_RATES} tax rates.");
        return Err(ApiError::invalid(text).param(&format!("{path}[tax_rates]")));
    }
    let load = |(i, id): (usize, &Value)| {
        let (id, param) = (id.as_str().unwrap_or_default(), format!("{path}[tax_rates][{i}]"));
        let rate = ctx.load_param("tax_rate", id, &param)?;
        if !rate.yes("active") {
            return Err(ApiError::invalid(format!("The tax rate `{id}` is not active.")).param(&param));
        }
        Ok(shown(&rate))
    };
    given.iter().enumerate().map(load).collect()
}

fn percentage(rate: &Value) -> Decimal {
    Decimal::parse(&rate["percentage"].to_string()).unwrap_or(Decimal::ZERO)
}

/// What each rate comes to on a line's amount after discounts, in the shape of `taxes`. Inclusive rates are part of the amount;
/// exclusive ones are counted on what is left without them.
pub(super) fn taxes(rates: &[Value], amount: i64) -> Vec<Value> {
    let included = rates.iter().filter(|r| r.yes("inclusive")).fold(Decimal::ZERO, |sum, r| sum.plus(percentage(r)));
    let net = amount - included.part_of(amount, included);
    let tax = |rate: &Value| {
        let one = percentage(rate);
        let tax = if rate.yes("inclusive") { one.part_of(amount, included) } else { one.percent_of(net) };
        json!({ "amount": tax, "rate": rate, "taxability_reason": null, "taxable_amount": net })
    };
    rates.iter().map(tax).collect()
}

/// How much of these taxes comes on top of the amount.
pub(super) fn on_top(taxes: &[Value]) -> i64 {
    taxes.iter().filter(|t| !t["rate"].yes("inclusive")).map(|t| t.int("amount")).sum()
}

/// `total_details.breakdown` of a stored session.
pub(crate) fn breakdown(session: &Value) -> Value {
    let mut by_rate: Vec<Value> = Vec::new();
    let items = session["_line_items"].as_array().map(Vec::as_slice).unwrap_or_default();
    for tax in items.iter().flat_map(|i| i["_taxes"].as_array().into_iter().flatten()) {
        match by_rate.iter_mut().find(|t| t["rate"]["id"] == tax["rate"]["id"]) {
            None => by_rate.push(tax.clone()),
            Some(sum) => {
                for name in ["amount", "taxable_amount"] {
                    sum[name] = json!(sum.int(name) + tax.int(name));
                }
            }
        }
    }
    let off = session["total_details"].int("amount_discount");
    let discounts = if off == 0 { json!([]) } else { json!([{ "amount": off, "discount": discount(session) }]) };
    json!({ "discounts": discounts, "taxes": by_rate })
}

/// The discount of a session as an object; it has no life of its own, so its id is made from the session's.
fn discount(session: &Value) -> Value {
    let id = session.text("id").trim_start_matches("cs_test_");
    json!({
        "id": format!("di_{}", id.get(..14).unwrap_or(id)), "object": "discount", "checkout_session": session["id"],
        "customer": session["customer"], "customer_account": null, "end": null, "invoice": null, "invoice_item": null,
        "promotion_code": session["discounts"][0]["promotion_code"], "source": { "coupon": session["_coupon"], "type": "coupon" },
        "start": session["created"], "subscription": null, "subscription_item": null,
    })
}

/// `discounts` or `taxes` of one of a session's line items, which are shown only when asked for.
pub(crate) fn of_item(session: &Value, item: &Value, field: &str) -> Value {
    match (field, item.int("amount_discount")) {
        ("taxes", _) => item["_taxes"].clone(),
        (_, 0) => json!([]),
        (_, off) => json!([{ "amount": off, "discount": discount(session) }]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(percentage: f64, inclusive: bool) -> Value {
        json!({"id": format!("txr_{percentage}"), "percentage": percentage, "inclusive": inclusive})
    }

    fn amounts(rates: &[Value], amount: i64) -> (Vec<i64>, i64) {
        let taxes = taxes(rates, amount);
        (taxes.iter().map(|t| t.int("amount")).collect(), on_top(&taxes))
    }

    #[test]
    fn an_exclusive_rate_is_added_and_an_inclusive_one_is_found_inside() {
        assert_eq!(amounts(&[rate(20.0, false)], 5_000), (vec![1_000], 1_000));
        assert_eq!(amounts(&[rate(20.0, true)], 5_000), (vec![833], 0));
        assert_eq!(amounts(&[rate(8.875, false)], 1_000), (vec![89], 89));
        assert_eq!(amounts(&[rate(10.0, true), rate(5.0, false)], 1_100), (vec![100, 50], 50));
        assert_eq!(amounts(&[], 1_000), (vec![], 0));
    }

    #[test]
    fn the_breakdown_adds_the_lines_of_one_rate() {
        let tax = |amount: i64| json!({"amount": amount, "rate": rate(20.0, false), "taxable_amount": amount * 5});
        let session = json!({"id": "cs_test_a1", "_line_items": [{"_taxes": [tax(10)]}, {"_taxes": [tax(30)]}], "total_details": {"amount_discount": 0}});
        let shown = breakdown(&session);
        assert_eq!((shown["taxes"][0].int("amount"), shown["taxes"][0].int("taxable_amount")), (40, 200));
        assert_eq!(shown["discounts"], json!([]));
    }
}
