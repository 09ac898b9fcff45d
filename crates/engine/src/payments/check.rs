//! Whether what a shop asks for makes sense. Pure: names the field at fault, and what would be right.

use super::NewOrder;
use crate::Problem;
use ducat_domain::payments::{LineItem, PaymentMethod, PaymentType, Terms};
use ducat_domain::{Currency, Money, Timestamp};
use std::time::Duration;
use url::Url;

/// The largest amount, in minor units. Beyond it is a mistake, not a sale.
pub const MAX_AMOUNT: i64 = 999_999_999_999;
/// The longest reference, in characters.
pub const MAX_REFERENCE: usize = 128;
/// The longest description, in characters.
pub const MAX_DESCRIPTION: usize = 500;
/// The most lines.
pub const MAX_LINE_ITEMS: usize = 100;
/// The longest name of a line or a customer, in characters.
pub const MAX_NAME: usize = 250;
/// The longest address, in bytes.
pub const MAX_URL: usize = 2048;
/// The most notes.
pub const MAX_METADATA: usize = 50;
/// The longest name of a note, in characters.
pub const MAX_METADATA_KEY: usize = 40;
/// The longest note, in characters.
pub const MAX_METADATA_VALUE: usize = 500;
/// How long an order lives when nobody says.
pub const DEFAULT_EXPIRES_IN: i64 = 1800;
/// The shortest and the longest life of an order, in seconds.
pub const EXPIRES_IN: std::ops::RangeInclusive<i64> = 60..=86_400;

/// The terms, or the first field that is wrong.
pub(super) fn check(new: NewOrder, now: Timestamp) -> Result<Terms, Problem> {
    text("/reference", &new.reference, 1, MAX_REFERENCE)?;
    let amount = amount(new.amount, &new.currency)?;
    if new.payment_type == PaymentType::Recc {
        let detail = "RECC (payments of a subscription) is not offered yet; use SALE";
        return Err(Problem::field("payment_type_not_supported", "/payment_type", detail));
    }
    if new.payment_method == PaymentMethod::Card {
        let detail = "CARD (card data typed on our own page) is not offered yet; use APM, which includes cards on the PSP's page";
        return Err(Problem::field("payment_method_not_supported", "/payment_method", detail));
    }
    if let Some(description) = &new.description {
        text("/description", description, 1, MAX_DESCRIPTION)?;
    }
    line_items(&new.line_items)?;
    if let Some(customer) = &new.customer {
        if let Some(email) = &customer.email {
            self::email("/customer/email", email)?;
        }
        if let Some(name) = &customer.name {
            text("/customer/name", name, 1, MAX_NAME)?;
        }
    }
    for (param, address) in [("/success_url", &new.success_url), ("/cancel_url", &new.cancel_url)] {
        if let Some(address) = address {
            web_address(param, address)?;
        }
    }
    metadata(&new.metadata)?;
    Ok(Terms {
        expires_at: now.plus(expires_in(new.expires_in)?),
        reference: new.reference,
        amount,
        payment_type: new.payment_type,
        payment_method: new.payment_method,
        capture: new.capture,
        psp: new.psp,
        channel: new.channel,
        description: new.description,
        line_items: new.line_items,
        customer: new.customer,
        success_url: new.success_url,
        cancel_url: new.cancel_url,
        metadata: new.metadata,
    })
}

fn amount(minor: i64, code: &str) -> Result<Money, Problem> {
    let currency: Currency = code.parse().map_err(|_| {
        let detail = "must be a currency code of ISO 4217 in upper case, such as EUR";
        Problem::field("currency_unknown", "/currency", detail)
    })?;
    if minor < 1 {
        return Err(Problem::field("amount_too_small", "/amount", "must be at least 1 minor unit (cents for EUR)"));
    }
    if minor > MAX_AMOUNT {
        return Err(Problem::field("amount_too_large", "/amount", format!("must be at most {MAX_AMOUNT} minor units")));
    }
    Ok(Money::new(minor, currency))
}

fn line_items(items: &[LineItem]) -> Result<(), Problem> {
    if items.len() > MAX_LINE_ITEMS {
        return Err(Problem::field("too_many", "/line_items", format!("must be at most {MAX_LINE_ITEMS} lines")));
    }
    for (i, item) in items.iter().enumerate() {
        text(&format!("/line_items/{i}/name"), &item.name, 1, MAX_NAME)?;
        if !(1..=999_999).contains(&item.quantity) {
            return Err(Problem::field("out_of_range", format!("/line_items/{i}/quantity"), "must be from 1 to 999999"));
        }
        if !(0..=MAX_AMOUNT).contains(&item.unit_amount) {
            let detail = format!("must be from 0 to {MAX_AMOUNT} minor units");
            return Err(Problem::field("out_of_range", format!("/line_items/{i}/unit_amount"), detail));
        }
    }
    Ok(())
}

