//! `POST /v1/psp_accounts/{id}`: change an account.

use super::settings::settings;
use crate::api::allowed::{Allowed, ToManage};
use crate::api::answer::answered;
use crate::api::asked::Asked;
use crate::api::named::Named;
use crate::app::App;
use crate::problem::Problem;
use crate::reading::Fields;
use axum::extract::State;
use axum::response::Response;
use ducat_domain::PspAccountId;
use ducat_engine::psp_accounts::{self, PspAccountPatch};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What is to change; what is missing stays.
#[derive(ToSchema)]
#[schema(title = "PspAccountUpdate", example = json!({ "active": false }))]
#[allow(dead_code)]
pub(crate) struct PspAccountUpdate {
    /// What you call it.
    name: Option<String>,
    /// Whether new orders may go to it.
    active: Option<bool>,
    /// Settings to replace, by name; an empty text removes one.
    settings: Option<BTreeMap<String, String>>,
}

fn read(body: Value) -> Result<PspAccountPatch, Problem> {
    let mut fields = Fields::of(body, "", &["name", "active", "settings"])?;
    Ok(PspAccountPatch { name: fields.optional("name")?, active: fields.optional("active")?, settings: settings(&mut fields)? })
}

/// Changes an account.
#[utoipa::path(
    post, path = "/v1/psp_accounts/{id}", tag = "PSP accounts", operation_id = "update_psp_account", summary = "Change a PSP account",
    description = "What is missing stays as it is. Needs a key of scope admin.",
    params(
        ("id" = String, Path, description = "`psp_…`"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to repeat the request."),
    ),
    request_body = PspAccountUpdate,
    responses((status = 200, description = "The account as it is now", body = ref("#/components/schemas/PspAccount"))),
)]
pub(crate) async fn update(
    caller: Allowed<ToManage>,
    State(app): State<App>,
    Named(id): Named<PspAccountId>,
    asked: Asked,
) -> Result<Response, Problem> {
    let answer = psp_accounts::update(&app.engine, caller.merchant, id, read(asked.body)?, asked.key).await?;
    Ok(answered(answer, "/v1/psp_accounts"))
}
