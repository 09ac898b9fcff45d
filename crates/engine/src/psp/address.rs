//! Where a PSP's API lives: the PSP's own address, or the one that the account names for a sandbox. Credentials leave this machine only
//! through TLS.

use ducat_connectors::{Account, Fault, Spec};
use http::Uri;
use std::net::IpAddr;

/// The whole address of a request's path.
pub(crate) fn address(spec: &Spec, account: &Account, path: &str) -> Result<String, Fault> {
    let elsewhere = || spec.elsewhere.iter().find(|(beginning, _)| path.starts_with(beginning)).map(|(_, base)| *base);
    let own = || elsewhere().unwrap_or(spec.base);
    let base = account.setting(spec.base_setting).unwrap_or_else(own).trim_end_matches('/');
    let wrong = |why: &str| Fault::Config(format!("{}: {why}", spec.base_setting));
    // Read as the transport reads it, so that what is looked at here is where it goes.
    let uri: Uri = base.parse().map_err(|_| wrong("not an address"))?;
    let authority = uri.authority().ok_or_else(|| wrong("an address without a host"))?;
    match uri.scheme_str() {
        Some("https") => {}
        Some("http") if is_local(authority.host()) => {}
        Some("http") => return Err(wrong("only https is safe beyond this machine")),
        _ => return Err(wrong("neither https nor http")),
    }
    if base.contains(['@', '?', '#']) {
        return Err(wrong("an address with more than host, port and path"));
    }
    // What follows the base must not be able to change its host.
    if path.starts_with('/') { Ok(format!("{base}{path}")) } else { Err(Fault::Protocol("a path without a slash".into())) }
}

fn is_local(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ducat_domain::Secret;

    fn at(base: Option<&str>, path: &str) -> Result<String, Fault> {
        let spec = ducat_connectors::connector("stripe").unwrap().spec();
        let settings = base.map(|base| (spec.base_setting.to_owned(), Secret::new(base))).into_iter().collect();
        address(spec, &Account { settings }, path)
    }

    #[test]
    fn without_a_setting_it_is_the_psp_s_own_address() {
        assert_eq!(at(None, "/v1/refunds").as_deref(), Ok("https://api.stripe.com/v1/refunds"));
    }

    #[test]
    fn what_lives_elsewhere_is_sent_there_and_a_sandbox_has_it_all() {
        assert_eq!(at(None, "/v1/files").as_deref(), Ok("https://files.stripe.com/v1/files"));
        assert_eq!(at(Some("http://localhost:1"), "/v1/files").as_deref(), Ok("http://localhost:1/v1/files"));
    }

    #[test]
    fn a_sandbox_may_be_on_this_machine_without_tls() {
        for base in [
            "http://127.0.0.1:12111",
            "http://127.0.0.1:12111/",
            "http://localhost:1/stripe",
            "http://[::1]:2",
            "https://box.example",
        ] {
            let expected = format!("{}/v1", base.trim_end_matches('/'));
            assert_eq!(at(Some(base), "/v1"), Ok(expected), "{base}");
        }
    }

    #[test]
    fn anything_else_is_a_matter_of_configuration() {
        for base in [
            "http://api.stripe.com",
            "http://127.0.0.1.example",
            "http://localhost.example",
            "http://10.0.0.1",
            "ftp://127.0.0.1",
            "file:///etc",
            "stripe",
            "https://user:word@api.stripe.com",
            "https://api.stripe.com?x=",
            "https://api.stripe.com#x",
        ] {
            assert!(matches!(at(Some(base), "/v1"), Err(Fault::Config(_))), "{base}");
        }
    }

    #[test]
    fn a_path_cannot_change_the_host() {
        assert!(matches!(at(None, "@evil.example/v1"), Err(Fault::Protocol(_))));
    }
}
