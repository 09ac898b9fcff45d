//! PaymentMethods: made from a card, a debit account, a token or a test name; attached to customers and taken off again.

use super::cards::{self, CardOutcome, TestCard};
use super::context::Ctx;
use super::errors::{Answer, ApiError};
use super::routes::{Args, Route};
use super::{changed, lists, metadata};
use crate::world::{Read, shown};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/payment_methods", "payment_methods.list", "list:payment_method", list),
    Route::new("POST", "/v1/payment_methods", "payment_methods.create", "payment_method", create).public(),
    Route::new("GET", "/v1/payment_methods/{id}", "payment_methods.retrieve", "payment_method", retrieve),
    Route::new("POST", "/v1/payment_methods/{id}", "payment_methods.update", "payment_method", update),
    Route::new("POST", "/v1/payment_methods/{id}/attach", "payment_methods.attach", "payment_method", attach),
    Route::new("POST", "/v1/payment_methods/{id}/detach", "payment_methods.detach", "payment_method", detach),
    Route::new(
        "GET",
        "/v1/customers/{id}/payment_methods",
        "customers.list_payment_methods",
        "list:payment_method",
        list_of_customer,
    ),
    Route::new(
        "GET",
        "/v1/customers/{id}/payment_methods/{id}",
        "customers.retrieve_payment_method",
        "payment_method",
        retrieve_of_customer,
    ),
];

/// Test names carry a date that is valid for a long time.
const FAR_MONTH: i64 = 12;
const YEARS_AHEAD: i64 = 8;
/// Cards are not issued for longer than this.
const MAX_YEARS: i64 = 50;

/// What is typed into a card form.
pub(crate) struct TypedCard<'a> {
    pub number: &'a str,
    pub exp_month: i64,
    pub exp_year: i64,
    pub cvc: &'a str,
    pub name: Option<&'a str>,
    pub email: Option<&'a str>,
}

/// A stored PaymentMethod of type card; a number, date or code that cannot be is a 402 as Stripe says it.
pub(crate) fn from_card(ctx: &mut Ctx<'_>, card: &TypedCard<'_>) -> Result<Value, ApiError> {
    let checked = checked_card(ctx, card.number, card.exp_month, card.exp_year, Some(card.cvc))?;
    let mut method = card_method(ctx, &checked);
    method["billing_details"]["name"] = json!(card.name);
    method["billing_details"]["email"] = json!(card.email);
    keep_new(ctx, method)
}

/// A stored PaymentMethod of type sepa_debit.
pub(crate) fn from_debit(ctx: &mut Ctx<'_>, iban: &str, name: &str, email: &str) -> Result<Value, ApiError> {
    let mut method = debit_method(ctx, iban)?;
    method["billing_details"]["name"] = json!(Some(name).filter(|n| !n.is_empty()));
    method["billing_details"]["email"] = json!(Some(email).filter(|e| !e.is_empty()));
    keep_new(ctx, method)
}

/// The stored PaymentMethod that a parameter names: an id, a test name such as `pm_card_visa`, or a `tok_…`.
pub(crate) fn named(ctx: &mut Ctx<'_>, name: &str, param: &str) -> Result<Value, ApiError> {
    if let Some(method) = ctx.account.get("payment_method", name) {
        return Ok(method.clone());
    }
    if let Some(card) = cards::by_name(name) {
        let checked = of_test_card(ctx, card);
        let method = card_method(ctx, &checked);
        return keep_new(ctx, method);
    }
    let source = if name.starts_with("tok_") { used_token(ctx, name)? } else { ctx.account.get("card", name).cloned() };
    match source {
        Some(card) => {
            let method = method_of_source(ctx, &card);
            keep_new(ctx, method)
        }
        None => ctx.load_param("payment_method", name, param),
    }
}

/// A card whose number, date and code can be.
pub(crate) struct CheckedCard {
    pub number: String,
    pub brand: &'static str,
    pub funding: &'static str,
    pub country: &'static str,
    pub exp_month: i64,
    pub exp_year: i64,
    pub has_cvc: bool,
}

