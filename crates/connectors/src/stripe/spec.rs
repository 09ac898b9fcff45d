//! Stripe as data. Sources: Stripe's pages on authentication, idempotent requests, currencies and webhooks.

use crate::{Auth, Capability, ErrorReplay, Find, Idempotency, Operations, Setting, Spec, Trust};
use std::time::Duration;

/// The version in which we read its answers and messages.
pub(super) const API_VERSION: &str = "2026-05-27.dahlia";

pub(super) static SPEC: Spec = Spec {
    name: "stripe",
    title: "Stripe",
    base: "https://api.stripe.com",
    elsewhere: &[("/v1/files", "https://files.stripe.com")],
    base_setting: "api_base",
    auth: Auth::Bearer("api_key"),
    headers: &[("stripe-version", API_VERSION)],
    idempotency: Idempotency {
        header: "idempotency-key",
        lifetime: Duration::from_secs(24 * 60 * 60),
        errors: ErrorReplay::Stored,
    },
    find: Find::Listing,
    trust: Trust::TimestampedHmacSha256 {
        header: "stripe-signature",
        secret_setting: "webhook_secret",
        tolerance: Duration::from_secs(5 * 60),
    },
    settings: &[
        Setting { name: "api_key", what: "Secret or restricted key", required: true, secret: true },
        Setting { name: "webhook_secret", what: "Signing secret of the webhook endpoint", required: false, secret: true },
        Setting { name: "api_base", what: "Another address of the API, for a sandbox", required: false, secret: false },
    ],
    capabilities: &[Capability {
        method: "hosted",
        currencies: CURRENCIES,
        minimums: MINIMUMS,
        maximum: super::amounts::MAXIMUM,
        operations: &[
            Operations::ManualCapture,
            Operations::PartialCapture,
            Operations::MultiCapture,
            Operations::Void,
            Operations::Refund,
            Operations::PartialRefund,
            Operations::Fetch,
            Operations::Find,
            Operations::Close,
        ],
        // We found no limit of Stripe's own: it tries, and the bank may refuse.
        refund_window: None,
    }],
    evidence: Some(super::evidence::RULES),
    // Stripe answers when it is done; a minute covers a request that is still in its hands when our connection breaks.
    processing_window: Duration::from_secs(60),
};

/// What Stripe charges in, of the active codes of ISO 4217.
pub(super) const CURRENCIES: &[&str] = &[
    "AED", "AFN", "ALL", "AMD", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BHD", "BIF", "BMD", "BND", "BOB", "BRL",
    "BSD", "BWP", "BYN", "BZD", "CAD", "CDF", "CHF", "CLP", "CNY", "COP", "CRC", "CVE", "CZK", "DJF", "DKK", "DOP", "DZD", "EGP",
    "ETB", "EUR", "FJD", "FKP", "GBP", "GEL", "GIP", "GMD", "GNF", "GTQ", "GYD", "HKD", "HNL", "HTG", "HUF", "IDR", "ILS", "INR",
    "ISK", "JMD", "JOD", "JPY", "KES", "KGS", "KHR", "KMF", "KRW", "KWD", "KYD", "KZT", "LAK", "LBP", "LKR", "LRD", "LSL", "MAD",
    "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MUR", "MVR", "MWK", "MXN", "MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR", "NZD",
    "OMR", "PAB", "PEN", "PGK", "PHP", "PKR", "PLN", "PYG", "QAR", "RON", "RSD", "RUB", "RWF", "SAR", "SBD", "SCR", "SEK", "SGD",
    "SHP", "SLE", "SOS", "SRD", "SZL", "THB", "TJS", "TND", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH", "UGX", "USD", "UYU", "UZS",
    "VND", "VUV", "WST", "XAF", "XCD", "XCG", "XOF", "XPF", "YER", "ZAR", "ZMW",
];

/// The least charge where Stripe settles in the same currency, in minor units of ISO 4217. Where it converts, the least is the
/// equivalent of its settlement currency's, which only Stripe can tell.
const MINIMUMS: &[(&str, i64)] = &[
    ("AED", 200),
    ("AUD", 50),
    ("BRL", 50),
    ("CAD", 50),
    ("CHF", 50),
    ("CZK", 1_500),
    ("DKK", 250),
    ("EUR", 50),
    ("GBP", 30),
    ("HKD", 400),
    ("HUF", 17_500),
    ("INR", 50),
    ("JPY", 50),
    ("MXN", 1_000),
    ("MYR", 200),
    ("NOK", 300),
    ("NZD", 50),
    ("PLN", 200),
    ("RON", 200),
    ("SEK", 300),
    ("SGD", 50),
    ("THB", 1_000),
    ("USD", 50),
];

#[cfg(test)]
mod tests {
    use super::*;
    use ducat_domain::Currency;

    #[test]
    fn every_currency_of_the_table_is_one_of_iso_4217_and_stands_once() {
        for code in CURRENCIES.iter().copied().chain(MINIMUMS.iter().map(|(code, _)| *code)) {
            assert!(code.parse::<Currency>().is_ok(), "{code}");
            assert!(CURRENCIES.contains(&code), "{code}");
        }
        assert!(CURRENCIES.is_sorted() && MINIMUMS.is_sorted());
    }

    #[test]
    fn an_account_needs_a_key_and_hides_its_secrets() {
        let required: Vec<_> = SPEC.settings.iter().filter(|s| s.required).map(|s| s.name).collect();
        let secret: Vec<_> = SPEC.settings.iter().filter(|s| s.secret).map(|s| s.name).collect();
        assert_eq!((required, secret), (vec!["api_key"], vec!["api_key", "webhook_secret"]));
    }
}
