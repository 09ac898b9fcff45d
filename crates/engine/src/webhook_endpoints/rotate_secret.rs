//! A new shared secret. The old one signs beside it for a while, so that the receiver can change at leisure.

use super::keys::EndpointKeys;
use super::view::{WebhookEndpointView, own};
use crate::idempotency::{Whole, once};
use crate::{Answer, AnswerKind, Engine, Error, Problem, RequestKey};
use ducat_domain::{MerchantId, WebhookEndpointId};
use ducat_store::{Change, EndpointWrite};
use std::time::Duration;

/// How long the old secret signs when nobody says.
const OVERLAP: i64 = 24 * 3600;
/// How long it may sign at the most.
const MAX_OVERLAP: i64 = 7 * 24 * 3600;

/// Makes a new secret; the old one signs for `expires_in` seconds more. As with a new endpoint, only this answer holds the secret.
pub async fn rotate_secret(
    engine: &Engine,
    merchant: MerchantId,
    id: WebhookEndpointId,
    expires_in: Option<i64>,
    key: Option<RequestKey>,
) -> Result<Answer, Error> {
    once(engine, merchant, key, decide(engine, merchant, id, expires_in)).await
}

async fn decide(engine: &Engine, merchant: MerchantId, id: WebhookEndpointId, expires_in: Option<i64>) -> Result<Whole, Error> {
    let overlap = expires_in.unwrap_or(OVERLAP);
    if !(0..=MAX_OVERLAP).contains(&overlap) {
        let detail = format!("must be 0 to {MAX_OVERLAP} seconds");
        return Err(Error::Invalid(Problem::field("out_of_range", "/expires_in", detail)));
    }
    let mut endpoint = own(engine, merchant, id).await?;
    let mut keys = EndpointKeys::open(engine, &endpoint)?;
    let secret = keys.rotate(engine, engine.now().plus(Duration::from_secs(overlap.unsigned_abs())));
    endpoint.sealed_keys = keys.seal(engine, id)?;
    endpoint.version = endpoint.version.saturating_add(1);
    let view = WebhookEndpointView::of(engine, &endpoint, &keys);
    let without_secret = Answer::new(AnswerKind::Done, &view)?;
    let shown = Answer::new(AnswerKind::Done, &WebhookEndpointView { secret: Some(secret.expose().to_owned()), ..view })?;
    let change = Change { endpoints: vec![EndpointWrite::Update(endpoint)], ..Change::default() };
    Ok(Whole::new(change, without_secret).showing(shown))
}
