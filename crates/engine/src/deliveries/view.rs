//! What is shown of a delivery: where it stands, and how each try went.

use super::body;
use crate::webhook_endpoints::own;
use crate::{Engine, Error};
use ducat_domain::webhooks::{Delivery, DeliveryTry, TryAnswer};
use ducat_domain::{DeliveryId, MerchantId, WebhookEndpointId};
use ducat_store::{DeliveryFilter, Page, PageAnchor};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A delivery, as the API shows it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(title = "WebhookDelivery")]
pub struct DeliveryView {
    /// `dl_…`
    pub id: String,
    /// Always `webhook_delivery`.
    pub object: &'static str,
    /// `we_…`
    pub webhook_endpoint: String,
    /// The event that it tells of: what the receiver sees as `webhook-id`.
    pub event: String,
    /// The event's type.
    #[serde(rename = "type")]
    pub kind: String,
    /// `event` (it happened), `replay` (you asked for it again) or `test`.
    pub origin: &'static str,
    /// `pending`, `succeeded` or `dead` (tried no more).
    pub state: &'static str,
    /// How often it was tried.
    pub tries: u32,
    /// When it is tried next, while it is pending, RFC 3339.
    pub next_try_at: Option<String>,
    /// RFC 3339.
    pub created_at: String,
    /// What is sent; only where one delivery is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_body: Option<String>,
    /// Each try, first to last; only where one delivery is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<Vec<TryView>>,
}

/// One try of a delivery.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(title = "WebhookDeliveryTry")]
pub struct TryView {
    /// 1 for the first.
    pub number: u32,
    /// RFC 3339.
    pub at: String,
    /// Milliseconds from the beginning to the head of the answer.
    pub took_ms: u32,
    /// Where it went.
    pub url: String,
    /// What was sent with it; of signatures only their kinds.
    pub request_headers: BTreeMap<String, String>,
    /// What the receiver answered, if it did.
    pub response: Option<ResponseView>,
    /// Why it did not arrive.
    pub error: Option<String>,
}

/// What a receiver answered.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(title = "WebhookResponse")]
pub struct ResponseView {
    /// The HTTP status.
    pub status: u16,
    /// A few of its headers.
    pub headers: BTreeMap<String, String>,
    /// The first 4 KiB of its body; what looks like a card number or a secret is left out.
    pub body: String,
    /// Whether there was more.
    pub truncated: bool,
}

impl DeliveryView {
    pub(crate) fn of(delivery: &Delivery) -> Self {
        Self {
            id: delivery.id.to_string(),
            object: "webhook_delivery",
            webhook_endpoint: delivery.endpoint.to_string(),
            event: delivery.event.to_string(),
            kind: delivery.kind.clone(),
            origin: delivery.origin.as_str(),
            state: delivery.state.as_str(),
            tries: delivery.tries,
            next_try_at: delivery.next_at.map(|t| t.to_string()),
            created_at: delivery.created_at.to_string(),
            request_body: None,
            log: None,
        }
    }

    pub(crate) fn with_log(self, body: String, tries: &[DeliveryTry]) -> Self {
        Self { request_body: Some(body), log: Some(tries.iter().map(TryView::of).collect()), ..self }
    }
}

impl TryView {
    fn of(t: &DeliveryTry) -> Self {
        Self {
            number: t.number,
            at: t.at.to_string(),
            took_ms: t.took_ms,
            url: t.url.clone(),
            request_headers: t.request_headers.iter().cloned().collect(),
            response: t.answer.as_ref().map(ResponseView::of),
            error: t.error.clone(),
        }
    }
}

impl ResponseView {
    fn of(a: &TryAnswer) -> Self {
        let headers = a.headers.iter().cloned().collect();
        Self { status: a.status, headers, body: a.body.clone(), truncated: a.truncated }
    }
}

/// The deliveries of an endpoint, newest first.
pub async fn list(
    engine: &Engine,
    merchant: MerchantId,
    endpoint: WebhookEndpointId,
    filter: DeliveryFilter,
    anchor: PageAnchor<DeliveryId>,
    limit: u32,
) -> Result<Page<DeliveryView>, Error> {
    own(engine, merchant, endpoint).await?;
    let page = engine.store().deliveries(merchant, endpoint, filter, anchor, limit).await?;
    Ok(Page { data: page.data.iter().map(DeliveryView::of).collect(), has_more: page.has_more })
}

/// One delivery with everything that is known of it.
pub async fn get(
    engine: &Engine,
    merchant: MerchantId,
    endpoint: WebhookEndpointId,
    id: DeliveryId,
) -> Result<DeliveryView, Error> {
    let delivery = find(engine, merchant, endpoint, id).await?;
    let body = body::body(engine, &delivery).await?;
    Ok(DeliveryView::of(&delivery).with_log(body.to_string(), &engine.store().tries_of(merchant, id).await?))
}

pub(super) async fn find(
    engine: &Engine,
    merchant: MerchantId,
    endpoint: WebhookEndpointId,
    id: DeliveryId,
) -> Result<Delivery, Error> {
    own(engine, merchant, endpoint).await?;
    engine.store().delivery(merchant, endpoint, id).await?.ok_or(Error::NotFound("webhook delivery"))
}
