//! `POST /v1/webhook_endpoints`: add an endpoint. Its secret is in this answer and never again.

use crate::api::allowed::{Allowed, ToManage};
use crate::api::answer::answered;
use crate::api::asked::Asked;
use crate::app::App;
use crate::problem::Problem;
use crate::reading::Fields;
use axum::extract::State;
use axum::response::Response;
use ducat_engine::webhook_endpoints::{self, NewWebhookEndpoint};
use serde_json::Value;
use utoipa::ToSchema;

/// What is set up.
// Only its documentation is derived: it is read by hand, so that every mistake is told with its place.
#[derive(ToSchema)]
#[schema(title = "NewWebhookEndpoint", as = NewWebhookEndpoint, example = json!({
    "url": "https://shop.example/hooks", "description": "Shop", "types": ["payment_order.succeeded", "payment_order.failed"]
}))]
#[allow(dead_code)]
pub(crate) struct NewWebhookEndpointBody {
    /// Where deliveries go: an `https` address of the public internet, at most 2,000 characters.
    url: String,
    /// What you call it, at most 200 characters.
    description: Option<String>,
    /// The types of events that it gets, at most 100; empty or missing for all.
    types: Option<Vec<String>>,
}

fn read(body: Value) -> Result<NewWebhookEndpoint, Problem> {
    let mut fields = Fields::of(body, "", &["url", "description", "types"])?;
    let url = fields.required("url")?;
    let description = fields.optional("description")?.unwrap_or_default();
    Ok(NewWebhookEndpoint { url, description, types: fields.optional("types")?.unwrap_or_default() })
}

/// Adds an endpoint.
#[utoipa::path(
    post, path = "/v1/webhook_endpoints", tag = "Webhook endpoints", operation_id = "create_webhook_endpoint",
    summary = "Add a webhook endpoint",
    description = "It gets what happens from now on, signed as Standard Webhooks says. The answer holds its `secret`, once. At most 20. \
                   Needs a key of scope admin.",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to repeat the request.")),
    request_body = NewWebhookEndpointBody,
    responses((status = 201, description = "The endpoint", body = ref("#/components/schemas/WebhookEndpoint"))),
)]
pub(crate) async fn create(caller: Allowed<ToManage>, State(app): State<App>, asked: Asked) -> Result<Response, Problem> {
    let answer = webhook_endpoints::create(&app.engine, caller.merchant, read(asked.body)?, asked.key).await?;
    Ok(answered(answer, "/v1/webhook_endpoints"))
}
