//! Amounts of money, and arithmetic that cannot go wrong in silence.

use super::Currency;
use serde::{Deserialize, Serialize};
use std::fmt;

/// An amount in minor units (cents for EUR, yen for JPY) of one currency.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// Minor units; negative where a posting credits.
    pub minor: i64,
    /// The currency, which also says how many minor units make a major one.
    pub currency: Currency,
}

/// Why two amounts do not add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The amounts are of different currencies.
    #[error("{0} and {1} do not mix")]
    Currencies(Currency, Currency),
    /// The result is beyond 64 bits.
    #[error("the amount is out of range")]
    Overflow,
}

impl Money {
    /// `minor` units of `currency`.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// The sum, or why there is none.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        let minor = self.minor.checked_add(other.minor).ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, ..self })
    }

    /// The difference, or why there is none.
    pub fn minus(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        let minor = self.minor.checked_sub(other.minor).ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, ..self })
    }

    /// The amount `count` times.
    pub fn times(self, count: i64) -> Result<Self, MoneyError> {
        let minor = self.minor.checked_mul(count).ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, ..self })
    }

    /// Splits by weights so that the parts sum to the whole: the only place where money is rounded. Each part gets its share rounded
    /// towards zero; what is left goes, one unit each, to the parts with the largest remainder, the earlier first.
    /// Gives nothing where no weight is positive.
    pub fn split(self, weights: &[u32]) -> Vec<Money> {
        let total: i128 = weights.iter().map(|&w| i128::from(w)).sum();
        if total == 0 {
            return Vec::new();
        }
        let whole = i128::from(self.minor);
        let share = |w: u32| (whole * i128::from(w)) / total;
        let remainder = |w: u32| ((whole * i128::from(w)) % total).abs();
        let mut parts: Vec<i128> = weights.iter().map(|&w| share(w)).collect();
        let left = whole - parts.iter().sum::<i128>();
        let mut order: Vec<usize> = (0..weights.len()).collect();
        order.sort_by_key(|&i| std::cmp::Reverse(remainder(weights[i])));
        for &i in order.iter().take(usize::try_from(left.abs()).unwrap_or(0)) {
            parts[i] += left.signum();
        }
        // A part lies between zero and the whole, so it fits where the whole did.
        parts.into_iter().map(|p| Self { minor: p as i64, ..self }).collect()
    }

    fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency { Ok(()) } else { Err(MoneyError::Currencies(self.currency, other.currency)) }
    }
}

/// For people: `49.99 EUR`, `500 JPY`, `-1.250 KWD`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exponent = self.currency.exponent();
        let unit = 10u64.pow(exponent);
        let value = self.minor.unsigned_abs();
        let sign = if self.minor < 0 { "-" } else { "" };
        if exponent == 0 {
            write!(f, "{sign}{value} {}", self.currency)
        } else {
            let places = exponent as usize;
            write!(f, "{sign}{}.{:0places$} {}", value / unit, value % unit, self.currency)
        }
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
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
    fn people_see_the_decimals_of_the_currency() {
        assert_eq!(money(4999, "EUR").to_string(), "49.99 EUR");
        assert_eq!(money(500, "JPY").to_string(), "500 JPY");
        assert_eq!(money(-1250, "KWD").to_string(), "-1.250 KWD");
        assert_eq!(money(-5, "EUR").to_string(), "-0.05 EUR");
        assert_eq!(money(i64::MIN, "JPY").to_string(), "-9223372036854775808 JPY");
    }

    #[test]
    fn sums_are_checked() {
        assert_eq!(money(i64::MAX, "EUR").plus(money(1, "EUR")), Err(MoneyError::Overflow));
        assert!(matches!(money(1, "EUR").plus(money(1, "USD")), Err(MoneyError::Currencies(..))));
        assert_eq!(money(5, "EUR").minus(money(7, "EUR")), Ok(money(-2, "EUR")));
    }

    proptest! {
        #[test]
        fn parts_sum_to_the_whole(minor: i64, weights in proptest::collection::vec(0u32..1000, 1..20)) {
            let parts = money(minor, "EUR").split(&weights);
            let sum: i128 = parts.iter().map(|p| i128::from(p.minor)).sum();
            if weights.iter().any(|&w| w > 0) {
                prop_assert_eq!(sum, i128::from(minor));
            } else {
                prop_assert!(parts.is_empty());
            }
        }
    }
}
