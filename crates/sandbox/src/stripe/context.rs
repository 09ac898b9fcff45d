//! What an operation works with: one account, the moment, chance, and the act of telling the world what happened.

use super::errors::ApiError;
use super::webhooks;
use crate::faults::Faults;
use crate::ids;
use crate::world::{Account, MAX_OBJECTS, Task, shown};
use ducat_domain::Chance;
use serde_json::{Map, Value, json};

/// The version of Stripe's API that this sandbox speaks unless the request names another.
pub(crate) const API_VERSION: &str = "2026-05-27.dahlia";

/// Who caused a change, as events report it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    pub request_id: Option<String>,
    pub idempotency_key: Option<String>,
    /// The version of the API that was asked for; empty when time itself acts.
    pub version: String,
}

impl Origin {
    /// Until 2025-03-31 Stripe let go of what was held, and not taken, by a refund.
    pub fn releases_by_refund(&self) -> bool {
        !self.version.is_empty() && self.version.as_str() < "2025-03-31"
    }
}

/// One operation's view of one account.
pub(crate) struct Ctx<'a> {
    pub account: &'a mut Account,
    pub faults: &'a mut Faults,
    pub chance: &'a dyn Chance,
    pub public_url: &'a str,
    pub now_ms: i64,
    pub origin: Origin,
}

impl Ctx<'_> {
    /// The present second.
    pub fn now(&self) -> i64 {
        self.now_ms.div_euclid(1_000)
    }

    pub fn id(&self, prefix: &str) -> String {
        ids::new_id(self.chance, prefix)
    }

    pub fn secret(&self, length: usize) -> String {
        ids::random_text(self.chance, length)
    }

    /// An object named in the path; 404 if there is none.
    pub fn load(&self, kind: &str, id: &str) -> Result<Value, ApiError> {
        self.account.get(kind, id).cloned().ok_or_else(|| ApiError::not_found(spoken(kind), id, path_param(kind)))
    }

    /// The owner that a longer path begins with; 404 naming the owner's kind, not `id`, which is the last object of the path.
    pub fn load_owner(&self, kind: &str, id: &str) -> Result<Value, ApiError> {
        self.account.get(kind, id).cloned().ok_or_else(|| ApiError::not_found(spoken(kind), id, kind))
    }

    /// An object named by a parameter; 400 naming that parameter if there is none.
    pub fn load_param(&self, kind: &str, id: &str, param: &str) -> Result<Value, ApiError> {
        self.account.get(kind, id).cloned().ok_or_else(|| ApiError::no_such(spoken(kind), id, param))
    }

    /// Refuses to create one more when the account is full.
    pub fn room_for(&self, kind: &str) -> Result<(), ApiError> {
        if self.account.table(kind).len() < MAX_OBJECTS {
            return Ok(());
        }
        Err(ApiError::invalid(format!("This sandbox account already holds {MAX_OBJECTS} objects of this kind."))
            .code("rate_limit")
            .status(429))
    }

    pub fn store(&mut self, object: &Value) {
        self.account.put(object.clone());
    }

    pub fn plan_in(&mut self, seconds: i64, task: Task) {
        let due = self.now_ms.saturating_add(seconds.saturating_mul(1_000));
        self.account.plan(due, task);
    }

    /// Stores the object and tells what happened to it.
    pub fn store_and_emit(&mut self, object: &Value, event: &str) {
        self.store(object);
        self.emit(event, object);
    }

    /// Tells what happened to an object.
    pub fn emit(&mut self, event: &str, object: &Value) {
        self.emit_with(event, object, None);
    }

    /// Tells of a change, with the values that were there before it. Nothing is told when nothing changed.
    pub fn emit_change(&mut self, event: &str, before: &Value, after: &Value) {
        let previous = difference(&shown(before), &shown(after));
        if !previous.is_empty() {
            self.emit_with(event, after, Some(previous));
        }
    }

    fn emit_with(&mut self, kind: &str, object: &Value, previous: Option<Map<String, Value>>) {
        let mut data = json!({ "object": shown(object) });
        if let Some(previous) = previous {
            data["previous_attributes"] = Value::Object(previous);
        }
        let event = json!({
            "id": self.id("evt"), "object": "event", "api_version": API_VERSION, "created": self.now(), "data": data,
            "livemode": false, "pending_webhooks": 0, "type": kind,
            "request": { "id": self.origin.request_id, "idempotency_key": self.origin.idempotency_key },
        });
        webhooks::enqueue(self, event);
    }
}

/// What was there before, for each field that differs; null for a field that is new.
fn difference(before: &Value, after: &Value) -> Map<String, Value> {
    let mut out = Map::new();
    let (Value::Object(old), Value::Object(new)) = (before, after) else { return out };
    for (key, now) in new {
        match old.get(key) {
            Some(then) if then == now => {}
            Some(then @ Value::Object(_)) if now.is_object() => {
                out.insert(key.clone(), Value::Object(difference(then, now)));
            }
            then => {
                out.insert(key.clone(), then.cloned().unwrap_or(Value::Null));
            }
        }
    }
    for (key, then) in old.iter().filter(|(k, _)| !new.contains_key(*k)) {
        out.insert(key.clone(), then.clone());
    }
    out
}

/// How Stripe's messages call a kind of object.
pub(crate) fn spoken(kind: &str) -> &str {
    match kind {
        "checkout.session" => "checkout.session",
        "payment_method" => "PaymentMethod",
        "webhook_endpoint" => "webhook endpoint",
        "balance_transaction" => "balance transaction",
        "promotion_code" => "promotion code",
        "shipping_rate" => "shipping rate",
        "tax_rate" => "tax rate",
        "setup_intent" => "setupintent",
        "file" => "file upload",
        other => other,
    }
}

/// How Stripe names the id of a path in `param`.
fn path_param(kind: &str) -> &str {
    match kind {
        "payment_intent" | "setup_intent" => "intent",
        "checkout.session" => "session",
        "charge" | "customer" | "product" | "event" | "balance_transaction" => "id",
        "shipping_rate" => "shipping_rate_token",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn previous_attributes_hold_only_what_changed() {
        let before = json!({"a": 1, "m": {"x": "1", "y": "2"}});
        let after = json!({"a": 1, "m": {"x": "1", "y": "3", "z": "4"}});
        assert_eq!(Value::Object(difference(&before, &after)), json!({"m": {"y": "2", "z": null}}));
    }
}
