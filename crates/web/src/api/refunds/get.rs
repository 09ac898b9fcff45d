//! `GET /v1/refunds/{id}`: one refund.

use crate::api::allowed::{Allowed, ToRead};
use crate::api::answer::shown;
use crate::api::named::Named;
use crate::app::App;
use crate::problem::Problem;
use crate::reading::Query;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use ducat_domain::RefundId;
use ducat_engine::refunds;

/// One refund.
#[utoipa::path(
    get, path = "/v1/refunds/{id}", tag = "Refunds", operation_id = "get_refund", summary = "Get a refund",
    params(("id" = String, Path, description = "`re_…`")),
    responses((status = 200, description = "The refund", body = ref("#/components/schemas/Refund"))),
)]
pub(crate) async fn get(
    caller: Allowed<ToRead>,
    State(app): State<App>,
    Named(id): Named<RefundId>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    Query::of(query.as_deref(), &[])?;
    shown(&refunds::get(&app.engine, caller.merchant, id).await?)
}
