//! The API under `/v1`: who asks, what is asked, and how it is answered.
//!
//! - `allowed`: who calls and whether they may. `asked`: the body and the idempotency key. `named`: ids in addresses.
//! - `answer`: the engine's answers as HTTP. `list`: pages of lists.
//! - one folder per resource, one verb a file: `payment_orders`, `refunds`, `disputes`, `payouts`, `exceptions`, `ledger`, `events`, `psp_accounts`,
//!   `webhook_endpoints`, `api_keys`; and `merchant`.

mod allowed;
mod answer;
pub(crate) mod api_keys;
mod asked;
pub(crate) mod disputes;
pub(crate) mod events;
pub(crate) mod exceptions;
pub(crate) mod ledger;
pub(crate) mod list;
pub(crate) mod merchant;
mod named;
pub(crate) mod payment_orders;
pub(crate) mod payouts;
pub(crate) mod psp_accounts;
pub(crate) mod refunds;
pub(crate) mod webhook_endpoints;

use crate::app::App;
use axum::Router;
use axum::routing::{get, post};

/// Every route under `/v1`.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/v1/payment_orders", get(payment_orders::list).post(payment_orders::create))
        .route("/v1/payment_orders/{id}", get(payment_orders::get))
        .route("/v1/payment_orders/{id}/cancel", post(payment_orders::cancel))
        .route("/v1/payment_orders/{id}/capture", post(payment_orders::capture))
        .route("/v1/payment_orders/{id}/refunds", get(payment_orders::refunds).post(payment_orders::refund))
        .route("/v1/payment_orders/{id}/claim", post(payment_orders::claim))
        .route("/v1/payment_orders/{id}/ledger", get(payment_orders::ledger))
        .route("/v1/payment_orders/{id}/stream", get(payment_orders::stream))
        .route("/v1/refunds", get(refunds::list))
        .route("/v1/refunds/{id}", get(refunds::get))
        .route("/v1/disputes", get(disputes::list))
        .route("/v1/disputes/{id}", get(disputes::get))
        .route("/v1/disputes/{id}/evidence", post(disputes::submit))
        .route("/v1/disputes/{id}/files", get(disputes::files).post(disputes::add_file))
        .route("/v1/disputes/{id}/accept", post(disputes::accept))
        .route("/v1/payouts", get(payouts::list))
        .route("/v1/payouts/{id}", get(payouts::get))
        .route("/v1/payouts/{id}/arrive", post(payouts::arrive))
        .route("/v1/exceptions", get(exceptions::list))
        .route("/v1/exceptions/{id}/close", post(exceptions::close))
        .route("/v1/ledger/accounts", get(ledger::accounts))
        .route("/v1/ledger/accounts/{account}/statement", get(ledger::statement))
        .route("/v1/ledger/entries", get(ledger::entries))
        .route("/v1/ledger/entries/{id}", get(ledger::entry))
        .route("/v1/ledger/entries/{id}/reverse", post(ledger::reverse))
        .route("/v1/ledger/trial_balance", get(ledger::trial_balance))
        .route("/v1/events", get(events::list))
        .route("/v1/events/{id}", get(events::get))
        .route("/v1/psp_accounts", get(psp_accounts::list).post(psp_accounts::create))
        .route("/v1/psp_accounts/{id}", get(psp_accounts::get).post(psp_accounts::update))
        .route("/v1/psp_accounts/{id}/check", post(psp_accounts::check))
        .route("/v1/psp_accounts/{id}/subscribe", post(psp_accounts::subscribe))
        .route("/v1/webhook_endpoints", get(webhook_endpoints::list).post(webhook_endpoints::create))
        .route(
            "/v1/webhook_endpoints/{id}",
            get(webhook_endpoints::get).post(webhook_endpoints::update).delete(webhook_endpoints::delete),
        )
        .route("/v1/webhook_endpoints/{id}/rotate_secret", post(webhook_endpoints::rotate_secret))
        .route("/v1/webhook_endpoints/{id}/test", post(webhook_endpoints::test))
        .route("/v1/webhook_endpoints/{id}/replay", post(webhook_endpoints::replay))
        .route("/v1/webhook_endpoints/{id}/deliveries", get(webhook_endpoints::deliveries))
        .route("/v1/webhook_endpoints/{id}/deliveries/{delivery_id}", get(webhook_endpoints::delivery))
        .route("/v1/webhook_endpoints/{id}/deliveries/{delivery_id}/retry", post(webhook_endpoints::retry))
        .route("/v1/api_keys", get(api_keys::list).post(api_keys::create))
        .route("/v1/api_keys/{id}/revoke", post(api_keys::revoke))
        .route("/v1/merchant", get(merchant::get))
}
