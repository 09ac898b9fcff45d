//! Ducat's own page for an order, the way to the PSP, and the way back.
//!
//! - `show`: the page. `go`: to the PSP. `come_back`: from the PSP. `stream`: live status.
//! - `view`: what the page says in each state.

mod come_back;
mod go;
mod show;
mod stream;
mod view;

use crate::app::App;
use crate::problem::Problem;
use axum::Router;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::routing::get;
use ducat_domain::PaymentOrderId;

/// The routes of the page.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/pay/{id}", get(show::show))
        .route("/pay/{id}/go", get(go::go))
        .route("/pay/{id}/return", get(come_back::come_back))
        .route("/pay/{id}/stream", get(stream::stream))
}

/// The order in the address. What cannot be an id is answered like an id that nobody has.
struct OrderId(PaymentOrderId);

impl FromRequestParts<App> for OrderId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let not_found = || Problem::not_found("payment order");
        let Path(text) = Path::<String>::from_request_parts(parts, app).await.map_err(|_| not_found())?;
        text.parse().map(Self).map_err(|_| not_found())
    }
}
