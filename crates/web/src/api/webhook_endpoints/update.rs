//! `POST /v1/webhook_endpoints/{id}`: change an endpoint.

use crate::api::allowed::{Allowed, ToManage};
use crate::api::answer::answered;
use crate::api::asked::Asked;
use crate::api::named::Named;
use crate::app::App;
use crate::problem::Problem;
use crate::reading::Fields;
use axum::extract::State;
use axum::response::Response;
use ducat_domain::WebhookEndpointId;
use ducat_engine::webhook_endpoints::{self, Use, WebhookEndpointPatch};
use serde_json::Value;
use utoipa::ToSchema;

/// What is to change; what is missing stays.
#[derive(ToSchema)]
#[schema(title = "WebhookEndpointUpdate", example = json!({ "status": "disabled" }))]
#[allow(dead_code)]
pub(crate) struct WebhookEndpointUpdate {
    /// Where deliveries go.
    url: Option<String>,
    /// What you call it.
    description: Option<String>,
    /// The types of events that it gets; empty for all.
    types: Option<Vec<String>>,
    /// `enabled` or `disabled`. What happens while it is disabled is delivered when it is enabled again.
    status: Option<String>,
}

fn read(body: Value) -> Result<WebhookEndpointPatch, Problem> {
    let mut fields = Fields::of(body, "", &["url", "description", "types", "status"])?;
    Ok(WebhookEndpointPatch {
        url: fields.optional("url")?,
        description: fields.optional("description")?,
        types: fields.optional("types")?,
        status: fields.choice("status", &[("enabled", Use::Enabled), ("disabled", Use::Disabled)])?,
    })
}

/// Changes an endpoint.
#[utoipa::path(
    post, path = "/v1/webhook_endpoints/{id}", tag = "Webhook endpoints", operation_id = "update_webhook_endpoint",
    summary = "Change a webhook endpoint", description = "What is missing stays as it is. Needs a key of scope admin.",
    params(
        ("id" = String, Path, description = "`we_…`"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to repeat the request."),
    ),
    request_body = WebhookEndpointUpdate,
    responses((status = 200, description = "The endpoint as it is now", body = ref("#/components/schemas/WebhookEndpoint"))),
)]
pub(crate) async fn update(
    caller: Allowed<ToManage>,
    State(app): State<App>,
    Named(id): Named<WebhookEndpointId>,
    asked: Asked,
) -> Result<Response, Problem> {
    let answer = webhook_endpoints::update(&app.engine, caller.merchant, id, read(asked.body)?, asked.key).await?;
    Ok(answered(answer, "/v1/webhook_endpoints"))
}
