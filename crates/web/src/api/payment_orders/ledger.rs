//! `GET /v1/payment_orders/{id}/ledger`: what was booked for an order.

use crate::api::allowed::{Allowed, ToRead};
use crate::api::answer::shown;
use crate::api::list::List;
use crate::api::named::Named;
use crate::app::App;
use crate::problem::Problem;
use crate::reading::Query;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use ducat_domain::PaymentOrderId;
use ducat_engine::payments;

/// The journal entries of an order.
#[utoipa::path(
    get, path = "/v1/payment_orders/{id}/ledger", tag = "Payment orders", operation_id = "get_payment_order_ledger",
    summary = "Get an order's journal entries",
    description = "Oldest first. In each entry the lines sum to zero per currency and layer.",
    params(("id" = String, Path, description = "`po_…`")),
    responses((status = 200, description = "The entries", body = ref("#/components/schemas/JournalEntryList"))),
)]
pub(crate) async fn ledger(
    caller: Allowed<ToRead>,
    State(app): State<App>,
    Named(id): Named<PaymentOrderId>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    Query::of(query.as_deref(), &[])?;
    shown(&List::from(payments::ledger(&app.engine, caller.merchant, id).await?))
}