impl CheckedCard {
    pub fn last4(&self) -> &str {
        self.number.get(self.number.len().saturating_sub(4)..).unwrap_or_default()
    }
}

/// The card a test name stands for.
pub(crate) fn of_test_card(ctx: &Ctx<'_>, card: &TestCard) -> CheckedCard {
    let (year, _) = year_and_month(ctx.now());
    CheckedCard {
        number: card.number.to_owned(),
        brand: card.brand,
        funding: card.funding,
        country: card.country,
        exp_month: FAR_MONTH,
        exp_year: year + YEARS_AHEAD,
        has_cvc: true,
    }
}

/// Checks what was typed; each refusal is a 402 that names the field.
pub(crate) fn checked_card(
    ctx: &Ctx<'_>,
    number: &str,
    month: i64,
    year: i64,
    cvc: Option<&str>,
) -> Result<CheckedCard, ApiError> {
    let refused = |code: &str, message: &str, param: &str| Err(ApiError::card(code, message).param(param));
    let digits: String = number.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    if !(12..=19).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return refused("invalid_number", "The card number is not a valid credit card number.", "number");
    }
    let Some(card) = cards::by_number(&digits) else {
        return refused("incorrect_number", "Your card number is incorrect.", "number");
    };
    if !(1..=12).contains(&month) {
        return refused("invalid_expiry_month", "Your card's expiration month is invalid.", "exp_month");
    }
    let year = if (0..100).contains(&year) { year + 2_000 } else { year };
    let (this_year, this_month) = year_and_month(ctx.now());
    if year < this_year || year > this_year + MAX_YEARS {
        return refused("invalid_expiry_year", "Your card's expiration year is invalid.", "exp_year");
    }
    if year == this_year && month < this_month {
        return refused("invalid_expiry_month", "Your card's expiration month is invalid.", "exp_month");
    }
    let fits = |c: &str| (c.len() == 3 || (c.len() == 4 && card.brand == "amex")) && c.bytes().all(|b| b.is_ascii_digit());
    if cvc.is_some_and(|c| !fits(c)) {
        return refused("invalid_cvc", "Your card's security code is invalid.", "cvc");
    }
    let (brand, funding, country) = (card.brand, card.funding, card.country);
    Ok(CheckedCard { number: digits, brand, funding, country, exp_month: month, exp_year: year, has_cvc: cvc.is_some() })
}

/// The same number has the same fingerprint within one account.
pub(crate) fn fingerprint(ctx: &Ctx<'_>, number: &str) -> String {
    let digest = Sha256::digest(format!("{}/{number}", ctx.account.name));
    hex::encode(digest)[..16].to_owned()
}

/// Year and month of a second since 1970, by the rules of the Gregorian calendar.
pub(crate) fn year_and_month(second: i64) -> (i64, i64) {
    // Counted from 1 March of year 0, so that the leap day ends a year (Howard Hinnant's days-to-civil method).
    let days = second.div_euclid(86_400) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month)
}

/// A parameter that holds further ones; null if it was not given.
pub(crate) fn part<'a>(params: &'a Map<String, Value>, name: &str) -> &'a Value {
    params.get(name).unwrap_or(&Value::Null)
}

/// An address with all its fields; null stays null.
pub(crate) fn address(given: &Value) -> Value {
    if !given.is_object() {
        return Value::Null;
    }
    json!({
        "city": given["city"], "country": given["country"], "line1": given["line1"], "line2": given["line2"],
        "postal_code": given["postal_code"], "state": given["state"],
    })
}

fn keep_new(ctx: &mut Ctx<'_>, method: Value) -> Result<Value, ApiError> {
    ctx.room_for("payment_method")?;
    ctx.store(&method);
    Ok(method)
}

fn bare(ctx: &Ctx<'_>, kind: &str) -> Value {
    json!({
        "id": ctx.id("pm"), "object": "payment_method", "allow_redisplay": "unspecified",
        "billing_details": { "address": address(&json!({})), "email": null, "name": null, "phone": null, "tax_id": null },
        "created": ctx.now(), "customer": null, "customer_account": null, "livemode": false, "metadata": {}, "type": kind,
    })
}

