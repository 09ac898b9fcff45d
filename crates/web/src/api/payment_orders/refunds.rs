//! `GET /v1/payment_orders/{id}/refunds`: what was given back of an order.

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
use ducat_engine::payments::{self, Expand};
use ducat_engine::refunds;
use ducat_store::PartFilter;

/// The refunds of an order.
#[utoipa::path(
    get, path = "/v1/payment_orders/{id}/refunds", tag = "Refunds", operation_id = "list_payment_order_refunds",
    summary = "List an order's refunds",
    description = "Newest first.",
    params(
        ("id" = String, Path, description = "`po_…`"),
        ("limit" = Option<u32>, Query, description = "1 to 100; 20 by default."),
        ("starting_after" = Option<String>, Query, description = "The id of the last refund of the page before."),
        ("ending_before" = Option<String>, Query, description = "The id of the first refund of the page after."),
    ),
    responses((status = 200, description = "A page of refunds", body = ref("#/components/schemas/RefundList"))),
)]
pub(crate) async fn refunds(
    caller: Allowed<ToRead>,
    State(app): State<App>,
    Named(id): Named<PaymentOrderId>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let query = Query::of(query.as_deref(), &["limit", "starting_after", "ending_before"])?;
    // An order that is not the caller's is unknown, and not merely without refunds.
    payments::get(&app.engine, caller.merchant, id, Expand::default()).await?;
    let filter = PartFilter { order: Some(id), status: None };
    let page = refunds::list(&app.engine, caller.merchant, filter, query.anchor()?, query.limit()?).await?;
    shown(&List::from(page))
}
