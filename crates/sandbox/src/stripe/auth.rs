//! Who asks: the key of the request, which opens its own account.

use super::errors::ApiError;
use crate::http::Request;
use base64::Engine as _;

/// What a request's key says.
#[derive(Debug)]
pub(crate) struct Credential {
    /// The account it opens: the key without its prefix.
    pub account: String,
    /// A publishable key may do little.
    pub publishable: bool,
}

/// Reads the key from Basic (as user name) or Bearer.
pub(crate) fn read(request: &Request) -> Result<Credential, ApiError> {
    let key = request.header_value("Authorization").and_then(key_of).unwrap_or_default();
    if key.is_empty() {
        let text = "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication for details, or we can help at https://support.stripe.com/.";
        return Err(ApiError::unauthenticated(text));
    }
    account_of(&key).ok_or_else(|| ApiError::unauthenticated(format!("Invalid API Key provided: {}", masked(&key))))
}

fn key_of(header: &str) -> Option<String> {
    let (scheme, rest) = header.split_once(' ')?;
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Some(rest.trim().to_owned()),
        "basic" => {
            let decoded = base64::engine::general_purpose::STANDARD.decode(rest.trim()).ok()?;
            let text = String::from_utf8(decoded).ok()?;
            Some(text.split_once(':').map_or(text.clone(), |(user, _)| user.to_owned()))
        }
        _ => None,
    }
}

/// The account of a well-formed test key. `sk_test_x`, `rk_test_x` and `pk_test_x` belong together.
pub(crate) fn account_of(key: &str) -> Option<Credential> {
    const MAX_LENGTH: usize = 255;
    let (publishable, name) = match key.split_at_checked(8)? {
        ("sk_test_" | "rk_test_", name) => (false, name),
        ("pk_test_", name) => (true, name),
        _ => return None,
    };
    let plain =
        !name.is_empty() && name.len() <= MAX_LENGTH && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    plain.then(|| Credential { account: name.to_owned(), publishable })
}

/// The key with all but its prefix and last four characters starred out.
fn masked(key: &str) -> String {
    let characters: Vec<char> = key.chars().take(64).collect();
    let shown_start = if key.starts_with("sk_") || key.starts_with("pk_") || key.starts_with("rk_") { 8 } else { 0 };
    let end = characters.len().saturating_sub(4);
    characters.iter().enumerate().map(|(i, c)| if i < shown_start || i >= end { *c } else { '*' }).collect()
}

/// Whether this is a version of Stripe's API by its shape: a date, and since 2024 a name.
pub(crate) fn is_version(text: &str) -> bool {
    let (date, name) = text.split_once('.').map_or((text, None), |(d, n)| (d, Some(n)));
    // Beta features are asked for by suffixes such as `; feature=v1`.
    let name = name.map(|n| n.split(';').next().unwrap_or_default().trim());
    let date = date.split(';').next().unwrap_or_default().trim().as_bytes();
    let shaped =
        date.len() == 10 && date.iter().enumerate().all(|(i, b)| if i == 4 || i == 7 { *b == b'-' } else { b.is_ascii_digit() });
    shaped && name.is_none_or(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_and_bearer_open_the_same_account() {
        let basic = read(&Request::new("GET", "/").header("Authorization", "Basic c2tfdGVzdF9hYmM6")).unwrap();
        let bearer = read(&Request::new("GET", "/").header("Authorization", "Bearer sk_test_abc")).unwrap();
        assert_eq!(basic.account, bearer.account);
        assert!(read(&Request::new("GET", "/")).is_err());
        assert!(account_of("sk_live_abc").is_none());
        assert_eq!(masked("sk_live_abcdefgh"), "sk_live_****efgh");
    }

    #[test]
    fn versions_are_told_by_their_shape() {
        assert!(is_version("2026-05-27.dahlia") && is_version("2020-08-27"));
        assert!(!is_version("tomorrow") && !is_version("2020-08") && !is_version("2026-05-27."));
    }
}
