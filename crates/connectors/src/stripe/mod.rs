//! Stripe: Checkout Sessions as registrations, PaymentIntents behind them.
use crate::*;

/// Stripe's translator.
#[derive(Debug)]
pub struct Stripe;

impl Connector for Stripe {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }
    fn step(&self, _: &Operation, _: &Account, _: &[Reply]) -> Result<Step, Fault> {
        Err(Fault::Unsupported)
    }
    fn message(&self, _: &VerifiedMessage, _: &Account) -> Result<Message, Fault> {
        Err(Fault::Unsupported)
    }
}

/// Stripe as data.
pub static SPEC: Spec = Spec {
    name: "stripe",
    title: "Stripe",
    base: "https://api.stripe.com",
    base_setting: "api_base",
    auth: Auth::Bearer("api_key"),
    headers: &[("stripe-version", "2026-05-27.dahlia")],
    idempotency: Idempotency { header: "idempotency-key", lifetime: std::time::Duration::from_secs(24 * 3600), errors: ErrorReplay::Stored },
    find: Find::Listing,
    trust: Trust::TimestampedHmacSha256 { header: "stripe-signature", secret_setting: "webhook_secret", tolerance: std::time::Duration::from_secs(300) },
    settings: &[
        Setting { name: "api_key", what: "Secret or restricted key", required: true, secret: true },
        Setting { name: "webhook_secret", what: "Signing secret of the webhook endpoint", required: false, secret: true },
        Setting { name: "api_base", what: "Another address of the API, for a sandbox", required: false, secret: false },
    ],
    capabilities: &[],
    processing_window: std::time::Duration::from_secs(600),
};
