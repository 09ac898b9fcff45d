//! `GET /v1/events/{id}`: one event.

use crate::api::allowed::{Allowed, ToRead};
use crate::api::answer::shown;
use crate::api::named::Named;
use crate::app::App;
use crate::problem::Problem;
use axum::extract::State;
use axum::response::Response;
use ducat_domain::EventId;
use ducat_engine::events;

/// One event, with the order as it was right after the change.
#[utoipa::path(
    get, path = "/v1/events/{id}", tag = "Events", operation_id = "get_event", summary = "Get an event",
    params(("id" = String, Path, description = "`evt_…`")),
    responses((status = 200, description = "The event", body = ref("#/components/schemas/Event"))),
)]
pub(crate) async fn get(caller: Allowed<ToRead>, State(app): State<App>, Named(id): Named<EventId>) -> Result<Response, Problem> {
    shown(&events::get(&app.engine, caller.merchant, id).await?)
}
