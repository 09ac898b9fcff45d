//! Adding an endpoint.

use super::check;
use super::keys::EndpointKeys;
use super::view::WebhookEndpointView;
use crate::idempotency::{Whole, once};
use crate::{Answer, AnswerKind, Engine, Error, Problem, RequestKey};
use ducat_domain::webhooks::{EndpointStatus, WebhookEndpoint};
use ducat_domain::{MerchantId, WebhookEndpointId};
use ducat_store::{Change, EndpointWrite};

/// The most endpoints a merchant may have.
pub const MAX_ENDPOINTS: usize = 20;

/// What a merchant sets up.
#[derive(Clone, Debug)]
pub struct NewWebhookEndpoint {
    /// Where deliveries go.
    pub url: String,
    /// What the merchant calls it.
    pub description: String,
    /// The kinds of events that it wants; empty for all.
    pub types: Vec<String>,
}

/// Adds an endpoint. It gets what happens from now on. The answer holds its secret, so it is never kept: the same request again shows that
/// the endpoint was made, and not the secret.
pub async fn create(
    engine: &Engine,
    merchant: MerchantId,
    new: NewWebhookEndpoint,
    key: Option<RequestKey>,
) -> Result<Answer, Error> {
    once(engine, merchant, key, decide(engine, merchant, new)).await
}

async fn decide(engine: &Engine, merchant: MerchantId, new: NewWebhookEndpoint) -> Result<Whole, Error> {
    check::url(engine, &new.url).map_err(Error::Invalid)?;
    check::description(&new.description).map_err(Error::Invalid)?;
    let types = check::types(new.types).map_err(Error::Invalid)?;
    if engine.store().webhook_endpoints(merchant).await?.len() >= MAX_ENDPOINTS {
        return Err(Error::Conflict(Problem::new("too_many", format!("there are {MAX_ENDPOINTS} webhook endpoints already"))));
    }
    let now = engine.now();
    let keys = EndpointKeys::new(engine)?;
    let id = WebhookEndpointId::new(now, engine.chance());
    let endpoint = WebhookEndpoint {
        id,
        merchant,
        url: new.url,
        description: new.description,
        types,
        status: EndpointStatus::Enabled,
        sealed_keys: keys.seal(engine, id)?,
        failing_since: None,
        failures: 0,
        events: 0,
        version: 1,
        created_at: now,
    };
    let view = WebhookEndpointView::of(engine, &endpoint, &keys);
    let without_secret = Answer::new(AnswerKind::Created, &view)?;
    let secret = Some(keys.newest().expose().to_owned());
    let shown = Answer::new(AnswerKind::Created, &WebhookEndpointView { secret, ..view })?;
    let change = Change { endpoints: vec![EndpointWrite::Insert(endpoint)], ..Change::default() };
    Ok(Whole::new(change, without_secret).showing(shown))
}
