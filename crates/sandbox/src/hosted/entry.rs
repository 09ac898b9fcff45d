//! What was typed into the payment form, and what is wrong with it before anybody is asked for money.

use crate::stripe::checkout::is_email;
use crate::stripe::form::{self, Node};
use std::collections::BTreeMap;

/// A form as it was sent. It holds card data, so it can be neither printed nor kept.
pub(super) struct Entry(BTreeMap<String, Node>);

/// One thing to put right: the field and what to do about it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mistake {
    pub field: String,
    pub text: String,
}

impl Mistake {
    pub fn new(field: &str, text: impl Into<String>) -> Self {
        Self { field: field.to_owned(), text: text.into() }
    }
}

impl Entry {
    pub fn read(body: &[u8]) -> Self {
        Self(form::parse(body).unwrap_or_default())
    }

    /// Whether the form had this field, empty or not.
    pub fn sent(&self, field: &str) -> bool {
        self.0.contains_key(field)
    }

    /// A field without the spaces around it; empty if it was not sent.
    pub fn text(&self, field: &str) -> &str {
        match self.0.get(field) {
            Some(Node::Text(text)) => text.trim(),
            _ => "",
        }
    }
}

/// The digits of a card number or nothing but what was typed, if it holds anything else than digits, spaces and dashes.
pub(super) fn number(typed: &str) -> Result<String, Mistake> {
    const LENGTHS: std::ops::RangeInclusive<usize> = 12..=19;
    let digits: String = typed.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    if digits.is_empty() {
        return Err(Mistake::new("number", "Enter the card number."));
    }
    if !digits.bytes().all(|b| b.is_ascii_digit()) || !LENGTHS.contains(&digits.len()) {
        return Err(Mistake::new("number", "The card number must be 12 to 19 digits long."));
    }
    Ok(digits)
}

/// Month and year of `MM / YY`, `MM/YYYY` or `MMYY`.
pub(super) fn expiry(typed: &str) -> Result<(i64, i64), Mistake> {
    let mistake = || Mistake::new("expiry", "Enter the expiry date as month and year, such as 12 / 34.");
    let digits: Vec<&str> = typed.split(|c: char| !c.is_ascii_digit()).filter(|p| !p.is_empty()).collect();
    let (month, year) = match digits.as_slice() {
        [month, year] => (*month, *year),
        [both] if both.len() == 4 || both.len() == 6 => both.split_at(2),
        _ => return Err(mistake()),
    };
    let month: i64 = month.parse().ok().filter(|m| (1..=12).contains(m)).ok_or_else(mistake)?;
    let year: i64 = match (year.len(), year.parse::<i64>()) {
        (2, Ok(year)) => 2_000 + year,
        (4, Ok(year)) => year,
        _ => return Err(mistake()),
    };
    Ok((month, year))
}

/// The three or four digits of the security code.
pub(super) fn cvc(typed: &str) -> Result<String, Mistake> {
    if (3..=4).contains(&typed.len()) && typed.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(typed.to_owned());
    }
    Err(Mistake::new("cvc", "Enter the 3 or 4 digits of the security code."))
}

/// An address for the receipt.
pub(super) fn email(typed: &str) -> Result<String, Mistake> {
    match typed {
        "" => Err(Mistake::new("email", "Enter your email address.")),
        text if is_email(text) => Ok(text.to_owned()),
        _ => Err(Mistake::new("email", "Enter an email address such as name@example.com.")),
    }
}

/// An account number without spaces, in capitals.
pub(super) fn iban(typed: &str) -> Result<String, Mistake> {
    let text: String = typed.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_uppercase();
    match text.as_str() {
        "" => Err(Mistake::new("iban", "Enter the IBAN.")),
        iban if iban.len() <= 34 && iban.bytes().all(|b| b.is_ascii_alphanumeric()) && holds(iban) => Ok(text),
        _ => Err(Mistake::new("iban", "This IBAN is not valid. Check it for a typing error.")),
    }
}

/// The check digits of ISO 13616: the number, rotated by four and read in base 36, leaves 1 when divided by 97.
fn holds(iban: &str) -> bool {
    if iban.len() < 15 {
        return false;
    }
    let (head, tail) = iban.split_at(4);
    let value = |b: u8| char::from(b).to_digit(36).unwrap_or(0);
    let rest = tail.bytes().chain(head.bytes()).map(value).fold(0, |rest, n| (rest * if n > 9 { 100 } else { 10 } + n) % 97);
    rest == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiry_dates_are_read_in_every_usual_way() {
        for text in ["12 / 34", "12/34", "1234", "12-2034", "122034"] {
            assert_eq!(expiry(text).unwrap(), (12, 2034), "{text}");
        }
        for text in ["", "13/34", "0/34", "12", "12/3", "ab/cd"] {
            assert_eq!(expiry(text).unwrap_err().field, "expiry", "{text}");
        }
    }

    #[test]
    fn card_numbers_may_be_grouped_and_must_be_digits() {
        assert_eq!(number("4242 4242-4242 4242").unwrap(), "4242424242424242");
        assert!(number("").is_err() && number("4242").is_err() && number("4242x24242424242").is_err());
    }

    #[test]
    fn an_iban_with_a_typing_error_is_found() {
        assert_eq!(iban("at61 1904 3002 3457 3201").unwrap(), "AT611904300234573201");
        assert!(iban("IT60X0542811101000000123456").is_ok());
        assert!(iban("AT611904300234573202").is_err());
    }

    #[test]
    fn security_codes_have_three_or_four_digits() {
        assert!(cvc("123").is_ok() && cvc("1234").is_ok() && cvc("12").is_err() && cvc("abc").is_err());
    }
}
