//! `GET /v1/webhook_endpoints/{id}/deliveries/{delivery_id}`: one delivery with each of its tries.

use crate::api::allowed::{Allowed, ToRead};
use crate::api::answer::shown;
use crate::api::named::NamedWithin;
use crate::app::App;
use crate::problem::Problem;
use axum::extract::State;
use axum::response::Response;
use ducat_domain::{DeliveryId, WebhookEndpointId};
use ducat_engine::deliveries;

/// One delivery.
#[utoipa::path(
    get, path = "/v1/webhook_endpoints/{id}/deliveries/{delivery_id}", tag = "Webhook endpoints", operation_id = "get_webhook_delivery",
    summary = "Get a delivery with its log", description = "What was sent, and how each try went: when, how long it took, what was answered.",
    params(("id" = String, Path, description = "`we_…`"), ("delivery_id" = String, Path, description = "`dl_…`")),
    responses((status = 200, description = "The delivery", body = ref("#/components/schemas/WebhookDelivery"))),
)]
pub(crate) async fn delivery(
    caller: Allowed<ToRead>,
    State(app): State<App>,
    NamedWithin(id, delivery): NamedWithin<WebhookEndpointId, DeliveryId>,
) -> Result<Response, Problem> {
    shown(&deliveries::get(&app.engine, caller.merchant, id, delivery).await?)
}
