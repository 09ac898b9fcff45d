//! What holds between settings.

use super::{Config, Mistakes, Source};

/// A shorter key could be guessed.
const LEAST_FOR_REAL_MONEY: usize = 32;

/// Notes each pair of settings that do not go together.
pub(super) fn check(config: &Config, mistakes: &mut Mistakes) {
    let source = |name: &str| {
        config.origins.iter().find(|origin| origin.setting.name == name).map_or(&Source::Default, |origin| &origin.source)
    };
    let mut refuse = |name: &str, what: &str| mistakes.refuse(name, source(name), what);
    let (lease, timeout) = (config.lease_ms.as_millis(), config.psp_timeout_ms.as_millis());
    if lease <= timeout {
        let or = "or work is taken away while a PSP still has time to answer";
        // Who set one of them hears of that one.
        match source("lease_ms") {
            Source::Default => refuse("psp_timeout_ms", &format!("must be shorter than lease_ms, which is {lease}, {or}")),
            _ => refuse("lease_ms", &format!("must be longer than psp_timeout_ms, which is {timeout}, {or}")),
        }
    }
    let real_money = config.stripe_api_key.as_ref().is_some_and(|key| key.expose().contains("_live_"));
    if real_money && config.bootstrap_api_key.as_ref().is_some_and(|key| key.expose().len() < LEAST_FOR_REAL_MONEY) {
        refuse(
            "bootstrap_api_key",
            "must have at least 32 characters where money is real (echo dk_live_$(openssl rand -hex 24))",
        );
    }
    if config.stripe_api_key.is_none() {
        if config.stripe_webhook_secret.is_some() {
            refuse("stripe_webhook_secret", "is of no use without stripe_api_key");
        }
        if config.stripe_api_base.is_some() {
            refuse("stripe_api_base", "is of no use without stripe_api_key");
        }
    }
}
