//! `GET /v1/ledger/trial_balance`: what lay on all accounts at a moment.

use crate::api::allowed::{Allowed, ToRead};
use crate::api::answer::shown;
use crate::app::App;
use crate::problem::Problem;
use crate::reading::Query;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use ducat_engine::ledger;

/// What lay on all accounts at a moment.
#[utoipa::path(
    get, path = "/v1/ledger/trial_balance", tag = "Ledger", operation_id = "get_trial_balance", summary = "Get the trial balance",
    description = "What lay on every account up to and with a moment, and the totals per currency and layer. The totals are zero. What lies there \
        now is kept, and what has moved since is taken away; where that is much, what lay there when the books were last closed before the moment is \
        taken, and what moved from then on is added. `ducat verify` proves that all that is kept is the sum of the lines.",
    params(("at" = Option<String>, Query, description = "The moment, RFC 3339, taken to the millisecond; now by default.")),
    responses((status = 200, description = "The trial balance", body = ref("#/components/schemas/TrialBalance"))),
)]
pub(crate) async fn trial_balance(
    caller: Allowed<ToRead>,
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let query = Query::of(query.as_deref(), &["at"])?;
    let at = query.moment("at")?;
    shown(&ledger::trial_balance(&app.engine, caller.merchant, at).await?)
}
