//! Where a visitor comes from, as far as it tells one from another.

use crate::Engine;
use std::net::{IpAddr, Ipv6Addr};

/// The address, or for IPv6 its network: whoever has one address of it has all 64 bits. One of the inside tells nobody from another: it is
/// a proxy that nobody has named as trusted.
pub(crate) fn origin(ip: IpAddr) -> Option<IpAddr> {
    match ip.to_canonical() {
        IpAddr::V4(v4) if v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified() => None,
        IpAddr::V6(v6) if v6.is_loopback() || v6.is_unspecified() || v6.is_unique_local() || v6.is_unicast_link_local() => None,
        IpAddr::V4(v4) => Some(v4.into()),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Some(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into())
        }
    }
}

/// A name under which visits are counted: a digest under the master key, so that no address leaves the process.
pub fn name(engine: &Engine, ip: IpAddr) -> Option<[u8; 16]> {
    let digest = match origin(ip)? {
        IpAddr::V4(v4) => engine.vault().digest(b"visitor", &v4.octets()),
        IpAddr::V6(v6) => engine.vault().digest(b"visitor", &v6.octets()[..8]),
    };
    digest.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::origin;

    #[test]
    fn an_origin_is_a_public_address_or_a_network_of_ipv6() {
        let shown = |ip: &str| origin(ip.parse().unwrap()).map(|origin| origin.to_string());
        assert_eq!(shown("203.0.113.7").as_deref(), Some("203.0.113.7"));
        assert_eq!(shown("::ffff:203.0.113.7").as_deref(), Some("203.0.113.7"));
        assert_eq!(shown("2001:db8:1:2:3:4:5:6").as_deref(), Some("2001:db8:1:2::"));
        for inside in [
            "127.0.0.1",
            "10.1.2.3",
            "192.168.1.1",
            "169.254.1.1",
            "0.0.0.0",
            "::1",
            "::",
            "fd00::1",
            "fe80::1",
            "::ffff:10.0.0.1",
        ] {
            assert_eq!(shown(inside), None, "{inside}");
        }
    }
}
