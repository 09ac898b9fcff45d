//! `GET /v1/webhook_endpoints/{id}/deliveries`: the delivery log, newest first.

use crate::api::allowed::{Allowed, ToRead};
use crate::api::answer::shown;
use crate::api::list::List;
use crate::api::named::Named;
use crate::app::App;
use crate::problem::Problem;
use crate::reading::Query;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use ducat_domain::WebhookEndpointId;
use ducat_domain::webhooks::DeliveryState;
use ducat_engine::deliveries as log;
use ducat_store::DeliveryFilter;

const KNOWN: &[&str] = &["state", "event", "limit", "starting_after", "ending_before"];

fn filter(query: &Query) -> Result<DeliveryFilter, Problem> {
    Ok(DeliveryFilter {
        state: query.parsed("state", "pending, succeeded or dead", DeliveryState::parse)?,
        event: query.parsed("event", "the id of an event", |text| text.parse().ok())?,
    })
}

/// Lists deliveries.
#[utoipa::path(
    get, path = "/v1/webhook_endpoints/{id}/deliveries", tag = "Webhook endpoints", operation_id = "list_webhook_deliveries",
    summary = "List a webhook endpoint's deliveries",
    description = "Newest first, of the last 30 days. The dead letters are those with `state=dead`.",
    params(
        ("id" = String, Path, description = "`we_…`"),
        ("state" = Option<String>, Query, description = "pending, succeeded or dead."),
        ("event" = Option<String>, Query, description = "`evt_…`: only those of this event."),
        ("limit" = Option<u32>, Query, description = "1 to 100; 20 by default."),
        ("starting_after" = Option<String>, Query, description = "The id of the last delivery of the page before."),
        ("ending_before" = Option<String>, Query, description = "The id of the first delivery of the page after."),
    ),
    responses((status = 200, description = "A page of deliveries", body = ref("#/components/schemas/WebhookDeliveryList"))),
)]
pub(crate) async fn deliveries(
    caller: Allowed<ToRead>,
    State(app): State<App>,
    Named(id): Named<WebhookEndpointId>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let query = Query::of(query.as_deref(), KNOWN)?;
    let page = log::list(&app.engine, caller.merchant, id, filter(&query)?, query.anchor()?, query.limit()?).await?;
    shown(&List::from(page))
}
