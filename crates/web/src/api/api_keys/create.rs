//! `POST /v1/api_keys`: make a key. It is shown in this answer and never again.

use crate::api::allowed::{Allowed, ToManage};
use crate::api::answer::answered;
use crate::api::asked::Asked;
use crate::app::App;
use crate::problem::{Problem, catalogue as kinds};
use crate::reading::Fields;
use axum::extract::State;
use axum::response::Response;
use ducat_domain::Scope;
use ducat_engine::api_keys::{self, NewKey};
use serde_json::Value;
use utoipa::ToSchema;

/// What the new key may do.
// Only its documentation is derived: it is read by hand, so that every mistake is told with its place.
#[derive(ToSchema)]
#[schema(title = "NewApiKey", example = json!({ "name": "Shop, production", "scope": "payments", "networks": ["203.0.113.0/24"] }))]
#[allow(dead_code)]
pub(crate) struct NewApiKey {
    /// What you call it.
    name: String,
    /// `read` looks; `payments` also takes payments; `admin` does everything.
    scope: String,
    /// The networks from which it may be used, such as `10.0.0.0/8`; empty or missing for all.
    networks: Option<Vec<String>>,
    /// When it ends, RFC 3339; missing for never.
    expires_at: Option<String>,
}

fn read(body: Value) -> Result<NewKey, Problem> {
    let mut fields = Fields::of(body, "", &["name", "scope", "networks", "expires_at"])?;
    let name = fields.required("name")?;
    let scopes = [Scope::Read, Scope::Payments, Scope::Admin].map(|scope| (scope.as_str(), scope));
    let missing = || Problem::at(&kinds::MISSING_FIELD, "/scope", "scope is required.");
    let scope = fields.choice("scope", &scopes)?.ok_or_else(missing)?;
    let networks = fields.optional("networks")?.unwrap_or_default();
    Ok(NewKey { name, scope, networks, expires_at: fields.optional("expires_at")? })
}

/// Makes a key.
#[utoipa::path(
    post, path = "/v1/api_keys", tag = "API keys", operation_id = "create_api_key", summary = "Make an API key",
    description = "The answer holds the key, once; only its hash is kept. Needs a key of scope admin.",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to repeat the request.")),
    request_body = NewApiKey,
    responses((status = 201, description = "The key", body = ref("#/components/schemas/ApiKey"))),
)]
pub(crate) async fn create(caller: Allowed<ToManage>, State(app): State<App>, asked: Asked) -> Result<Response, Problem> {
    let answer = api_keys::create(&app.engine, caller.merchant, read(asked.body)?, asked.key).await?;
    Ok(answered(answer, "/v1/api_keys"))
}
