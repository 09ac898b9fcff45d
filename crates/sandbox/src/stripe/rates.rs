//! Shipping rates and tax rates.

use super::context::Ctx;
use super::errors::{Answer, ApiError};
use super::money::Decimal;
use super::payment_methods::part;
use super::routes::{Args, Route};
use super::{changed, lists, metadata};
use crate::world::{Read, shown};
use serde_json::{Map, Value, json};

pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/shipping_rates", "shipping_rates.list", "list:shipping_rate", list_shipping),
    Route::new("POST", "/v1/shipping_rates", "shipping_rates.create", "shipping_rate", create_shipping),
    Route::new("GET", "/v1/shipping_rates/{id}", "shipping_rates.retrieve", "shipping_rate", retrieve_shipping),
    Route::new("POST", "/v1/shipping_rates/{id}", "shipping_rates.update", "shipping_rate", update_shipping),
    Route::new("GET", "/v1/tax_rates", "tax_rates.list", "list:tax_rate", list_tax),
    Route::new("POST", "/v1/tax_rates", "tax_rates.create", "tax_rate", create_tax),
    Route::new("GET", "/v1/tax_rates/{id}", "tax_rates.retrieve", "tax_rate", retrieve_tax),
    Route::new("POST", "/v1/tax_rates/{id}", "tax_rates.update", "tax_rate", update_tax),
];

fn create_shipping(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    make_shipping(ctx, &args.params).map(|r| shown(&r))
}

/// A new shipping rate from checked parameters, stored.
pub(crate) fn make_shipping(ctx: &mut Ctx<'_>, params: &Map<String, Value>) -> Answer {
    ctx.room_for("shipping_rate")?;
    let amount = part(params, "fixed_amount");
    if !amount.is_object() {
        return Err(ApiError::missing("fixed_amount"));
    }
    if amount.int("amount") < 0 {
        return Err(ApiError::invalid("This value must be greater than or equal to 0.")
            .code("parameter_invalid_integer")
            .param("fixed_amount[amount]"));
    }
    let estimate = part(params, "delivery_estimate");
    let rate = json!({
        "id": ctx.id("shr"), "object": "shipping_rate", "active": true, "created": ctx.now(),
        "delivery_estimate": if estimate.is_object() { json!({ "maximum": estimate["maximum"], "minimum": estimate["minimum"] }) } else { Value::Null },
        "display_name": part(params, "display_name"), "fixed_amount": { "amount": amount["amount"], "currency": amount["currency"] },
        "livemode": false, "metadata": metadata::fresh(params), "tax_behavior": params.some("tax_behavior").unwrap_or("unspecified"),
        "tax_code": part(params, "tax_code"), "type": "fixed_amount",
    });
    ctx.store(&rate);
    Ok(rate)
}

fn retrieve_shipping(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    ctx.load("shipping_rate", args.id()).map(|r| shown(&r))
}

fn update_shipping(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let mut rate = ctx.load("shipping_rate", args.id())?;
    metadata::assign(&mut rate, &args.params, &["active", "tax_behavior"]);
    metadata::merge(&mut rate, &args.params)?;
    ctx.store(&rate);
    Ok(shown(&rate))
}

fn list_shipping(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let params = &args.params;
    let keep = |r: &Value| lists::same(params, r, &["active"]) && lists::same(params, &r["fixed_amount"], &["currency"]);
    lists::page(ctx, args, "shipping_rate", "/v1/shipping_rates", keep)
}

fn create_tax(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let params = &args.params;
    ctx.room_for("tax_rate")?;
    let hundredths = Decimal::parse(&part(params, "percentage").to_string()).map_or(-1, |d| d.times(10_000));
    if !(0..=1_000_000).contains(&hundredths) {
        return Err(ApiError::invalid("Invalid percentage: must be from 0 to 100.").param("percentage"));
    }
    let given = |name: &str| part(params, name).clone();
    let rate = json!({
        "id": ctx.id("txr"), "object": "tax_rate", "active": params.get("active").and_then(Value::as_bool).unwrap_or(true),
        "country": given("country"), "created": ctx.now(), "description": given("description"), "display_name": given("display_name"),
        "effective_percentage": given("percentage"), "flat_amount": null, "inclusive": params.yes("inclusive"), "jurisdiction": given("jurisdiction"),
        "jurisdiction_level": null, "livemode": false, "metadata": metadata::fresh(params), "percentage": given("percentage"),
        "rate_type": "percentage", "state": given("state"), "tax_type": given("tax_type"),
    });
    ctx.store_and_emit(&rate, "tax_rate.created");
    Ok(shown(&rate))
}

fn retrieve_tax(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    ctx.load("tax_rate", args.id()).map(|r| shown(&r))
}

fn update_tax(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let before = ctx.load("tax_rate", args.id())?;
    let mut after = before.clone();
    metadata::assign(
        &mut after,
        &args.params,
        &["active", "country", "description", "display_name", "jurisdiction", "state", "tax_type"],
    );
    metadata::merge(&mut after, &args.params)?;
    changed(ctx, &before, after, "tax_rate.updated")
}

fn list_tax(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    lists::page(ctx, args, "tax_rate", "/v1/tax_rates", |r| lists::same(&args.params, r, &["active", "inclusive"]))
}
