//! What a setting may be: each function takes the text and says the value, or what it must be.

use super::database::Database;
use ducat_domain::Secret;
use ducat_store::{Balances, Statements};
use ducat_web::Network;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use url::Url;

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toggle {
    /// On.
    On,
    /// Off.
    Off,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// 256 bits that encrypt credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(pub [u8; 32]);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

/// A value that may be left out: the empty text is none.
pub(super) fn maybe<T>(parse: impl Fn(&str) -> Result<T, String>) -> impl Fn(&str) -> Result<Option<T>, String> {
    move |text| if text.is_empty() { Ok(None) } else { parse(text).map(Some) }
}

pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "must be an address with a port, such as 127.0.0.1:8080 or [::1]:8080".into())
}

pub(super) fn ip(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| "must be an address without a port, such as 127.0.0.1".into())
}

/// Scheme, host and port, without a slash at the end.
pub fn origin(text: &str) -> Result<String, String> {
    let wanted = || "must be an address such as https://pay.example.com".to_owned();
    let url = Url::parse(text).map_err(|_| wanted())?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(wanted());
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err("must end after the host and port: no path, no query".into());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a name or password".into());
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

pub(super) fn networks(text: &str) -> Result<Vec<Network>, String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(network).collect()
}

fn network(text: &str) -> Result<Network, String> {
    text.parse().map_err(|e| format!("has {text:?}, which is {e}"))
}

/// Networks, as the engine takes them.
pub(super) fn nets(text: &str) -> Result<Vec<ipnet::IpNet>, String> {
    let read = |part: &str| {
        let net = part.parse::<ipnet::IpNet>().or_else(|_| part.parse().map(|address: IpAddr| address.into()));
        net.map(|net| net.trunc()).map_err(|_| format!("has {part:?}, which is not a network such as 127.0.0.0/8"))
    };
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(read).collect()
}

pub(super) fn path(text: &str) -> Result<PathBuf, String> {
    if text.contains('\0') { Err("must be a path".into()) } else { Ok(PathBuf::from(text)) }
}

/// Where everything is kept.
pub(super) fn database(text: &str) -> Result<Database, String> {
    text.parse()
}

/// What becomes of a statement after it was run.
pub(super) fn statements(text: &str) -> Result<Statements, String> {
    match text {
        "kept" => Ok(Statements::Kept),
        "read_anew" => Ok(Statements::ReadAnew),
        _ => Err("must be kept or read_anew".into()),
    }
}

/// Whether balances are kept.
pub fn balances(text: &str) -> Result<Balances, String> {
    Balances::parse(text).ok_or_else(|| "must be kept or summed".into())
}

/// 32 bytes in hexadecimal or base64.
pub fn master_key(text: &str) -> Result<Key, String> {
    use base64::Engine as _;
    let bytes = match text.len() {
        64 => hex::decode(text).ok(),
        _ => base64::engine::general_purpose::STANDARD.decode(text).ok(),
    };
    let key = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    key.map(Key).ok_or_else(|| "must be 32 bytes: 64 hexadecimal digits, or base64 (make one with: openssl rand -hex 32)".into())
}

pub(super) fn name(text: &str) -> Result<String, String> {
    let length = text.trim().chars().count();
    if (1..=100).contains(&length) { Ok(text.trim().to_owned()) } else { Err("must be 1 to 100 characters".into()) }
}

/// A key of the operator's own making. How long it must be depends on whether money is real, which `rules` knows.
pub fn api_key(text: &str) -> Result<Secret, String> {
    let good = (16..=200).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
    if good {
        return Ok(Secret::new(text));
    }
    Err("must be 16 to 200 letters, digits, _ or - (make one with: echo dk_live_$(openssl rand -hex 24))".into())
}

pub(super) fn stripe_key(text: &str) -> Result<Secret, String> {
    let known = ["sk_test_", "sk_live_", "rk_test_", "rk_live_"]
        .iter()
        .any(|prefix| text.len() > prefix.len() && text.starts_with(prefix));
    if text.starts_with("pk_") {
        return Err("is a publishable key (pk_…); the secret or restricted key is needed (sk_… or rk_…)".into());
    }
    if known && printable(text) {
        Ok(Secret::new(text))
    } else {
        Err("must be a key of Stripe, which begins with sk_ or rk_".into())
    }
}