fn card_method(ctx: &Ctx<'_>, card: &CheckedCard) -> Value {
    let mut method = bare(ctx, "card");
    method["card"] = json!({
        "brand": card.brand,
        "checks": {
            "address_line1_check": null, "address_postal_code_check": null,
            "cvc_check": if card.has_cvc { json!("unchecked") } else { Value::Null },
        },
        "country": card.country, "display_brand": display_brand(card.brand), "exp_month": card.exp_month, "exp_year": card.exp_year,
        "fingerprint": fingerprint(ctx, &card.number), "funding": card.funding, "generated_from": null, "last4": card.last4(),
        "networks": { "available": [card.brand], "preferred": null }, "regulated_status": "unregulated",
        "three_d_secure_usage": { "supported": true }, "wallet": null,
    });
    method["_number"] = json!(card.number);
    method
}

fn display_brand(brand: &str) -> &str {
    match brand {
        "amex" => "american_express",
        "diners" => "diners_club",
        "unionpay" => "union_pay",
        other => other,
    }
}

fn debit_method(ctx: &Ctx<'_>, iban: &str) -> Result<Value, ApiError> {
    let iban: String = iban.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_uppercase();
    if !is_iban(&iban) {
        return Err(ApiError::invalid("The IBAN you provided is invalid.")
            .code("invalid_bank_account_iban")
            .param("sepa_debit[iban]"));
    }
    let country = &iban[..2];
    let bank_end = match country {
        "AT" | "FR" => 9,
        "IT" => 10,
        _ => 12,
    };
    let mut method = bare(ctx, "sepa_debit");
    method["sepa_debit"] = json!({
        "bank_code": &iban[if country == "IT" { 5 } else { 4 }..bank_end], "branch_code": "", "country": country,
        "fingerprint": fingerprint(ctx, &iban), "generated_from": { "charge": null, "setup_attempt": null }, "last4": &iban[iban.len() - 4..],
    });
    method["_iban"] = json!(iban);
    Ok(method)
}

/// Two letters, digits and the check sum of ISO 13616.
fn is_iban(iban: &str) -> bool {
    let shaped = (15..=34).contains(&iban.len())
        && iban.bytes().enumerate().all(|(i, b)| match i {
            0 | 1 => b.is_ascii_uppercase(),
            2 | 3 => b.is_ascii_digit(),
            _ => b.is_ascii_digit() || b.is_ascii_uppercase(),
        });
    shaped && {
        let turned = iban[4..].chars().chain(iban[..4].chars());
        let digits = turned.map(|c| c.to_digit(36).unwrap_or_default());
        digits.fold(0, |rest, d| if d > 9 { (rest * 100 + d) % 97 } else { (rest * 10 + d) % 97 }) == 1
    }
}

/// The card inside a token that was not used yet; it counts as used from now on.
fn used_token(ctx: &mut Ctx<'_>, id: &str) -> Result<Option<Value>, ApiError> {
    let Some(mut token) = ctx.account.get("token", id).cloned() else { return Ok(None) };
    if token.yes("used") {
        let text = format!("You cannot use a Stripe token more than once: {id}.");
        return Err(ApiError::invalid(text).code("token_already_used"));
    }
    token["used"] = json!(true);
    ctx.store(&token);
    Ok(Some(token["card"].clone()))
}

fn method_of_source(ctx: &Ctx<'_>, card: &Value) -> Value {
    let number = card.text("_number");
    let listed = cards::by_number(number);
    let checked = CheckedCard {
        number: number.to_owned(),
        brand: listed.map_or("visa", |c| c.brand),
        funding: listed.map_or("credit", |c| c.funding),
        country: listed.map_or("US", |c| c.country),
        exp_month: card.int("exp_month"),
        exp_year: card.int("exp_year"),
        has_cvc: card.has("cvc_check"),
    };
    let mut method = card_method(ctx, &checked);
    method["customer"] = card["customer"].clone();
    method["billing_details"]["name"] = card["name"].clone();
    method
}

