//! Promotion codes: what a customer types to get a coupon.

use super::context::Ctx;
use super::errors::{Answer, ApiError};
use super::payment_methods::part;
use super::routes::{Args, Route};
use super::{changed, lists, metadata};
use crate::world::{Read, shown};
use serde_json::{Value, json};

pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/promotion_codes", "promotion_codes.list", "list:promotion_code", list),
    Route::new("POST", "/v1/promotion_codes", "promotion_codes.create", "promotion_code", create),
    Route::new("GET", "/v1/promotion_codes/{id}", "promotion_codes.retrieve", "promotion_code", retrieve),
    Route::new("POST", "/v1/promotion_codes/{id}", "promotion_codes.update", "promotion_code", update),
];

fn create(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let params = &args.params;
    ctx.room_for("promotion_code")?;
    // Older versions of the API name the coupon at the top.
    let (coupon, param) = match (part(params, "promotion").some("coupon"), params.some("coupon")) {
        (Some(coupon), _) => (coupon, "promotion[coupon]"),
        (None, Some(coupon)) => (coupon, "coupon"),
        _ => return Err(ApiError::missing(if params.has("promotion") { "promotion[coupon]" } else { "promotion" })),
    };
    ctx.load_param("coupon", coupon, param)?;
    if let Some(customer) = params.some("customer") {
        ctx.load_param("customer", customer, "customer")?;
    }
    if params.has("expires_at") && params.int("expires_at") <= ctx.now() {
        return Err(ApiError::invalid("expires_at must be in the future.").param("expires_at"));
    }
    let restrictions = part(params, "restrictions");
    if restrictions.has("minimum_amount") != restrictions.has("minimum_amount_currency") {
        return Err(ApiError::invalid("minimum_amount and minimum_amount_currency must be given together.")
            .param("restrictions[minimum_amount]"));
    }
    let code = params.some("code").map_or_else(|| ctx.secret(8).to_ascii_uppercase(), str::to_owned);
    let active = params.get("active").and_then(Value::as_bool).unwrap_or(true);
    check_code(ctx, &code, active)?;
    let promotion = json!({
        "id": ctx.id("promo"), "object": "promotion_code", "active": active, "code": code, "created": ctx.now(),
        "customer": params.some("customer"), "customer_account": null, "expires_at": part(params, "expires_at"), "livemode": false,
        "max_redemptions": part(params, "max_redemptions"), "metadata": metadata::fresh(params),
        "promotion": { "coupon": coupon, "type": "coupon" },
        "restrictions": {
            "first_time_transaction": restrictions.yes("first_time_transaction"), "minimum_amount": restrictions["minimum_amount"],
            "minimum_amount_currency": restrictions["minimum_amount_currency"],
        },
        "times_redeemed": 0,
    });
    ctx.store_and_emit(&promotion, "promotion_code.created");
    Ok(shown(&promotion))
}

/// Only plain characters, and no second active code of the same letters.
fn check_code(ctx: &Ctx<'_>, code: &str, active: bool) -> Result<(), ApiError> {
    if !code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Err(ApiError::invalid("Promotion codes can only contain letters, digits and dashes.").param("code"));
    }
    let taken = ctx
        .account
        .table("promotion_code")
        .newest_first()
        .any(|(_, p)| p.yes("active") && p.text("code").eq_ignore_ascii_case(code));
    if active && taken {
        return Err(ApiError::invalid(format!("An active promotion code with `code: {code}` already exists.")).param("code"));
    }
    Ok(())
}

fn retrieve(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    ctx.load("promotion_code", args.id()).map(|p| shown(&p))
}

fn update(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let before = ctx.load("promotion_code", args.id())?;
    let mut after = before.clone();
    if args.params.yes("active") && !before.yes("active") {
        check_code(ctx, before.text("code"), true)?;
    }
    metadata::assign(&mut after, &args.params, &["active"]);
    metadata::merge(&mut after, &args.params)?;
    changed(ctx, &before, after, "promotion_code.updated")
}

fn list(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let params = &args.params;
    let keep = |p: &Value| {
        params.some("coupon").is_none_or(|c| p["promotion"].text("coupon") == c)
            && params.some("code").is_none_or(|c| p.text("code").eq_ignore_ascii_case(c))
            && lists::same(params, p, &["active", "customer"])
    };
    lists::page(ctx, args, "promotion_code", "/v1/promotion_codes", keep)
}
