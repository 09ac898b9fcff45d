//! Keys to the API.
use crate::{Answer, Engine, Error, RequestKey};
use ducat_domain::{ApiKeyId, MerchantId, Scope, Secret, Timestamp};
use serde::Serialize;
use std::net::IpAddr;
use utoipa::ToSchema;

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// For whom.
    pub merchant: MerchantId,
    /// By which key.
    pub key: ApiKeyId,
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

/// A key, as the API shows it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(title = "ApiKey")]
pub struct ApiKeyView {
    /// `ak_…`
    pub id: String,
    /// Always `api_key`.
    pub object: &'static str,
    /// What the merchant calls it.
    pub name: String,
    /// `read`, `payments` or `admin`.
    pub scope: &'static str,
    /// The first and last characters.
    pub hint: String,
    /// Empty for all.
    pub networks: Vec<String>,
    /// RFC 3339.
    pub expires_at: Option<String>,
    /// RFC 3339.
    pub revoked_at: Option<String>,
    /// RFC 3339, to the minute.
    pub last_used_at: Option<String>,
    /// RFC 3339.
    pub created_at: String,
    /// The key itself; only in the answer that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

#[allow(unused_variables, missing_docs)]
mod stub {
    use super::*;
    pub async fn authenticate(engine: &Engine, key: &str, from: Option<IpAddr>) -> Result<Caller, AuthError> { unreachable!() }
    pub async fn create(engine: &Engine, merchant: MerchantId, new: NewKey, key: Option<RequestKey>) -> Result<Answer, Error> { unreachable!() }
    pub async fn list(engine: &Engine, merchant: MerchantId) -> Result<Vec<ApiKeyView>, Error> { unreachable!() }
    pub async fn revoke(engine: &Engine, merchant: MerchantId, id: ApiKeyId) -> Result<ApiKeyView, Error> { unreachable!() }
    /// Takes a key that somebody else chose (`DUCAT_BOOTSTRAP_API_KEY`); nothing where it is there already.
    pub async fn adopt(engine: &Engine, merchant: MerchantId, key: &Secret, name: &str) -> Result<(), Error> { unreachable!() }
}
pub use stub::*;
