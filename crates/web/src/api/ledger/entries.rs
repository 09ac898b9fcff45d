//! `GET /v1/ledger/entries`: what was booked, newest first.

use crate::api::allowed::{Allowed, ToRead};
use crate::api::answer::shown;
use crate::api::list::List;
use crate::app::App;
use crate::problem::Problem;
use crate::reading::Query;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use ducat_engine::ledger;
use ducat_store::EntryFilter;

const KNOWN: &[&str] = &["payment_order", "account", "created_gte", "created_lt", "limit", "starting_after", "ending_before"];

fn filter(query: &Query) -> Result<EntryFilter, Problem> {
    Ok(EntryFilter {
        order: query.parsed("payment_order", "the id of a payment order", |text| text.parse().ok())?,
        account: query.text("account").map(str::to_owned),
        created_gte: query.moment("created_gte")?,
        created_lt: query.moment("created_lt")?,
    })
}

/// Lists journal entries.
#[utoipa::path(
    get, path = "/v1/ledger/entries", tag = "Ledger", operation_id = "list_ledger_entries", summary = "List journal entries",
    description = "Newest first. In each entry the lines sum to zero per currency and layer.",
    params(
        ("payment_order" = Option<String>, Query, description = "`po_…`: only those of this order."),
        ("account" = Option<String>, Query, description = "Only those with a line on this account, such as `bank:main`."),
        ("created_gte" = Option<String>, Query, description = "Booked at this moment or later, RFC 3339."),
        ("created_lt" = Option<String>, Query, description = "Booked before this moment, RFC 3339."),
        ("limit" = Option<u32>, Query, description = "1 to 100; 20 by default."),
        ("starting_after" = Option<String>, Query, description = "The id of the last entry of the page before."),
        ("ending_before" = Option<String>, Query, description = "The id of the first entry of the page after."),
    ),
    responses((status = 200, description = "A page of entries", body = ref("#/components/schemas/JournalEntryList"))),
)]
pub(crate) async fn entries(
    caller: Allowed<ToRead>,
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let query = Query::of(query.as_deref(), KNOWN)?;
    let page = ledger::entries(&app.engine, caller.merchant, filter(&query)?, query.anchor()?, query.limit()?).await?;
    shown(&List::from(page))
}
