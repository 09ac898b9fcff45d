//! `GET /pay/{id}`: the order's page.

use super::OrderId;
use super::view::{CheckoutPage, Place};
use crate::app::App;
use crate::pages::page;
use crate::problem::Problem;
use axum::extract::State;
use axum::response::Response;
use ducat_engine::payments;

pub(super) async fn show(State(app): State<App>, OrderId(id): OrderId) -> Result<Response, Problem> {
    let checkout = payments::checkout(&app.engine, id).await?;
    page(&CheckoutPage::of(&checkout, Place::Order, app.engine.now()))
}
