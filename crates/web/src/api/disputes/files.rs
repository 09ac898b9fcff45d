//! `GET /v1/disputes/{id}/files`: the files that were added, without what is in them.

use crate::api::allowed::{Allowed, ToRead};
use crate::api::answer::shown;
use crate::api::list::List;
use crate::api::named::Named;
use crate::app::App;
use crate::problem::Problem;
use crate::reading::Query;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use ducat_domain::DisputeId;
use ducat_engine::disputes;

/// The files of a dispute.
#[utoipa::path(
    get, path = "/v1/disputes/{id}/files", tag = "Disputes", operation_id = "list_dispute_files", summary = "List a dispute's files",
    description = "By field. What is in them is not given out again.",
    params(("id" = String, Path, description = "`dp_…`")),
    responses((status = 200, description = "The files", body = ref("#/components/schemas/DisputeFileList"))),
)]
pub(crate) async fn files(
    caller: Allowed<ToRead>,
    State(app): State<App>,
    Named(id): Named<DisputeId>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    Query::of(query.as_deref(), &[])?;
    shown(&List::from(disputes::files(&app.engine, caller.merchant, id).await?))
}
