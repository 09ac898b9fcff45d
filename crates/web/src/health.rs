//! Whether the program is alive, and whether it is ready for work.

use crate::app::App;
use crate::problem::{Problem, catalogue as kinds};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use ducat_store::Unready;
use std::time::Duration;

/// How long the database may take. A load balancer wants to know soon, whatever those who pay are willing to wait.
const READY_WITHIN: Duration = Duration::from_secs(3);

/// `GET /healthz`: the program runs.
pub(crate) async fn alive() -> Response {
    said(r#"{"status":"alive"}"#)
}

/// `GET /readyz`: the database answers and is the one that the program knows, and the program is not about to stop.
pub(crate) async fn ready(State(app): State<App>) -> Result<Response, Problem> {
    if app.draining.has_begun() {
        return Err(Problem::new(&kinds::BUSY, "This node is about to stop.").retry_after(1));
    }
    let why = match tokio::time::timeout(READY_WITHIN, app.engine.store().ready()).await {
        // Without the shared cache a node does its work, and says that it stands alone.
        Ok(Ok(())) => return Ok(said(&format!(r#"{{"status":"ready","cache":"{}"}}"#, app.engine.cache().state().as_str()))),
        Ok(Err(Unready::Newer { .. })) => {
            let detail = "A newer program has migrated the database. This node's program is to be replaced by that one.";
            return Err(Problem::new(&kinds::BUSY, detail));
        }
        Ok(Err(Unready::Silent(why))) => why,
        Err(_) => format!("the database did not answer within {} seconds", READY_WITHIN.as_secs()),
    };
    Err(Problem::unavailable(why))
}

fn said(body: &str) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body.to_owned()).into_response()
}
