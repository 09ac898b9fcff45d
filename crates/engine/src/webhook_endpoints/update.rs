//! Changing an endpoint: its address, its filter, whether it is used.

use super::check;
use super::view::{WebhookEndpointView, own};
use crate::idempotency::{Whole, once};
use crate::{Answer, AnswerKind, Engine, Error, Problem, RequestKey};
use ducat_domain::webhooks::{EndpointStatus, WebhookEndpoint};
use ducat_domain::{MerchantId, WebhookEndpointId};
use ducat_store::{Change, EndpointWrite};

/// Whether an endpoint is to be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// It gets deliveries, those that waited included.
    Enabled,
    /// It gets none. What happens meanwhile waits.
    Disabled,
}

/// What is to change; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct WebhookEndpointPatch {
    /// Where deliveries go.
    pub url: Option<String>,
    /// What the merchant calls it.
    pub description: Option<String>,
    /// The kinds of events that it wants; empty for all.
    pub types: Option<Vec<String>>,
    /// Whether it is to be used.
    pub status: Option<Use>,
}

/// Changes an endpoint.
pub async fn update(
    engine: &Engine,
    merchant: MerchantId,
    id: WebhookEndpointId,
    patch: WebhookEndpointPatch,
    key: Option<RequestKey>,
) -> Result<Answer, Error> {
    let answer = once(engine, merchant, key, decide(engine, merchant, id, patch)).await?;
    engine.wake_dispatcher();
    Ok(answer)
}

async fn decide(
    engine: &Engine,
    merchant: MerchantId,
    id: WebhookEndpointId,
    patch: WebhookEndpointPatch,
) -> Result<Whole, Error> {
    let endpoint = patched(engine, own(engine, merchant, id).await?, patch).map_err(Error::Invalid)?;
    let answer = Answer::new(AnswerKind::Done, &WebhookEndpointView::opened(engine, &endpoint)?)?;
    Ok(Whole::new(Change { endpoints: vec![EndpointWrite::Update(endpoint)], ..Change::default() }, answer))
}

fn patched(engine: &Engine, mut endpoint: WebhookEndpoint, patch: WebhookEndpointPatch) -> Result<WebhookEndpoint, Problem> {
    if let Some(url) = patch.url {
        check::url(engine, &url)?;
        endpoint.url = url;
    }
    if let Some(description) = patch.description {
        check::description(&description)?;
        endpoint.description = description;
    }
    if let Some(types) = patch.types {
        endpoint.types = check::types(types)?;
    }
    match patch.status {
        Some(Use::Enabled) if endpoint.status != EndpointStatus::Enabled => {
            endpoint.status = EndpointStatus::Enabled;
            endpoint.failures = 0;
            endpoint.failing_since = None;
        }
        Some(Use::Disabled) if endpoint.status == EndpointStatus::Enabled => endpoint.status = EndpointStatus::Disabled,
        _ => {}
    }
    endpoint.version = endpoint.version.saturating_add(1);
    Ok(endpoint)
}
