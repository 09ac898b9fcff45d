//! Whether the program is alive, and whether it is ready for work.

use crate::app::App;
use crate::problem::{Problem, catalogue as kinds};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

/// `GET /healthz`: the program runs.
pub(crate) async fn alive() -> Response {
    said("alive")
}

/// `GET /readyz`: the database answers, and the program is not about to stop.
pub(crate) async fn ready(State(app): State<App>) -> Result<Response, Problem> {
    if app.draining.has_begun() {
        return Err(Problem::new(&kinds::BUSY, "This node is about to stop.").retry_after(1));
    }
    match app.engine.store().ready().await {
        Ok(()) => Ok(said("ready")),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            Err(Problem::new(&kinds::BUSY, "The database does not answer.").retry_after(1))
        }
    }
}

fn said(status: &str) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], format!("{{\"status\":\"{status}\"}}")).into_response()
}
