//! Where a PSP's API lives: the PSP's own address, or the one that the account names for a sandbox. Credentials leave this machine only
//! through TLS.

use ducat_connectors::{Account, Fault, Spec};
use url::{Host, Url};

/// The whole address of a request's path.
pub(crate) fn address(spec: &Spec, account: &Account, path: &str) -> Result<String, Fault> {
    let elsewhere = || spec.elsewhere.iter().find(|(beginning, _)| path.starts_with(beginning)).map(|(_, base)| *base);
    let own = || elsewhere().unwrap_or(spec.base);
    let base = account.setting(spec.base_setting).unwrap_or_else(own).trim_end_matches('/');
    let wrong = |why: &str| Fault::Config(format!("{}: {why}", spec.base_setting));
    // Written as browsers write it, and sent so: what is looked at here is where it goes.
    let url = Url::parse(base).map_err(|_| wrong("not an address"))?;
    let is_local = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => return Err(wrong("an address without a host")),
    };
    match url.scheme() {
        "https" => {}
        "http" if is_local => {}
        "http" => return Err(wrong("only https is safe beyond this machine")),
        _ => return Err(wrong("neither https nor http")),
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("an address with more than host, port and path"));
    }
    // What follows the base must not be able to change its host.
    if !path.starts_with('/') {
        return Err(Fault::Protocol("a path without a slash".into()));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned() + path)
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
    fn an_address_in_other_letters_is_written_as_browsers_write_it() {
        assert_eq!(at(Some("HTTPS://bücher.example/ä"), "/v1").as_deref(), Ok("https://xn--bcher-kva.example/%C3%A4/v1"));
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
            "http://127.0.0.1:121111",
            "https://box.example:84x3",
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
