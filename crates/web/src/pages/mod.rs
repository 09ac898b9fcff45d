//! Pages for people: rendered here, working without scripts, live with them.
//!
//! - `checkout`: Ducat's own page for an order, the way to the PSP and back.
//! - `shop`: the demo shop. `landing`: what stands at `/` where there is none.
//! - `docs`: the API, and every problem, to read and to try.
//! - `assets`: styles, scripts and pictures. `wording`: money, moments and states in words.

mod assets;
mod checkout;
mod docs;
mod landing;
mod shop;
mod wording;

use crate::app::App;
use crate::problem::{Problem, ProblemDocument};
use askama::Template;
use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// Every page, with the demo shop or without.
pub(crate) fn routes(demo_shop: DemoShopOpen) -> Router<App> {
    let common = Router::new()
        .merge(checkout::routes())
        .merge(docs::routes())
        .route("/assets/{hash}/{name}", get(assets::serve))
        .route("/favicon.ico", get(assets::favicon))
        .route("/robots.txt", get(robots));
    match demo_shop {
        DemoShopOpen::Yes => common.merge(shop::routes()),
        DemoShopOpen::No => common.route("/", get(landing::show)),
    }
}

/// Whether there is a demo shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DemoShopOpen {
    Yes,
    No,
}

/// Orders are nobody's business but their customer's.
async fn robots() -> &'static str {
    "User-agent: *\nDisallow: /pay/\nDisallow: /v1/\nDisallow: /shop/\n"
}

/// A rendered page.
fn page(template: &impl Template) -> Result<Response, Problem> {
    let html = template.render().map_err(|error| Problem::internal(format!("a page cannot be rendered: {error}")))?;
    Ok(([(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response())
}

/// Sends the browser on with GET. `address` is one of ours, or one that the engine vouches for.
fn see_other(address: &str) -> Result<Response, Problem> {
    let location = HeaderValue::from_str(address).map_err(|_| Problem::internal("an address does not fit into a header"))?;
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response())
}

#[derive(Template)]
#[template(path = "failure.html")]
struct FailurePage<'a> {
    heading: &'static str,
    text: &'a str,
    request_id: &'a str,
    docs: Option<&'a str>,
}

/// A problem as a page.
pub(crate) fn failure(problem: &ProblemDocument) -> String {
    let heading = match problem.status {
        404 => "We cannot find this page",
        408 | 429 | 503 => "One moment, please",
        500.. => "Something went wrong on our side",
        _ => "This does not work",
    };
    let text = match problem.status {
        404 => {
            "The address may be incomplete, or what it led to is no longer here. If you followed a link to pay, ask the shop for a new one."
        }
        408 | 429 | 503 => "There is a lot going on. Nothing was lost; please try again in a few seconds.",
        500.. => "Nothing is charged twice. Please try again; if it stays like this, tell the shop the number below.",
        _ => &problem.detail,
    };
    let docs = (problem.status < 500 && problem.status != 404).then_some(problem.kind.as_str());
    // A page about a failure that fails itself leaves the bare words.
    FailurePage { heading, text, request_id: &problem.request_id, docs }.render().unwrap_or_else(|_| heading.to_owned())
}
