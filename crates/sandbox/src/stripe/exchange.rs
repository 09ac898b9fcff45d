//! What one currency is worth in another here. The rates never change, so that every test can work them out, and all sums are exact.

use super::money::{self, Decimal};
use serde_json::{Value, json};

/// Ten-thousandths of each currency that one euro is worth; every other currency counts a hundred to the euro.
const PER_EURO: &[(&str, i64)] = &[
    ("aed", 39_800),
    ("aud", 16_500),
    ("bgn", 19_558),
    ("brl", 62_000),
    ("cad", 14_800),
    ("chf", 9_500),
    ("cny", 78_000),
    ("czk", 250_000),
    ("dkk", 74_600),
    ("eur", 10_000),
    ("gbp", 8_500),
    ("hkd", 84_500),
    ("huf", 4_000_000),
    ("idr", 175_000_000),
    ("ils", 40_000),
    ("inr", 900_000),
    ("isk", 1_500_000),
    ("jpy", 1_600_000),
    ("krw", 15_000_000),
    ("kwd", 3_300),
    ("mxn", 200_000),
    ("myr", 50_000),
    ("nok", 115_000),
    ("nzd", 18_000),
    ("php", 620_000),
    ("pln", 43_000),
    ("ron", 50_000),
    ("sek", 112_000),
    ("sgd", 14_500),
    ("thb", 390_000),
    ("try", 350_000),
    ("twd", 350_000),
    ("usd", 10_800),
    ("vnd", 275_000_000),
    ("zar", 200_000),
];
const OTHERS: i64 = 1_000_000;

fn per_euro(code: &str) -> i64 {
    PER_EURO.iter().find(|(c, _)| *c == code).map_or(OTHERS, |(_, n)| *n)
}

/// What one minor unit becomes in minor units of another currency, to ten digits; none between equal currencies.
pub(crate) fn rate(from: &str, to: &str) -> Option<Decimal> {
    let worth = |code: &str| i128::from(per_euro(code)) * 10_i128.pow(money::exponent(code));
    (from != to).then(|| Decimal::ratio(worth(to), worth(from)))
}

/// An amount in another currency, rounded half away from zero, and the rate it was worked out by.
pub(crate) fn convert(amount: i64, from: &str, to: &str) -> (i64, Option<Decimal>) {
    match rate(from, to) {
        None => (amount, None),
        Some(rate) => (rate.times(amount), Some(rate)),
    }
}

/// Every rate into a currency, as the control interface shows them.
pub(crate) fn table(into: &str) -> Value {
    let rows = money::currencies().filter_map(|code| Some((code.to_owned(), rate(code, into)?.number())));
    json!({ "into": into, "per_minor_unit": rows.collect::<serde_json::Map<_, _>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_converted_exactly_whatever_the_digits_after_the_point() {
        assert_eq!(convert(1_000, "eur", "eur"), (1_000, None));
        assert_eq!(convert(1_080, "usd", "eur").0, 1_000);
        assert_eq!(convert(-1_080, "usd", "eur").0, -1_000);
        assert_eq!(convert(1_000, "eur", "usd"), (1_080, Decimal::parse("1.08")));
        assert_eq!(convert(1_600, "jpy", "eur"), (1_000, Decimal::parse("0.625")));
        assert_eq!(convert(3_300, "kwd", "eur").0, 1_000);
        assert_eq!(rate("eur", "usd").map(|r| r.number().to_string()), Some("1.08".into()));
        assert_eq!(rate("usd", "eur").map(|r| r.number().to_string()), Some("0.9259259259".into()));
    }
}
