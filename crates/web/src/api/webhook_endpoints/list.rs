//! `GET /v1/webhook_endpoints`: the merchant's endpoints, oldest first.

use crate::api::allowed::{Allowed, ToRead};
use crate::api::answer::shown;
use crate::api::list::List;
use crate::app::App;
use crate::problem::Problem;
use crate::reading::Query;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use ducat_engine::webhook_endpoints;

/// Lists the endpoints.
#[utoipa::path(
    get, path = "/v1/webhook_endpoints", tag = "Webhook endpoints", operation_id = "list_webhook_endpoints",
    summary = "List the webhook endpoints", description = "All of them, oldest first.",
    responses((status = 200, description = "The endpoints", body = ref("#/components/schemas/WebhookEndpointList"))),
)]
pub(crate) async fn list(
    caller: Allowed<ToRead>,
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    Query::of(query.as_deref(), &[])?;
    shown(&List::from(webhook_endpoints::list(&app.engine, caller.merchant).await?))
}
