//! Whether what a merchant wants of an endpoint makes sense.

use crate::courier::Refused;
use crate::payments::check_text;
use crate::{Engine, Problem};
use ducat_domain::EventKind;

/// The most kinds of events that a filter names.
pub(super) const MAX_TYPES: usize = 100;
/// The longest description.
const MAX_DESCRIPTION: usize = 200;

/// An address to which deliveries may go.
pub(super) fn url(engine: &Engine, text: &str) -> Result<(), Problem> {
    let refusal = |why: Refused| {
        let code = if why == Refused::Long { "too_long" } else { "invalid_url" };
        Problem::field(code, "/url", format!("must be an https address of the public internet: {why}"))
    };
    engine.settings().webhooks.check_url(text).map(drop).map_err(refusal)
}

/// What the merchant calls it; may be empty.
pub(super) fn description(text: &str) -> Result<(), Problem> {
    if text.is_empty() { Ok(()) } else { check_text("/description", text, 1, MAX_DESCRIPTION) }
}

/// Kinds of events, each once, in an order of their own.
pub(super) fn types(types: Vec<String>) -> Result<Vec<String>, Problem> {
    if types.len() > MAX_TYPES {
        return Err(Problem::field("too_many", "/types", format!("must be at most {MAX_TYPES}")));
    }
    if let Some((i, unknown)) = types.iter().enumerate().find(|(_, kind)| EventKind::parse(kind).is_none()) {
        let known: Vec<_> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
        let detail = format!("{unknown:?} is no event type; there are {}", known.join(", "));
        return Err(Problem::field("event_type_unknown", format!("/types/{i}"), detail));
    }
    let mut types = types;
    types.sort();
    types.dedup();
    Ok(types)
}
