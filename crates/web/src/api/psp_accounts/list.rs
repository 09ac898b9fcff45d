//! `GET /v1/psp_accounts`: the merchant's accounts, oldest first.

use crate::api::allowed::{Allowed, ToManage};
use crate::api::answer::shown;
use crate::api::list::List;
use crate::app::App;
use crate::problem::Problem;
use crate::reading::Query;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use ducat_engine::psp_accounts;

/// Lists the accounts.
#[utoipa::path(
    get, path = "/v1/psp_accounts", tag = "PSP accounts", operation_id = "list_psp_accounts", summary = "List the PSP accounts",
    description = "All of them, oldest first: the order in which routing tries them. Needs a key of scope admin.",
    responses((status = 200, description = "The accounts", body = ref("#/components/schemas/PspAccountList"))),
)]
pub(crate) async fn list(
    caller: Allowed<ToManage>,
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    Query::of(query.as_deref(), &[])?;
    shown(&List::from(psp_accounts::list(&app.engine, caller.merchant).await?))
}
