//! `GET /v1/webhook_endpoints/{id}`: one endpoint.

use crate::api::allowed::{Allowed, ToRead};
use crate::api::answer::shown;
use crate::api::named::Named;
use crate::app::App;
use crate::problem::Problem;
use axum::extract::State;
use axum::response::Response;
use ducat_domain::WebhookEndpointId;
use ducat_engine::webhook_endpoints;

/// One endpoint; of its secrets only the last characters.
#[utoipa::path(
    get, path = "/v1/webhook_endpoints/{id}", tag = "Webhook endpoints", operation_id = "get_webhook_endpoint",
    summary = "Get a webhook endpoint", description = "Secrets show only their last characters.",
    params(("id" = String, Path, description = "`we_…`")),
    responses((status = 200, description = "The endpoint", body = ref("#/components/schemas/WebhookEndpoint"))),
)]
pub(crate) async fn get(
    caller: Allowed<ToRead>,
    State(app): State<App>,
    Named(id): Named<WebhookEndpointId>,
) -> Result<Response, Problem> {
    shown(&webhook_endpoints::get(&app.engine, caller.merchant, id).await?)
}
