//! What the web is told about its surroundings, and its limits.

use ducat_domain::{Currency, MerchantId};
use ducat_engine::Engine;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// What the router is made of.
pub struct Web {
    /// The use cases.
    pub engine: Engine,
    /// What it is told about its surroundings.
    pub settings: Settings,
    /// How it learns that the program is about to stop.
    pub draining: Draining,
}

/// What the web is told about its surroundings.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The demo shop at `/`, while there is a sandbox to pay at.
    pub demo_shop: Option<DemoShop>,
    /// Who may say for whom they call (`X-Forwarded-For`).
    pub trusted_proxies: Vec<Network>,
    /// How much is accepted.
    pub limits: Limits,
    /// Whether customers reach us by https, which is then made binding (HSTS).
    pub secure: bool,
}

/// The demo shop: a shop like any other, that happens to run in the same process.
#[derive(Clone, Debug)]
pub struct DemoShop {
    /// Who sells.
    pub merchant: MerchantId,
    /// The currency in which prices are shown first: EUR, USD or JPY.
    pub currency: Currency,
    /// The PSP on which the shop insists; routing decides where it is empty.
    pub psp: Option<String>,
}

/// Every limit of the web, in one place.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Calls per second that one API key may make in the long run.
    pub calls_per_second: u32,
    /// Calls that one API key may make at once after a rest.
    pub burst: u32,
    /// Pages per second that may be asked for from one address in the long run, and calls without a good key; 0 is no limit.
    pub visits_per_second: u32,
    /// As many at once after a rest.
    pub visits_at_once: u32,
    /// The largest body of a call, in bytes.
    pub body_bytes: usize,
    /// The largest file of evidence, in bytes.
    pub file_bytes: usize,
    /// The largest message of a PSP, in bytes.
    pub message_bytes: usize,
    /// What all bodies that this node holds may come to, in bytes.
    pub held_bytes: usize,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
    /// How many live streams may be open at once on this node.
    pub streams: usize,
    /// How long one live stream lasts; the browser then comes again.
    pub stream_lifetime: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            calls_per_second: 500,
            burst: 1000,
            visits_per_second: 100,
            visits_at_once: 500,
            body_bytes: 256 * 1024,
            file_bytes: 5 * 1024 * 1024,
            message_bytes: 1024 * 1024,
            held_bytes: 64 * 1024 * 1024,
            body_timeout: Duration::from_secs(15),
            streams: 2000,
            stream_lifetime: Duration::from_secs(600),
        }
    }
}

/// Tells the web that the program is about to stop: `/readyz` answers 503 and live streams end. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Draining(Arc<watch::Sender<bool>>);

impl Default for Draining {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Draining {
    /// Begins: from now on no new work is invited.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }

    /// Whether it has begun.
    pub fn has_begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it begins.
    pub async fn begun(&self) {
        // The sender lives as long as this handle, so waiting ends only by the news.
        let _ = self.0.subscribe().wait_for(|begun| *begun).await;
    }
}

/// A network such as `10.0.0.0/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// The text is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkError;

impl std::fmt::Display for NetworkError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("not a network such as 10.0.0.0/8 or 2001:db8::/32")
    }
}

impl std::error::Error for NetworkError {}

impl Network {
    /// Whether the address lies in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let (ours, theirs, width) = match (self.address, address.to_canonical()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => (u128::from(a.to_bits()), u128::from(b.to_bits()), 32),
            (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits(), b.to_bits(), 128),
            _ => return false,
        };
        let beyond = u32::from(width - self.prefix);
        // Shifting by the whole width is no shift; a prefix of zero contains everything of its kind.
        ours.checked_shr(beyond).unwrap_or(0) == theirs.checked_shr(beyond).unwrap_or(0)
    }
}

impl FromStr for Network {
    type Err = NetworkError;
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let address: IpAddr = address.parse().map_err(|_| NetworkError)?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(width), |p| p.parse().map_err(|_| NetworkError))?;
        if prefix > width { Err(NetworkError) } else { Ok(Self { address, prefix }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_contains_what_shares_its_prefix() {
        let inside = |net: &str, ip: &str| net.parse::<Network>().unwrap().contains(ip.parse().unwrap());
        assert!(inside("10.0.0.0/8", "10.200.1.1") && !inside("10.0.0.0/8", "11.0.0.1"));
        assert!(inside("::1", "::1") && inside("0.0.0.0/0", "203.0.113.9") && inside("2001:db8::/32", "2001:db8:1::7"));
        assert!(inside("127.0.0.1", "::ffff:127.0.0.1") && !inside("::/0", "127.0.0.1"));
        for wrong in ["", "10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/x"] {
            assert_eq!(wrong.parse::<Network>(), Err(NetworkError), "{wrong}");
        }
    }
}
