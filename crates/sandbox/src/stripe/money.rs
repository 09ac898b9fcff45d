//! Currencies as Stripe knows them, exact decimals, fees and the amounts people read. No floating point anywhere.

/// Code, digits after the point, smallest amount Stripe charges in minor units.
const CURRENCIES: &[(&str, u32, i64)] = &[
    ("usd", 2, 50),
    ("aed", 2, 200),
    ("afn", 2, 50),
    ("all", 2, 50),
    ("amd", 2, 50),
    ("ang", 2, 50),
    ("aoa", 2, 50),
    ("ars", 2, 50),
    ("aud", 2, 50),
    ("awg", 2, 50),
    ("azn", 2, 50),
    ("bam", 2, 50),
    ("bbd", 2, 50),
    ("bdt", 2, 50),
    ("bgn", 2, 100),
    ("bhd", 3, 200),
    ("bif", 0, 1),
    ("bmd", 2, 50),
    ("bnd", 2, 50),
    ("bob", 2, 50),
    ("brl", 2, 50),
    ("bsd", 2, 50),
    ("bwp", 2, 50),
    ("byn", 2, 50),
    ("bzd", 2, 50),
    ("cad", 2, 50),
    ("cdf", 2, 50),
    ("chf", 2, 50),
    ("clp", 0, 50),
    ("cny", 2, 50),
    ("cop", 2, 50),
    ("crc", 2, 50),
    ("cve", 2, 50),
    ("czk", 2, 1_500),
    ("djf", 0, 1),
    ("dkk", 2, 250),
    ("dop", 2, 50),
    ("dzd", 2, 50),
    ("egp", 2, 50),
    ("etb", 2, 50),
    ("eur", 2, 50),
    ("fjd", 2, 50),
    ("fkp", 2, 50),
    ("gbp", 2, 30),
    ("gel", 2, 50),
    ("gip", 2, 50),
    ("gmd", 2, 50),
    ("gnf", 0, 1),
    ("gtq", 2, 50),
    ("gyd", 2, 50),
    ("hkd", 2, 400),
    ("hnl", 2, 50),
    ("htg", 2, 50),
    ("huf", 2, 17_500),
    ("idr", 2, 50),
    ("ils", 2, 50),
    ("inr", 2, 50),
    ("isk", 2, 50),
    ("jmd", 2, 50),
    ("jod", 3, 200),
    ("jpy", 0, 50),
    ("kes", 2, 50),
    ("kgs", 2, 50),
    ("khr", 2, 50),
    ("kmf", 0, 1),
    ("krw", 0, 1),
    ("kwd", 3, 200),
    ("kyd", 2, 50),
    ("kzt", 2, 50),
    ("lak", 2, 50),
    ("lbp", 2, 50),
    ("lkr", 2, 50),
    ("lrd", 2, 50),
    ("lsl", 2, 50),
    ("mad", 2, 50),
    ("mdl", 2, 50),
    ("mga", 0, 1),
    ("mkd", 2, 50),
    ("mmk", 2, 50),
    ("mnt", 2, 50),
    ("mop", 2, 50),
    ("mur", 2, 50),
    ("mvr", 2, 50),
    ("mwk", 2, 50),
    ("mxn", 2, 1_000),
    ("myr", 2, 200),
    ("mzn", 2, 50),
    ("nad", 2, 50),
    ("ngn", 2, 50),
    ("nio", 2, 50),
    ("nok", 2, 300),
    ("npr", 2, 50),
    ("nzd", 2, 50),
    ("omr", 3, 200),
    ("pab", 2, 50),
    ("pen", 2, 50),
    ("pgk", 2, 50),
    ("php", 2, 50),
    ("pkr", 2, 50),
    ("pln", 2, 200),
    ("pyg", 0, 1),
    ("qar", 2, 50),
    ("ron", 2, 200),
    ("rsd", 2, 50),
    ("rub", 2, 50),
    ("rwf", 0, 1),
    ("sar", 2, 50),
    ("sbd", 2, 50),
    ("scr", 2, 50),
    ("sek", 2, 300),
    ("sgd", 2, 50),
    ("shp", 2, 50),
    ("sle", 2, 50),
    ("sos", 2, 50),
    ("srd", 2, 50),
    ("std", 2, 50),
    ("szl", 2, 50),
    ("thb", 2, 1_000),
    ("tjs", 2, 50),
    ("tnd", 3, 200),
    ("top", 2, 50),
    ("try", 2, 50),
    ("ttd", 2, 50),
    ("twd", 2, 50),
    ("tzs", 2, 50),
    ("uah", 2, 50),
    ("ugx", 2, 50),
    ("uyu", 2, 50),
    ("uzs", 2, 50),
    ("vnd", 0, 1),
    ("vuv", 0, 1),
    ("wst", 2, 50),
    ("xaf", 0, 1),
    ("xcd", 2, 50),
    ("xcg", 2, 50),
    ("xof", 0, 1),
    ("xpf", 0, 1),
    ("yer", 2, 50),
    ("zar", 2, 50),
    ("zmw", 2, 50),
];

/// The largest amount Stripe takes: eight digits.
pub(crate) const MAX_AMOUNT: i64 = 99_999_999;

/// Whether Stripe knows this lower-case code.
pub(crate) fn is_currency(code: &str) -> bool {
    CURRENCIES.iter().any(|(c, ..)| *c == code)
}