fn expires_in(seconds: Option<i64>) -> Result<Duration, Problem> {
    let seconds = seconds.unwrap_or(DEFAULT_EXPIRES_IN);
    if !EXPIRES_IN.contains(&seconds) {
        let detail = format!("must be from {} to {} seconds", EXPIRES_IN.start(), EXPIRES_IN.end());
        return Err(Problem::field("out_of_range", "/expires_in", detail));
    }
    Ok(Duration::from_secs(seconds.unsigned_abs()))
}

/// A text for people: of this many characters, none of them a control character.
pub(crate) fn text(param: &str, value: &str, least: usize, most: usize) -> Result<(), Problem> {
    let length = value.chars().count();
    if length < least || value.trim().is_empty() {
        return Err(Problem::field("too_short", param, "must not be empty"));
    }
    if length > most {
        return Err(Problem::field("too_long", param, format!("must be at most {most} characters")));
    }
    if value.chars().any(char::is_control) {
        return Err(Problem::field("invalid_text", param, "must not hold control characters"));
    }
    Ok(())
}

fn email(param: &str, value: &str) -> Result<(), Problem> {
    text(param, value, 3, 254)?;
    let shaped = value.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty() && host.contains('.') && !host.starts_with('.') && !host.ends_with('.') && !host.contains('@')
    });
    if shaped && !value.contains(char::is_whitespace) {
        Ok(())
    } else {
        Err(Problem::field("invalid_email", param, "must be an e-mail address, such as ada@example.com"))
    }
}

/// An address that a browser may be sent to.
fn web_address(param: &str, value: &str) -> Result<(), Problem> {
    let refused = |detail: &str| Err(Problem::field("invalid_url", param, detail));
    if value.len() > MAX_URL {
        return refused("must be at most 2048 bytes");
    }
    // A browser drops these in silence, so that an address would not lead where it seems to.
    if value.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
        return refused("must not hold spaces, backslashes or control characters");
    }
    let Ok(url) = Url::parse(value) else { return refused("must be a complete address, such as https://shop.example/thanks") };
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return refused("must be an address that begins with https:// or http://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refused("must not hold a user name or a password");
    }
    Ok(())
}

fn metadata(notes: &std::collections::BTreeMap<String, String>) -> Result<(), Problem> {
    if notes.len() > MAX_METADATA {
        return Err(Problem::field("too_many", "/metadata", format!("must be at most {MAX_METADATA} notes")));
    }
    for (name, value) in notes {
        let param = format!("/metadata/{}", name.replace('~', "~0").replace('/', "~1"));
        if name.is_empty() || name.chars().count() > MAX_METADATA_KEY {
            let detail = format!("a note's name must be from 1 to {MAX_METADATA_KEY} characters");
            return Err(Problem::field("too_long", "/metadata", detail));
        }
        if value.chars().count() > MAX_METADATA_VALUE {
            return Err(Problem::field("too_long", param, format!("must be at most {MAX_METADATA_VALUE} characters")));
        }
        if value.contains('\0') || name.chars().any(char::is_control) {
            return Err(Problem::field("invalid_text", param, "must not hold control characters"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_no_web_address_is_refused() {
        let wrong = [
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "data:text/html,x",
            "ftp://shop.example",
            "//shop.example",
            "/thanks",
            "",
            "https://",
            "https:\\\\evil.example",
            "java\tscript:alert(1)",
            "https://user:pw@shop.example/",
            "https://shop.example/ x",
        ];
        for address in wrong {
            let problem = web_address("/success_url", address).unwrap_err();
            assert_eq!((problem.code, problem.param.as_deref()), ("invalid_url", Some("/success_url")), "{address}");
        }
        for right in ["https://shop.example/thanks?order={PAYMENT_ORDER_ID}", "http://127.0.0.1:3000/", "https://bücher.example/"]
        {
            assert_eq!(web_address("/success_url", right), Ok(()), "{right}");
        }
    }

    #[test]
    fn amounts_and_currencies_are_checked() {
        for (minor, code, expected) in [
            (0, "EUR", "amount_too_small"),
            (-1, "EUR", "amount_too_small"),
            (i64::MAX, "EUR", "amount_too_large"),
            (100, "eur", "currency_unknown"),
            (100, "XXX", "currency_unknown"),
            (100, "", "currency_unknown"),
        ] {
            assert_eq!(amount(minor, code).unwrap_err().code, expected, "{minor} {code}");
        }
        assert!(amount(MAX_AMOUNT, "JPY").is_ok());
    }
}
