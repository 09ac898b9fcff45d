//! A problem as JSON for a program, or as a page for a person.

use super::Problem;
use crate::pages;
use axum::body::Body;
use axum::http::{HeaderValue, Response, header};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A problem, as RFC 9457 writes it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(title = "Problem", example = json!({
    "type": "/docs/errors/invalid_type", "title": "A field has the wrong type", "status": 400,
    "detail": "amount must be a whole number, not a text.", "code": "invalid_type", "param": "/amount",
    "request_id": "req_01kaj0000000000000000000a0"
}))]
pub(crate) struct ProblemDocument {
    /// A page about this kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// A few words for people; the same for every problem of the kind.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// For people: what is wrong this time.
    pub detail: String,
    /// Stable, for machines.
    pub code: &'static str,
    /// A JSON pointer to the field at fault, or the name of the query parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub param: Option<String>,
    /// Names this call in our log.
    pub request_id: String,
    /// What a machine wants to know besides, such as `claimed_by` and `claimed_at` with `already_claimed`.
    #[serde(flatten)]
    pub members: BTreeMap<&'static str, String>,
}

impl Problem {
    /// What the caller is told.
    pub fn document(&self, request_id: &str) -> ProblemDocument {
        ProblemDocument {
            kind: format!("/docs/errors/{}", self.kind.code),
            title: self.kind.title,
            status: self.kind.status.as_u16(),
            detail: self.detail.clone(),
            code: self.code,
            param: self.param.as_deref().map(str::to_owned),
            request_id: request_id.to_owned(),
            members: self.members.iter().cloned().collect(),
        }
    }
}

/// Fills the answer with the JSON document.
pub(crate) fn as_json(problem: &Problem, request_id: &str, response: &mut Response<Body>) {
    let body = serde_json::to_vec(&problem.document(request_id)).unwrap_or_default();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    *response.body_mut() = Body::from(body);
}

/// Fills the answer with a page.
pub(crate) fn as_page(problem: &Problem, request_id: &str, response: &mut Response<Body>) {
    let page = pages::failure(&problem.document(request_id));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    *response.body_mut() = Body::from(page);
}
