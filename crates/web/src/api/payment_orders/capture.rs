//! `POST /v1/payment_orders/{id}/capture`: take money that is held.

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
use ducat_engine::captures::{self, NewCapture};
use serde_json::Value;
use utoipa::ToSchema;

/// How much to take.
#[derive(ToSchema)]
#[schema(title = "NewCapture", example = json!({ "amount": 1500, "final": true }))]
#[allow(dead_code)]
pub(crate) struct NewCaptureBody {
    /// Minor units; without it, all that is held.
    #[schema(minimum = 1)]
    amount: Option<i64>,
    /// Whether the rest of the hold is let go; true by default. Further captures need false, and a PSP that can do that.
    #[schema(rename = "final")]
    is_final: Option<bool>,
}

fn read(body: Value) -> Result<NewCapture, Problem> {
    let mut fields = Fields::of(body, "", &["amount", "final"])?;
    Ok(NewCapture { amount: fields.optional("amount")?, is_final: fields.optional("final")? })
}

/// Takes money of an order that is held.
#[utoipa::path(
    post, path = "/v1/payment_orders/{id}/capture", tag = "Payment orders", operation_id = "capture_payment_order",
    summary = "Capture a payment order",
    description = "Takes money of an order with `capture: manual` that is authorized. Without an amount all that is held is taken. A capture is final \
        unless it says otherwise: the rest of the hold is let go. When the PSP has not confirmed it yet, the answer is 202 and the order goes on \
        by itself.",
    params(
        ("id" = String, Path, description = "`po_…`"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to repeat the request."),
    ),
    request_body = NewCaptureBody,
    responses(
        (status = 200, description = "The order, captured", body = ref("#/components/schemas/PaymentOrder")),
        (status = 202, description = "The PSP has not confirmed the capture yet", body = ref("#/components/schemas/PaymentOrder")),
    ),
)]
pub(crate) async fn capture(
    caller: Allowed<ToPay>,
    State(app): State<App>,
    Named(id): Named<PaymentOrderId>,
    asked: Asked,
) -> Result<Response, Problem> {
    let answer = captures::create(&app.engine, caller.merchant, id, read(asked.body)?, asked.key).await?;
    Ok(answered(answer, "/v1/payment_orders"))
}
