//! `GET /v1/ledger/accounts`: what lies on each account.

use crate::api::allowed::{Allowed, ToRead};
use crate::api::answer::shown;
use crate::api::list::List;
use crate::app::App;
use crate::problem::Problem;
use crate::reading::Query;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use ducat_engine::ledger;

/// What lies on each account.
#[utoipa::path(
    get, path = "/v1/ledger/accounts", tag = "Ledger", operation_id = "list_ledger_accounts", summary = "List the accounts",
    description = "By name and currency, with what moved (`posted`) and what is held (`pending`). A debit is positive.",
    responses((status = 200, description = "The accounts", body = ref("#/components/schemas/LedgerAccountList"))),
)]
pub(crate) async fn accounts(
    caller: Allowed<ToRead>,
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    Query::of(query.as_deref(), &[])?;
    shown(&List::from(ledger::accounts(&app.engine, caller.merchant).await?))
}
