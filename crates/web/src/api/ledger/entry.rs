//! `GET /v1/ledger/entries/{id}`: one journal entry.

use crate::api::allowed::{Allowed, ToRead};
use crate::api::answer::shown;
use crate::api::named::Named;
use crate::app::App;
use crate::problem::Problem;
use crate::reading::Query;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use ducat_domain::EntryId;
use ducat_engine::ledger;

/// One journal entry.
#[utoipa::path(
    get, path = "/v1/ledger/entries/{id}", tag = "Ledger", operation_id = "get_ledger_entry", summary = "Get a journal entry",
    params(("id" = String, Path, description = "`je_…`")),
    responses((status = 200, description = "The entry", body = ref("#/components/schemas/JournalEntry"))),
)]
pub(crate) async fn entry(
    caller: Allowed<ToRead>,
    State(app): State<App>,
    Named(id): Named<EntryId>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    Query::of(query.as_deref(), &[])?;
    shown(&ledger::entry(&app.engine, caller.merchant, id).await?)
}
