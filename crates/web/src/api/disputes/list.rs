//! `GET /v1/disputes`: the merchant's disputes, newest first.

use crate::api::allowed::{Allowed, ToRead};
use crate::api::answer::shown;
use crate::api::list::List;
use crate::app::App;
use crate::problem::Problem;
use crate::reading::Query;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use ducat_domain::payments::DisputeStatus;
use ducat_engine::disputes;
use ducat_store::PartFilter;

const KNOWN: &[&str] = &["payment_order", "status", "limit", "starting_after", "ending_before"];

fn filter(query: &Query) -> Result<PartFilter, Problem> {
    let names: Vec<&str> = DisputeStatus::ALL.iter().map(|status| status.as_str()).collect();
    let status = |text: &str| names.iter().copied().find(|name| *name == text);
    Ok(PartFilter {
        order: query.parsed("payment_order", "the id of a payment order", |text| text.parse().ok())?,
        status: query.parsed("status", &format!("one of {}", names.join(", ")), status)?,
    })
}

/// Lists disputes.
#[utoipa::path(
    get, path = "/v1/disputes", tag = "Disputes", operation_id = "list_disputes", summary = "List disputes",
    description = "Newest first.",
    params(
        ("payment_order" = Option<String>, Query, description = "`po_…`: only those of this order."),
        ("status" = Option<String>, Query, description = "inquiry_needs_response, inquiry_under_review, needs_response, under_review, closed, won or lost."),
        ("limit" = Option<u32>, Query, description = "1 to 100; 20 by default."),
        ("starting_after" = Option<String>, Query, description = "The id of the last dispute of the page before."),
        ("ending_before" = Option<String>, Query, description = "The id of the first dispute of the page after."),
    ),
    responses((status = 200, description = "A page of disputes", body = ref("#/components/schemas/DisputeList"))),
)]
pub(crate) async fn list(
    caller: Allowed<ToRead>,
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let query = Query::of(query.as_deref(), KNOWN)?;
    let page = disputes::list(&app.engine, caller.merchant, filter(&query)?, query.anchor()?, query.limit()?).await?;
    shown(&List::from(page))
}
