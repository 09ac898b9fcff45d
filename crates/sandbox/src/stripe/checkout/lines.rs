//! The line items of a new session: read and priced first, so that a refused session leaves nothing behind, and made afterwards.

use super::{ask, tax};
use crate::stripe::context::Ctx;
use crate::stripe::errors::ApiError;
use crate::stripe::money::{Decimal, MAX_AMOUNT, display, minimum};
use crate::world::{Read, shown};
use serde_json::{Map, Value, json};

const MAX_LINES: usize = 100;
const MAX_QUANTITY: i64 = 999_999;

/// A line item that was understood but not made yet.
pub(super) struct Draft {
    price: PriceDraft,
    /// The product it sells, where there is one already.
    pub product: Option<String>,
    pub currency: String,
    pub quantity: i64,
    pub subtotal: i64,
    pub discount: i64,
    tax_rates: Vec<Value>,
    adjustable: Value,
    metadata: Value,
}

impl Draft {
    fn taxes(&self) -> Vec<Value> {
        tax::taxes(&self.tax_rates, self.subtotal - self.discount)
    }

    /// What is to be paid for this line.
    pub fn total(&self) -> i64 {
        (self.subtotal - self.discount).saturating_add(tax::on_top(&self.taxes()))
    }
}

enum PriceDraft {
    /// A price that exists.
    Stored(Box<Value>),
    /// A price to make for this session only.
    Inline(Map<String, Value>),
}

/// Reads every line item; all must share one currency.
pub(super) fn read(ctx: &Ctx<'_>, params: &Map<String, Value>) -> Result<Vec<Draft>, ApiError> {
    let given = params.get("line_items").and_then(Value::as_array).filter(|all| !all.is_empty());
    let Some(given) = given else { return Err(ApiError::missing("line_items")) };
    if given.len() > MAX_LINES {
        return Err(ApiError::invalid(format!("You may only specify up to {MAX_LINES} line items.")).param("line_items"));
    }
    let drafts =
        given.iter().enumerate().map(|(i, line)| draft(ctx, line, &format!("line_items[{i}]"))).collect::<Result<Vec<_>, _>>()?;
    let currency = params.some("currency").unwrap_or(&drafts[0].currency);
    if let Some((i, other)) = drafts.iter().enumerate().find(|(_, d)| d.currency != currency) {
        let text = format!(
            "All prices on a Checkout Session must have the same currency: `line_items[{i}]` is in `{}`, but the session is in `{currency}`.",
            other.currency
        );
        return Err(ApiError::invalid(text).param("line_items"));
    }
    Ok(drafts)
}

fn draft(ctx: &Ctx<'_>, line: &Value, path: &str) -> Result<Draft, ApiError> {
    let tax_rates = tax::rates(ctx, line, path)?;
    let (price, unit, product, currency) = match (line.some("price"), &line["price_data"]) {
        (Some(_), Value::Object(_)) => {
            let text = "You may only specify one of these parameters: price, price_data.";
            return Err(ApiError::invalid(text).param(path));
        }
        (Some(id), _) => stored(ctx, id, &format!("{path}[price]"))?,
        (None, Value::Object(data)) => inline(ctx, data, &format!("{path}[price_data]"))?,
        (None, _) => {
            let text = "You must provide one of `price` or `price_data` for each line item when creating Checkout Session.";
            return Err(ApiError::invalid(text).code("parameter_missing").param(&format!("{path}[price]")));
        }
    };
    let quantity = quantity(line, path)?;
    let subtotal = match &price {
        PriceDraft::Stored(price) if price.has("transform_quantity") => {
            unit.times(packages(quantity, &price["transform_quantity"]))
        }
        _ => unit.times(quantity),
    };
    let adjustable = adjustable(&line["adjustable_quantity"], quantity, path)?;
    let metadata = if line["metadata"].is_object() { line["metadata"].clone() } else { json!({}) };
    Ok(Draft { price, product, currency, quantity, subtotal, discount: 0, tax_rates, adjustable, metadata })
}

type Priced = (PriceDraft, Decimal, Option<String>, String);

