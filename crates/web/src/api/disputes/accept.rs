//! `POST /v1/disputes/{id}/accept`: give in.

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
use ducat_engine::disputes;

/// Gives in: the payer is right.
#[utoipa::path(
    post, path = "/v1/disputes/{id}/accept", tag = "Disputes", operation_id = "accept_dispute", summary = "Accept a dispute",
    description = "The payer is right, and keeps the money. It cannot be taken back. When the PSP has not confirmed it yet, the answer is 202 and it \
        is told on by itself.",
    params(
        ("id" = String, Path, description = "`dp_…`"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to repeat the request."),
    ),
    responses(
        (status = 200, description = "The dispute; the PSP knows", body = ref("#/components/schemas/Dispute")),
        (status = 202, description = "The PSP has not confirmed it yet", body = ref("#/components/schemas/Dispute")),
    ),
)]
pub(crate) async fn accept(
    caller: Allowed<ToPay>,
    State(app): State<App>,
    Named(id): Named<DisputeId>,
    asked: Asked,
) -> Result<Response, Problem> {
    Fields::of(asked.body, "", &[])?;
    let answer = disputes::accept(&app.engine, caller.merchant, id, asked.key).await?;
    Ok(answered(answer, "/v1/disputes"))
}
