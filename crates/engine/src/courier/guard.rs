//! Where a merchant's address may lead: to the public internet, and to the networks that the operator named. Everything else that this
//! machine can reach (itself, its neighbours, the cloud's metadata) is not for merchants to reach through us.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use url::{Host, Url};

/// The longest address of an endpoint, in characters.
pub const MAX_URL: usize = 2000;

/// Why an address is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It cannot be read.
    #[error("not an address such as https://shop.example/hooks")]
    Shape,
    /// It is too long.
    #[error("longer than {MAX_URL} characters")]
    Long,
    /// It has a user name or a password, or a fragment that would never be sent.
    #[error("an address with a user name, a password or a fragment")]
    Extras,
    /// Only https proves who receives.
    #[error("only https goes beyond the networks that the operator allows")]
    Plain,
    /// The name means a machine of the inside.
    #[error("{0} is a name of the inside, and not of the public internet")]
    Name(String),
    /// The address is none of the public internet.
    #[error("{0} is no address of the public internet")]
    Address(IpAddr),
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(a: u16, b: u16, c: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), prefix)
}

/// What of IPv4 is not the public internet: IANA's registry of special-purpose addresses, multicast and what is reserved, and one
/// address that looks public and is Azure's metadata.
const CLOSED_V4: &[Ipv4Net] = &[
    v4(0, 0, 0, 0, 8),
    v4(10, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10),
    v4(127, 0, 0, 0, 8),
    v4(168, 63, 129, 16, 32),
    v4(169, 254, 0, 0, 16),
    v4(172, 16, 0, 0, 12),
    v4(192, 0, 0, 0, 24),
    v4(192, 0, 2, 0, 24),
    v4(192, 31, 196, 0, 24),
    v4(192, 52, 193, 0, 24),
    v4(192, 88, 99, 0, 24),
    v4(192, 168, 0, 0, 16),
    v4(192, 175, 48, 0, 24),
    v4(198, 18, 0, 0, 15),
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
    v4(224, 0, 0, 0, 4),
    v4(240, 0, 0, 0, 4),
];

/// Of IPv6 only global unicast is open. Loopback, unique local and link-local addresses, multicast, and the forms that carry an IPv4
/// address (NAT64, and v4-mapped, which is looked at as IPv4) lie outside it.
const OPEN_V6: Ipv6Net = v6(0x2000, 0, 0, 3);

/// What of global unicast is closed again: protocol assignments with Teredo, documentation, 6to4 (which carries an IPv4 address), AS112,
/// and the 6bone.
const CLOSED_V6: &[Ipv6Net] = &[
    v6(0x2001, 0, 0, 23),
    v6(0x2001, 0xdb8, 0, 32),
    v6(0x2002, 0, 0, 16),
    v6(0x2620, 0x4f, 0x8000, 48),
    v6(0x3ffe, 0, 0, 16),
    v6(0x3fff, 0, 0, 20),
];

/// Names that never mean a machine of the public internet (RFC 6761 and 6762, and what clouds and homes use).
const INSIDE_NAMES: &[&str] =
    &["localhost", "local", "internal", "intranet", "lan", "home", "corp", "private", "home.arpa", "test", "invalid", "onion"];

/// What is allowed. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    allowed: Vec<IpNet>,
}

impl Guard {
    /// The public internet, and these networks besides.
    pub fn new(allowed: impl IntoIterator<Item = IpNet>) -> Self {
        Self { allowed: allowed.into_iter().collect() }
    }

    /// Whether the operator has named this address.
    pub fn is_named(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.allowed.iter().any(|network| network.contains(&address))
    }

    /// Whether a connection may go to this address.
    pub fn check_address(&self, address: IpAddr) -> Result<(), Refused> {
        let address = address.to_canonical();
        if self.is_named(address) || is_public(address) { Ok(()) } else { Err(Refused::Address(address)) }
    }

    /// Reads an endpoint's address. What its name leads to is only known when it is resolved, and looked at then.
    pub fn check_url(&self, text: &str) -> Result<Url, Refused> {
        if text.chars().count() > MAX_URL {
            return Err(Refused::Long);
        }
        // The parser would drop white space and control characters, and somebody else's parser would not.
        if text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') {
            return Err(Refused::Shape);
        }
        let url = Url::parse(text).map_err(|_| Refused::Shape)?;
        // The parser also repairs `https:shop.example` and `https:///shop.example`.
        let rest = text.get(url.scheme().len()..).unwrap_or_default();
        if !matches!(url.scheme(), "https" | "http") || !rest.starts_with("://") || rest.starts_with(":///") {
            return Err(Refused::Shape);
        }
        // An empty user name is one too: everything before the host that ends in @.
        let authority = rest.get(3..).unwrap_or_default().split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') || url.fragment().is_some() {
            return Err(Refused::Extras);
        }
        if url.port() == Some(0) {
            return Err(Refused::Shape);
        }
        let named = match url.host().ok_or(Refused::Shape)? {
            Host::Ipv4(ip) => self.literal(ip.into())?,
            Host::Ipv6(ip) => self.literal(ip.into())?,
            Host::Domain(name) => self.name(name)?,
        };
        if url.scheme() == "http" && !named { Err(Refused::Plain) } else { Ok(url) }
    }

    /// Whether the operator has named it; refused where it is not public either.
    fn literal(&self, address: IpAddr) -> Result<bool, Refused> {
        self.check_address(address).map(|()| self.is_named(address))
    }

    /// Whether the name may lead to a network that the operator has named.
    fn name(&self, name: &str) -> Result<bool, Refused> {
        if !self.allowed.is_empty() {
            return Ok(true);
        }
        let name = name.trim_end_matches('.');
        let inside = |suffix: &&str| name.strip_suffix(*suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        if !name.contains('.') || INSIDE_NAMES.iter().any(inside) {
            return Err(Refused::Name(name.to_owned()));
        }
        Ok(false)
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(ip) => !CLOSED_V4.iter().any(|network| network.contains(&ip)),
        IpAddr::V6(ip) => OPEN_V6.contains(&ip) && !CLOSED_V6.iter().any(|network| network.contains(&ip)),
    }
}

#[cfg(test)]
mod corpus;
