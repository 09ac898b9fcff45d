//! The log of events: what happened, newest first.

use super::context::Ctx;
use super::errors::{Answer, ApiError};
use super::lists;
use super::routes::{Args, Route};
use crate::world::{Read, shown};
use serde_json::{Map, Value};

pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/events", "events.list", "list:event", list),
    Route::new("GET", "/v1/events/{id}", "events.retrieve", "event", retrieve),
];

/// Stripe takes no more types than this in one filter.
const MAX_TYPES: usize = 20;

fn retrieve(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    ctx.load("event", args.id()).map(|e| shown(&e))
}

fn list(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let params = &args.params;
    if params.has("type") && params.has("types") {
        return Err(ApiError::invalid("You may pass either type or types, but not both.").param("types"));
    }
    if params.get("types").and_then(Value::as_array).is_some_and(|t| t.len() > MAX_TYPES) {
        return Err(ApiError::invalid(format!("You may pass up to {MAX_TYPES} types.")).param("types"));
    }
    lists::page(ctx, args, "event", "/v1/events", |event| wanted(params, event))
}

fn wanted(params: &Map<String, Value>, event: &Value) -> bool {
    let kind = event.text("type");
    let by_type = params.some("type").is_none_or(|wanted| names(wanted, kind));
    let by_types = params
        .get("types")
        .and_then(Value::as_array)
        .is_none_or(|all| all.iter().any(|w| names(w.as_str().unwrap_or_default(), kind)));
    // An event has been delivered when no endpoint waits for it any more.
    let delivered = event.int("pending_webhooks") == 0;
    let by_success = params.get("delivery_success").and_then(Value::as_bool).is_none_or(|success| success == delivered);
    by_type && by_types && by_success
}

/// Whether a type, or a group such as `charge.*`, names this type.
fn names(wanted: &str, kind: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(start) => kind.starts_with(start),
        None => wanted == kind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_names_all_types_under_it() {
        assert!(names("charge.*", "charge.refunded"));
        assert!(names("*", "charge.refunded"));
        assert!(!names("charge.*", "refund.created"));
        assert!(!names("charge", "charge.refunded"));
    }
}
