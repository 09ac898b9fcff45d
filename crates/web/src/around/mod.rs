//! What lies around every route: the request's id, who is asking from where, its log span, its figures, and what every answer carries.
//!
//! - `client`: the address of the caller, through proxies that are trusted.
//! - `facts`: what is known of a request before and after its handler.
//! - `headers`: what every answer carries for the browser's safety.
//! - `shares`: how much each API key and each address may call.

mod client;
mod facts;
mod headers;
mod shares;

use crate::app::App;
use crate::problem::{self, Problem, catalogue as kinds};
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, Response, Version, header};
use axum::middleware::Next;
use axum::response::IntoResponse;
pub(crate) use facts::Facts;
pub(crate) use shares::{Shares, whole_seconds};
use std::sync::Arc;
use tokio::time::Instant;
use tracing::Instrument;

/// What of a request its answer and its figures depend on, noted before the handler consumes it.
struct Asked {
    method: Method,
    path: String,
    route: String,
    by_a_person: bool,
    /// Whether the connection is one of HTTP/1, which a header can end. HTTP/2 has a word of its own for that.
    keeps_connection: bool,
}

impl Asked {
    fn of(request: &Request) -> Self {
        let path = request.uri().path().to_owned();
        let accept = request.headers().get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let for_programs = ["/v1", "/webhooks"].iter().any(|root| path.starts_with(root));
        Self {
            method: request.method().clone(),
            // Routes have names; what no route took is counted together, so that callers cannot make up labels.
            route: request.extensions().get::<MatchedPath>().map_or("none".to_owned(), |matched| matched.as_str().to_owned()),
            keeps_connection: request.version() < Version::HTTP_2,
            by_a_person: !for_programs && accept.contains("text/html"),
            path,
        }
    }
}

/// Under which name an answer carries its request's id.
const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
/// Room for what every answer carries, made once.
const HEADERS: usize = 16;

/// What is asked for without a key, and yet is not counted by address: messages of PSPs, which come in crowds from a few addresses and
/// are signed; styles and pictures; and what watches over this node.
const FREE: [&str; 6] = ["/webhooks/", "/assets/", "/favicon.ico", "/healthz", "/readyz", "/metrics"];

impl Asked {
    /// Calls of the API are counted by their key.
    fn is_counted_elsewhere(&self) -> bool {
        self.route.starts_with("/v1/") || FREE.iter().any(|free| self.route.starts_with(free))
    }
}

/// The layer around all routes.
pub(crate) async fn around(State(app): State<App>, mut request: Request, next: Next) -> Response<Body> {
    let began = Instant::now();
    let asked = Asked::of(&request);
    let facts = Arc::new(Facts::new(&app, client::address(&request, &app.settings.trusted_proxies)));
    request.extensions_mut().insert(facts.clone());
    let span = tracing::info_span!("request", id = %facts.id, method = %asked.method, path = %asked.path);
    async {
        // Handled on a task of its own: a caller who hangs up does not cut off what has begun, such as a call to a PSP. And a panic ends this
        // request only, and is told like any other failure of ours.
        let mut response = match admit(&app, &asked, &facts).await {
            Ok(()) => {
                let handled = tokio::spawn(next.run(request).in_current_span()).await;
                handled.unwrap_or_else(|_| Problem::internal("a handler panicked").into_response())
            }
            Err(refusal) => refusal.into_response(),
        };
        finish(&app, &asked, &facts, &mut response);
        if asked.keeps_connection && app.draining.has_begun() {
            // The next request of this client belongs to another node.
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        let took = began.elapsed();
        app.metrics.answered(&asked.method, &asked.route, response.status(), took);
        tracing::info!(status = response.status().as_u16(), duration_us = took.as_micros() as u64, key = facts.key(), "answered");
        response
    }
    .instrument(span)
    .await
}

/// What is asked for without a key is counted by address.
async fn admit(app: &App, asked: &Asked, facts: &Facts) -> Result<(), Problem> {
    if asked.is_counted_elsewhere() {
        return Ok(());
    }
    app.shares.of_address(&app.engine, facts.client).await.map_err(|wait| {
        app.metrics.limited("address");
        Problem::new(&kinds::RATE_LIMITED, "Too much was asked for from your address just now.").retry_after(whole_seconds(wait))
    })
}

/// Turns a problem into its document or page, and adds what every answer carries.
fn finish(app: &App, asked: &Asked, facts: &Facts, response: &mut Response<Body>) {
    response.headers_mut().reserve(HEADERS);
    let id = facts.id.to_string();
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        if let Some(hidden) = problem.hidden() {
            tracing::error!(error = hidden, "failed");
        }
        let problem = if asked.method.is_safe() { problem.told_to_a_reader() } else { problem };
        if asked.by_a_person {
            problem::as_page(&problem, &id, response);
        } else {
            problem::as_json(&problem, &id, response);
        }
    }
    if let Some(standing) = facts.standing() {
        shares::write(standing, response.headers_mut());
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    headers::guard(app.settings.secure, response.headers_mut());
}
