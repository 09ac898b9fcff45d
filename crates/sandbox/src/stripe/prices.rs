//! Prices: how much a product costs, and how often.

use super::context::Ctx;
use super::errors::{Answer, ApiError};
use super::money::Decimal;
use super::payment_methods::part;
use super::routes::{Args, Route};
use super::{changed, lists, metadata, products, search};
use crate::world::{Read, shown};
use serde_json::{Map, Value, json};

pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/prices", "prices.list", "list:price", list),
    Route::new("POST", "/v1/prices", "prices.create", "price", create),
    Route::new("GET", "/v1/prices/search", "prices.search", "list:price", find),
    Route::new("GET", "/v1/prices/{id}", "prices.retrieve", "price", retrieve),
    Route::new("POST", "/v1/prices/{id}", "prices.update", "price", update),
];

/// The largest unit amount: twelve digits.
const MAX_UNIT_AMOUNT: i64 = 999_999_999_999;

/// The parameter's name, inside its parent if it has one.
fn named(inside: &str, name: &str) -> String {
    if inside.is_empty() { name.to_owned() } else { format!("{inside}[{name}]") }
}

/// Exactly one way to say the amount, and one that can be.
pub(crate) fn check_amount(params: &Map<String, Value>, inside: &str) -> Result<(), ApiError> {
    let invalid = |text: &str, name: &str| Err(ApiError::invalid(text).param(&named(inside, name)));
    let custom = params.has("custom_unit_amount");
    let tiered = params.text("billing_scheme") == "tiered";
    if params.has("unit_amount") && params.has("unit_amount_decimal") {
        let text = "You may only specify one of these parameters: unit_amount, unit_amount_decimal.";
        return Err(ApiError::invalid(text).code("parameter_invalid_combination").param(&named(inside, "unit_amount")));
    }
    let plain = params.has("unit_amount") || params.has("unit_amount_decimal");
    if tiered {
        if plain || custom {
            return invalid("A tiered price takes its amounts from tiers.", "billing_scheme");
        }
        for name in ["tiers", "tiers_mode"] {
            if !params.has(name) {
                return Err(ApiError::missing(&named(inside, name)));
            }
        }
        return Ok(());
    }
    if params.has("tiers") || params.has("tiers_mode") {
        return invalid("Tiers can only be given with billing_scheme set to tiered.", "tiers");
    }
    if plain == custom {
        let text = if plain {
            "A price takes either unit_amount or custom_unit_amount."
        } else {
            "Prices require an `unit_amount` or `unit_amount_decimal` parameter to be set."
        };
        return Err(ApiError::invalid(text)
            .code(if plain { "parameter_invalid_combination" } else { "parameter_missing" })
            .param(&named(inside, "unit_amount")));
    }
    let whole = params.int("unit_amount");
    let decimal = Decimal::parse(params.some("unit_amount_decimal").unwrap_or("0")).map_or(0, |d| d.times(1_000));
    if whole < 0 || decimal < 0 {
        return Err(ApiError::invalid("This value must be greater than or equal to 0.")
            .code("parameter_invalid_integer")
            .param(&named(inside, "unit_amount")));
    }
    if whole > MAX_UNIT_AMOUNT {
        return Err(ApiError::invalid(format!("This value must be less than or equal to {MAX_UNIT_AMOUNT}."))
            .code("parameter_invalid_integer")
            .param(&named(inside, "unit_amount")));
    }
    Ok(())
}

/// The amount as whole minor units, if it is whole, and as a decimal text.
fn amounts(params: &Map<String, Value>, whole: &str, decimal: &str) -> (Value, Value) {
    match (params.get(whole), params.some(decimal)) {
        (Some(Value::Number(n)), _) => (json!(n), json!(n.to_string())),
        (_, Some(text)) => (json!(Decimal::parse(text).and_then(Decimal::whole)), json!(text)),
        _ => (Value::Null, Value::Null),
    }
}

/// A new price of an existing product from checked parameters, stored and told of.
pub(crate) fn make(ctx: &mut Ctx<'_>, params: &Map<String, Value>, product: &str) -> Answer {
    ctx.room_for("price")?;
    let (unit_amount, unit_amount_decimal) = amounts(params, "unit_amount", "unit_amount_decimal");
    let recurring = recurring(part(params, "recurring"))?;
    let given = |name: &str| part(params, name).clone();
    let custom = part(params, "custom_unit_amount");
    let mut price = json!({
        "id": ctx.id("price"), "object": "price", "active": params.get("active").and_then(Value::as_bool).unwrap_or(true),
        "billing_scheme": params.some("billing_scheme").unwrap_or("per_unit"), "created": ctx.now(), "currency": given("currency"),
        "custom_unit_amount": if custom.yes("enabled") { json!({ "maximum": custom["maximum"], "minimum": custom["minimum"], "preset": custom["preset"] }) } else { Value::Null },
        "livemode": false, "lookup_key": null, "metadata": metadata::fresh(params), "nickname": given("nickname"), "product": product,
        "recurring": recurring, "tax_behavior": params.some("tax_behavior").unwrap_or("unspecified"), "tiers_mode": given("tiers_mode"),
        "transform_quantity": given("transform_quantity"), "type": if params.has("recurring") { "recurring" } else { "one_time" },
        "unit_amount": unit_amount, "unit_amount_decimal": unit_amount_decimal,
    });
    if let Value::Array(tiers) = part(params, "tiers") {
        price["_tiers"] = tiers.iter().map(tier).collect();
    }
    take_lookup_key(ctx, &mut price, params)?;
    ctx.store_and_emit(&price, "price.created");
    Ok(price)
}

