//! The verbs that call a running gateway, as a program of the merchant does.

use super::Form;
use crate::config;
use clap::{ArgGroup, Args};
use ducat_domain::{EventId, PaymentOrderId, Secret};
use ducat_engine::deliveries::signature::SharedSecret;
use url::Url;

/// Which gateway, and with which key.
#[derive(Debug, Args)]
#[command(next_help_heading = "Gateway")]
pub struct Target {
    /// Address of the gateway (default: setting public_url, else where the configuration listens).
    #[arg(long, value_name = "URL", value_parser = config::origin)]
    pub url: Option<String>,
    /// API key (default: setting api_key, else the sandbox's key on this machine).
    #[arg(long, value_name = "dk_…", value_parser = config::api_key)]
    pub api_key: Option<Secret>,
}

/// `ducat orders`
#[derive(Debug, Args)]
pub struct Orders {
    /// Show this order with its attempts, refunds and events.
    #[arg(value_name = "po_…", conflicts_with_all = ["reference", "status", "limit"])]
    pub id: Option<PaymentOrderId>,
    /// Show the order with this reference of yours.
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["status", "limit"])]
    pub reference: Option<String>,
    /// Only orders that stand like this: created, pending, processing, authorized, succeeded, failed, canceled or expired.
    #[arg(long, value_name = "STATUS")]
    pub status: Option<String>,
    /// How many, newest first; at most 100.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub limit: u8,
    #[command(flatten)]
    pub form: Form,
    #[command(flatten)]
    pub target: Target,
}

/// `ducat events`
#[derive(Debug, Args)]
pub struct Events {
    /// Go on and show each event as it happens, until Ctrl-C.
    #[arg(long, short)]
    pub follow: bool,
    /// Begin after this event (default: the newest ones).
    #[arg(long, value_name = "evt_…")]
    pub after: Option<EventId>,
    /// Only events of this type; several with commas, or 'payment_order.*'.
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',')]
    pub types: Vec<String>,
    /// How many at the most, up to 100.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub limit: u8,
    #[command(flatten)]
    pub form: Form,
    #[command(flatten)]
    pub target: Target,
}

/// How much; without either, everything.
#[derive(Debug, Args)]
pub struct Amount {
    /// How much, such as 12.34 (default: everything that is left).
    #[arg(long, value_name = "12.34", conflicts_with = "minor")]
    pub amount: Option<String>,
    /// How much in minor units, such as 1234 for 12.34 EUR.
    #[arg(long, value_name = "1234", value_parser = clap::value_parser!(i64).range(1..))]
    pub minor: Option<i64>,
}

/// `ducat refund`
#[derive(Debug, Args)]
pub struct Refund {
    /// Which order.
    #[arg(value_name = "po_…")]
    pub order: PaymentOrderId,
    #[command(flatten)]
    pub amount: Amount,
    /// Why, for your own records.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    #[command(flatten)]
    pub form: Form,
    #[command(flatten)]
    pub target: Target,
}

/// `ducat capture`
#[derive(Debug, Args)]
pub struct Capture {
    /// Which order.
    #[arg(value_name = "po_…")]
    pub order: PaymentOrderId,
    #[command(flatten)]
    pub amount: Amount,
    /// Go on holding the rest, for a later capture (default: the rest is let go).
    #[arg(long)]
    pub keep_rest: bool,
    #[command(flatten)]
    pub form: Form,
    #[command(flatten)]
    pub target: Target,
}

/// `ducat cancel`
#[derive(Debug, Args)]
pub struct Cancel {
    /// Which order.
    #[arg(value_name = "po_…")]
    pub order: PaymentOrderId,
    #[command(flatten)]
    pub form: Form,
    #[command(flatten)]
    pub target: Target,
}

/// `ducat listen`
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("begin").args(["after", "from_start", "replay"]))]
pub struct Listen {
    /// Where each event is sent, such as localhost:4242/webhook.
    #[arg(long, value_name = "URL", value_parser = local_address)]
    pub forward_to: Url,
    /// Only events of this type; several with commas, or 'payment_order.*'.
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',', conflicts_with = "replay")]
    pub types: Vec<String>,
    /// Begin after this event (default: with the next that happens).
    #[arg(long, value_name = "evt_…")]
    pub after: Option<EventId>,
    /// Begin with the first event there is.
    #[arg(long)]
    pub from_start: bool,
    /// Forward only this event, once more, and end. Several times for several.
    #[arg(long, value_name = "evt_…")]
    pub replay: Vec<EventId>,
    /// Sign with this secret (default: one made at the start).
    #[arg(long, value_name = "whsec_…", value_parser = signing_secret)]
    pub secret: Option<SharedSecret>,
    #[command(flatten)]
    pub form: Form,
    #[command(flatten)]
    pub target: Target,
}

/// `ducat trigger`
#[derive(Debug, Args)]
pub struct Trigger {
    /// What is to happen, such as payment_order.succeeded.
    #[arg(value_name = "EVENT", required_unless_present = "list")]
    pub event: Option<String>,
    /// List the events that can be made to happen, and how.
    #[arg(long, conflicts_with = "event")]
    pub list: bool,
    #[command(flatten)]
    pub form: Form,
    #[command(flatten)]
    pub target: Target,
}

fn signing_secret(text: &str) -> Result<SharedSecret, String> {
    SharedSecret::parse(text).map_err(|_| "must be whsec_ and base64 (echo whsec_$(openssl rand -base64 24))".to_owned())
}

/// The address of a program; `http://` may be left out.
fn local_address(text: &str) -> Result<Url, String> {
    let wanted = || "must be an address such as http://localhost:4242/webhook".to_owned();
    let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let url = Url::parse(&whole).map_err(|_| wanted())?;
    let good = matches!(url.scheme(), "http" | "https")
        && url.host_str().is_some_and(|host| !host.is_empty())
        && url.username().is_empty()
        && url.password().is_none();
    if good { Ok(url) } else { Err(wanted()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_program_may_be_short() {
        assert_eq!(local_address("localhost:4242/hook").map(String::from).as_deref(), Ok("http://localhost:4242/hook"));
        assert_eq!(local_address("https://x.example").map(String::from).as_deref(), Ok("https://x.example/"));
        for wrong in ["", "ftp://x", "http://user:word@localhost", "file:///etc/passwd", "http://"] {
            assert!(local_address(wrong).is_err(), "{wrong}");
        }
    }
}
