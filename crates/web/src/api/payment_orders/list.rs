//! `GET /v1/payment_orders`: the merchant's orders, newest first.

use crate::api::allowed::{Allowed, ToRead};
use crate::api::answer::shown;
use crate::api::list::List;
use crate::app::App;
use crate::problem::Problem;
use crate::reading::Query;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use ducat_domain::payments::OrderStatus;
use ducat_engine::payments;
use ducat_store::OrderFilter;

const KNOWN: &[&str] = &["reference", "status", "created_gte", "created_lt", "limit", "starting_after", "ending_before"];

fn filter(query: &Query) -> Result<OrderFilter, Problem> {
    let status = |text: &str| OrderStatus::ALL.iter().copied().find(|status| status.as_str() == text);
    let names: Vec<&str> = OrderStatus::ALL.iter().map(|status| status.as_str()).collect();
    Ok(OrderFilter {
        reference: query.text("reference").map(str::to_owned),
        status: query.parsed("status", &format!("one of {}", names.join(", ")), status)?,
        created_gte: query.moment("created_gte")?,
        created_lt: query.moment("created_lt")?,
    })
}

/// Lists orders.
#[utoipa::path(
    get, path = "/v1/payment_orders", tag = "Payment orders", operation_id = "list_payment_orders", summary = "List payment orders",
    description = "Newest first.",
    params(
        ("reference" = Option<String>, Query, description = "Your own order id."),
        ("status" = Option<String>, Query, description = "created, pending, processing, authorized, succeeded, failed, canceled or expired."),
        ("created_gte" = Option<String>, Query, description = "Created at this moment or later, RFC 3339."),
        ("created_lt" = Option<String>, Query, description = "Created before this moment, RFC 3339."),
        ("limit" = Option<u32>, Query, description = "1 to 100; 20 by default."),
        ("starting_after" = Option<String>, Query, description = "The id of the last order of the page before."),
        ("ending_before" = Option<String>, Query, description = "The id of the first order of the page after."),
    ),
    responses((status = 200, description = "A page of orders", body = ref("#/components/schemas/PaymentOrderList"))),
)]
pub(crate) async fn list(
    caller: Allowed<ToRead>,
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let query = Query::of(query.as_deref(), KNOWN)?;
    let (filter, anchor, limit) = (filter(&query)?, query.anchor()?, query.limit()?);
    let page = payments::list(&app.engine, caller.merchant, filter, anchor, limit).await?;
    shown(&List::from(page))
}