fn create(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let params = &args.params;
    if params.has("payment_method") {
        return Err(ApiError::invalid("Cloning a PaymentMethod needs a connected account, which this sandbox has none of.")
            .param("payment_method"));
    }
    let mut method = match params.some("type") {
        None => return Err(ApiError::missing("type")),
        Some("card") => card_of(ctx, part(params, "card"))?,
        Some("sepa_debit") => match part(params, "sepa_debit").some("iban") {
            Some(iban) => debit_method(ctx, iban)?,
            None => return Err(ApiError::missing("sepa_debit[iban]")),
        },
        Some(other) => {
            let text = format!("This sandbox makes PaymentMethods of type card and sepa_debit, not of type {other}.");
            return Err(ApiError::invalid(text).param("type"));
        }
    };
    apply_common(&mut method, params);
    method["metadata"] = metadata::fresh(params);
    keep_new(ctx, method).map(|m| shown(&m))
}

fn card_of(ctx: &mut Ctx<'_>, given: &Value) -> Result<Value, ApiError> {
    if let Some(token) = given.some("token") {
        if let Some(card) = cards::by_name(token) {
            let checked = of_test_card(ctx, card);
            return Ok(card_method(ctx, &checked));
        }
        return match used_token(ctx, token)? {
            Some(card) => Ok(method_of_source(ctx, &card)),
            None => Err(ApiError::no_such("token", token, "card[token]")),
        };
    }
    for name in ["number", "exp_month", "exp_year"] {
        if !given.has(name) {
            return Err(ApiError::missing(&format!("card[{name}]")));
        }
    }
    let checked = checked_card(ctx, given.text("number"), given.int("exp_month"), given.int("exp_year"), given.some("cvc"))?;
    let mut method = card_method(ctx, &checked);
    method["card"]["networks"]["preferred"] = given["networks"]["preferred"].clone();
    Ok(method)
}

/// Sets what cards and debits have in common.
fn apply_common(method: &mut Value, params: &Map<String, Value>) {
    metadata::assign(method, params, &["allow_redisplay"]);
    let Value::Object(given) = part(params, "billing_details") else { return };
    if let Some(place) = given.get("address") {
        method["billing_details"]["address"] = if place.is_null() { address(&json!({})) } else { address(place) };
    }
    metadata::assign(&mut method["billing_details"], given, &["email", "name", "phone", "tax_id"]);
}

fn retrieve(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    by_path(ctx, args.id()).map(|m| shown(&m))
}

/// A stored PaymentMethod, or a fresh one if the path holds a test name.
fn by_path(ctx: &mut Ctx<'_>, id: &str) -> Result<Value, ApiError> {
    if cards::by_name(id).is_some() && id.starts_with("pm_") {
        named(ctx, id, "payment_method")
    } else {
        ctx.load("payment_method", id)
    }
}

fn update(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let before = ctx.load("payment_method", args.id())?;
    if !before.has("customer") {
        return Err(ApiError::invalid("You must save this PaymentMethod to a customer before you can update it."));
    }
    let mut after = before.clone();
    apply_common(&mut after, &args.params);
    if let Value::Object(card) = part(&args.params, "card") {
        if !after.has("card") {
            return Err(ApiError::invalid("Only a PaymentMethod of type card has a card to update.").param("card"));
        }
        let month = card.get("exp_month").and_then(Value::as_i64).unwrap_or(after["card"].int("exp_month"));
        let year = card.get("exp_year").and_then(Value::as_i64).unwrap_or(after["card"].int("exp_year"));
        let checked = checked_card(ctx, after.text("_number"), month, year, None)?;
        after["card"]["exp_month"] = json!(checked.exp_month);
        after["card"]["exp_year"] = json!(checked.exp_year);
        if let Some(preferred) = card.get("networks").and_then(|n| n.get("preferred")) {
            after["card"]["networks"]["preferred"] = preferred.clone();
        }
    }
    metadata::merge(&mut after, &args.params)?;
    changed(ctx, &before, after, "payment_method.updated")
}

