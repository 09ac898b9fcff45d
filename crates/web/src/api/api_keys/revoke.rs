//! `POST /v1/api_keys/{id}/revoke`: take a key back.

use crate::api::allowed::{Allowed, ToManage};
use crate::api::answer::shown;
use crate::api::asked::Asked;
use crate::api::named::Named;
use crate::app::App;
use crate::problem::Problem;
use crate::reading::Fields;
use axum::extract::State;
use axum::response::Response;
use ducat_domain::ApiKeyId;
use ducat_engine::api_keys;

/// Takes a key back, at once on this node and within seconds on others. Taking it back again changes nothing.
#[utoipa::path(
    post, path = "/v1/api_keys/{id}/revoke", tag = "API keys", operation_id = "revoke_api_key", summary = "Revoke an API key",
    description = "At once on this node, within seconds on others; repeating it changes nothing. Needs a key of scope admin.",
    params(("id" = String, Path, description = "`ak_…`")),
    responses((status = 200, description = "The key, taken back", body = ref("#/components/schemas/ApiKey"))),
)]
pub(crate) async fn revoke(
    caller: Allowed<ToManage>,
    State(app): State<App>,
    Named(id): Named<ApiKeyId>,
    asked: Asked,
) -> Result<Response, Problem> {
    Fields::of(asked.body, "", &[])?;
    shown(&api_keys::revoke(&app.engine, caller.merchant, id).await?)
}
