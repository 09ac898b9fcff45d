//! `GET /v1/payouts/{id}`: one payout.

use crate::api::allowed::{Allowed, ToRead};
use crate::api::answer::shown;
use crate::api::named::Named;
use crate::app::App;
use crate::problem::Problem;
use crate::reading::Query;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use ducat_domain::PayoutId;
use ducat_engine::settlement;

/// One payout.
#[utoipa::path(
    get, path = "/v1/payouts/{id}", tag = "Payouts", operation_id = "get_payout", summary = "Get a payout",
    params(("id" = String, Path, description = "`pout_…`")),
    responses((status = 200, description = "The payout", body = ref("#/components/schemas/Payout"))),
)]
pub(crate) async fn get(
    caller: Allowed<ToRead>,
    State(app): State<App>,
    Named(id): Named<PayoutId>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    Query::of(query.as_deref(), &[])?;
    shown(&settlement::payout(&app.engine, caller.merchant, id).await?)
}
