//! `GET /pay/{id}/stream`: live status for the order's page.

use super::OrderId;
use crate::app::App;
use crate::live;
use crate::problem::Problem;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use ducat_engine::payments;

pub(super) async fn stream(State(app): State<App>, OrderId(id): OrderId, headers: HeaderMap) -> Result<Response, Problem> {
    let checkout = payments::checkout(&app.engine, id).await?;
    live::watch(&app, id, &checkout.order, &headers)
}
