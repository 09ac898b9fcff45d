//! What is asked: the body of a POST as JSON, and the idempotency key that makes it safe to repeat.

use crate::app::App;
use crate::problem::{Problem, catalogue as kinds};
use crate::reading::body::Patience;
use crate::reading::{canonical, json};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use ducat_engine::RequestKey;
use serde_json::{Map, Value};

/// The longest idempotency key, in characters.
const MAX_KEY: usize = 255;

/// The body of a POST, and its idempotency key where it has one.
pub(crate) struct Asked {
    pub body: Value,
    pub key: Option<RequestKey>,
}

impl FromRequest<App> for Asked {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let key = idempotency_key(&parts.headers)?;
        let limits = &app.settings.limits;
        let patience = Patience { bytes: limits.body_bytes, timeout: limits.body_timeout };
        let bytes = app.bodies.read(&parts.headers, body, patience).await?;
        let body = if bytes.is_empty() {
            // A POST that needs to say nothing may say nothing.
            Value::Object(Map::new())
        } else {
            is_json(&parts.headers)?;
            json::parse(&bytes)?
        };
        let fingerprint = || canonical::fingerprint(parts.method.as_str(), parts.uri.path(), &body);
        let key = key.map(|key| RequestKey { key, fingerprint: fingerprint() });
        Ok(Self { body, key })
    }
}

fn is_json(headers: &HeaderMap) -> Result<(), Problem> {
    let declared = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let essence = declared.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Problem::new(&kinds::UNSUPPORTED_MEDIA_TYPE, "Send the body with Content-Type: application/json."))
}

/// The key as plain text, or as a quoted string (RFC 8941), which means the same.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let refused = |detail: &str| Err(Problem::new(&kinds::INVALID_IDEMPOTENCY_KEY, detail));
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return refused("Idempotency-Key stands twice.");
    }
    let text = value.to_str().unwrap_or_default();
    let key = match text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => match unescaped(inner) {
            Some(key) => key,
            None => {
                return refused("Idempotency-Key is no quoted string: a quote or backslash inside is written with a backslash.");
            }
        },
        None => text.to_owned(),
    };
    if key.is_empty() || key.len() > MAX_KEY || !key.bytes().all(|b| b.is_ascii_graphic()) {
        return refused("Idempotency-Key must be 1 to 255 visible ASCII characters.");
    }
    Ok(Some(key))
}

fn unescaped(inner: &str) -> Option<String> {
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => return None,
            '\\' => out.push(chars.next().filter(|c| matches!(c, '"' | '\\'))?),
            plain => out.push(plain),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(value: &str) -> Result<Option<String>, ()> {
        let mut headers = HeaderMap::new();
        headers.insert("idempotency-key", axum::http::HeaderValue::from_bytes(value.as_bytes()).unwrap());
        idempotency_key(&headers).map_err(|_| ())
    }

    #[test]
    fn a_quoted_key_is_the_same_as_a_plain_one() {
        assert_eq!(sent("8e03978e-40d5"), Ok(Some("8e03978e-40d5".into())));
        assert_eq!(sent("\"8e03978e-40d5\""), Ok(Some("8e03978e-40d5".into())));
        assert_eq!(sent(r#""a\"b""#), Ok(Some(r#"a"b"#.into())));
        assert_eq!(idempotency_key(&HeaderMap::new()).unwrap(), None);
    }

    #[test]
    fn keys_that_are_empty_long_or_not_visible_ascii_are_refused() {
        for wrong in ["", "\"\"", "a b", "ä", r#""a"b""#, r#""a\b""#, &"x".repeat(256)] {
            assert_eq!(sent(wrong), Err(()), "{wrong}");
        }
        assert!(sent(&"x".repeat(255)).is_ok());
    }

    #[test]
    fn two_keys_are_none() {
        let mut headers = HeaderMap::new();
        headers.append("idempotency-key", "a".parse().unwrap());
        headers.append("idempotency-key", "b".parse().unwrap());
        assert!(idempotency_key(&headers).is_err());
    }
}
