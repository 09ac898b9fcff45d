//! What is wrong with the address of a server, before anybody calls it. Nothing that may be part of a password is said.

use std::error::Error;
use tokio_postgres::Config;

/// Options of addresses that other programs know. Any other word may be a piece of a password that was not written with % and two digits.
const NOT_HERE: &[&str] = &[
    "sslrootcert",
    "sslcert",
    "sslkey",
    "sslpassword",
    "sslcrl",
    "passfile",
    "service",
    "client_encoding",
    "fallback_application_name",
    "gssencmode",
    "krbsrvname",
    "requirepeer",
    "ssl_min_protocol_version",
    "search_path",
    "schema",
    "pgbouncer",
];

/// What keeps an address from being understood.
pub(crate) fn mistake(url: &str) -> Option<String> {
    let why = url.parse::<Config>().err()?;
    let why = why.source().map(ToString::to_string).unwrap_or_default();
    let named = why.split('`').nth(1).unwrap_or_default();
    Some(match named {
        "sslmode" => "sslmode is disable, prefer or require; require checks the server's certificate and its name".to_owned(),
        _ if !why.starts_with("unknown option") => format!("is not understood: {why}"),
        _ if NOT_HERE.contains(&named) => format!("has the option {named}, which is not known here"),
        _ => "has an option after the question mark that is not known here".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::mistake;

    #[test]
    fn a_mistake_is_named_and_no_password() {
        let told = |rest: &str| mistake(&format!("postgres://ducat:hidden@db{rest}")).unwrap();
        assert!(told("/d?sslmode=verify-full").starts_with("sslmode is disable, prefer or require"));
        assert!(told("/d?sslrootcert=hidden").contains("option sslrootcert,"));
        assert!(told(":port/d").contains("`port`"), "{}", told(":port/d"));
        assert!(told("/d?connect_timeout=hidden").contains("`connect_timeout`"));
        for rest in ["/d?password=a&hidden=b", "/d?password=a&hidden", "/d?port=hidden", "/d?user=%ffhidden"] {
            assert!(!told(rest).contains("hidden"), "{}", told(rest));
        }
    }

    #[test]
    fn what_can_be_called_is_no_mistake() {
        for url in [
            "postgres://x/y",
            "postgres://u:p%40@a:5433,b/y?target_session_attrs=read-write&sslmode=require",
            "postgres:///d?host=/run",
        ] {
            assert_eq!(mistake(url), None, "{url}");
        }
    }
}
