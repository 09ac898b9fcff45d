//! `POST /v1/webhook_endpoints/{id}/rotate_secret`: a new secret, beside the old one for a while.

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
use ducat_engine::webhook_endpoints;
use utoipa::ToSchema;

/// How the secret is changed.
#[derive(ToSchema)]
#[schema(title = "SecretRotation", example = json!({ "expires_in": 86400 }))]
#[allow(dead_code)]
pub(crate) struct SecretRotation {
    /// For how many seconds the old secret signs as well: 86400 (a day) by default, at most 604800; 0 puts it out of use at once.
    expires_in: Option<i64>,
}

/// Makes a new secret.
#[utoipa::path(
    post, path = "/v1/webhook_endpoints/{id}/rotate_secret", tag = "Webhook endpoints", operation_id = "rotate_webhook_secret",
    summary = "Change a webhook endpoint's secret",
    description = "The answer holds the new `secret`, once. Until the old one ends, every delivery carries a signature with each. At most \
                   two are live. Needs a key of scope admin.",
    params(
        ("id" = String, Path, description = "`we_…`"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to repeat the request."),
    ),
    request_body = SecretRotation,
    responses((status = 200, description = "The endpoint as it is now", body = ref("#/components/schemas/WebhookEndpoint"))),
)]
pub(crate) async fn rotate_secret(
    caller: Allowed<ToManage>,
    State(app): State<App>,
    Named(id): Named<WebhookEndpointId>,
    asked: Asked,
) -> Result<Response, Problem> {
    let expires_in = Fields::of(asked.body, "", &["expires_in"])?.optional("expires_in")?;
    let answer = webhook_endpoints::rotate_secret(&app.engine, caller.merchant, id, expires_in, asked.key).await?;
    Ok(answered(answer, "/v1/webhook_endpoints"))
}
