//! Who calls, and whether they may: a handler that takes an [`Allowed`] cannot run for anybody else.

use crate::app::App;
use crate::around::{Facts, whole_seconds};
use crate::problem::{Problem, catalogue as kinds};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ducat_domain::{ApiKeyId, MerchantId, Scope};
use ducat_engine::api_keys::{AuthError, Caller, authenticate};
use std::marker::PhantomData;
use std::sync::Arc;

/// A caller whose key is good, is used from where it may be used, has calls left, and reaches as far as `Need`.
pub(crate) struct Allowed<Need> {
    pub merchant: MerchantId,
    pub scope: Scope,
    /// What the merchant calls the key.
    pub name: String,
    key: ApiKeyId,
    need: PhantomData<Need>,
}

/// What a route needs.
pub(crate) trait Needs {
    const SCOPE: Scope;
}

/// Any key.
pub(crate) struct ToRead;
/// A key that may take payments.
pub(crate) struct ToPay;
/// A key that may do everything.
pub(crate) struct ToManage;

impl Needs for ToRead {
    const SCOPE: Scope = Scope::Read;
}
impl Needs for ToPay {
    const SCOPE: Scope = Scope::Payments;
}
impl Needs for ToManage {
    const SCOPE: Scope = Scope::Admin;
}

impl<Need: Needs> FromRequestParts<App> for Allowed<Need> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let facts = parts.extensions.get::<Arc<Facts>>().cloned();
        let facts = facts.ok_or_else(|| Problem::internal("a route stands outside of the layer around all routes"))?;
        let key = match key(&parts.headers) {
            Ok(key) => key,
            Err(refusal) => return Err(turned_away(app, &facts, refusal).await),
        };
        let caller = match authenticate(&app.engine, &key, facts.client).await {
            Ok(caller) => caller,
            Err(error @ AuthError::Invalid) => return Err(turned_away(app, &facts, error.into()).await),
            Err(error) => return Err(error.into()),
        };
        let taken = app.shares.of_key(caller.key).await;
        facts.note(caller.key, taken.standing);
        if !taken.admitted {
            app.metrics.limited("key");
            let detail = "This API key has made too many calls just now.";
            return Err(Problem::new(&kinds::RATE_LIMITED, detail).retry_after(whole_seconds(taken.wait)));
        }
        reach::<Need>(caller)
    }
}

/// Calls without a key, or with one that is not valid, are counted by address. Only they: a program with an old key does not stop the
/// one beside it.
async fn turned_away(app: &App, facts: &Facts, refusal: Problem) -> Problem {
    match app.shares.of_address(&app.engine, facts.client).await {
        Ok(()) => refusal,
        Err(wait) => {
            app.metrics.limited("address");
            let detail = "Too many calls without a valid key came from your address.";
            Problem::new(&kinds::RATE_LIMITED, detail).retry_after(whole_seconds(wait))
        }
    }
}

fn reach<Need: Needs>(caller: Caller) -> Result<Allowed<Need>, Problem> {
    if !caller.scope.allows(Need::SCOPE) {
        let (needed, has) = (Need::SCOPE.as_str(), caller.scope.as_str());
        let detail = format!("This call needs a key of scope {needed}; this key has the scope {has}.");
        return Err(Problem::new(&kinds::INSUFFICIENT_SCOPE, detail));
    }
    Ok(Allowed { merchant: caller.merchant, scope: caller.scope, name: caller.name, key: caller.key, need: PhantomData })
}

impl<Need> Allowed<Need> {
    /// Who asks, for the books: names of keys are not unique, ids say nothing to people.
    pub fn who(&self) -> String {
        format!("{} ({})", self.name, self.key)
    }
}

/// The key in the request: a Bearer token, or the user name of HTTP Basic.
fn key(headers: &HeaderMap) -> Result<String, Problem> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(Problem::unauthorized("Send the API key as Authorization: Bearer dk_…"));
    };
    let malformed = || Problem::unauthorized("The Authorization header cannot be read. Send Authorization: Bearer dk_…");
    let (scheme, rest) = value.to_str().ok().and_then(|text| text.trim().split_once(' ')).ok_or_else(malformed)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(rest.trim().to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(malformed());
    }
    let decoded = BASE64_STANDARD.decode(rest.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let decoded = decoded.ok_or_else(malformed)?;
    Ok(decoded.split_once(':').map_or(decoded.as_str(), |(user, _)| user).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(value: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        key(&headers).ok()
    }

    #[test]
    fn the_key_is_a_bearer_token_or_the_user_name_of_basic() {
        assert_eq!(sent("Bearer dk_test_1").as_deref(), Some("dk_test_1"));
        assert_eq!(sent("bearer  dk_test_1 ").as_deref(), Some("dk_test_1"));
        // dk_test_1: and dk_test_1:ignored
        assert_eq!(sent("Basic ZGtfdGVzdF8xOg==").as_deref(), Some("dk_test_1"));
        assert_eq!(sent("Basic ZGtfdGVzdF8xOmlnbm9yZWQ=").as_deref(), Some("dk_test_1"));
        for wrong in ["dk_test_1", "Digest x", "Basic %%%", "Bearer"] {
            assert_eq!(sent(wrong), None, "{wrong}");
        }
    }
}
