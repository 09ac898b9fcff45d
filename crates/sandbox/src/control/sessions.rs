//! A session, for a tool that holds its id and is to act at the PSP: whose it is, and what its page offers.

use super::{body, refuse};
use crate::http::{Reply, Request};
use crate::stripe::checkout::{KIND, PLAYED};
use crate::world::{Account, Read, World};
use serde_json::{Value, json};

/// `GET /_sandbox/account?session=…`: the account, with a key that opens it.
pub(super) fn owner(world: &World, request: &Request) -> Result<Value, Reply> {
    let mut asked = form_urlencoded::parse(request.query.as_bytes());
    let (Some((name, session)), None) = (asked.next(), asked.next()) else {
        return Err(refuse("session", "must be given, and nothing else"));
    };
    if name != "session" {
        return Err(refuse(&name, "is unknown; only session may be given"));
    }
    let found = world.accounts.values().find(|account| account.get(KIND, &session).is_some());
    let account = found.ok_or_else(|| missing(&session))?;
    Ok(json!({ "id": account.id, "name": account.name, "key": format!("sk_test_{}", account.name) }))
}

/// `POST /_sandbox/sessions/{id}`: the ways to pay that an open session offers. At Stripe it is the Dashboard that adds them to a
/// session which names none itself.
pub(super) fn offer(world: &mut World, request: &Request, id: &str) -> Result<Value, Reply> {
    const FIELD: &str = "payment_method_types";
    let given = body(request)?;
    if let Some(name) = given.keys().find(|name| *name != FIELD) {
        return Err(refuse(name, "is unknown; only payment_method_types may be given"));
    }
    let kinds: Option<Vec<&str>> =
        given.get(FIELD).and_then(Value::as_array).and_then(|all| all.iter().map(Value::as_str).collect());
    let kinds = kinds.filter(|kinds| !kinds.is_empty() && kinds.iter().all(|kind| PLAYED.contains(kind)));
    let kinds = kinds.ok_or_else(|| refuse(FIELD, &format!("must be a list of {}", PLAYED.join(", "))))?;
    let holds = |account: &&mut Account| account.get(KIND, id).is_some();
    let account = world.accounts.values_mut().find(holds).ok_or_else(|| missing(id))?;
    let mut session = account.get(KIND, id).cloned().unwrap_or_default();
    if session.text("status") != "open" {
        return Err(refuse("id", "names a session that is not open any more"));
    }
    if kinds.contains(&"sepa_debit") && session.text("currency") != "eur" {
        return Err(refuse(FIELD, "cannot hold sepa_debit: the session is not in eur"));
    }
    session[FIELD] = json!(kinds);
    account.put(session);
    Ok(json!({ "id": id, "payment_method_types": kinds }))
}

fn missing(session: &str) -> Reply {
    Reply::json(404, &json!({ "error": { "field": "session", "message": format!("there is no session {session}") } }))
}
