//! `GET /v1/events`: read on from a cursor, oldest first; or look at the end of the log.

use crate::api::allowed::{Allowed, ToRead};
use crate::api::answer::shown;
use crate::api::list::List;
use crate::app::App;
use crate::problem::{Problem, catalogue as kinds};
use crate::reading::Query;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use ducat_domain::payments::EventKind;
use ducat_engine::events;
use ducat_store::EventCursor;

/// Reads events in the order of their commit.
#[utoipa::path(
    get, path = "/v1/events", tag = "Events", operation_id = "list_events", summary = "Read events, oldest first",
    description = "Gapless, in the order of their commit. A reader that goes on with `after` = the id of the last event it saw misses none. \
                   To begin at the end of the log, ask for the newest (`order=desc&limit=1`) and go on after it.",
    params(
        ("after" = Option<String>, Query, description = "The id of an event; reading begins with the next. Without it, with the first."),
        ("order" = Option<String>, Query, description = "`asc`, oldest first (the default), or `desc`, newest first, which cannot be joined with `after`."),
        ("types" = Option<String>, Query, description = "Event types with commas between, such as `payment_order.succeeded`. Without it, all."),
        ("limit" = Option<u32>, Query, description = "1 to 100; 20 by default."),
    ),
    responses((status = 200, description = "A page of events, oldest first", body = ref("#/components/schemas/EventList"))),
)]
pub(crate) async fn list(
    caller: Allowed<ToRead>,
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let query = Query::of(query.as_deref(), &["after", "order", "types", "limit"])?;
    let cursor = cursor(&query)?;
    let known: Vec<&str> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
    let types = query.words("types", &known)?;
    let page = events::list(&app.engine, caller.merchant, cursor, types, query.limit()?).await?;
    shown(&List::from(page))
}

/// Where the reader stands.
fn cursor(query: &Query) -> Result<EventCursor, Problem> {
    let after = query.parsed("after", "the id of an event", |text| text.parse().ok())?;
    let newest_first = query.parsed("order", "asc or desc", |text| match text {
        "asc" => Some(false),
        "desc" => Some(true),
        _ => None,
    })?;
    match (after, newest_first) {
        (Some(_), Some(true)) => {
            let detail = "order=desc looks back from the end of the log, so after cannot stand beside it.";
            Err(Problem::at(&kinds::INVALID_PARAMETER, "order", detail))
        }
        (None, Some(true)) => Ok(EventCursor::Newest),
        (None, _) => Ok(EventCursor::Start),
        (Some(id), _) => Ok(EventCursor::After(id)),
    }
}
