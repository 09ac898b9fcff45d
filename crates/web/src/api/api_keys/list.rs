//! `GET /v1/api_keys`: the merchant's keys, newest first.

use crate::api::allowed::{Allowed, ToManage};
use crate::api::answer::shown;
use crate::api::list::List;
use crate::app::App;
use crate::problem::Problem;
use crate::reading::Query;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use ducat_engine::api_keys;

/// Lists the keys; none of them is shown, only its hint.
#[utoipa::path(
    get, path = "/v1/api_keys", tag = "API keys", operation_id = "list_api_keys", summary = "List the API keys",
    description = "All of them, newest first, those taken back included. Needs a key of scope admin.",
    responses((status = 200, description = "The keys", body = ref("#/components/schemas/ApiKeyList"))),
)]
pub(crate) async fn list(
    caller: Allowed<ToManage>,
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    Query::of(query.as_deref(), &[])?;
    shown(&List::from(api_keys::list(&app.engine, caller.merchant).await?))
}
