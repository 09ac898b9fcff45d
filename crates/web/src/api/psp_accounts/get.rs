//! `GET /v1/psp_accounts/{id}`: one account.

use crate::api::allowed::{Allowed, ToManage};
use crate::api::answer::shown;
use crate::api::named::Named;
use crate::app::App;
use crate::problem::Problem;
use axum::extract::State;
use axum::response::Response;
use ducat_domain::PspAccountId;
use ducat_engine::psp_accounts;

/// One account; its secrets show only their last characters.
#[utoipa::path(
    get, path = "/v1/psp_accounts/{id}", tag = "PSP accounts", operation_id = "get_psp_account", summary = "Get a PSP account",
    description = "Secrets show only their last characters. Needs a key of scope admin.",
    params(("id" = String, Path, description = "`psp_…`")),
    responses((status = 200, description = "The account", body = ref("#/components/schemas/PspAccount"))),
)]
pub(crate) async fn get(
    caller: Allowed<ToManage>,
    State(app): State<App>,
    Named(id): Named<PspAccountId>,
) -> Result<Response, Problem> {
    shown(&psp_accounts::get(&app.engine, caller.merchant, id).await?)
}
