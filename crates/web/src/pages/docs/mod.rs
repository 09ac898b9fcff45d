//! The documentation: the API as its OpenAPI document tells it, and a page for every code of a problem.
//!
//! - `reference`: `/docs` and a page for each group, to read without scripts and to try with them. `shape`: schemas as rows of a table.
//! - `errors`: `/docs/errors` and its pages. `/openapi.json`: the document itself.

mod errors;
mod reference;
mod shape;

use crate::app::App;
use crate::problem::Problem;
use axum::Router;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// The routes of the documentation.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/docs", get(reference::index))
        .route("/docs/schemas", get(reference::schemas))
        .route("/docs/schemas/{name}", get(reference::schema))
        .route("/docs/{group}", get(reference::group))
        .route("/docs/errors", get(errors::index))
        .route("/docs/errors/{code}", get(errors::show))
        .route("/openapi.json", get(document))
}

/// `GET /openapi.json`
async fn document() -> Result<Response, Problem> {
    let text = crate::openapi().to_pretty_json().map_err(|error| Problem::internal(format!("no document: {error}")))?;
    Ok(([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")], text).into_response())
}

/// A text in parts, those between backticks marked as code.
fn spans(text: &str) -> Vec<(bool, &str)> {
    text.split('`').enumerate().map(|(i, part)| (i % 2 == 1, part)).filter(|(_, part)| !part.is_empty()).collect()
}