/// Every code Stripe knows.
pub(crate) fn currencies() -> impl Iterator<Item = &'static str> {
    CURRENCIES.iter().map(|(c, ..)| *c)
}

/// Digits after the point.
pub(crate) fn exponent(code: &str) -> u32 {
    CURRENCIES.iter().find(|(c, ..)| *c == code).map_or(2, |(_, e, _)| *e)
}

/// The smallest amount that can be charged.
pub(crate) fn minimum(code: &str) -> i64 {
    CURRENCIES.iter().find(|(c, ..)| *c == code).map_or(50, |(.., m)| *m)
}

/// What Stripe keeps of a charge here: 2.9 % and 30 minor units, rounded half up.
pub(crate) fn fee(amount: i64) -> i64 {
    (amount.saturating_mul(29) + 500) / 1_000 + 30
}

fn symbol(code: &str) -> Option<&'static str> {
    Some(match code {
        "usd" => "$",
        "eur" => "€",
        "gbp" => "£",
        "jpy" => "¥",
        "inr" => "₹",
        "aud" => "A$",
        "cad" => "CA$",
        "nzd" => "NZ$",
        _ => return None,
    })
}

/// An amount as a person reads it, such as `€1,234.50` or `CHF 12.00`.
pub(crate) fn display(amount: i64, code: &str) -> String {
    let digits = exponent(code);
    let unit = 10_u64.pow(digits);
    let whole = grouped(amount.unsigned_abs() / unit);
    let sign = if amount < 0 { "−" } else { "" };
    let number = match digits {
        0 => whole,
        n => format!("{whole}.{:0width$}", amount.unsigned_abs() % unit, width = n as usize),
    };
    match symbol(code) {
        Some(symbol) => format!("{sign}{symbol}{number}"),
        None => format!("{sign}{} {number}", code.to_uppercase()),
    }
}

fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// A number with up to twelve digits after the point, held exactly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Decimal {
    trillionths: i128,
}

const SCALE: i128 = 1_000_000_000_000;

impl Decimal {
    pub const ZERO: Self = Self { trillionths: 0 };

    /// Reads `12`, `12.5` or `-0.001`.
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |d| (true, d));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let plain = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || whole.len() > 15 || fraction.len() > 12 || !plain(whole) || !plain(fraction) {
            return None;
        }
        let fraction: i128 = format!("{fraction:0<12}").parse().ok()?;
        let size = whole.parse::<i128>().ok()? * SCALE + fraction;
        Some(Self { trillionths: if negative { -size } else { size } })
    }

    /// One number in another, to ten digits after the point; the second must be positive.
    pub fn ratio(of: i128, to: i128) -> Self {
        const COARSER: i128 = 100;
        Self { trillionths: (of.saturating_mul(SCALE / COARSER) + to / 2) / to.max(1) * COARSER }
    }

    /// The number as JSON writes it.
    pub fn number(self) -> serde_json::Value {
        let size = self.trillionths.unsigned_abs();
        let (whole, fraction) = (size / SCALE.unsigned_abs(), size % SCALE.unsigned_abs());
        let sign = if self.trillionths < 0 { "-" } else { "" };
        let text = format!("{sign}{whole}.{fraction:012}");
        serde_json::from_str(text.trim_end_matches('0').trim_end_matches('.')).unwrap_or_default()
    }

    /// This number times `n`, rounded half away from zero to whole units.
    pub fn times(self, n: i64) -> i64 {
        rounded(self.trillionths.saturating_mul(i128::from(n)), SCALE)
    }

    /// This number of hundredths of `amount`, rounded half away from zero.
    pub fn percent_of(self, amount: i64) -> i64 {
        rounded(self.trillionths.saturating_mul(i128::from(amount)), SCALE * 100)
    }

    /// The sum of both.
    pub fn plus(self, other: Self) -> Self {
        Self { trillionths: self.trillionths.saturating_add(other.trillionths) }
    }

    /// The share of this many hundredths in an amount that already holds `all` hundredths of what it was without them.
    pub fn part_of(self, amount: i64, all: Self) -> i64 {
        rounded(self.trillionths.saturating_mul(i128::from(amount)), SCALE * 100 + all.trillionths)
    }

    /// The number as a whole one, if it is.
    pub fn whole(self) -> Option<i64> {
        (self.trillionths % SCALE == 0).then(|| i64::try_from(self.trillionths / SCALE).ok()).flatten()
    }

    /// In millionths, rounded down; for chances between 0 and 1.
    pub fn millionths(self) -> i64 {
        i64::try_from(self.trillionths / 1_000_000).unwrap_or(i64::MAX)
    }
}

fn rounded(value: i128, by: i128) -> i64 {
    let half = if value < 0 { -by / 2 } else { by / 2 };
    i64::try_from((value + half) / by).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_with_their_currency_s_digits() {
        assert_eq!(display(123_450, "eur"), "€1,234.50");
        assert_eq!(display(5_000, "jpy"), "¥5,000");
        assert_eq!(display(1_234, "kwd"), "KWD 1.234");
        assert_eq!(display(-5, "chf"), "−CHF 0.05");
    }

    #[test]
    fn decimals_multiply_exactly_and_round_half_up() {
        assert_eq!(Decimal::parse("0.5").unwrap().times(3), 2);
        assert_eq!(Decimal::parse("12.345").unwrap().times(1_000), 12_345);
        assert_eq!(Decimal::parse("33.3").unwrap().percent_of(1_000), 333);
        assert_eq!(Decimal::parse("1e3"), None);
    }
}
