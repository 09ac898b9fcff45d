//! `DELETE /v1/webhook_endpoints/{id}`: take an endpoint away for good.

use crate::api::allowed::{Allowed, ToManage};
use crate::api::answer::shown;
use crate::api::named::Named;
use crate::app::App;
use crate::problem::Problem;
use axum::extract::State;
use axum::response::Response;
use ducat_domain::WebhookEndpointId;
use ducat_engine::webhook_endpoints;

/// Deletes an endpoint.
#[utoipa::path(
    delete, path = "/v1/webhook_endpoints/{id}", tag = "Webhook endpoints", operation_id = "delete_webhook_endpoint",
    summary = "Delete a webhook endpoint",
    description = "For good: nothing is delivered to it any more, not even what waits. To pause it, set its `status`. Needs a key of scope admin.",
    params(("id" = String, Path, description = "`we_…`")),
    responses((status = 200, description = "It is gone", body = ref("#/components/schemas/DeletedWebhookEndpoint"))),
)]
pub(crate) async fn delete(
    caller: Allowed<ToManage>,
    State(app): State<App>,
    Named(id): Named<WebhookEndpointId>,
) -> Result<Response, Problem> {
    shown(&webhook_endpoints::delete(&app.engine, caller.merchant, id).await?)
}
