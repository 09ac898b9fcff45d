//! Checkout Sessions: [`create`] checks and prices them ([`lines`], [`discount`], [`tax`], [`shipping`], [`session`] shapes the object), [`pay`]
//! takes the money, [`finish`] follows its intent, [`expire`] ends what nobody paid, [`read`] shows and updates.

mod create;
mod discount;
mod expire;
mod finish;
mod lines;
mod options;
mod pay;
mod read;
mod rules;
mod session;
mod shipping;
mod tax;
#[cfg(test)]
mod tests;

pub(crate) use expire::expire_when_due;
pub(crate) use finish::intent_moved;
pub(crate) use pay::{finish_free, pay};
pub(crate) use rules::{PLAYED, is_email};
pub(crate) use session::{KIND, destination};
pub(crate) use tax::{breakdown, of_item};

use super::context::Ctx;
use super::errors::{Answer, ApiError};
use super::routes::{self, Args, Route};
use serde_json::{Map, Value};

pub(crate) const ROUTES: &[Route] = &[
    Route::new("POST", "/v1/checkout/sessions", "checkout.sessions.create", KIND, create::create),
    Route::new("GET", "/v1/checkout/sessions", "checkout.sessions.list", "list:checkout.session", read::list),
    Route::new("GET", "/v1/checkout/sessions/{id}", "checkout.sessions.retrieve", KIND, read::retrieve),
    Route::new("POST", "/v1/checkout/sessions/{id}", "checkout.sessions.update", KIND, read::update),
    Route::new(
        "GET",
        "/v1/checkout/sessions/{id}/line_items",
        "checkout.sessions.list_line_items",
        "list:item",
        read::line_items,
    ),
    Route::new("POST", "/v1/checkout/sessions/{id}/expire", "checkout.sessions.expire", KIND, expire::expire),
];

/// Asks another operation of this API for something, as an integrator's own request would, so that what a session makes on its way
/// (a customer, a product, a price) is no different from what was made by hand.
fn ask(ctx: &mut Ctx<'_>, path: &str, params: Map<String, Value>) -> Answer {
    let Some((route, ids)) = routes::find("POST", path) else { return Err(ApiError::api(500)) };
    (route.run)(ctx, &Args { params, ..Args::of(ids) })
}
