//! What a card or an account must be to pay at all, and the object that is made of it.

use super::super::cards::{self, TestCard};
use super::super::context::Ctx;
use super::super::errors::ApiError;
use super::address;
use crate::world::Read;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Test names carry a date that is valid for a long time.
const FAR_MONTH: i64 = 12;
const YEARS_AHEAD: i64 = 8;
/// Cards are not issued for longer than this.
const MAX_YEARS: i64 = 50;

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

fn bare(ctx: &Ctx<'_>, kind: &str) -> Value {
    json!({
        "id": ctx.id("pm"), "object": "payment_method", "allow_redisplay": "unspecified",
        "billing_details": { "address": address(&json!({})), "email": null, "name": null, "phone": null, "tax_id": null },
        "created": ctx.now(), "customer": null, "customer_account": null, "livemode": false, "metadata": {}, "type": kind,
    })
}

pub(super) fn card_method(ctx: &Ctx<'_>, card: &CheckedCard) -> Value {
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

pub(super) fn debit_method(ctx: &Ctx<'_>, iban: &str) -> Result<Value, ApiError> {
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

/// The PaymentMethod of a card of the older kind.
pub(super) fn method_of_source(ctx: &Ctx<'_>, card: &Value) -> Value {
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