fn tier(given: &Value) -> Value {
    let empty = Map::new();
    let fields = given.as_object().unwrap_or(&empty);
    let (flat, flat_decimal) = amounts(fields, "flat_amount", "flat_amount_decimal");
    let (unit, unit_decimal) = amounts(fields, "unit_amount", "unit_amount_decimal");
    let up_to = given["up_to"].as_i64().map_or(Value::Null, |n| json!(n));
    json!({ "flat_amount": flat, "flat_amount_decimal": flat_decimal, "unit_amount": unit, "unit_amount_decimal": unit_decimal, "up_to": up_to })
}

fn recurring(given: &Value) -> Answer {
    if !given.is_object() {
        return Ok(Value::Null);
    }
    let count = given["interval_count"].as_i64().unwrap_or(1);
    let most = match given.text("interval") {
        "day" => 1_095,
        "week" => 156,
        "month" => 36,
        _ => 3,
    };
    if !(1..=most).contains(&count) {
        return Err(ApiError::invalid("The interval of a price must be at most three years and at least one.")
            .param("recurring[interval_count]"));
    }
    Ok(
        json!({ "interval": given["interval"], "interval_count": count, "meter": given["meter"], "usage_type": given.some("usage_type").unwrap_or("licensed") }),
    )
}

/// Sets the lookup key; another active price may have to give it up.
fn take_lookup_key(ctx: &mut Ctx<'_>, price: &mut Value, params: &Map<String, Value>) -> Result<(), ApiError> {
    let Some(given) = params.get("lookup_key") else { return Ok(()) };
    let holder = ctx
        .account
        .table("price")
        .newest_first()
        .find(|(_, p)| given.is_string() && p["lookup_key"] == *given && p["id"] != price["id"]);
    if let Some(before) = holder.map(|(_, p)| p.clone()) {
        if !params.yes("transfer_lookup_key") {
            let text = format!("A price (`{}`) already uses that lookup key.", before.text("id"));
            return Err(ApiError::invalid(text).param("lookup_key"));
        }
        let mut after = before.clone();
        after["lookup_key"] = Value::Null;
        changed(ctx, &before, after, "price.updated")?;
    }
    price["lookup_key"] = given.clone();
    Ok(())
}

fn create(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let params = &args.params;
    check_amount(params, "")?;
    let product = match (params.some("product"), part(params, "product_data")) {
        (Some(_), Value::Object(_)) => {
            let text = "You may only specify one of these parameters: product, product_data.";
            return Err(ApiError::invalid(text).code("parameter_invalid_combination").param("product_data"));
        }
        (Some(id), _) => ctx.load_param("product", id, "product")?.text("id").to_owned(),
        (None, Value::Object(data)) => {
            recurring(part(params, "recurring"))?;
            let product = products::fresh(ctx, data)?;
            ctx.store_and_emit(&product, "product.created");
            product.text("id").to_owned()
        }
        _ => return Err(ApiError::missing("product")),
    };
    make(ctx, params, &product).map(|p| shown(&p))
}

fn retrieve(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    ctx.load("price", args.id()).map(|p| shown(&p))
}

fn update(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let before = ctx.load("price", args.id())?;
    let mut after = before.clone();
    if let Some(behaviour) = args.params.get("tax_behavior") {
        if before.text("tax_behavior") != "unspecified" && before["tax_behavior"] != *behaviour {
            return Err(ApiError::invalid("The tax behavior of a price cannot be changed once it is set.").param("tax_behavior"));
        }
        after["tax_behavior"] = behaviour.clone();
    }
    metadata::assign(&mut after, &args.params, &["active", "nickname"]);
    metadata::merge(&mut after, &args.params)?;
    take_lookup_key(ctx, &mut after, &args.params)?;
    changed(ctx, &before, after, "price.updated")
}

fn list(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let params = &args.params;
    let keys = params.get("lookup_keys").and_then(Value::as_array);
    let empty = Map::new();
    let rhythm = part(params, "recurring").as_object().unwrap_or(&empty);
    let keep = |p: &Value| {
        keys.is_none_or(|keys| keys.contains(&p["lookup_key"]))
            && (rhythm.is_empty() || lists::same(rhythm, &p["recurring"], &["interval", "meter", "usage_type"]))
            && lists::same(params, p, &["active", "currency", "product", "type"])
    };
    lists::page(ctx, args, "price", "/v1/prices", keep)
}

fn find(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    search::page(ctx, args, "price", "/v1/prices/search")
}
