//! What is shown of a key.

use crate::{Engine, Error};
use ducat_domain::{ApiKey, MerchantId};
use serde::Serialize;
use utoipa::ToSchema;

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

impl ApiKeyView {
    pub(super) fn of(key: &ApiKey) -> Self {
        Self {
            id: key.id.to_string(),
            object: "api_key",
            name: key.name.clone(),
            scope: key.scope.as_str(),
            hint: key.hint.clone(),
            networks: key.networks.clone(),
            expires_at: key.expires_at.map(|t| t.to_string()),
            revoked_at: key.revoked_at.map(|t| t.to_string()),
            last_used_at: key.last_used_at.map(|t| t.to_string()),
            created_at: key.created_at.to_string(),
            key: None,
        }
    }
}

/// A merchant's keys, newest first.
pub async fn list(engine: &Engine, merchant: MerchantId) -> Result<Vec<ApiKeyView>, Error> {
    Ok(engine.store().api_keys(merchant).await?.iter().map(ApiKeyView::of).collect())
}
