//! `POST /v1/disputes/{id}/files`: add a file that speaks for you, as raw bytes.

use crate::api::allowed::{Allowed, ToPay};
use crate::api::named::Named;
use crate::app::App;
use crate::problem::{Problem, catalogue as kinds};
use crate::reading::Query;
use crate::reading::body::Patience;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ducat_domain::DisputeId;
use ducat_engine::disputes::{self, NewFile};

/// Adds a file.
#[utoipa::path(
    post, path = "/v1/disputes/{id}/files", tag = "Disputes", operation_id = "add_dispute_file", summary = "Add a file as evidence",
    description = "The body is the file itself: PDF, JPEG or PNG, up to 5 MiB, and its first bytes must be of that kind. One file for each field: a second \
        one takes the place of the first, so the request can be repeated. The files are sent with `POST …/evidence`, and forgotten once the \
        dispute is decided.",
    params(
        ("id" = String, Path, description = "`dp_…`"),
        ("field" = String, Query, description = "What it shows, by the PSP's name: `receipt`, `shipping_documentation`, …"),
        ("name" = String, Query, description = "The name of the file."),
    ),
    request_body(content = String, description = "The file", content_type = "application/pdf"),
    responses((status = 201, description = "The file", body = ref("#/components/schemas/DisputeFile"))),
)]
pub(crate) async fn add_file(
    caller: Allowed<ToPay>,
    State(app): State<App>,
    Named(id): Named<DisputeId>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let query = Query::of(parts.uri.query(), &["field", "name"])?;
    let (field, name) = (wanted(&query, "field")?, wanted(&query, "name")?);
    let media_type = media_type(&parts.headers);
    let limits = &app.settings.limits;
    let patience = Patience { bytes: limits.file_bytes, timeout: limits.body_timeout };
    let file = app.bodies.read(&parts.headers, body, patience).await?;
    let file = NewFile { field, name, media_type, bytes: file.to_vec() };
    let view = disputes::add_file(&app.engine, caller.merchant, id, file).await?;
    let body = serde_json::to_vec(&view).map_err(|error| Problem::internal(format!("a view cannot be written: {error}")))?;
    Ok((StatusCode::CREATED, [(header::CONTENT_TYPE, "application/json")], body).into_response())
}

fn wanted(query: &Query, name: &str) -> Result<String, Problem> {
    let missing = || Problem::at(&kinds::INVALID_PARAMETER, name, format!("{name} is required."));
    query.text(name).map(str::to_owned).ok_or_else(missing)
}

/// The declared media type, without what may follow it.
fn media_type(headers: &HeaderMap) -> String {
    let declared = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
