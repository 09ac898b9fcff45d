//! Cards kept as a customer's sources: the way of before PaymentMethods, which older integrations still use.

use super::cards;
use super::context::Ctx;
use super::errors::{Answer, ApiError};
use super::payment_methods::{CheckedCard, checked_card, fingerprint, of_test_card, part};
use super::routes::{Args, Route};
use super::{deleted, lists, metadata};
use crate::world::{Read, shown};
use serde_json::{Map, Value, json};

pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/customers/{id}/sources", "customers.list_sources", "list:card", list),
    Route::new("POST", "/v1/customers/{id}/sources", "customers.create_source", "card", create),
    Route::new("GET", "/v1/customers/{id}/sources/{id}", "customers.retrieve_source", "card", retrieve),
    Route::new("POST", "/v1/customers/{id}/sources/{id}", "customers.update_source", "card", update),
    Route::new("DELETE", "/v1/customers/{id}/sources/{id}", "customers.delete_source", "card", delete),
];

/// A card object as tokens and customers hold it.
pub(crate) fn card_object(ctx: &Ctx<'_>, card: &CheckedCard, given: &Value) -> Value {
    json!({
        "id": ctx.id("card"), "object": "card", "account": null, "address_city": given["address_city"], "address_country": given["address_country"],
        "address_line1": given["address_line1"], "address_line1_check": given.some("address_line1").map(|_| "unchecked"),
        "address_line2": given["address_line2"], "address_state": given["address_state"], "address_zip": given["address_zip"],
        "address_zip_check": given.some("address_zip").map(|_| "unchecked"), "allow_redisplay": "unspecified", "available_payout_methods": null,
        "brand": spoken_brand(card.brand), "country": card.country, "currency": null, "customer": null, "cvc_check": card.has_cvc.then_some("unchecked"),
        "default_for_currency": null, "dynamic_last4": null, "exp_month": card.exp_month, "exp_year": card.exp_year, "fingerprint": fingerprint(ctx, &card.number),
        "funding": card.funding, "last4": card.last4(), "metadata": {}, "name": given["name"], "regulated_status": "unregulated", "status": null,
        "tokenization_method": null, "_number": card.number,
    })
}

fn spoken_brand(brand: &str) -> &str {
    match brand {
        "amex" => "American Express",
        "diners" => "Diners Club",
        "discover" => "Discover",
        "jcb" => "JCB",
        "mastercard" => "MasterCard",
        "unionpay" => "UnionPay",
        "visa" => "Visa",
        _ => "Unknown",
    }
}

/// The card typed into these fields, whose dates may be texts.
pub(crate) fn typed(ctx: &Ctx<'_>, given: &Value) -> Result<Value, ApiError> {
    let whole = |name: &str| given[name].as_i64().or_else(|| given.text(name).parse().ok()).unwrap_or(-1);
    let checked = checked_card(ctx, given.text("number"), whole("exp_month"), whole("exp_year"), given.some("cvc"))?;
    Ok(card_object(ctx, &checked, given))
}

/// Adds the card of a token to a customer.
pub(crate) fn add(ctx: &mut Ctx<'_>, customer: &str, token: &str, param: &str) -> Answer {
    let mut card = if let Some(listed) = cards::by_name(token) {
        card_object(ctx, &of_test_card(ctx, listed), &Value::Null)
    } else {
        let mut stored = ctx.load_param("token", token, param)?;
        if stored.yes("used") {
            return Err(
                ApiError::invalid(format!("You cannot use a Stripe token more than once: {token}.")).code("token_already_used")
            );
        }
        stored["used"] = json!(true);
        ctx.store(&stored);
        stored["card"].clone()
    };
    card["customer"] = json!(customer);
    keep(ctx, card)
}

fn keep(ctx: &mut Ctx<'_>, mut card: Value) -> Answer {
    if let Some(cards::CardOutcome::Declined(decline)) = cards::by_number(card.text("_number")).map(|c| c.outcome) {
        return Err(ApiError::card(decline.code, decline.message).with("decline_code", decline.decline_code));
    }
    if card.has("cvc_check") {
        card["cvc_check"] = json!("pass");
    }
    ctx.room_for("card")?;
    ctx.store_and_emit(&card, "customer.source.created");
    Ok(card)
}

fn create(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let mut customer = ctx.load_owner("customer", args.id())?;
    let given = part(&args.params, "card");
    let mut card = match (args.params.some("source").or_else(|| given.as_str()), given) {
        (Some(token), _) => add(ctx, args.id(), token, "source")?,
        (None, Value::Object(_)) => {
            let mut card = typed(ctx, given)?;
            card["customer"] = json!(args.id());
            keep(ctx, card)?
        }
        _ => return Err(ApiError::missing("source")),
    };
    card["metadata"] = metadata::fresh(&args.params);
    ctx.store(&card);
    if !customer.has("default_source") {
        customer["default_source"] = card["id"].clone();
        ctx.store(&customer);
    }
    Ok(shown(&card))
}

fn list(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let customer = args.id();
    ctx.load_owner("customer", customer)?;
    let mine = |c: &Value| c.text("customer") == customer && args.params.some("object").is_none_or(|kind| kind == "card");
    lists::page(ctx, args, "card", &format!("/v1/customers/{customer}/sources"), mine)
}

fn own(ctx: &Ctx<'_>, args: &Args) -> Answer {
    let id = args.ids.get(1).map_or("", String::as_str);
    ctx.load_owner("customer", args.id())?;
    let card = ctx.account.get("card", id).filter(|c| c.text("customer") == args.id());
    card.cloned().ok_or_else(|| ApiError::not_found("source", id, "id"))
}

fn retrieve(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    own(ctx, args).map(|c| shown(&c))
}

fn update(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    const PLAIN: &[&str] =
        &["address_city", "address_country", "address_line1", "address_line2", "address_state", "address_zip", "name"];
    let before = own(ctx, args)?;
    let mut after = before.clone();
    metadata::assign(&mut after, &args.params, PLAIN);
    let whole =
        |params: &Map<String, Value>, name: &str| params.some(name).map(|t| t.parse().unwrap_or(-1)).unwrap_or(before.int(name));
    let checked =
        checked_card(ctx, before.text("_number"), whole(&args.params, "exp_month"), whole(&args.params, "exp_year"), None)?;
    after["exp_month"] = json!(checked.exp_month);
    after["exp_year"] = json!(checked.exp_year);
    metadata::merge(&mut after, &args.params)?;
    super::changed(ctx, &before, after, "customer.source.updated")
}

fn delete(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let card = own(ctx, args)?;
    let id = card.text("id");
    ctx.account.remove("card", id);
    if let Some(mut customer) = ctx.account.get("customer", args.id()).cloned()
        && customer.text("default_source") == id
    {
        let next =
            ctx.account.table("card").newest_first().find(|(_, c)| c.text("customer") == args.id()).map(|(_, c)| c["id"].clone());
        customer["default_source"] = next.unwrap_or(Value::Null);
        ctx.store(&customer);
    }
    ctx.emit("customer.source.deleted", &card);
    let mut gone = deleted("card", id);
    gone["currency"] = Value::Null;
    Ok(gone)
}
