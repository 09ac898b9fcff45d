//! `POST /v1/payment_orders/{id}/claim`: take a paid order on, once.

use crate::api::allowed::{Allowed, ToPay};
use crate::api::answer::answered;
use crate::api::asked::Asked;
use crate::api::named::Named;
use crate::app::App;
use crate::problem::Problem;
use crate::reading::Fields;
use axum::extract::State;
use axum::response::Response;
use ducat_domain::PaymentOrderId;
use ducat_engine::payments::{self, NewClaim};
use serde_json::Value;
use utoipa::ToSchema;

/// Who takes it on.
#[derive(ToSchema)]
#[schema(title = "NewClaim", example = json!({ "claimed_by": "shop-worker-3" }))]
#[allow(dead_code)]
pub(crate) struct NewClaimBody {
    /// Who claims, in your own words, up to 200 characters; the name of the API key by default.
    claimed_by: Option<String>,
    /// The proof from the return address or the event, where you want it checked.
    proof: Option<String>,
}

fn read(body: Value, caller: &str) -> Result<NewClaim, Problem> {
    let mut fields = Fields::of(body, "", &["claimed_by", "proof"])?;
    let by = fields.optional("claimed_by")?.unwrap_or_else(|| caller.to_owned());
    Ok(NewClaim { by, proof: fields.optional("proof")? })
}

/// Takes a paid order on, once.
#[utoipa::path(
    post, path = "/v1/payment_orders/{id}/claim", tag = "Payment orders", operation_id = "claim_payment_order",
    summary = "Claim a payment order",
    description = "A shop hears of a payment twice: by the returning customer and by the event. Whoever claims the order first gets 200 and fulfils it; \
        everybody later gets 409 `already_claimed`, whose problem says `claimed_by` and `claimed_at`.",
    params(
        ("id" = String, Path, description = "`po_…`"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to repeat the request: the first caller gets the first answer again."),
    ),
    request_body = NewClaimBody,
    responses((status = 200, description = "It is yours", body = ref("#/components/schemas/Claimed"))),
)]
pub(crate) async fn claim(
    caller: Allowed<ToPay>,
    State(app): State<App>,
    Named(id): Named<PaymentOrderId>,
    asked: Asked,
) -> Result<Response, Problem> {
    let new = read(asked.body, &caller.name)?;
    let answer = payments::claim(&app.engine, caller.merchant, id, new, asked.key).await?;
    Ok(answered(answer, "/v1/payment_orders"))
}
