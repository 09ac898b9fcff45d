//! `POST /v1/psp_accounts/{id}/subscribe`: tell the PSP where its messages go.

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

/// Registers our address at the PSP, and keeps the signing secret that it gives.
#[utoipa::path(
    post, path = "/v1/psp_accounts/{id}/subscribe", tag = "PSP accounts", operation_id = "subscribe_psp_account",
    summary = "Register our webhook address at the PSP",
    description = "Keeps the signing secret that the PSP gives. Needs a key of scope admin, and credentials that may do this at the PSP.",
    params(("id" = String, Path, description = "`psp_…`")),
    responses((status = 200, description = "The account as it is now", body = ref("#/components/schemas/PspAccount"))),
)]
pub(crate) async fn subscribe(
    caller: Allowed<ToManage>,
    State(app): State<App>,
    Named(id): Named<PspAccountId>,
    asked: Asked,
) -> Result<Response, Problem> {
    Fields::of(asked.body, "", &[])?;
    shown(&psp_accounts::subscribe(&app.engine, caller.merchant, id).await?)
}
