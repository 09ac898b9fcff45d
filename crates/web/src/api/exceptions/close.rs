//! `POST /v1/exceptions/{id}/close`: note that an exception is settled.

use crate::api::allowed::{Allowed, ToManage};
use crate::api::answer::answered;
use crate::api::asked::Asked;
use crate::api::named::Named;
use crate::app::App;
use crate::problem::Problem;
use crate::reading::Fields;
use axum::extract::State;
use axum::response::Response;
use ducat_domain::ExceptionId;
use ducat_engine::settlement::{self, Settled};
use utoipa::ToSchema;

/// How it was settled.
#[derive(ToSchema)]
#[schema(title = "NewClosing", example = json!({ "why": "a test transfer of the PSP's" }))]
#[allow(dead_code)]
pub(crate) struct NewClosingBody {
    /// How it was settled, up to 500 characters.
    why: String,
}

/// Notes that an exception is settled.
#[utoipa::path(
    post, path = "/v1/exceptions/{id}/close", tag = "Exceptions", operation_id = "close_exception", summary = "Close an exception",
    description = "A note, with who (the API key) and why. It moves no money: what lies in suspense is put right by reversing its entry. \
        Needs a key of scope admin.",
    params(
        ("id" = String, Path, description = "`exc_…`"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to repeat the request."),
    ),
    request_body = NewClosingBody,
    responses((status = 200, description = "The exception, closed", body = ref("#/components/schemas/Exception"))),
)]
pub(crate) async fn close(
    caller: Allowed<ToManage>,
    State(app): State<App>,
    Named(id): Named<ExceptionId>,
    asked: Asked,
) -> Result<Response, Problem> {
    let mut fields = Fields::of(asked.body, "", &["why"])?;
    let settled = Settled { by: caller.who(), why: fields.required("why")? };
    let answer = settlement::close_exception(&app.engine, caller.merchant, id, settled, asked.key).await?;
    Ok(answered(answer, "/v1/exceptions"))
}
