//! `POST /v1/webhook_endpoints/{id}/deliveries/{delivery_id}/retry`: try a delivery again, now.

use crate::api::allowed::{Allowed, ToManage};
use crate::api::answer::answered;
use crate::api::asked::Asked;
use crate::api::named::NamedWithin;
use crate::app::App;
use crate::problem::Problem;
use crate::reading::Fields;
use axum::extract::State;
use axum::response::Response;
use ducat_domain::{DeliveryId, WebhookEndpointId};
use ducat_engine::deliveries;

/// Tries a delivery again.
#[utoipa::path(
    post, path = "/v1/webhook_endpoints/{id}/deliveries/{delivery_id}/retry", tag = "Webhook endpoints",
    operation_id = "retry_webhook_delivery", summary = "Try a delivery again",
    description = "Now, and then by the schedule from its beginning. One that has arrived stays as it is: its event goes out in a new delivery \
                   (201). Needs a key of scope admin.",
    params(
        ("id" = String, Path, description = "`we_…`"),
        ("delivery_id" = String, Path, description = "`dl_…`"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to repeat the request."),
    ),
    responses(
        (status = 200, description = "It is tried again", body = ref("#/components/schemas/WebhookDelivery")),
        (status = 201, description = "The new delivery", body = ref("#/components/schemas/WebhookDelivery")),
    ),
)]
pub(crate) async fn retry(
    caller: Allowed<ToManage>,
    State(app): State<App>,
    NamedWithin(id, delivery): NamedWithin<WebhookEndpointId, DeliveryId>,
    asked: Asked,
) -> Result<Response, Problem> {
    Fields::of(asked.body, "", &[])?;
    let answer = deliveries::retry(&app.engine, caller.merchant, id, delivery, asked.key).await?;
    Ok(answered(answer, &format!("/v1/webhook_endpoints/{id}/deliveries")))
}