fn stored(ctx: &Ctx<'_>, id: &str, param: &str) -> Result<Priced, ApiError> {
    let price = ctx.load_param("price", id, param)?;
    let refuse = |text: String| Err(ApiError::invalid(text).param(param));
    if !price.yes("active") {
        return refuse("The price specified is inactive. This field only accepts active prices.".into())
            .map_err(|e: ApiError| e.code("price_inactive"));
    }
    let product = price["product"].as_str().unwrap_or_default();
    if ctx.account.get("product", product).is_some_and(|p| !p.yes("active")) {
        return refuse(format!("Price `{id}` is not available to be purchased because its product is not active."));
    }
    if price.has("recurring") {
        return refuse("You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use only one-time prices.".into());
    }
    let unit =
        price.some("unit_amount_decimal").map(str::to_owned).or_else(|| price["unit_amount"].as_i64().map(|n| n.to_string()));
    let Some(unit) = unit.as_deref().and_then(Decimal::parse) else {
        return refuse("This sandbox does not offer tiered prices or prices that the customer chooses yet.".into());
    };
    let (product, currency) = (product.to_owned(), price.text("currency").to_owned());
    Ok((PriceDraft::Stored(Box::new(price)), unit, Some(product), currency))
}

fn inline(ctx: &Ctx<'_>, data: &Map<String, Value>, path: &str) -> Result<Priced, ApiError> {
    one_of(data, "product", "product_data", path)?;
    one_of(data, "unit_amount", "unit_amount_decimal", path)?;
    if data.has("recurring") {
        let text = "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use only one-time prices.";
        return Err(ApiError::invalid(text).param(&format!("{path}[recurring]")));
    }
    let product = data.some("product");
    if let Some(id) = product {
        let found = ctx.load_param("product", id, &format!("{path}[product]"))?;
        if !found.yes("active") {
            let text = format!("The product `{id}` is not active, so it cannot be sold.");
            return Err(ApiError::invalid(text).param(&format!("{path}[product]")));
        }
    }
    let name = if data.has("unit_amount") { "unit_amount" } else { "unit_amount_decimal" };
    let text = data.get(name).map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned)).unwrap_or_default();
    let unit = Decimal::parse(&text).filter(|_| !text.starts_with('-'));
    let Some(unit) = unit else {
        let param = format!("{path}[{name}]");
        return Err(ApiError::invalid("Invalid non-negative integer").code("parameter_invalid_integer").param(&param));
    };
    Ok((PriceDraft::Inline(data.clone()), unit, product.map(str::to_owned), data.text("currency").to_owned()))
}

/// Exactly one of the two must be there.
fn one_of(data: &Map<String, Value>, one: &str, other: &str, path: &str) -> Result<(), ApiError> {
    match (data.has(one), data.has(other)) {
        (true, true) => {
            let text = format!("You may only specify one of these parameters: {one}, {other}.");
            Err(ApiError::invalid(text).param(path))
        }
        (false, false) => {
            let text = format!("You must specify either `{one}` or `{other}` in `{path}`.");
            Err(ApiError::invalid(text).code("parameter_missing").param(&format!("{path}[{one}]")))
        }
        _ => Ok(()),
    }
}

fn quantity(line: &Value, path: &str) -> Result<i64, ApiError> {
    let param = format!("{path}[quantity]");
    match line["quantity"].as_i64() {
        None if line["adjustable_quantity"].yes("enabled") => Ok(1),
        None => Err(ApiError::invalid(format!("Quantity is required. Add `quantity` to `{path}`"))
            .code("parameter_missing")
            .param(&param)),
        Some(..1) => Err(ApiError::invalid("This value must be greater than or equal to 1.")
            .code("parameter_invalid_integer")
            .param(&param)),
        Some(n) if n > MAX_QUANTITY => {
            let text = format!("This value must be less than or equal to {MAX_QUANTITY}.");
            Err(ApiError::invalid(text).code("parameter_invalid_integer").param(&param))
        }
        Some(n) => Ok(n),
    }
}

/// How many packages a quantity fills, for prices that count in packages.
fn packages(quantity: i64, rule: &Value) -> i64 {
    let by = rule.int("divide_by").max(1);
    if rule.text("round") == "up" { (quantity + by - 1) / by } else { quantity / by }
}

fn adjustable(given: &Value, quantity: i64, path: &str) -> Result<Value, ApiError> {
    if !given.is_object() {
        return Ok(Value::Null);
    }
    if !given.yes("enabled") {
        return Ok(json!({ "enabled": false, "maximum": null, "minimum": null }));
    }
    let (least, most) = (given["minimum"].as_i64().unwrap_or(0), given["maximum"].as_i64().unwrap_or(99));
    if least < 0 || most < least || !(least..=most).contains(&quantity) {
        let text = format!("The quantity of `{path}` must lie between its minimum ({least}) and its maximum ({most}).");
        return Err(ApiError::invalid(text).param(&format!("{path}[adjustable_quantity]")));
    }
    Ok(json!({ "enabled": true, "maximum": most, "minimum": least }))
}

