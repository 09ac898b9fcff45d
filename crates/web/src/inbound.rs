//! Messages of PSPs: `POST /webhooks/{psp}/{psp_account_id}`. The raw bytes go to the engine, which alone decides whether to believe them.

use crate::app::App;
use crate::problem::Problem;
use crate::reading::body::Patience;
use axum::extract::{Path, Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use ducat_domain::PspAccountId;
use ducat_engine::webhooks::{self, ReceiveError, Received};

/// Takes a message in. 200 means that it is stored; with anything else the PSP comes again.
#[utoipa::path(
    post, path = "/webhooks/{psp}/{psp_account_id}", tag = "Messages of PSPs", operation_id = "receive_psp_message",
    summary = "Take a PSP's message in",
    description = "For PSPs only, who sign what they send. Verified over the raw bytes, stored, and applied once, however often it comes.",
    params(("psp" = String, Path, description = "`stripe`"), ("psp_account_id" = String, Path, description = "`psp_…`")),
    request_body(content = String, description = "As the PSP writes it; up to 1 MiB", content_type = "application/json"),
    responses((status = 200, description = "It is stored")), security(()),
)]
pub(crate) async fn receive(
    State(app): State<App>,
    Path((psp, account)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    let account: PspAccountId = account.parse().map_err(|_| Problem::not_found("PSP account"))?;
    let (parts, body) = request.into_parts();
    let header = |name: &str| parts.headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    webhooks::expect(&app.engine, &psp, account, header).await.or_else(|error| told(&app, account, Err(error)))?;
    let limits = &app.settings.limits;
    let patience = Patience { bytes: limits.message_bytes, timeout: limits.body_timeout };
    let bytes = app.bodies.read(&parts.headers, body, patience).await?;
    // As with a create, what is large about it is not moved about with the handler.
    let received = Box::pin(webhooks::receive(&app.engine, &psp, account, header, &bytes)).await;
    told(&app, account, received)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], "{}").into_response())
}

/// Counts what became of a message, and logs who was turned away.
fn told(app: &App, account: PspAccountId, received: Result<Received, ReceiveError>) -> Result<(), ReceiveError> {
    app.metrics.message(outcome(&received));
    if let Err(error @ (ReceiveError::Untrusted(_) | ReceiveError::Malformed)) = &received {
        tracing::warn!(%account, %error, "a message was turned away");
    }
    received.map(drop)
}

fn outcome(received: &Result<Received, ReceiveError>) -> &'static str {
    match received {
        Ok(Received::Stored) => "stored",
        Ok(Received::Duplicate) => "duplicate",
        Err(ReceiveError::NoAccount) => "no_account",
        Err(ReceiveError::Untrusted(_)) => "untrusted",
        Err(ReceiveError::Malformed) => "malformed",
        Err(ReceiveError::Failed(_)) => "failed",
    }
}
