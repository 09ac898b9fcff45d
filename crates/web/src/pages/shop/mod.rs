//! The demo shop: a shop like any other, that happens to run in the same process. It uses what any shop has: an order, its page, and
//! the signed way back.
//!
//! - `goods`: what is sold. `show`: the shop. `check_out`: creates the order. `thanks`: the way back, with everything that happened.

mod check_out;
mod goods;
mod show;
mod thanks;

use crate::app::App;
use crate::problem::Problem;
use crate::settings::DemoShop;
use axum::Router;
use axum::routing::{get, post};
use ducat_engine::psp_accounts::{self, CONFIGURED_ACCOUNT};

/// The routes of the shop.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/", get(show::show))
        .route("/shop", get(show::show))
        .route("/shop/", get(show::show))
        .route("/shop/checkout", post(check_out::check_out))
        .route("/shop/thanks", get(thanks::thanks))
}

/// Whether the shop may sell: to everybody who comes by, and so never on a real account, which another node may have been given meanwhile.
async fn is_open(app: &App, shop: &DemoShop) -> Result<bool, Problem> {
    let accounts = psp_accounts::list(&app.engine, shop.merchant).await?;
    Ok(!accounts.iter().any(|account| account.active && account.name == CONFIGURED_ACCOUNT))
}

/// The shop's settings; its routes exist only where there are some.
fn shop(app: &App) -> Result<&DemoShop, Problem> {
    app.settings.demo_shop.as_ref().ok_or_else(|| Problem::not_found("shop"))
}
