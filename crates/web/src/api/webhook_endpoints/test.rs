//! `POST /v1/webhook_endpoints/{id}/test`: send an event that did not happen, and see how it goes.

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

/// Sends a test.
#[utoipa::path(
    post, path = "/v1/webhook_endpoints/{id}/test", tag = "Webhook endpoints", operation_id = "test_webhook_endpoint",
    summary = "Send a test to a webhook endpoint",
    description = "Sends an event of type `webhook_endpoint.test`, once and now, also while the endpoint is disabled; the answer shows what \
                   was sent and what came back. Takes up to 15 seconds. Needs a key of scope admin.",
    params(
        ("id" = String, Path, description = "`we_…`"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to repeat the request."),
    ),
    responses((status = 200, description = "The delivery, `succeeded` or `dead`", body = ref("#/components/schemas/WebhookDelivery"))),
)]
pub(crate) async fn test(
    caller: Allowed<ToManage>,
    State(app): State<App>,
    Named(id): Named<WebhookEndpointId>,
    asked: Asked,
) -> Result<Response, Problem> {
    Fields::of(asked.body, "", &[])?;
    let answer = webhook_endpoints::test(&app.engine, caller.merchant, id, asked.key).await?;
    Ok(answered(answer, "/v1/webhook_endpoints"))
}
