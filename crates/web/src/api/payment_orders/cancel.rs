//! `POST /v1/payment_orders/{id}/cancel`: call an order off.

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
use ducat_engine::payments;

/// Calls an order off.
#[utoipa::path(
    post, path = "/v1/payment_orders/{id}/cancel", tag = "Payment orders", operation_id = "cancel_payment_order",
    summary = "Cancel a payment order",
    description = "Ends the registration at the PSP, so that nobody can pay it any more. When the PSP has not confirmed that yet, the answer is \
        202 and the order goes on by itself. If the customer was faster, the answer is 409 and the order stays paid.",
    params(
        ("id" = String, Path, description = "`po_…`"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to repeat the request."),
    ),
    responses(
        (status = 200, description = "The order, canceled", body = ref("#/components/schemas/PaymentOrder")),
        (status = 202, description = "It will be canceled once the PSP confirms", body = ref("#/components/schemas/PaymentOrder")),
    ),
)]
pub(crate) async fn cancel(
    caller: Allowed<ToPay>,
    State(app): State<App>,
    Named(id): Named<PaymentOrderId>,
    asked: Asked,
) -> Result<Response, Problem> {
    Fields::of(asked.body, "", &[])?;
    let answer = payments::cancel(&app.engine, caller.merchant, id, asked.key).await?;
    Ok(answered(answer, "/v1/payment_orders"))
}
