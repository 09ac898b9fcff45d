//! Coupons: a share or an amount off.

use super::context::Ctx;
use super::errors::{Answer, ApiError};
use super::money::Decimal;
use super::payment_methods::part;
use super::routes::{Args, Route};
use super::{changed, deleted, lists, metadata};
use crate::world::{Read, shown};
use serde_json::{Map, Value, json};

pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/coupons", "coupons.list", "list:coupon", list),
    Route::new("POST", "/v1/coupons", "coupons.create", "coupon", create),
    Route::new("GET", "/v1/coupons/{id}", "coupons.retrieve", "coupon", retrieve),
    Route::new("POST", "/v1/coupons/{id}", "coupons.update", "coupon", update),
    Route::new("DELETE", "/v1/coupons/{id}", "coupons.delete", "coupon", delete),
];

fn create(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let params = &args.params;
    ctx.room_for("coupon")?;
    let duration = params.some("duration").unwrap_or("once");
    check(ctx, params, duration)?;
    let id = params.some("id").map_or_else(|| ctx.id("coupon"), str::to_owned);
    if ctx.account.get("coupon", &id).is_some() {
        return Err(ApiError::invalid(format!("Coupon already exists: {id}")).code("resource_already_exists").param("id"));
    }
    let given = |name: &str| part(params, name).clone();
    let mut coupon = json!({
        "id": id, "object": "coupon", "amount_off": given("amount_off"), "created": ctx.now(),
        "currency": if params.has("amount_off") { given("currency") } else { Value::Null }, "duration": duration,
        "duration_in_months": given("duration_in_months"), "livemode": false, "max_redemptions": given("max_redemptions"),
        "metadata": metadata::fresh(params), "name": given("name"), "percent_off": given("percent_off"), "redeem_by": given("redeem_by"),
        "times_redeemed": 0, "valid": true,
    });
    if let Value::Array(products) = &part(params, "applies_to")["products"] {
        coupon["applies_to"] = json!({ "products": products });
    }
    ctx.store_and_emit(&coupon, "coupon.created");
    Ok(shown(&coupon))
}

fn check(ctx: &Ctx<'_>, params: &Map<String, Value>, duration: &str) -> Result<(), ApiError> {
    let invalid = |text: &str, param: &str| Err(ApiError::invalid(text).param(param));
    match (params.has("amount_off"), params.has("percent_off")) {
        (true, true) => return invalid("You may only specify one of these parameters: percent_off, amount_off.", "percent_off"),
        (false, false) => return invalid("Must provide percent_off or amount_off.", "percent_off"),
        _ => {}
    }
    let percent = params.get("percent_off").map(|p| Decimal::parse(&p.to_string()).map_or(0, |d| d.times(1_000_000)));
    if percent.is_some_and(|p| !(1..=100_000_000).contains(&p)) {
        return invalid("Invalid percent_off: must be greater than 0 and at most 100.", "percent_off");
    }
    if params.has("amount_off") && params.int("amount_off") < 1 {
        return Err(ApiError::invalid("This value must be greater than or equal to 1.")
            .code("parameter_invalid_integer")
            .param("amount_off"));
    }
    if params.has("amount_off") && !params.has("currency") {
        return Err(ApiError::missing("currency"));
    }
    if (duration == "repeating") != params.has("duration_in_months") {
        return invalid("duration_in_months must be given with duration repeating, and only then.", "duration_in_months");
    }
    if params.has("max_redemptions") && params.int("max_redemptions") < 1 {
        return Err(ApiError::invalid("This value must be greater than or equal to 1.")
            .code("parameter_invalid_integer")
            .param("max_redemptions"));
    }
    if params.has("redeem_by") && params.int("redeem_by") <= ctx.now() {
        return invalid("redeem_by must be in the future.", "redeem_by");
    }
    Ok(())
}

/// The coupon as it stands at this moment: it may have run out meanwhile.
pub(crate) fn present(ctx: &Ctx<'_>, coupon: &Value) -> Value {
    let mut coupon = shown(coupon);
    let used_up = coupon.has("max_redemptions") && coupon.int("times_redeemed") >= coupon.int("max_redemptions");
    let late = coupon.has("redeem_by") && coupon.int("redeem_by") <= ctx.now();
    coupon["valid"] = json!(!used_up && !late);
    coupon
}

fn retrieve(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let coupon = ctx.load("coupon", args.id())?;
    Ok(present(ctx, &coupon))
}

fn update(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let before = ctx.load("coupon", args.id())?;
    let mut after = before.clone();
    metadata::assign(&mut after, &args.params, &["name"]);
    metadata::merge(&mut after, &args.params)?;
    changed(ctx, &before, after, "coupon.updated")
}

fn delete(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let coupon = ctx.load("coupon", args.id())?;
    ctx.account.remove("coupon", args.id());
    ctx.emit("coupon.deleted", &coupon);
    Ok(deleted("coupon", args.id()))
}

fn list(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let mut page = lists::page(ctx, args, "coupon", "/v1/coupons", |_| true)?;
    if let Value::Array(rows) = &mut page["data"] {
        rows.iter_mut().for_each(|row| *row = present(ctx, row));
    }
    Ok(page)
}
