//! `GET /v1/payment_orders/{id}`: one order.

use crate::api::allowed::{Allowed, ToRead};
use crate::api::answer::shown;
use crate::api::named::Named;
use crate::app::App;
use crate::problem::Problem;
use crate::reading::Query;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use ducat_domain::PaymentOrderId;
use ducat_engine::payments::{self, Expand};

const EXPANDABLE: &[&str] = &["attempts", "captures", "refunds", "disputes", "events"];

/// One order.
#[utoipa::path(
    get, path = "/v1/payment_orders/{id}", tag = "Payment orders", operation_id = "get_payment_order", summary = "Get a payment order",
    params(
        ("id" = String, Path, description = "`po_…`"),
        ("expand" = Option<String>, Query, description = "`attempts`, `captures`, `refunds`, `disputes`, `events`; several with a comma between."),
    ),
    responses((status = 200, description = "The order", body = ref("#/components/schemas/PaymentOrder"))),
)]
pub(crate) async fn get(
    caller: Allowed<ToRead>,
    State(app): State<App>,
    Named(id): Named<PaymentOrderId>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let words = Query::of(query.as_deref(), &["expand"])?.words("expand", EXPANDABLE)?;
    let wants = |word: &str| words.iter().any(|w| w == word);
    let expand = Expand {
        attempts: wants("attempts"),
        captures: wants("captures"),
        refunds: wants("refunds"),
        disputes: wants("disputes"),
        events: wants("events"),
    };
    shown(&payments::get(&app.engine, caller.merchant, id, expand).await?)
}
