//! Who asks. HTTP in front of the engine: parses, calls the engine, renders. Nothing here moves money or decides about it.
//!
//! - `settings`: what the web is told about its surroundings, and its limits.
//! - `around`: what lies around every route: request ids, rate limits, headers, logs.
//! - `reading`: bodies, JSON, fields and query parameters; everything wrong is said with its place.
//! - `problem`: what a caller is told when a call comes to nothing; the one place that knows statuses.
//! - `api`: the routes under `/v1`.
//! - `inbound`: messages of PSPs.
//! - `pages`: checkout, demo shop, documentation; `live`: server-sent events.
//! - `openapi`: the document that describes it all, generated from the code.
//! - `health`, `metrics`: for whoever runs it.

mod api;
mod app;
mod around;
mod health;
mod inbound;
mod live;
mod metrics;
mod openapi;
mod pages;
mod problem;
mod reading;
mod settings;

pub use openapi::openapi;
pub use settings::{DemoShop, Draining, Limits, Network, NetworkError, Settings, Web};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::Uri;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use problem::{Problem, catalogue as kinds};

/// Everything that is served. Serve it with `into_make_service_with_connect_info::<SocketAddr>()`: keys that are bound to networks
/// need the caller's address.
pub fn router(web: Web) -> Router {
    let app = app::app(web);
    Router::new()
        .merge(api::routes())
        .merge(pages::routes(if app.settings.demo_shop.is_some() { pages::DemoShopOpen::Yes } else { pages::DemoShopOpen::No }))
        .route("/webhooks/{psp}/{psp_account_id}", post(inbound::receive))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::show))
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        // Bodies are read by our own reader, which has limits of its own.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(app.clone(), around::around))
        .with_state(app)
}

async fn nothing_here(uri: Uri) -> Problem {
    tracing::debug!(path = uri.path(), "no such route");
    Problem::new(&kinds::NOT_FOUND, "There is nothing at this address.")
}

async fn wrong_method() -> Problem {
    Problem::new(
        &kinds::METHOD_NOT_ALLOWED,
        "This address does not take this method; the Allow header names those that it takes.",
    )
}
