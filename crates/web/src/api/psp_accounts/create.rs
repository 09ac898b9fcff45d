//! `POST /v1/psp_accounts`: add an account at a PSP.

use super::settings::settings;
use crate::api::allowed::{Allowed, ToManage};
use crate::api::answer::answered;
use crate::api::asked::Asked;
use crate::app::App;
use crate::problem::{Problem, catalogue as kinds};
use crate::reading::Fields;
use axum::extract::State;
use axum::response::Response;
use ducat_engine::psp_accounts::{self, NewPspAccount};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What is set up.
// Only its documentation is derived: it is read by hand, so that every mistake is told with its place.
#[derive(ToSchema)]
#[schema(title = "NewPspAccount", as = NewPspAccount, example = json!({
    "psp": "stripe", "name": "Stripe, live", "settings": { "api_key": "sk_live_…", "webhook_secret": "whsec_…" }
}))]
#[allow(dead_code)]
pub(crate) struct NewPspAccountBody {
    /// `stripe`
    psp: String,
    /// What you call it; the PSP's name by default.
    name: Option<String>,
    /// By the names of the PSP's settings; for stripe `api_key` (required), `webhook_secret`, `api_base`. Kept encrypted.
    settings: BTreeMap<String, String>,
}

fn read(body: Value) -> Result<NewPspAccount, Problem> {
    let mut fields = Fields::of(body, "", &["psp", "name", "settings"])?;
    let psp: String = fields.required("psp")?;
    let name: String = fields.optional("name")?.unwrap_or_else(|| psp.clone());
    if psp_accounts::is_of_configuration(&name) {
        return Err(Problem::at(
            &kinds::INVALID_VALUE,
            "/name",
            "The account of the configuration is found by this name: no other has it.",
        ));
    }
    Ok(NewPspAccount { psp, name, settings: settings(&mut fields)? })
}

/// Adds an account.
#[utoipa::path(
    post, path = "/v1/psp_accounts", tag = "PSP accounts", operation_id = "create_psp_account", summary = "Add a PSP account",
    description = "Credentials are kept encrypted and never shown again. Needs a key of scope admin.",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to repeat the request.")),
    request_body = NewPspAccountBody,
    responses((status = 201, description = "The account", body = ref("#/components/schemas/PspAccount"))),
)]
pub(crate) async fn create(caller: Allowed<ToManage>, State(app): State<App>, asked: Asked) -> Result<Response, Problem> {
    let answer = psp_accounts::create(&app.engine, caller.merchant, read(asked.body)?, asked.key).await?;
    Ok(answered(answer, "/v1/psp_accounts"))
}
