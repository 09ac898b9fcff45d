//! `GET /v1/payouts`: the merchant's payouts, newest first.

use crate::api::allowed::{Allowed, ToRead};
use crate::api::answer::shown;
use crate::api::list::List;
use crate::app::App;
use crate::problem::Problem;
use crate::reading::Query;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use ducat_domain::settlement::PayoutStatus;
use ducat_engine::settlement;
use ducat_store::PartFilter;

const KNOWN: &[&str] = &["status", "limit", "starting_after", "ending_before"];

fn filter(query: &Query) -> Result<PartFilter, Problem> {
    let names: Vec<&str> = PayoutStatus::ALL.iter().map(|status| status.as_str()).collect();
    let status = |text: &str| names.iter().copied().find(|name| *name == text);
    Ok(PartFilter { order: None, status: query.parsed("status", &format!("one of {}", names.join(", ")), status)? })
}

/// Lists payouts.
#[utoipa::path(
    get, path = "/v1/payouts", tag = "Payouts", operation_id = "list_payouts", summary = "List payouts",
    description = "Newest first.",
    params(
        ("status" = Option<String>, Query, description = "pending, in_transit, canceled, paid or failed."),
        ("limit" = Option<u32>, Query, description = "1 to 100; 20 by default."),
        ("starting_after" = Option<String>, Query, description = "The id of the last payout of the page before."),
        ("ending_before" = Option<String>, Query, description = "The id of the first payout of the page after."),
    ),
    responses((status = 200, description = "A page of payouts", body = ref("#/components/schemas/PayoutList"))),
)]
pub(crate) async fn list(
    caller: Allowed<ToRead>,
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let query = Query::of(query.as_deref(), KNOWN)?;
    let page = settlement::payouts(&app.engine, caller.merchant, filter(&query)?, query.anchor()?, query.limit()?).await?;
    shown(&List::from(page))
}
