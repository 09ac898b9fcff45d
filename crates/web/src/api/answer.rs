//! The engine's answers as HTTP answers.

use crate::problem::Problem;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ducat_engine::{Answer, AnswerKind};
use serde::Serialize;

/// A view as JSON.
pub(crate) fn shown(view: &impl Serialize) -> Result<Response, Problem> {
    let body = serde_json::to_vec(view).map_err(|error| Problem::internal(format!("a view cannot be written: {error}")))?;
    Ok(json(StatusCode::OK, body))
}

/// An answer that may be a stored one, about an object that lives under `collection`.
pub(crate) fn answered(answer: Answer, collection: &str) -> Response {
    let status = match answer.kind {
        AnswerKind::Created => StatusCode::CREATED,
        AnswerKind::Done => StatusCode::OK,
        AnswerKind::Accepted => StatusCode::ACCEPTED,
    };
    let location = location(&answer.body, collection);
    let mut response = json(status, answer.body);
    let headers = response.headers_mut();
    if let Some(location) = location.filter(|_| status != StatusCode::OK) {
        headers.insert(header::LOCATION, location);
    }
    if status == StatusCode::ACCEPTED {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    if answer.replayed {
        headers.insert("idempotent-replayed", HeaderValue::from_static("true"));
    }
    response
}

fn json(status: StatusCode, body: Vec<u8>) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// The address of the object in the body. The body is all there is of a stored answer, and whatever is created or accepted begins with its id.
fn location(body: &[u8], collection: &str) -> Option<HeaderValue> {
    let rest = body.strip_prefix(br#"{"id":""#)?;
    let end = rest.iter().position(|b| *b == b'"')?;
    let id = std::str::from_utf8(&rest[..end]).ok()?;
    HeaderValue::from_str(&format!("{collection}/{id}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: AnswerKind, replayed: bool) -> Response {
        answered(Answer { kind, body: br#"{"id":"po_1"}"#.to_vec(), replayed }, "/v1/payment_orders")
    }

    #[test]
    fn each_kind_of_answer_has_its_status_and_headers() {
        let created = of(AnswerKind::Created, true);
        assert_eq!(created.status(), StatusCode::CREATED);
        assert_eq!(created.headers()["location"], "/v1/payment_orders/po_1");
        assert_eq!(created.headers()["idempotent-replayed"], "true");
        let accepted = of(AnswerKind::Accepted, false);
        assert_eq!(
            (accepted.status(), &accepted.headers()["retry-after"]),
            (StatusCode::ACCEPTED, &HeaderValue::from_static("1"))
        );
        assert!(of(AnswerKind::Done, false).headers().get("location").is_none());
    }
}
