//! What is shown of an endpoint.

use super::keys::EndpointKeys;
use crate::{Engine, Error};
use ducat_domain::webhooks::{EndpointStatus, WebhookEndpoint};
use ducat_domain::{MerchantId, WebhookEndpointId};
use serde::Serialize;
use utoipa::ToSchema;

/// A webhook endpoint, as the API shows it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(title = "WebhookEndpoint")]
pub struct WebhookEndpointView {
    /// `we_…`
    pub id: String,
    /// Always `webhook_endpoint`.
    pub object: &'static str,
    /// Where deliveries go.
    pub url: String,
    /// What you call it.
    pub description: String,
    /// The types of events that it gets; empty for all.
    pub types: Vec<String>,
    /// `enabled` or `disabled`.
    pub status: &'static str,
    /// `merchant` (you disabled it), `failing` (it failed for days) or `gone` (it answered 410).
    pub disabled_reason: Option<&'static str>,
    /// Since when every try has failed, RFC 3339.
    pub failing_since: Option<String>,
    /// The public half of its Ed25519 key, `whpk_…`: proves the `v1a` signatures.
    pub public_key: String,
    /// The shared secrets that sign now, newest first: two while they rotate.
    pub secrets: Vec<SecretView>,
    /// RFC 3339.
    pub created_at: String,
    /// The newest secret itself, `whsec_…`; only in the answer that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// What is shown of a shared secret.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(title = "WebhookSecret")]
pub struct SecretView {
    /// Its last characters.
    pub hint: String,
    /// Until when it signs, RFC 3339; null for the newest.
    pub expires_at: Option<String>,
}

/// How many characters of a secret are shown.
const SHOWN: usize = 4;

impl WebhookEndpointView {
    pub(super) fn of(engine: &Engine, endpoint: &WebhookEndpoint, keys: &EndpointKeys) -> Self {
        let secret = |s: &super::keys::LiveSecret| {
            let text = s.secret.text();
            let tail = text.expose().len().saturating_sub(SHOWN);
            let hint = format!("whsec_…{}", text.expose().get(tail..).unwrap_or_default());
            SecretView { hint, expires_at: s.until.map(|t| t.to_string()) }
        };
        Self {
            id: endpoint.id.to_string(),
            object: "webhook_endpoint",
            url: endpoint.url.clone(),
            description: endpoint.description.clone(),
            types: endpoint.types.clone(),
            status: if endpoint.status == EndpointStatus::Enabled { "enabled" } else { "disabled" },
            disabled_reason: match endpoint.status {
                EndpointStatus::Enabled => None,
                EndpointStatus::Disabled | EndpointStatus::Deleted => Some("merchant"),
                EndpointStatus::Failing => Some("failing"),
                EndpointStatus::Gone => Some("gone"),
            },
            failing_since: endpoint.failing_since.map(|t| t.to_string()),
            public_key: keys.public(),
            secrets: keys.live(engine.now()).map(secret).collect(),
            created_at: endpoint.created_at.to_string(),
            secret: None,
        }
    }

    pub(crate) fn opened(engine: &Engine, endpoint: &WebhookEndpoint) -> Result<Self, Error> {
        Ok(Self::of(engine, endpoint, &EndpointKeys::open(engine, endpoint)?))
    }
}

/// The merchant's own endpoint; another merchant's and a deleted one are as unknown as none.
pub(crate) async fn own(engine: &Engine, merchant: MerchantId, id: WebhookEndpointId) -> Result<WebhookEndpoint, Error> {
    let found = engine.store().webhook_endpoint(merchant, id).await?;
    found.filter(|e| e.status != EndpointStatus::Deleted).ok_or(Error::NotFound("webhook endpoint"))
}

/// One endpoint of the merchant.
pub async fn get(engine: &Engine, merchant: MerchantId, id: WebhookEndpointId) -> Result<WebhookEndpointView, Error> {
    WebhookEndpointView::opened(engine, &own(engine, merchant, id).await?)
}

/// The merchant's endpoints, oldest first.
pub async fn list(engine: &Engine, merchant: MerchantId) -> Result<Vec<WebhookEndpointView>, Error> {
    let endpoints = engine.store().webhook_endpoints(merchant).await?;
    endpoints.iter().map(|endpoint| WebhookEndpointView::opened(engine, endpoint)).collect()
}