/// Refuses a total that Stripe would not charge. Nothing to pay is allowed.
pub(super) fn chargeable(total: i64, currency: &str) -> Result<(), ApiError> {
    let least = minimum(currency);
    if total > 0 && total < least {
        let text =
            format!("The Checkout Session's total amount due must add up to at least {} {currency}", display(least, currency));
        return Err(ApiError::invalid(text).code("amount_too_small").param("line_items"));
    }
    if total > MAX_AMOUNT {
        let text =
            format!("The Checkout Session's total amount due must be no more than {} {currency}", display(MAX_AMOUNT, currency));
        return Err(ApiError::invalid(text).code("amount_too_large").param("line_items"));
    }
    Ok(())
}

/// Makes what the drafts lack and turns them into line items.
pub(super) fn make(ctx: &mut Ctx<'_>, drafts: Vec<Draft>) -> Result<Vec<Value>, ApiError> {
    drafts.into_iter().map(|draft| item(ctx, draft)).collect()
}

fn item(ctx: &mut Ctx<'_>, draft: Draft) -> Result<Value, ApiError> {
    let (taxes, total) = (draft.taxes(), draft.total());
    let tax: i64 = taxes.iter().map(|t| t.int("amount")).sum();
    let price = match draft.price {
        PriceDraft::Stored(price) => *price,
        PriceDraft::Inline(data) => price_of(ctx, data)?,
    };
    let product = ctx.account.get("product", price.text("product"));
    let description = product.and_then(|p| p.some("name")).or_else(|| price.some("nickname")).unwrap_or_default().to_owned();
    Ok(json!({
        "id": ctx.id("li"), "object": "item", "adjustable_quantity": draft.adjustable, "amount_discount": draft.discount,
        "amount_subtotal": draft.subtotal, "amount_tax": tax, "amount_total": total, "_taxes": taxes,
        "currency": draft.currency, "description": description, "metadata": draft.metadata, "price": shown(&price),
        "quantity": draft.quantity,
    }))
}

/// The price (and, if need be, the product) of one session only: both exist, but neither can be sold again.
fn price_of(ctx: &mut Ctx<'_>, mut data: Map<String, Value>) -> Result<Value, ApiError> {
    if let Some(Value::Object(product)) = data.remove("product_data") {
        let made = ask(ctx, "/v1/products", product)?;
        let id = made.text("id").to_owned();
        retire(ctx, "product", &id);
        data.insert("product".into(), json!(id));
    }
    let made = ask(ctx, "/v1/prices", data)?;
    let id = made.text("id").to_owned();
    retire(ctx, "price", &id);
    ctx.load("price", &id)
}

fn retire(ctx: &mut Ctx<'_>, kind: &str, id: &str) {
    if let Some(mut object) = ctx.account.get(kind, id).cloned() {
        object["active"] = json!(false);
        ctx.store(&object);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_total_below_the_minimum_is_refused_with_the_minimum() {
        let error = chargeable(49, "eur").unwrap_err().object();
        assert_eq!(error["code"], "amount_too_small");
        assert!(error["message"].as_str().unwrap().contains("€0.50"));
        assert!(chargeable(0, "eur").is_ok() && chargeable(50, "eur").is_ok() && chargeable(MAX_AMOUNT + 1, "eur").is_err());
    }

    #[test]
    fn a_quantity_is_required_unless_the_customer_may_change_it() {
        assert!(quantity(&json!({}), "line_items[0]").is_err());
        assert_eq!(quantity(&json!({"adjustable_quantity": {"enabled": true}}), "line_items[0]").unwrap(), 1);
        assert_eq!(quantity(&json!({"quantity": 0}), "line_items[0]").unwrap_err().object()["param"], "line_items[0][quantity]");
    }

    #[test]
    fn packages_are_counted_up_or_down() {
        assert_eq!(packages(11, &json!({"divide_by": 10, "round": "up"})), 2);
        assert_eq!(packages(11, &json!({"divide_by": 10, "round": "down"})), 1);
    }
}
