//! Who calls, by the key they bring.

use crate::{Engine, Error};
use ducat_domain::{ApiKeyId, MerchantId, Scope};
use ipnet::IpNet;
use sha2::{Digest, Sha256};
use std::net::IpAddr;

/// The longest key that is looked at.
const MAX_KEY: usize = 256;

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// For whom.
    pub merchant: MerchantId,
    /// By which key.
    pub key: ApiKeyId,
    /// What the merchant calls the key.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
}

/// Why a key is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// Unknown, revoked or expired: the caller cannot tell which.
    #[error("the API key is not valid")]
    Invalid,
    /// The key may not be used from this address.
    #[error("the API key may not be used from this network")]
    Network,
    /// Something of ours failed.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// Finds the caller. Keys are compared by their hash, so the time it takes tells nothing about them.
pub async fn authenticate(engine: &Engine, key: &str, from: Option<IpAddr>) -> Result<Caller, AuthError> {
    if key.is_empty() || key.len() > MAX_KEY {
        return Err(AuthError::Invalid);
    }
    let hash = digest(key);
    let now = engine.now();
    // Asked before the key is read: if one is taken back meanwhile, what was read is not believed.
    let generation = engine.cache().generation();
    let found = match engine.keys().get(&hash, generation, now) {
        Some(key) => key,
        None => {
            let key = engine.store().api_key(hash).await.map_err(Error::from)?.ok_or(AuthError::Invalid)?;
            engine.keys().put(key.clone(), generation, now);
            key
        }
    };
    if found.revoked_at.is_some() || found.expires_at.is_some_and(|at| at <= now) {
        return Err(AuthError::Invalid);
    }
    if !found.networks.is_empty() {
        let from = from.ok_or(AuthError::Network)?.to_canonical();
        let inside = found.networks.iter().filter_map(|n| n.parse::<IpNet>().ok()).any(|n| n.contains(&from));
        if !inside {
            return Err(AuthError::Network);
        }
    }
    engine.keys().note_use(&found, now);
    Ok(Caller { merchant: found.merchant, key: found.id, name: found.name, scope: found.scope })
}

/// What is kept of a key.
pub(super) fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}
