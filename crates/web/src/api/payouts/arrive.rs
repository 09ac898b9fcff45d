//! `POST /v1/payouts/{id}/arrive`: tell what the bank credited.

use crate::api::allowed::{Allowed, ToManage};
use crate::api::answer::answered;
use crate::api::asked::Asked;
use crate::api::named::Named;
use crate::app::App;
use crate::problem::Problem;
use crate::reading::Fields;
use axum::extract::State;
use axum::response::Response;
use ducat_domain::PayoutId;
use ducat_engine::settlement::{self, NewArrival};
use serde_json::Value;
use utoipa::ToSchema;

/// What the bank's statement says.
#[derive(ToSchema)]
#[schema(title = "NewArrival", example = json!({ "bank": "main", "credited": 9985, "currency": "EUR", "fee": 15, "reference": "STRIPE 4711" }))]
#[allow(dead_code)]
pub(crate) struct NewArrivalBody {
    /// Your name for the bank account: letters, digits, dots, dashes and underscores.
    bank: String,
    /// Minor units that were credited.
    #[schema(minimum = 1)]
    credited: i64,
    /// In which currency, ISO 4217.
    currency: String,
    /// Minor units that the bank kept, in the same currency; 0 by default.
    #[schema(minimum = 0)]
    fee: Option<i64>,
    /// What the bank's statement calls it.
    reference: Option<String>,
}

fn read(body: Value) -> Result<NewArrival, Problem> {
    let mut fields = Fields::of(body, "", &["bank", "credited", "currency", "fee", "reference"])?;
    Ok(NewArrival {
        bank: fields.required("bank")?,
        credited: fields.required("credited")?,
        currency: fields.required("currency")?,
        fee: fields.optional("fee")?.unwrap_or(0),
        reference: fields.optional("reference")?,
    })
}

/// Books the bank's credit for a payout.
#[utoipa::path(
    post, path = "/v1/payouts/{id}/arrive", tag = "Payouts", operation_id = "payout_arrived", summary = "Book a payout's arrival",
    description = "Books what the bank credited, and what it kept. In the payout's own currency both must sum to its amount; in another the two amounts \
        are the rate. Once only. Needs a key of scope admin.",
    params(
        ("id" = String, Path, description = "`pout_…`"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to repeat the request."),
    ),
    request_body = NewArrivalBody,
    responses((status = 200, description = "The payout, arrived", body = ref("#/components/schemas/Payout"))),
)]
pub(crate) async fn arrive(
    caller: Allowed<ToManage>,
    State(app): State<App>,
    Named(id): Named<PayoutId>,
    asked: Asked,
) -> Result<Response, Problem> {
    let answer = settlement::arrive(&app.engine, caller.merchant, id, read(asked.body)?, asked.key).await?;
    Ok(answered(answer, "/v1/payouts"))
}
