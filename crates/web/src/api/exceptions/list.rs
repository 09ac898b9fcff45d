//! `GET /v1/exceptions`: what a person has to look at, newest first.

use crate::api::allowed::{Allowed, ToRead};
use crate::api::answer::shown;
use crate::api::list::List;
use crate::app::App;
use crate::problem::Problem;
use crate::reading::Query;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use ducat_engine::settlement;

/// Lists exceptions.
#[utoipa::path(
    get, path = "/v1/exceptions", tag = "Exceptions", operation_id = "list_exceptions", summary = "List exceptions",
    description = "Newest first, closed ones included.",
    params(
        ("limit" = Option<u32>, Query, description = "1 to 100; 20 by default."),
        ("starting_after" = Option<String>, Query, description = "The id of the last exception of the page before."),
        ("ending_before" = Option<String>, Query, description = "The id of the first exception of the page after."),
    ),
    responses((status = 200, description = "A page of exceptions", body = ref("#/components/schemas/ExceptionList"))),
)]
pub(crate) async fn list(
    caller: Allowed<ToRead>,
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let query = Query::of(query.as_deref(), &["limit", "starting_after", "ending_before"])?;
    let page = settlement::exceptions(&app.engine, caller.merchant, query.anchor()?, query.limit()?).await?;
    shown(&List::from(page))
}
