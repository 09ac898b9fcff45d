//! `GET /pay/{id}/return`: the customer comes back from the PSP's page. Shows the truth, and sends them on to the shop once it is known.

use super::OrderId;
use super::view::{CheckoutPage, Place};
use crate::app::App;
use crate::pages::{page, see_other};
use crate::problem::Problem;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use ducat_domain::PaymentOrderId;
use ducat_engine::payments;

pub(super) async fn come_back(
    State(app): State<App>,
    OrderId(id): OrderId,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    // The PSP may add parameters of its own, which mean nothing here.
    let pairs = || form_urlencoded::parse(query.as_deref().unwrap_or_default().as_bytes());
    if pairs().any(|(name, value)| name == "canceled" && value == "1") {
        return went_back(&app, id).await;
    }
    let checkout = payments::come_back(&app.engine, id).await?;
    match &checkout.onward_url {
        Some(address) => see_other(address),
        None => page(&CheckoutPage::of(&checkout, Place::Return, app.engine.now())),
    }
}

/// The customer pressed back at the PSP. The order stays payable until it lapses; if it has ended meanwhile, that is what counts.
async fn went_back(app: &App, id: PaymentOrderId) -> Result<Response, Problem> {
    let checkout = payments::checkout(&app.engine, id).await?;
    match checkout.onward_url.or(checkout.cancel_url) {
        Some(address) => see_other(&address),
        None => see_other(&format!("/pay/{id}")),
    }
}
