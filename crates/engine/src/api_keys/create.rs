//! Making a key. It is shown once; only its hash is kept.

use super::authenticate::digest;
use super::view::ApiKeyView;
use crate::idempotency::{Whole, once};
use crate::payments::check_text;
use crate::{Answer, AnswerKind, Engine, Error, Problem, RequestKey};
use ducat_domain::{ApiKey, ApiKeyId, MerchantId, Scope, Secret, Timestamp, random_bytes};
use ducat_store::{Change, CommitError, Unique};
use ipnet::IpNet;

/// The most keys a merchant may have, those taken back included.
const MAX_KEYS: usize = 1000;
/// The most networks of a key.
const MAX_NETWORKS: usize = 50;
/// The shortest key that somebody else may choose.
const MIN_ADOPTED: usize = 16;

/// What a new key may do.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// What the merchant calls it.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
    /// The networks it may be used from (`10.0.0.0/8`); empty for all.
    pub networks: Vec<String>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// Makes a key. The answer holds it, so it is never kept: the same request again is refused instead of answered.
pub async fn create(engine: &Engine, merchant: MerchantId, new: NewKey, key: Option<RequestKey>) -> Result<Answer, Error> {
    once(engine, merchant, key, decide(engine, merchant, new)).await
}

async fn decide(engine: &Engine, merchant: MerchantId, new: NewKey) -> Result<Whole, Error> {
    let networks = check(engine, &new)?;
    if engine.store().api_keys(merchant).await?.len() >= MAX_KEYS {
        return Err(Error::Conflict(Problem::new("too_many", format!("there are {MAX_KEYS} API keys already"))));
    }
    let bytes: [u8; 32] = random_bytes(engine.chance());
    let text = format!("dk_test_{}", hex::encode(bytes));
    let kept = kept(engine, merchant, &text, new.name, new.scope, networks, new.expires_at);
    let without_key = Answer::new(AnswerKind::Created, &ApiKeyView::of(&kept))?;
    let shown = Answer::new(AnswerKind::Created, &ApiKeyView { key: Some(text), ..ApiKeyView::of(&kept) })?;
    let change = Change { api_keys: vec![kept], ..Change::default() };
    // Under the caller's key lies the answer without the secret: a repetition shows that the key was made, and not the key.
    Ok(Whole::new(change, without_key).showing(shown))
}

/// Takes a key that somebody else chose; nothing where it is there already.
pub async fn adopt(engine: &Engine, merchant: MerchantId, key: &Secret, name: &str) -> Result<(), Error> {
    let text = key.expose();
    if text.len() < MIN_ADOPTED || !text.chars().all(|c| c.is_ascii_graphic()) {
        let detail = format!("an API key must be at least {MIN_ADOPTED} visible ASCII characters");
        return Err(Error::Invalid(Problem::new("api_key_weak", detail)));
    }
    if engine.store().api_key(digest(text)).await?.is_some() {
        return Ok(());
    }
    let kept = kept(engine, merchant, text, name.to_owned(), Scope::Admin, Vec::new(), None);
    match engine.store().commit(Change { api_keys: vec![kept], ..Change::default() }).await {
        Ok(()) | Err(CommitError::Taken(Unique::Other)) => Ok(()),
        Err(e) => Err(e.into()),
    }
}

fn check(engine: &Engine, new: &NewKey) -> Result<Vec<String>, Error> {
    check_text("/name", &new.name, 1, 100).map_err(Error::Invalid)?;
    if new.networks.len() > MAX_NETWORKS {
        return Err(Error::Invalid(Problem::field("too_many", "/networks", format!("must be at most {MAX_NETWORKS}"))));
    }
    if new.expires_at.is_some_and(|at| at <= engine.now()) {
        return Err(Error::Invalid(Problem::field("out_of_range", "/expires_at", "must be in the future")));
    }
    let network = |(i, text): (usize, &String)| {
        let parsed = text.parse::<IpNet>().or_else(|_| text.parse().map(|address: std::net::IpAddr| address.into()));
        parsed.map(|net| net.trunc().to_string()).map_err(|_| {
            let detail = "must be a network such as 10.0.0.0/8, or an address";
            Error::Invalid(Problem::field("invalid_network", format!("/networks/{i}"), detail))
        })
    };
    new.networks.iter().enumerate().map(network).collect()
}

fn kept(
    engine: &Engine,
    merchant: MerchantId,
    text: &str,
    name: String,
    scope: Scope,
    networks: Vec<String>,
    expires_at: Option<Timestamp>,
) -> ApiKey {
    let now = engine.now();
    let head: String = text.chars().take(8).collect();
    let tail: String = text.chars().skip(text.chars().count().saturating_sub(4)).collect();
    ApiKey {
        id: ApiKeyId::new(now, engine.chance()),
        merchant,
        hash: digest(text),
        hint: format!("{head}…{tail}"),
        name,
        scope,
        networks,
        expires_at,
        revoked_at: None,
        last_used_at: None,
        created_at: now,
    }
}
