//! Where a page may send the customer, and the policy that lets the browser go there.

use crate::http::Reply;
use url::Url;

/// Sends the browser on with a GET, whatever it sent before.
pub(super) fn see_other(to: &str) -> Reply {
    let reply = Reply::bytes(303, "text/plain; charset=utf-8", b"See other".to_vec());
    // A parsed address is plain ASCII, so nothing in it can break out of the header.
    let target = Url::parse(to).map_or_else(|_| "/".to_owned(), |url| url.to_string());
    reply.header("Location", &target).header("Cache-Control", "no-store").header("Referrer-Policy", "no-referrer")
}

/// The page's policy. Browsers hold a form against `form-action` at every redirect that follows it, and the shop behind the success
/// address may send the customer on, so besides the known addresses any `https:` and any port of this machine is let through.
pub(super) fn policy(targets: &[Option<&str>]) -> String {
    let mut allowed =
        vec!["'self'".to_owned(), "https:".to_owned(), "http://127.0.0.1:*".to_owned(), "http://localhost:*".to_owned()];
    for target in targets.iter().flatten() {
        let Ok(url) = Url::parse(target) else { continue };
        let origin = url.origin().ascii_serialization();
        if url.scheme() == "http" && !allowed.contains(&origin) {
            allowed.push(origin);
        }
    }
    format!(
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action {}; base-uri 'none'; frame-ancestors 'none'",
        allowed.join(" ")
    )
}

/// The address with these query parameters added.
pub(super) fn with_query(address: &str, pairs: &[(&str, &str)]) -> String {
    let Ok(mut url) = Url::parse(address) else { return address.to_owned() };
    url.query_pairs_mut().extend_pairs(pairs);
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_lets_a_form_lead_to_the_shop_and_nothing_run() {
        let policy = policy(&[Some("http://shop.test:8080/ok"), Some("https://shop.example/ok"), None]);
        assert!(policy.contains("http://shop.test:8080") && policy.contains("default-src 'none'") && !policy.contains("script"));
    }

    #[test]
    fn a_redirect_cannot_carry_a_second_header() {
        let reply = see_other("https://a.example/\r\nSet-Cookie: x=1");
        assert!(!reply.header_value("Location").unwrap().contains('\n'));
    }

    #[test]
    fn query_parameters_join_those_that_are_there() {
        assert_eq!(
            with_query("https://a.example/?x=1", &[("payment_intent", "pi_1")]),
            "https://a.example/?x=1&payment_intent=pi_1"
        );
    }
}
