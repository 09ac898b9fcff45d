//! Whether the program is alive, and whether it is ready for work.

use crate::app::App;
use crate::problem::{Problem, catalogue as kinds};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

/// `GET /healthz`: the program runs.
pub(crate) async fn alive() -> Response {
    said(r#"{"status":"alive"}"#)
}

/// `GET /readyz`: the database answers, and the program is not about to stop.
pub(crate) async fn ready(State(app): State<App>) -> Result<Response, Problem> {
    if app.draining.has_begun() {
        return Err(Problem::new(&kinds::BUSY, "This node is about to stop.").retry_after(1));
    }
    match app.engine.store().ready().await {
        // Without the shared cache a node does its work, and says that it stands alone.
        Ok(()) => Ok(said(&format!(r#"{{"status":"ready","cache":"{}"}}"#, app.engine.cache().state().as_str()))),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            Err(Problem::new(&kinds::BUSY, "The database does not answer.").retry_after(1))
        }
    }
}

fn said(body: &str) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body.to_owned()).into_response()
}
