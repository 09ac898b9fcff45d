//! Taking an endpoint away for good. What was delivered is kept for its time; the keys are gone at once.

use super::view::own;
use crate::{Engine, Error};
use ducat_domain::webhooks::{EndpointStatus, WebhookEndpoint};
use ducat_domain::{MerchantId, WebhookEndpointId};
use ducat_store::{Change, EndpointWrite};
use serde::Serialize;
use utoipa::ToSchema;

/// What is left of a deleted endpoint.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(title = "DeletedWebhookEndpoint")]
pub struct DeletedView {
    /// `we_…`
    pub id: String,
    /// Always `webhook_endpoint`.
    pub object: &'static str,
    /// Always true.
    pub deleted: bool,
}

/// Deletes an endpoint.
pub async fn delete(engine: &Engine, merchant: MerchantId, id: WebhookEndpointId) -> Result<DeletedView, Error> {
    let endpoint = own(engine, merchant, id).await?;
    let version = endpoint.version.saturating_add(1);
    let gone = WebhookEndpoint { status: EndpointStatus::Deleted, sealed_keys: Vec::new(), version, ..endpoint };
    engine.store().commit(Change { endpoints: vec![EndpointWrite::Update(gone)], ..Change::default() }).await?;
    Ok(DeletedView { id: id.to_string(), object: "webhook_endpoint", deleted: true })
}
