//! What lies around every route: the request's id, who is asking from where, its log span, its figures, and what every answer carries.
//!
//! - `client`: the address of the caller, through proxies that are trusted.
//! - `facts`: what is known of a request before and after its handler.
//! - `headers`: what every answer carries for the browser's safety.
//! - `limiter`: how many calls an API key may make.

mod client;
mod facts;
mod headers;
mod limiter;

use crate::app::App;
use crate::problem::{self, Problem};
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, Response, header};
use axum::middleware::Next;
use axum::response::IntoResponse;
pub(crate) use facts::Facts;
pub(crate) use limiter::{Limiter, Standing};
use std::sync::Arc;
use tokio::time::Instant;
use tracing::Instrument;

/// What of a request its answer and its figures depend on, noted before the handler consumes it.
struct Asked {
    method: Method,
    path: String,
    route: String,
    by_a_person: bool,
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
            by_a_person: !for_programs && accept.contains("text/html"),
            path,
        }
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
        // On a task of its own: a caller who hangs up does not cut off what has begun, such as a call to a PSP. And a panic ends this
        // request only, and is told like any other failure of ours.
        let handled = tokio::spawn(next.run(request).in_current_span()).await;
        let mut response = handled.unwrap_or_else(|_| Problem::internal("a handler panicked").into_response());
        finish(&app, &asked, &facts, &mut response);
        let took = began.elapsed();
        app.metrics.answered(&asked.method, &asked.route, response.status(), took);
        tracing::info!(status = response.status().as_u16(), duration_us = took.as_micros() as u64, key = facts.key(), "answered");
        response
    }
    .instrument(span)
    .await
}

/// Turns a problem into its document or page, and adds what every answer carries.
fn finish(app: &App, asked: &Asked, facts: &Facts, response: &mut Response<Body>) {
    let id = facts.id.to_string();
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        if let Some(hidden) = problem.hidden() {
            tracing::error!(error = hidden, "failed");
        }
        if asked.by_a_person {
            problem::as_page(&problem, &id, response);
        } else {
            problem::as_json(&problem, &id, response);
        }
    }
    if let Some(standing) = facts.standing() {
        standing.write(response.headers_mut());
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("request-id", value);
    }
    headers::guard(app.settings.secure, response.headers_mut());
}