fn attach(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let Some(customer) = args.params.some("customer") else { return Err(ApiError::missing("customer")) };
    ctx.load_param("customer", customer, "customer")?;
    let method = by_path(ctx, args.id())?;
    attach_to(ctx, method, customer).map(|m| shown(&m))
}

/// Saves a stored PaymentMethod to a customer; a card that the bank declines cannot be saved.
pub(crate) fn attach_to(ctx: &mut Ctx<'_>, mut method: Value, customer: &str) -> Result<Value, ApiError> {
    if method.some("customer") == Some(customer) {
        return Ok(method);
    }
    if method.has("customer") {
        return Err(ApiError::state(
            "payment_method_unexpected_state",
            "The payment method you provided has already been attached to a customer.",
        ));
    }
    if method.yes("_detached") {
        let text = "This PaymentMethod was previously used without being attached to a Customer or was detached from a Customer, and may not be used again.";
        return Err(ApiError::state("payment_method_unexpected_state", text));
    }
    if let Some(CardOutcome::Declined(decline)) = cards::by_number(method.text("_number")).map(|c| c.outcome) {
        return Err(ApiError::card(decline.code, decline.message).with("decline_code", decline.decline_code));
    }
    method["customer"] = json!(customer);
    if method["card"]["checks"].has("cvc_check") {
        method["card"]["checks"]["cvc_check"] = json!("pass");
    }
    ctx.store_and_emit(&method, "payment_method.attached");
    Ok(method)
}

fn detach(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let before = ctx.load("payment_method", args.id())?;
    let Some(customer) = before.some("customer") else {
        let text = "The payment method you provided is not attached to a customer so detachment is impossible.";
        return Err(ApiError::state("payment_method_unexpected_state", text));
    };
    if let Some(mut owner) = ctx.account.get("customer", customer).cloned()
        && owner["invoice_settings"].text("default_payment_method") == args.id()
    {
        owner["invoice_settings"]["default_payment_method"] = Value::Null;
        ctx.store(&owner);
    }
    let mut after = before.clone();
    after["customer"] = Value::Null;
    after["_detached"] = json!(true);
    changed(ctx, &before, after, "payment_method.detached")
}

fn list(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    if let Some(customer) = args.params.some("customer") {
        ctx.load_param("customer", customer, "customer")?;
    }
    lists::page(ctx, args, "payment_method", "/v1/payment_methods", |m| {
        lists::same(&args.params, m, &["customer", "type", "allow_redisplay"])
    })
}

fn list_of_customer(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let customer = args.id();
    ctx.load("customer", customer)?;
    let mine = |m: &Value| m.text("customer") == customer && lists::same(&args.params, m, &["type", "allow_redisplay"]);
    lists::page(ctx, args, "payment_method", &format!("/v1/customers/{customer}/payment_methods"), mine)
}

fn retrieve_of_customer(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let id = args.ids.get(1).map_or("", String::as_str);
    ctx.load("customer", args.id())?;
    let method = ctx.load("payment_method", id)?;
    if method.text("customer") != args.id() {
        return Err(ApiError::not_found("PaymentMethod", id, "payment_method"));
    }
    Ok(shown(&method))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calendar_knows_leap_years_and_the_turn_of_the_year() {
        assert_eq!(year_and_month(0), (1970, 1));
        assert_eq!(year_and_month(951_782_400), (2000, 2));
        assert_eq!(year_and_month(1_735_689_599), (2024, 12));
        assert_eq!(year_and_month(1_735_689_600), (2025, 1));
    }

    #[test]
    fn an_iban_is_told_by_its_check_sum() {
        assert!(is_iban("AT611904300234573201"));
        assert!(is_iban("IT60X0542811101000000123456"));
        assert!(!is_iban("AT611904300234573202"));
        assert!(!is_iban("AT61"));
    }
}
