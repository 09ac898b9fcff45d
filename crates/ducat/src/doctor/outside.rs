//! What lies outside: PSP keys, the address that PSPs and customers use, and the time that others have.

use super::check::{Check, State};
use crate::config::Config;
use crate::system::SystemClock;
use crate::{Failure, wiring};
use ducat_connectors::{HttpMethod, HttpReply};
use ducat_domain::{Clock, MerchantId, Timestamp};
use ducat_engine::Engine;
use ducat_engine::psp::{HttpTransport, Outgoing, Transport};
use ducat_engine::psp_accounts::{self, PspAccountView};
use std::time::Duration;
use url::{Host, Url};

const PATIENCE: Duration = Duration::from_secs(5);
/// Stripe's signatures are good for five minutes; a clock this far off is on its way there.
const DRIFT_WARN: Duration = Duration::from_secs(5);
const DRIFT_FAIL: Duration = Duration::from_secs(120);

pub(super) async fn look(config: &Config) -> Vec<Check> {
    let mut checks = Vec::new();
    let accounts = match accounts(config).await {
        Ok(found) => found,
        Err(e) => {
            checks.push(Check::fail("PSP accounts", e.to_string(), "Look at the master key and the database above."));
            None
        }
    };
    let mut real = config.stripe_api_key.is_some();
    let mut base = config.stripe_api_base.clone();
    if let Some((engine, merchant, accounts)) = accounts {
        checks.extend(keys(&engine, merchant, &accounts).await);
        let active = || accounts.iter().filter(|account| account.active);
        real |= active().any(|account| !account.settings.contains_key("api_base"));
        base = base.or_else(|| active().find_map(|account| account.settings.get("api_base").cloned()));
    }
    let transport = match HttpTransport::new() {
        Ok(transport) => transport,
        Err(e) => {
            checks.push(Check::fail("TLS", e.to_string(), "Install the system's root certificates (Debian: ca-certificates)."));
            return checks;
        }
    };
    checks.push(address(config, real));
    checks.push(reachability(config, &transport).await);
    // Nobody is asked for the time who would not be asked for payments.
    if let Some(base) = base.as_deref().or(real.then_some("https://api.stripe.com")) {
        checks.push(clock(&transport, base).await);
    }
    checks
}

type Accounts = (Engine, MerchantId, Vec<PspAccountView>);

/// The first merchant's accounts; nothing where there is no database yet.
async fn accounts(config: &Config) -> Result<Option<Accounts>, Failure> {
    if wiring::is_new(config).await? {
        return Ok(None);
    }
    let engine = wiring::engine_for_a_verb(config).await?;
    let Some(merchant) = engine.store().merchants().await?.into_iter().next() else { return Ok(None) };
    let accounts = psp_accounts::list(&engine, merchant.id).await?;
    Ok(Some((engine, merchant.id, accounts)))
}

async fn keys(engine: &Engine, merchant: MerchantId, accounts: &[PspAccountView]) -> Vec<Check> {
    const NAME: &str = "PSP key";
    let mut checks = Vec::new();
    for account in accounts.iter().filter(|account| account.active) {
        let shown = format!("{} ({})", account.name, account.id);
        let Ok(id) = account.id.parse() else { continue };
        checks.push(match psp_accounts::check(engine, merchant, id).await {
            Ok(()) => Check::ok(NAME, format!("{shown} is accepted")),
            Err(e) => Check::fail(
                NAME,
                format!("{shown}: {e}"),
                "Look at the key, and whether this machine reaches the PSP. A sandbox answers only while it runs.",
            ),
        });
        if !account.settings.contains_key("webhook_secret") {
            let advice = format!(
                "Make a webhook endpoint at the PSP for {} and set its signing secret; until then payments are found by asking.",
                account.webhook_url
            );
            checks.push(Check::warn("PSP messages", format!("{shown} has no signing secret"), advice));
        }
    }
    if checks.is_empty() {
        checks.push(Check::warn(NAME, "no PSP account takes orders", "Set DUCAT_STRIPE_API_KEY, or let the sandbox run."));
    }
    checks
}

