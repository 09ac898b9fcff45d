//! What a person reads when the gateway is ready: where everything is, the key, and a command that works when it is pasted.

use crate::config::Database;
use crate::first_start::{KeyAtHand, Start};
use std::fmt::Write;
use std::path::Path;

/// What the banner tells of.
pub struct Facts<'a> {
    /// Where the gateway is.
    pub url: &'a str,
    /// Where the sandbox is, while it runs.
    pub sandbox: Option<&'a str>,
    /// Where the keys lie, and the database where it is a file.
    pub data: &'a Path,
    /// Where everything else is kept.
    pub database: &'a Database,
    /// What the start found or made.
    pub start: &'a Start,
}

/// The banner.
pub fn text(facts: &Facts<'_>) -> String {
    let kept = match facts.database {
        Database::Sqlite(_) => facts.data.display().to_string(),
        server @ Database::Postgres(_) => format!("{server}, the keys in {}", facts.data.display()),
    };
    let mut text = format!("Ducat {} is ready. Everything is kept in {kept}.\n\n", env!("CARGO_PKG_VERSION"));
    let mut line = |name: &str, what: &str| {
        // Writing into a text cannot fail.
        let _ = writeln!(text, "  {name:<9} {what}");
    };
    let url = facts.url;
    // The shop sells on the sandbox's account and on no real one.
    if facts.sandbox.is_some() && facts.start.real_account.is_none() {
        line("Shop", &format!("{url}/"));
        line("", "pay with 4242 4242 4242 4242, any date to come, any CVC");
    }
    line("API", &format!("{url}/docs"));
    if let Some(sandbox) = facts.sandbox {
        line("Sandbox", &format!("{sandbox} (Stripe in a box)"));
    }
    match &facts.start.real_account {
        Some(account) if account.settings.contains_key("webhook_secret") => {
            line("Stripe", &format!("{} sends to {}", account.id, account.webhook_url))
        }
        Some(account) => {
            line("Stripe", &format!("make a webhook endpoint at Stripe for {}", account.webhook_url));
            line("", "and set DUCAT_STRIPE_WEBHOOK_SECRET; until then payments are found by asking");
        }
        None if facts.sandbox.is_none() => line("Stripe", "no account yet: set DUCAT_STRIPE_API_KEY, or DUCAT_SANDBOX=on"),
        None => {}
    }
    let key = match &facts.start.key {
        KeyAtHand::Sandbox(key) => {
            line("API key", key.expose());
            key.expose()
        }
        KeyAtHand::New(key) => {
            line("API key", &format!("{} (shown only now)", key.expose()));
            key.expose()
        }
        KeyAtHand::Elsewhere => {
            line("API key", "one of yours; `ducat keys create` makes another");
            "YOUR_KEY"
        }
    };
    // Without an account there is nowhere to send an order.
    if facts.sandbox.is_some() || facts.start.real_account.is_some() {
        text.push_str("\nCreate an order, and open its checkout_url:\n\n");
        text.push_str(&order_command(url, key));
    }
    text
}

/// One line, so that it survives every shell and every terminal.
fn order_command(url: &str, key: &str) -> String {
    let order = r#"{"reference":"order-1001","amount":4999,"currency":"EUR","description":"Two tickets"}"#;
    format!("  curl {url}/v1/payment_orders -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' -d '{order}'\n")
}
