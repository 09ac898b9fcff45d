//! `GET /v1/events`: read on from a cursor, oldest first.

use crate::api::allowed::{Allowed, ToRead};
use crate::api::answer::shown;
use crate::api::list::List;
use crate::app::App;
use crate::problem::Problem;
use crate::reading::Query;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use ducat_domain::payments::EventKind;
use ducat_engine::events;

/// Reads events in the order of their commit.
#[utoipa::path(
    get, path = "/v1/events", tag = "Events", operation_id = "list_events", summary = "Read events, oldest first",
    description = "Gapless, in the order of their commit. A reader that goes on with `after` = the id of the last event it saw misses none.",
    params(
        ("after" = Option<String>, Query, description = "The id of an event; reading begins with the next. Without it, with the first."),
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
    let query = Query::of(query.as_deref(), &["after", "types", "limit"])?;
    let after = query.parsed("after", "the id of an event", |text| text.parse().ok())?;
    let known: Vec<&str> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
    let kinds = query.words("types", &known)?;
    let page = events::list(&app.engine, caller.merchant, after, kinds, query.limit()?).await?;
    shown(&List::from(page))
}
