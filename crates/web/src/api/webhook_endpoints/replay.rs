//! `POST /v1/webhook_endpoints/{id}/replay`: deliver the events of a range of time again.

use crate::api::allowed::{Allowed, ToManage};
use crate::api::answer::answered;
use crate::api::asked::Asked;
use crate::api::named::Named;
use crate::app::App;
use crate::problem::{Problem, catalogue as kinds};
use crate::reading::Fields;
use axum::extract::State;
use axum::response::Response;
use ducat_domain::WebhookEndpointId;
use ducat_engine::webhook_endpoints::{self, NewReplay};
use serde_json::Value;
use utoipa::ToSchema;

/// What is wanted again.
#[derive(ToSchema)]
#[schema(title = "NewWebhookReplay", as = NewWebhookReplay, example = json!({ "created_gte": "2026-11-20T00:00:00Z" }))]
#[allow(dead_code)]
pub(crate) struct NewReplayBody {
    /// Events of this moment or later, RFC 3339.
    created_gte: String,
    /// Events before this moment, RFC 3339; now by default.
    created_lt: Option<String>,
    /// The types of events; empty or missing for those that the endpoint gets anyway.
    types: Option<Vec<String>>,
}

fn read(body: Value) -> Result<NewReplay, Problem> {
    let mut fields = Fields::of(body, "", &["created_gte", "created_lt", "types"])?;
    let missing = || Problem::at(&kinds::MISSING_FIELD, "/created_gte", "created_gte is required.");
    let from = fields.optional("created_gte")?.ok_or_else(missing)?;
    let before = fields.optional("created_lt")?;
    Ok(NewReplay { from, before, types: fields.optional("types")?.unwrap_or_default() })
}

/// Asks for a replay.
#[utoipa::path(
    post, path = "/v1/webhook_endpoints/{id}/replay", tag = "Webhook endpoints", operation_id = "replay_webhook_events",
    summary = "Deliver the events of a range of time again",
    description = "Makes a new delivery of each, under the same `webhook-id`, behind what happens meanwhile. At most 5 replays of an \
                   endpoint at once. Needs a key of scope admin.",
    params(
        ("id" = String, Path, description = "`we_…`"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to repeat the request."),
    ),
    request_body = NewReplayBody,
    responses((status = 200, description = "It is under way", body = ref("#/components/schemas/WebhookReplay"))),
)]
pub(crate) async fn replay(
    caller: Allowed<ToManage>,
    State(app): State<App>,
    Named(id): Named<WebhookEndpointId>,
    asked: Asked,
) -> Result<Response, Problem> {
    let answer = webhook_endpoints::replay(&app.engine, caller.merchant, id, read(asked.body)?, asked.key).await?;
    Ok(answered(answer, "/v1/webhook_endpoints"))
}
