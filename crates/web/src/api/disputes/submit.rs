//! `POST /v1/disputes/{id}/evidence`: say what speaks for you.

use crate::api::allowed::{Allowed, ToPay};
use crate::api::answer::answered;
use crate::api::asked::Asked;
use crate::api::named::Named;
use crate::app::App;
use crate::problem::Problem;
use crate::reading::Fields;
use axum::extract::State;
use axum::response::Response;
use ducat_domain::DisputeId;
use ducat_engine::disputes::{self, NewEvidence};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What speaks for you.
#[derive(ToSchema)]
#[schema(title = "NewEvidence", example = json!({ "fields": { "product_description": "Two concert tickets, sent by e-mail" } }))]
#[allow(dead_code)]
pub(crate) struct NewEvidenceBody {
    /// Texts by the name of the field.
    fields: BTreeMap<String, String>,
}

fn read(body: Value) -> Result<NewEvidence, Problem> {
    let mut fields = Fields::of(body, "", &["fields"])?;
    Ok(NewEvidence { fields: fields.optional("fields")?.unwrap_or_default() })
}

/// Hands evidence in.
#[utoipa::path(
    post, path = "/v1/disputes/{id}/evidence", tag = "Disputes", operation_id = "submit_dispute_evidence", summary = "Hand evidence in",
    description = "Sends the PSP what speaks for you: these texts, and the files that were added. Banks look at it once, so add the files first. \
        When the PSP has not confirmed it yet, the answer is 202 and it is sent on by itself.",
    params(
        ("id" = String, Path, description = "`dp_…`"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to repeat the request."),
    ),
    request_body = NewEvidenceBody,
    responses(
        (status = 200, description = "The dispute; the PSP has the evidence", body = ref("#/components/schemas/Dispute")),
        (status = 202, description = "The PSP has not confirmed it yet", body = ref("#/components/schemas/Dispute")),
    ),
)]
pub(crate) async fn submit(
    caller: Allowed<ToPay>,
    State(app): State<App>,
    Named(id): Named<DisputeId>,
    asked: Asked,
) -> Result<Response, Problem> {
    let answer = disputes::submit(&app.engine, caller.merchant, id, read(asked.body)?, asked.key).await?;
    Ok(answered(answer, "/v1/disputes"))
}
