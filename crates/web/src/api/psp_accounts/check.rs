//! `POST /v1/psp_accounts/{id}/check`: ask the PSP whether the credentials are good.

use crate::api::allowed::{Allowed, ToManage};
use crate::api::answer::shown;
use crate::api::asked::Asked;
use crate::api::named::Named;
use crate::app::App;
use crate::problem::Problem;
use crate::reading::Fields;
use axum::extract::State;
use axum::response::Response;
use ducat_domain::PspAccountId;
use ducat_engine::psp_accounts;

/// Asks the PSP; a problem says what it did not like.
#[utoipa::path(
    post, path = "/v1/psp_accounts/{id}/check", tag = "PSP accounts", operation_id = "check_psp_account",
    summary = "Check a PSP account's credentials",
    description = "Asks the PSP whether they are good, and changes nothing. Needs a key of scope admin.",
    params(("id" = String, Path, description = "`psp_…`")),
    responses((status = 200, description = "They are good; the account", body = ref("#/components/schemas/PspAccount"))),
)]
pub(crate) async fn check(
    caller: Allowed<ToManage>,
    State(app): State<App>,
    Named(id): Named<PspAccountId>,
    asked: Asked,
) -> Result<Response, Problem> {
    Fields::of(asked.body, "", &[])?;
    psp_accounts::check(&app.engine, caller.merchant, id).await?;
    shown(&psp_accounts::get(&app.engine, caller.merchant, id).await?)
}
