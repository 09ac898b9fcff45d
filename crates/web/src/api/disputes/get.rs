//! `GET /v1/disputes/{id}`: one dispute.

use crate::api::allowed::{Allowed, ToRead};
use crate::api::answer::shown;
use crate::api::named::Named;
use crate::app::App;
use crate::problem::Problem;
use crate::reading::Query;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use ducat_domain::DisputeId;
use ducat_engine::disputes;

/// One dispute.
#[utoipa::path(
    get, path = "/v1/disputes/{id}", tag = "Disputes", operation_id = "get_dispute", summary = "Get a dispute",
    params(("id" = String, Path, description = "`dp_…`")),
    responses((status = 200, description = "The dispute", body = ref("#/components/schemas/Dispute"))),
)]
pub(crate) async fn get(
    caller: Allowed<ToRead>,
    State(app): State<App>,
    Named(id): Named<DisputeId>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    Query::of(query.as_deref(), &[])?;
    shown(&disputes::get(&app.engine, caller.merchant, id).await?)
}