/// Whether the address that is handed out can be one for customers.
fn address(config: &Config, real: bool) -> Check {
    const NAME: &str = "public address";
    let url = wiring::public_url(config, config.listen.port());
    if !real {
        return Check::ok(NAME, url);
    }
    let parsed = Url::parse(&url).ok();
    let loopback = parsed.as_ref().is_none_or(|url| match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback() || ip.is_private(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => true,
    });
    if loopback {
        return Check::warn(
            NAME,
            format!("{url} is not to be had from outside"),
            "Set DUCAT_PUBLIC_URL to the https address that customers and Stripe reach.",
        );
    }
    match parsed.is_some_and(|url| url.scheme() == "https") {
        true => Check::ok(NAME, url),
        false => Check::fail(
            NAME,
            format!("{url} is not https"),
            "Put a proxy with a certificate before the gateway and set DUCAT_PUBLIC_URL.",
        ),
    }
}

async fn reachability(config: &Config, transport: &HttpTransport) -> Check {
    const NAME: &str = "reachable";
    let url = format!("{}/healthz", wiring::public_url(config, config.listen.port()));
    match get(transport, &url).await {
        Ok(reply) if reply.status == 200 => Check::ok(NAME, format!("{url} answers")),
        Ok(reply) => Check::fail(
            NAME,
            format!("{url} answers {}", reply.status),
            "Something else answers at this address, or the proxy does not reach the gateway.",
        ),
        Err(why) => {
            Check::warn(NAME, format!("{url}: {why}"), "Start `ducat serve`; if it runs, look at DNS, proxy and firewall.")
        }
    }
}

async fn clock(transport: &HttpTransport, base: &str) -> Check {
    const NAME: &str = "clock";
    let before = SystemClock.now();
    let reply = match get(transport, &format!("{base}/v1/balance")).await {
        Ok(reply) => reply,
        Err(why) => {
            return Check::warn(
                NAME,
                format!("cannot be compared: {base}: {why}"),
                "Let a time service (chrony, systemd-timesyncd) keep the clock.",
            );
        }
    };
    let after = SystemClock.now();
    match reply.header("date").and_then(read_date) {
        // The header has whole seconds: what lies within the exchange, and a second around it, is no drift.
        Some(theirs) => drift(before.since(theirs.plus(Duration::from_secs(1))).max(theirs.since(after))),
        None => Check::warn(
            NAME,
            format!("cannot be compared: {base} tells no date"),
            "Let a time service (chrony, systemd-timesyncd) keep the clock.",
        ),
    }
}

fn drift(off: Duration) -> Check {
    let detail = format!("{} s off", off.as_secs());
    let advice = "Let a time service (chrony, systemd-timesyncd) set the clock: signatures of PSPs are good for five minutes.";
    match off {
        off if off >= DRIFT_FAIL => Check::fail("clock", detail, advice),
        off if off >= DRIFT_WARN => Check::warn("clock", detail, advice),
        _ => Check { state: State::Ok, name: "clock", detail: "as the PSP's".into(), advice: None },
    }
}

async fn get(transport: &HttpTransport, url: &str) -> Result<HttpReply, String> {
    let request =
        Outgoing { method: HttpMethod::Get, url: url.to_owned(), headers: Vec::new(), body: Vec::new(), timeout: PATIENCE };
    transport.send(request).await.map_err(|e| e.to_string())
}

/// The date of HTTP (RFC 9110, 5.6.7), such as `Sun, 06 Nov 1994 08:49:37 GMT`.
fn read_date(text: &str) -> Option<Timestamp> {
    let parts: Vec<&str> = text.split_ascii_whitespace().collect();
    let [_, day, month, year, time, "GMT"] = parts[..] else { return None };
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = 1 + months.iter().position(|name| *name == month)?;
    Timestamp::parse(&format!("{year}-{month:02}-{day}T{time}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_of_http_is_read() {
        assert_eq!(read_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Timestamp::from_seconds(784_111_777)));
        assert_eq!(read_date("yesterday"), None);
    }

    #[test]
    fn a_clock_far_off_is_a_failure() {
        assert_eq!(drift(Duration::from_secs(1)).state, State::Ok);
        assert_eq!(drift(Duration::from_secs(6)).state, State::Warn);
        assert_eq!(drift(Duration::from_secs(600)).state, State::Fail);
    }
}
