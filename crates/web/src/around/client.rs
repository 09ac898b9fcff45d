//! The address of the caller: the socket's, or what a trusted proxy says.

use crate::settings::Network;
use axum::extract::{ConnectInfo, Request};
use std::net::{IpAddr, SocketAddr};

/// Where the request comes from. Proxies append the address that they saw, so the list is read from its end, past those that are
/// trusted, to the first that is not: what stands before it could be made up.
pub(super) fn address(request: &Request, trusted: &[Network]) -> Option<IpAddr> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip())?;
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    if !is_trusted(peer) {
        return Some(peer.to_canonical());
    }
    let headers = request.headers().get_all("x-forwarded-for");
    let told: Vec<&str> = headers.iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(',')).map(str::trim).collect();
    let mut nearest = peer;
    for text in told.into_iter().rev() {
        // What cannot be read ends the chain: the last address that is known counts.
        let Ok(address) = text.parse::<IpAddr>() else { break };
        nearest = address;
        if !is_trusted(address) {
            break;
        }
    }
    Some(nearest.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn seen(peer: &str, forwarded: &str) -> String {
        let mut request = Request::builder().header("x-forwarded-for", forwarded).body(Body::empty()).unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 9)));
        let trusted = ["10.0.0.0/8".parse().unwrap(), "127.0.0.1".parse().unwrap()];
        address(&request, &trusted).unwrap().to_string()
    }

    #[test]
    fn only_a_trusted_proxy_may_say_for_whom_it_calls() {
        assert_eq!(seen("203.0.113.7", "198.51.100.1"), "203.0.113.7");
        assert_eq!(seen("127.0.0.1", "198.51.100.1"), "198.51.100.1");
        assert_eq!(seen("127.0.0.1", "1.1.1.1, 198.51.100.1, 10.2.3.4"), "198.51.100.1");
        assert_eq!(seen("127.0.0.1", "198.51.100.1, nonsense"), "127.0.0.1");
        assert_eq!(seen("127.0.0.1", ""), "127.0.0.1");
    }
}
