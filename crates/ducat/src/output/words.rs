//! Amounts, moments and states as people read them.

use super::Tone;
use ducat_domain::{Currency, Money};
use serde_json::Value;

/// An amount of the API (minor units, and a currency beside it) in major units: `49.99 EUR`. What cannot be read is shown as it is.
pub fn amount(minor: &Value, currency: &Value) -> String {
    let known = currency.as_str().and_then(|code| code.parse::<Currency>().ok());
    match (minor.as_i64(), known) {
        (Some(minor), Some(currency)) => Money::new(minor, currency).to_string(),
        (Some(minor), None) => format!("{minor} {}", currency.as_str().unwrap_or("?")),
        (None, _) => "-".to_owned(),
    }
}

/// A moment of the API to the second, in UTC: `2026-11-21 07:18:13`.
pub fn moment(at: &Value) -> String {
    let Some(text) = at.as_str() else { return "-".to_owned() };
    match (text.get(..10), text.get(11..19)) {
        (Some(day), Some(time)) if text.ends_with('Z') => format!("{day} {time}"),
        _ => text.to_owned(),
    }
}

/// What a status or the type of an event says to somebody who skims.
pub fn tone_of(status: &str) -> Tone {
    match status.rsplit_once('.').map_or(status, |(_, last)| last) {
        "succeeded" | "captured" | "won" => Tone::Good,
        "failed" | "attempt_declined" | "attempt_unknown" | "unknown" | "paid_twice" | "lost" | "opened" => Tone::Bad,
        "created" | "pending" | "processing" | "authorized" | "requires_action" | "registering" | "cancel_requested" => {
            Tone::Open
        }
        "canceled" | "expired" => Tone::Faint,
        _ => Tone::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn amounts_have_the_decimals_of_their_currency() {
        assert_eq!(amount(&json!(4999), &json!("EUR")), "49.99 EUR");
        assert_eq!(amount(&json!(500), &json!("JPY")), "500 JPY");
        assert_eq!(amount(&json!(1250), &json!("KWD")), "1.250 KWD");
        assert_eq!(amount(&json!(7), &json!("???")), "7 ???");
        assert_eq!(amount(&Value::Null, &json!("EUR")), "-");
    }

    #[test]
    fn moments_are_shown_to_the_second() {
        assert_eq!(moment(&json!("2026-11-21T07:18:13.123456Z")), "2026-11-21 07:18:13");
        assert_eq!(moment(&json!("2026-11-21T07:18:13Z")), "2026-11-21 07:18:13");
        assert_eq!(moment(&json!("soon")), "soon");
    }

    #[test]
    fn a_type_of_event_has_the_tone_of_its_last_word() {
        assert_eq!((tone_of("payment_order.succeeded"), tone_of("failed"), tone_of("x")), (Tone::Good, Tone::Bad, Tone::Plain));
    }
}