pub(super) fn webhook_secret(text: &str) -> Result<Secret, String> {
    let good = text.len() > 6 && text.starts_with("whsec_") && printable(text);
    if good { Ok(Secret::new(text)) } else { Err("must be a signing secret of Stripe, which begins with whsec_".into()) }
}

fn printable(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

pub(super) fn toggle(text: &str) -> Result<Toggle, String> {
    match text {
        "on" | "true" | "1" => Ok(Toggle::On),
        "off" | "false" | "0" => Ok(Toggle::Off),
        _ => Err("must be on or off".into()),
    }
}

pub(super) fn number<T: TryFrom<u64>, const LEAST: u64, const MOST: u64>(text: &str) -> Result<T, String> {
    let number = text.parse::<u64>().ok().filter(|number| (LEAST..=MOST).contains(number));
    number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| format!("must be a whole number from {LEAST} to {MOST}"))
}

pub(super) fn milliseconds<const LEAST: u64, const MOST: u64>(text: &str) -> Result<Duration, String> {
    number::<u64, LEAST, MOST>(text).map(Duration::from_millis)
}

/// The filter's own parser takes a word that is no level for the name of a part, and logs nothing of all others.
pub(super) fn log_filter(text: &str) -> Result<String, String> {
    let wanted = "error, warn, info, debug, trace or off, also by part, such as info,ducat_engine=debug";
    let mut parts = text.split(',').filter(|part| !part.is_empty()).peekable();
    if parts.peek().is_none() {
        return Err(format!("must be {wanted}"));
    }
    if let Some(wrong) = parts.find(|part| !ends_with_level(part)) {
        return Err(format!("has {wrong:?}, where a level is missing: it must be {wanted}"));
    }
    EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|e| format!("must be {wanted}: {e}"))
}

fn ends_with_level(part: &str) -> bool {
    let level = part.rsplit_once('=').map_or(part, |(_, level)| level);
    !level.is_empty() && level.parse::<LevelFilter>().is_ok()
}

pub(super) fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "pretty" => Ok(LogFormat::Pretty),
        "json" => Ok(LogFormat::Json),
        _ => Err("must be pretty or json".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_web_address_that_ends_after_the_port() {
        assert_eq!(origin("https://Pay.Example.com/").as_deref(), Ok("https://pay.example.com"));
        assert_eq!(origin("http://127.0.0.1:80").as_deref(), Ok("http://127.0.0.1"));
        for wrong in
            ["", "pay.example.com", "ftp://x", "javascript:alert(1)", "https://x/path", "https://u:p@x", "https://x?q", "http://"]
        {
            assert!(origin(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_master_key_is_32_bytes_in_either_notation() {
        let hex = "00".repeat(32);
        assert_eq!(master_key(&hex), Ok(Key([0; 32])));
        assert_eq!(master_key("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), Ok(Key([0; 32])));
        assert!(master_key("short").is_err() && master_key(&"zz".repeat(32)).is_err());
        assert_eq!(format!("{:?}", Key([7; 32])), "Key(…)");
    }

    #[test]
    fn networks_are_read_and_checked() {
        assert_eq!(networks("10.0.0.0/8, ::1").map(|all| all.len()), Ok(2));
        assert!(networks("10.0.0.0/33").is_err() && networks("home").is_err());
    }

    #[test]
    fn a_filter_of_the_log_has_a_level_in_each_part() {
        for good in
            ["info", "WARN", "off", "info,ducat_engine=debug", "ducat_engine::jobs=trace", "warn,[request{id}]=debug", "info,"]
        {
            assert_eq!(log_filter(good).as_deref(), Ok(good));
        }
        for wrong in
            ["loud", "info,loud", "ducat_engine", "ducat_engine=", "ducat_engine=loud", "info, debug", "info ", "=info", "", ","]
        {
            assert!(log_filter(wrong).is_err_and(|why| why.contains("error, warn, info, debug, trace or off")), "{wrong:?}");
        }
        assert!(log_filter("info,loud").unwrap_err().starts_with("has \"loud\", where a level is missing"));
    }

    #[test]
    fn keys_of_the_wrong_kind_are_told_apart() {
        assert!(stripe_key("pk_test_1").unwrap_err().contains("publishable"));
        assert!(stripe_key("sk_test_").is_err() && stripe_key("sk_test_a b").is_err() && stripe_key("sk_test_1").is_ok());
        assert!(api_key("short").is_err() && api_key("dk_test_ with blanks").is_err() && api_key("dk_test_12345678").is_ok());
    }
}
