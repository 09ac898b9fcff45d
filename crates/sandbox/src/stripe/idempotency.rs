//! Idempotency as Stripe documents it: the first answer of an operation that began is kept for a day and given again.

use super::context::Ctx;
use super::errors::ApiError;
use super::form::{self, Node};
use super::{files, multipart};
use crate::http::{Reply, Request};
use crate::world::Saved;
use serde_json::Value;
use std::collections::BTreeMap;

const KEPT_MS: i64 = 24 * 3_600 * 1_000;
const MAX_KEY: usize = 255;

/// Reads the parameters and runs the operation, unless the request's key already has an answer.
pub(crate) fn around(
    ctx: &mut Ctx<'_>,
    request: &Request,
    request_id: &str,
    run: impl FnOnce(&mut Ctx<'_>, BTreeMap<String, Node>) -> Result<Value, ApiError>,
) -> Reply {
    let fields = match parameters(request) {
        Ok(fields) => fields,
        Err(error) => return error.reply(request_id),
    };
    let Some(key) = ctx.origin.idempotency_key.clone() else { return reply(run(ctx, fields), request_id) };
    if key.len() > MAX_KEY {
        let text = format!("Idempotency keys must be at most {MAX_KEY} characters.");
        return ApiError::idempotency(text).reply(request_id).header("Idempotency-Key", &key);
    }
    let fingerprint = format!("{} {} {}", request.method, request.path, form::canonical(&fields));
    let known = ctx.account.idempotency.get(&key).filter(|saved| ctx.now_ms - saved.at_ms < KEPT_MS);
    if let Some(saved) = known {
        return again(saved, &fingerprint, &key, request, request_id);
    }
    let answer = run(ctx, fields);
    let keep = match &answer {
        Ok(_) => true,
        Err(error) => error.executed,
    };
    let reply = reply(answer, request_id);
    if keep {
        let body = String::from_utf8_lossy(&reply.body).into_owned();
        ctx.account.save_answer(
            &key,
            Saved { fingerprint, status: reply.status, body, request_id: request_id.to_owned(), at_ms: ctx.now_ms },
        );
    }
    reply.header("Idempotency-Key", &key)
}

fn again(saved: &Saved, fingerprint: &str, key: &str, request: &Request, request_id: &str) -> Reply {
    if saved.fingerprint == fingerprint {
        let replayed = Reply::bytes(saved.status, "application/json", saved.body.clone().into_bytes());
        return replayed
            .header("Idempotency-Key", key)
            .header("Idempotent-Replayed", "true")
            .header("Original-Request", &saved.request_id);
    }
    let endpoint = format!("{} {} ", request.method, request.path);
    let text = if saved.fingerprint.starts_with(&endpoint) {
        format!(
            "Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '{key}' if you meant to execute a different request."
        )
    } else {
        format!(
            "Keys for idempotent requests can only be used for the same endpoint they were first used for. Try using a key other than '{key}' if you meant to execute a different request."
        )
    };
    ApiError::idempotency(text).reply(request_id).header("Idempotency-Key", key).header("Original-Request", &saved.request_id)
}

fn reply(answer: Result<Value, ApiError>, request_id: &str) -> Reply {
    match answer {
        // Stripe's own answers are indented, too; people read them in terminals.
        Ok(value) => Reply::bytes(200, "application/json", serde_json::to_vec_pretty(&value).unwrap_or_default()),
        Err(error) => error.reply(request_id),
    }
}

/// The parameters of the query and, unless it is a GET, of the body. A file is sent in a form of its own.
fn parameters(request: &Request) -> Result<BTreeMap<String, Node>, ApiError> {
    let mut text = request.query.clone().into_bytes();
    if request.method != "GET" && !request.body.is_empty() {
        let kind = request.header_value("Content-Type").unwrap_or("application/x-www-form-urlencoded");
        let wanted = if takes_file(request) { "multipart/form-data" } else { "application/x-www-form-urlencoded" };
        if !kind.starts_with(wanted) {
            let text = format!(
                "Invalid request (check that your POST content type is {wanted}). If you have any questions, we can help at https://support.stripe.com/."
            );
            return Err(ApiError::invalid(text));
        }
        if takes_file(request) {
            return multipart::parse(kind, &request.body).map_err(ApiError::invalid);
        }
        text.push(b'&');
        text.extend_from_slice(&request.body);
    }
    form::parse(&text).map_err(ApiError::invalid)
}

fn takes_file(request: &Request) -> bool {
    request.method == "POST" && request.path.trim_end_matches('/') == files::PATH
}
