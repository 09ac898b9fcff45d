//! `/docs/errors`: every code of a problem, from the one table.

use crate::pages::page;
use crate::problem::Problem;
use crate::problem::catalogue::{self, KINDS, Kind};
use askama::Template;
use axum::extract::Path;
use axum::response::Response;

#[derive(Template)]
#[template(path = "errors.html")]
struct IndexPage {
    kinds: &'static [&'static Kind],
}

#[derive(Template)]
#[template(path = "error.html")]
struct KindPage {
    kind: &'static Kind,
}

/// `GET /docs/errors`
pub(super) async fn index() -> Result<Response, Problem> {
    page(&IndexPage { kinds: KINDS })
}

/// `GET /docs/errors/{code}`
pub(super) async fn show(Path(code): Path<String>) -> Result<Response, Problem> {
    let kind = catalogue::find(&code).ok_or_else(|| Problem::not_found("code of a problem"))?;
    page(&KindPage { kind })
}
