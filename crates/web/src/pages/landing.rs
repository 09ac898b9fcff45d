//! What stands at `/` where there is no demo shop.

use super::page;
use crate::problem::Problem;
use askama::Template;
use axum::response::Response;

#[derive(Template)]
#[template(path = "landing.html")]
struct LandingPage;

/// `GET /`
pub(super) async fn show() -> Result<Response, Problem> {
    page(&LandingPage)
}
