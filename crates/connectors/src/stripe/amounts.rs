//! Stripe's amounts on the wire: mostly ISO 4217's minor units, with exceptions. What cannot be said exactly is refused, never rounded.
//! Source: docs.stripe.com/currencies, "Zero-decimal currencies", "Three-decimal currencies", "Special cases".

use super::spec::CURRENCIES;
use crate::Fault;
use ducat_domain::{Currency, Money};

/// The largest number Stripe takes as an amount: eight digits.
pub(super) const MAXIMUM: i64 = 99_999_999;

/// Where Stripe counts other decimals than ISO 4217: it gave MGA up its fifths, and kept two decimals for ISK and UGX, which lost theirs.
const DEVIATIONS: &[(&str, u32)] = &[("ISK", 2), ("MGA", 0), ("UGX", 2)];

/// How many decimals an amount has at Stripe.
fn exponent(currency: Currency) -> u32 {
    DEVIATIONS.iter().find(|(code, _)| *code == currency.code()).map_or_else(|| currency.exponent(), |(_, digits)| *digits)
}

/// The amount as Stripe takes it for a charge.
pub(super) fn to_wire(money: Money) -> Result<i64, Fault> {
    if !CURRENCIES.contains(&money.currency.code()) {
        return Err(Fault::Invalid("Stripe does not charge in this currency"));
    }
    let decimals = exponent(money.currency);
    let wire = rescale(money.minor, money.currency.exponent(), decimals)
        .ok_or(Fault::Invalid("the amount has decimals that Stripe does not have in this currency"))?;
    // Card networks have no thousandths, so Stripe wants the last of three decimals to be zero.
    if decimals == 3 && wire % 10 != 0 {
        return Err(Fault::Invalid("Stripe takes three-decimal amounts only in multiples of ten"));
    }
    match wire {
        1..=MAXIMUM => Ok(wire),
        ..=0 => Err(Fault::Invalid("the amount is not positive")),
        _ => Err(Fault::Invalid("the amount has more than eight digits at Stripe")),
    }
}

/// The currency as Stripe writes it.
pub(super) fn code(currency: Currency) -> String {
    currency.code().to_ascii_lowercase()
}

/// What Stripe means by an amount that it tells.
pub(super) fn from_wire(amount: Option<i64>, currency: Option<&str>) -> Result<Money, Fault> {
    let (Some(amount), Some(code)) = (amount, currency) else {
        return Err(Fault::Protocol("an amount without its number or currency".into()));
    };
    let currency: Currency = code
        .to_ascii_uppercase()
        .parse()
        .map_err(|_| Fault::Protocol(format!("the currency {}", super::reading::shown(code))))?;
    let minor = rescale(amount, exponent(currency), currency.exponent())
        .ok_or_else(|| Fault::Protocol(format!("{amount} {currency} is no whole number of minor units")))?;
    Ok(Money::new(minor, currency))
}

/// The same amount with another number of decimals, where that is exact.
fn rescale(amount: i64, from: u32, to: u32) -> Option<i64> {
    if to >= from {
        amount.checked_mul(10_i64.pow(to - from))
    } else {
        let unit = 10_i64.pow(from - to);
        (amount % unit == 0).then_some(amount / unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn money(minor: i64, code: &str) -> Money {
        Money::new(minor, code.parse().unwrap())
    }

    #[test]
    fn amounts_are_written_as_stripe_documents_them() {
        for (minor, code, wire) in [
            (1_000, "USD", 1_000),
            (500, "JPY", 500),
            (5, "ISK", 500),
            (5, "UGX", 500),
            (500, "MGA", 5),
            (1_045, "HUF", 1_045),
            (80_045, "TWD", 80_045),
            (5_120, "KWD", 5_120),
            (7, "XOF", 7),
        ] {
            assert_eq!(to_wire(money(minor, code)), Ok(wire), "{code}");
            assert_eq!(from_wire(Some(wire), Some(&code.to_lowercase())), Ok(money(minor, code)), "{code}");
        }
    }

    #[test]
    fn what_cannot_be_said_exactly_is_refused() {
        for (minor, code) in
            [(5_124, "KWD"), (501, "MGA"), (0, "EUR"), (-5, "EUR"), (100_000_000, "EUR"), (1_000_000, "ISK"), (5, "KPW")]
        {
            assert!(matches!(to_wire(money(minor, code)), Err(Fault::Invalid(_))), "{minor} {code}");
        }
        for (wire, code) in [(Some(501), Some("isk")), (Some(5), Some("xyz")), (None, Some("eur")), (Some(5), None)] {
            assert!(matches!(from_wire(wire, code), Err(Fault::Protocol(_))), "{wire:?} {code:?}");
        }
    }

    #[test]
    fn the_zero_decimal_currencies_are_stripe_s() {
        let documented = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF";
        let ours: Vec<_> = CURRENCIES.iter().copied().filter(|code| exponent(code.parse().unwrap()) == 0).collect();
        assert_eq!(ours.join(" "), documented);
    }

    proptest! {
        #[test]
        fn what_can_be_sent_comes_back_the_same(minor in -10_i64..200_000_000, index in 0..CURRENCIES.len()) {
            let amount = money(minor, CURRENCIES[index]);
            if let Ok(wire) = to_wire(amount) {
                prop_assert!((1..=MAXIMUM).contains(&wire));
                prop_assert_eq!(from_wire(Some(wire), Some(&code(amount.currency))), Ok(amount));
            }
        }

        #[test]
        fn what_stripe_says_is_exact_or_refused(wire: i64, index in 0..CURRENCIES.len()) {
            let currency: Currency = CURRENCIES[index].parse().unwrap();
            if let Ok(read) = from_wire(Some(wire), Some(CURRENCIES[index])) {
                let (ours, theirs) = (10_i128.pow(currency.exponent()), 10_i128.pow(exponent(currency)));
                prop_assert_eq!(i128::from(read.minor) * theirs, i128::from(wire) * ours);
            }
        }
    }
}
