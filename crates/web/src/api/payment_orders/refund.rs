//! `POST /v1/payment_orders/{id}/refunds`: give money back.

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
use ducat_engine::refunds::{self, NewRefund};
use serde_json::Value;
use utoipa::ToSchema;

/// How much to give back, and why.
#[derive(ToSchema)]
#[schema(title = "NewRefund", example = json!({ "amount": 1000, "reason": "one ticket returned" }))]
#[allow(dead_code)]
pub(crate) struct NewRefundBody {
    /// Minor units; without it, all that is left.
    #[schema(minimum = 1)]
    amount: Option<i64>,
    /// Why, in your words; up to 500 characters. The customer does not see it.
    reason: Option<String>,
}

fn read(body: Value) -> Result<NewRefund, Problem> {
    let mut fields = Fields::of(body, "", &["amount", "reason"])?;
    Ok(NewRefund { amount: fields.optional("amount")?, reason: fields.optional("reason")? })
}

/// Gives money of an order back.
#[utoipa::path(
    post, path = "/v1/payment_orders/{id}/refunds", tag = "Refunds", operation_id = "create_refund", summary = "Refund a payment order",
    description = "Gives back a part, or all that is left. Never more than was captured, however many ask at once. The refund is `pending` until the \
        PSP has said its last word, which may take days; events tell of it. A disputed payment is not refunded: the customer could be paid twice.",
    params(
        ("id" = String, Path, description = "`po_…`"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to repeat the request. Use one: two requests without it are two refunds."),
    ),
    request_body = NewRefundBody,
    responses(
        (status = 201, description = "The refund; the PSP has taken it", body = ref("#/components/schemas/Refund")),
        (status = 202, description = "The refund is recorded; the PSP has not answered yet", body = ref("#/components/schemas/Refund")),
    ),
)]
pub(crate) async fn refund(
    caller: Allowed<ToPay>,
    State(app): State<App>,
    Named(id): Named<PaymentOrderId>,
    asked: Asked,
) -> Result<Response, Problem> {
    let answer = refunds::create(&app.engine, caller.merchant, id, read(asked.body)?, asked.key).await?;
    Ok(answered(answer, "/v1/refunds"))
}
