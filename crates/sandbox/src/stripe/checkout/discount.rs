//! Coupons and promotion codes on a session: whether they hold, and how they lower each line.

use super::lines::Draft;
use crate::stripe::context::Ctx;
use crate::stripe::errors::ApiError;
use crate::stripe::money::{Decimal, display};
use crate::world::Read;
use serde_json::{Map, Value, json};

/// Lowers the drafts by the session's discount; answers what the session shows of it and the coupon's id.
pub(super) fn apply(
    ctx: &Ctx<'_>,
    params: &Map<String, Value>,
    drafts: &mut [Draft],
) -> Result<(Value, Option<String>), ApiError> {
    let given = params.get("discounts").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let [one] = given else {
        return match given {
            [] => Ok((json!([]), None)),
            _ => Err(ApiError::invalid("You may only specify one discount.").param("discounts")),
        };
    };
    let subtotal = drafts.iter().map(|d| d.subtotal).sum();
    let coupon = match (one.some("coupon"), one.some("promotion_code")) {
        (Some(_), Some(_)) => {
            return Err(
                ApiError::invalid("You may only specify one of these parameters: coupon, promotion_code.").param("discounts[0]")
            );
        }
        (Some(id), None) => ctx.load_param("coupon", id, "discounts[0][coupon]")?,
        (None, Some(id)) => coupon_of(ctx, id, params, subtotal, &drafts[0].currency)?,
        (None, None) => return Err(ApiError::missing("discounts[0][coupon]")),
    };
    lower(ctx, &coupon, drafts)?;
    let shown = json!([{ "coupon": one["coupon"], "promotion_code": one["promotion_code"] }]);
    Ok((shown, coupon.some("id").map(str::to_owned)))
}

/// The coupon behind a promotion code, if the code holds for this customer and amount.
fn coupon_of(ctx: &Ctx<'_>, id: &str, params: &Map<String, Value>, subtotal: i64, currency: &str) -> Result<Value, ApiError> {
    let param = "discounts[0][promotion_code]";
    let code = ctx.load_param("promotion_code", id, param)?;
    let refuse = |text: String| Err(ApiError::invalid(text).param(param));
    if !code.yes("active") || code["expires_at"].as_i64().is_some_and(|at| at <= ctx.now()) {
        return refuse(format!("The promotion code `{id}` is not active."));
    }
    if code.some("customer").is_some_and(|owner| params.some("customer") != Some(owner)) {
        return refuse(format!("The promotion code `{id}` belongs to another customer."));
    }
    let rules = &code["restrictions"];
    if let Some(least) =
        rules["minimum_amount"].as_i64().filter(|least| rules.text("minimum_amount_currency") != currency || subtotal < *least)
    {
        let least = display(least, rules.text("minimum_amount_currency"));
        return refuse(format!("The promotion code `{id}` needs a purchase of at least {least}."));
    }
    let coupon =
        code["promotion"].some("coupon").or_else(|| code["coupon"].some("id")).or_else(|| code["promotion"]["coupon"].some("id"));
    ctx.load_param("coupon", coupon.unwrap_or_default(), param)
}

fn lower(ctx: &Ctx<'_>, coupon: &Value, drafts: &mut [Draft]) -> Result<(), ApiError> {
    let refuse = |text: String| Err(ApiError::invalid(text).param("discounts"));
    let id = coupon.text("id");
    if !coupon.yes("valid") || coupon["redeem_by"].as_i64().is_some_and(|at| at <= ctx.now()) {
        return refuse(format!("Coupon {id} is expired or was used up, so it cannot be applied."));
    }
    let products = coupon["applies_to"]["products"].as_array().or_else(|| coupon["_applies_to"]["products"].as_array());
    let fits = |draft: &Draft| products.is_none_or(|all| draft.product.as_ref().is_some_and(|p| all.iter().any(|v| v == p)));
    let mut chosen: Vec<&mut Draft> = drafts.iter_mut().filter(|d| fits(d)).collect();
    if let Some(percent) = coupon.has("percent_off").then(|| Decimal::parse(&coupon["percent_off"].to_string())).flatten() {
        for draft in chosen {
            draft.discount = percent.percent_of(draft.subtotal);
        }
        return Ok(());
    }
    let Some(currency) = chosen.first().map(|d| d.currency.clone()) else { return Ok(()) };
    let own = (coupon.text("currency") == currency).then(|| coupon.int("amount_off"));
    let Some(off) = own.or_else(|| coupon["currency_options"][&currency]["amount_off"].as_i64()) else {
        return refuse(format!("Coupon {id} is not in the session's currency `{currency}`."));
    };
    spread(off, &mut chosen);
    Ok(())
}

/// Divides an amount over the lines by their size; the last line takes what rounding left.
fn spread(off: i64, drafts: &mut [&mut Draft]) {
    let whole: i64 = drafts.iter().map(|d| d.subtotal).sum();
    let off = off.min(whole);
    let (mut left, last) = (off, drafts.len().saturating_sub(1));
    for (i, draft) in drafts.iter_mut().enumerate() {
        let exact = i128::from(off) * i128::from(draft.subtotal) / i128::from(whole.max(1));
        let share = if i == last { left } else { i64::try_from(exact).unwrap_or(left) };
        draft.discount = share.min(draft.subtotal);
        left -= draft.discount;
    }
}

/// Counts a use of the coupon and the promotion code once the session is complete.
pub(super) fn redeem(ctx: &mut Ctx<'_>, session: &Value) {
    let used = [("coupon", session.some("_coupon")), ("promotion_code", session["discounts"][0].some("promotion_code"))];
    for (kind, id) in used {
        let Some(mut object) = id.and_then(|id| ctx.account.get(kind, id).cloned()) else { continue };
        let times = object.int("times_redeemed") + 1;
        object["times_redeemed"] = json!(times);
        if object["max_redemptions"].as_i64().is_some_and(|most| times >= most) {
            object[if kind == "coupon" { "valid" } else { "active" }] = json!(false);
        }
        ctx.store(&object);
    }
}
