//! `GET /v1/payment_orders/{id}/stream`: live status, as server-sent events.

use crate::api::allowed::{Allowed, ToRead};
use crate::api::named::Named;
use crate::app::App;
use crate::live;
use crate::problem::Problem;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use ducat_domain::PaymentOrderId;
use ducat_engine::payments::{self, Expand};

/// Tells how the order stands, now and after every change, until it has ended.
#[utoipa::path(
    get, path = "/v1/payment_orders/{id}/stream", tag = "Payment orders", operation_id = "stream_payment_order",
    summary = "Watch a payment order",
    description = "Server-sent events named `status` with data `{\"status\": …, \"version\": …}`: the present one first, then each change, until \
        the order has ended. `Last-Event-ID` is honoured; a reader who has seen the last word gets 204.",
    params(
        ("id" = String, Path, description = "`po_…`"),
        ("Last-Event-ID" = Option<String>, Header, description = "The version that was seen last."),
    ),
    responses(
        (status = 200, description = "The stream", content_type = "text/event-stream", body = String),
        (status = 204, description = "There is nothing more to come"),
    ),
)]
pub(crate) async fn stream(
    caller: Allowed<ToRead>,
    State(app): State<App>,
    Named(id): Named<PaymentOrderId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let order = payments::get(&app.engine, caller.merchant, id, Expand::default()).await?;
    live::watch(&app, id, &order, &headers)
}
