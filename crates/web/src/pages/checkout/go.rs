//! `GET /pay/{id}/go`: to the PSP's page. A plain link leads here, so that no form has to reach the PSP.

use super::OrderId;
use super::view::{CheckoutPage, Place};
use crate::app::App;
use crate::around::Facts;
use crate::pages::{page, see_other};
use crate::problem::Problem;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ducat_domain::PaymentOrderId;
use ducat_engine::{Error, payments};
use std::sync::Arc;
use std::time::Duration;

pub(super) async fn go(
    State(app): State<App>,
    Extension(facts): Extension<Arc<Facts>>,
    method: Method,
    headers: HeaderMap,
    OrderId(id): OrderId,
) -> Result<Response, Problem> {
    if method == Method::HEAD || is_prefetch(&headers) {
        return see_other(&format!("/pay/{id}"));
    }
    match payments::go_pay(&app.engine, id, facts.client).await {
        Ok(Some(address)) if is_web(&address) => see_other(&address),
        Ok(_) => wait_or_show(&app, OrderId(id)).await,
        // The order moved on in another tab, or cannot be tried again: its page says how it stands.
        Err(Error::Conflict(refusal)) => {
            tracing::info!(code = refusal.code, "the customer cannot be sent to a PSP");
            see_other(&format!("/pay/{id}"))
        }
        Err(Error::TooManyDeclines { wait }) => hold_back(&app, id, wait).await,
        Err(error) => Err(error.into()),
    }
}

/// Too much was declined, of this customer or where they come from: a page that says until when, and blames nobody.
async fn hold_back(app: &App, id: PaymentOrderId, wait: Duration) -> Result<Response, Problem> {
    let checkout = payments::checkout(&app.engine, id).await?;
    let now = app.engine.now();
    let shown = page(&CheckoutPage::held_back(&checkout, now.plus(wait), now))?;
    let seconds = wait.as_secs().saturating_add(1).to_string();
    Ok((StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, seconds)], shown).into_response())
}

/// The PSP has not answered yet, or there is nothing to pay any more.
async fn wait_or_show(app: &App, OrderId(id): OrderId) -> Result<Response, Problem> {
    let checkout = payments::checkout(&app.engine, id).await?;
    let waiting = CheckoutPage::of(&checkout, Place::OnTheWay, app.engine.now());
    if waiting.waits() { page(&waiting) } else { see_other(&format!("/pay/{id}")) }
}

/// Whether nobody has clicked yet: a browser or a scanner of links looks ahead, and must not begin an attempt.
fn is_prefetch(headers: &HeaderMap) -> bool {
    let says = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).is_some_and(|v| v.contains("prefetch"));
    says("sec-purpose") || says("purpose")
}

fn is_web(address: &str) -> bool {
    address.starts_with("https://") || address.starts_with("http://")
}
