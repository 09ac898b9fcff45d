//! Problems (RFC 9457): what a caller is told when a call comes to nothing.
//!
//! - `catalogue`: every code with its status and its page.
//! - `from_engine`: the one place where the engine's errors become statuses.
//! - `render`: the JSON document, or the page for a person.

pub(crate) mod catalogue;
mod from_engine;
mod render;

use crate::around::whole_seconds;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use catalogue::Kind;
pub(crate) use render::{ProblemDocument, as_json, as_page};
use std::time::Duration;

/// A refusal or failure, on its way to the caller. It travels in the answer's extensions to the layer around all routes, which
/// knows the request id and whether a person or a program is asking.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    kind: &'static Kind,
    /// The engine may have a code of its own for a kind of ours.
    code: &'static str,
    detail: String,
    param: Option<Box<str>>,
    /// What a machine wants to know besides.
    members: Box<[(&'static str, String)]>,
    /// For the log, never for the caller.
    hidden: Option<Box<str>>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem that is not about one field.
    pub fn new(kind: &'static Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            code: kind.code,
            detail: detail.into(),
            param: None,
            members: Box::default(),
            hidden: None,
            headers: Vec::new(),
        }
    }

    /// A problem with the field at this JSON pointer, or with the query parameter of this name.
    pub fn at(kind: &'static Kind, param: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { param: Some(param.into().into()), ..Self::new(kind, detail) }
    }

    /// There is nothing here.
    pub fn not_found(what: &str) -> Self {
        Self::new(&catalogue::NOT_FOUND, format!("There is no such {what}."))
    }

    /// Something of ours failed; `hidden` goes to the log only.
    pub fn internal(hidden: impl Into<String>) -> Self {
        let detail = "Something of ours failed. It is logged under the request id.";
        Self { hidden: Some(hidden.into().into()), ..Self::new(&catalogue::INTERNAL_ERROR, detail) }
    }

    /// The database could not be asked, or lost the answer; `hidden` goes to the log only.
    pub fn unavailable(hidden: impl Into<String>) -> Self {
        let detail = "The database did not confirm the request: it may have been done, or not. Send it again under the same Idempotency-Key.";
        Self { hidden: Some(hidden.into().into()), ..Self::new(&catalogue::UNAVAILABLE, detail) }.retry_after(1)
    }

    /// The same for somebody who only looks: nothing can have been done, and there is no key under which to ask again.
    pub fn told_to_a_reader(self) -> Self {
        if !std::ptr::eq(self.kind, &catalogue::UNAVAILABLE) {
            return self;
        }
        Self { detail: "The database does not answer. Nothing was changed; ask again.".into(), ..self }
    }

    /// Too much of this customer was declined; nothing more is tried for so long.
    pub fn too_many_declines(wait: Duration) -> Self {
        let detail = "Too many payments of this customer were declined. Nothing was done; wait before you try again.";
        Self::new(&catalogue::TOO_MANY_DECLINES, detail).retry_after(whole_seconds(wait).max(1))
    }

    /// No key, or no good one.
    pub fn unauthorized(detail: &str) -> Self {
        Self::new(&catalogue::UNAUTHORIZED, detail)
            .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static(r#"Bearer realm="ducat", Basic realm="ducat""#))
    }

    /// The same, telling the caller when to come again.
    pub fn retry_after(self, seconds: u64) -> Self {
        self.with_header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// The same, with one more header on the answer.
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.kind.status
    }

    /// What is for the log only.
    pub fn hidden(&self) -> Option<&str> {
        self.hidden.as_deref()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> axum::response::Response {
        let mut response = Response::new(axum::body::Body::empty());
        *response.status_mut() = self.status();
        for (name, value) in &self.headers {
            response.headers_mut().append(name.clone(), value.clone());
        }
        response.extensions_mut().insert(self);
        response
    }
}
