//! Amounts as people write them, in major units: 12.34 EUR. No float on the way.

use crate::Failure;
use crate::cli::Amount;
use crate::gateway::Gateway;
use ducat_domain::Currency;

/// The amount that was asked for, in minor units of the order's currency; nothing where everything is meant.
pub async fn asked(gateway: &Gateway, order: &str, given: &Amount) -> Result<Option<i64>, Failure> {
    let Some(text) = &given.amount else { return Ok(given.minor) };
    let order = gateway.get(&format!("/v1/payment_orders/{order}")).await?.json()?;
    let code = order["currency"].as_str().unwrap_or_default();
    let currency = code.parse().map_err(|e| format!("the order's currency {code:?}: {e}"))?;
    Ok(Some(to_minor(text, currency).map_err(|why| format!("--amount {text}: {why}"))?))
}

/// Minor units of what was written. A sign, a thousands separator or more decimals than the currency has are refused, never guessed.
fn to_minor(text: &str, currency: Currency) -> Result<i64, String> {
    let exponent = currency.exponent() as usize;
    let wanted = || match exponent {
        0 => format!("write it without decimals, such as 500: {currency} has none"),
        places => format!("write it with a point and at most {places} decimals, such as 12.{:0places$}: it is in {currency}", 5),
    };
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let dangling = text.ends_with('.') || whole.is_empty();
    if dangling || !digits(whole) || !digits(decimals) || decimals.len() > exponent {
        return Err(wanted());
    }
    let minor: i64 = format!("{whole}{decimals:0<exponent$}").parse().map_err(|_| "is too much".to_owned())?;
    if minor > 0 { Ok(minor) } else { Err("must be more than nothing".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, currency: &str) -> Result<i64, String> {
        to_minor(text, currency.parse().unwrap())
    }

    #[test]
    fn major_units_become_minor_ones() {
        for (text, currency, minor) in [
            ("12.34", "EUR", 1234),
            ("12.3", "EUR", 1230),
            ("12", "EUR", 1200),
            ("0.05", "EUR", 5),
            ("500", "JPY", 500),
            ("1.25", "KWD", 1250),
        ] {
            assert_eq!(read(text, currency), Ok(minor), "{text} {currency}");
        }
    }

    #[test]
    fn what_could_mean_two_things_is_refused() {
        for text in ["", ".", "12.", ".5", "-1", "+1", "1,50", "1.234", "1 000", "1e3", "0", "0.00", "99999999999999999999", "١٢"]
        {
            assert!(read(text, "EUR").is_err(), "{text}");
        }
        assert!(read("1.5", "JPY").unwrap_err().contains("without decimals"));
        assert!(read("1.255", "EUR").unwrap_err().contains("12.05"));
    }
}
