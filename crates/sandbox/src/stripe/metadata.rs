//! Metadata: given once at creation, merged key by key afterwards.

use super::errors::ApiError;
use serde_json::{Map, Value, json};

const MAX_KEYS: usize = 50;

/// The metadata of a new object.
pub(crate) fn fresh(params: &Map<String, Value>) -> Value {
    match params.get("metadata") {
        Some(Value::Object(given)) => {
            Value::Object(given.iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.clone(), v.clone())).collect())
        }
        _ => json!({}),
    }
}

/// Merges what is given into an object's metadata: an empty value removes its key, an empty whole removes all.
pub(crate) fn merge(object: &mut Value, params: &Map<String, Value>) -> Result<(), ApiError> {
    match params.get("metadata") {
        None => {}
        Some(Value::Object(given)) => {
            if !object["metadata"].is_object() {
                object["metadata"] = json!({});
            }
            let Value::Object(kept) = &mut object["metadata"] else { return Ok(()) };
            for (key, value) in given {
                match value {
                    Value::Null => kept.remove(key),
                    value => kept.insert(key.clone(), value.clone()),
                };
            }
            if kept.len() > MAX_KEYS {
                return Err(ApiError::invalid(format!("You can only have up to {MAX_KEYS} metadata keys.")).param("metadata"));
            }
        }
        Some(_) => object["metadata"] = json!({}),
    }
    Ok(())
}

/// Sets each of these fields that was given; what was unset becomes null.
pub(crate) fn assign(object: &mut Value, params: &Map<String, Value>, names: &[&str]) {
    for name in names {
        if let Some(value) = params.get(*name) {
            object[*name] = value.clone();
        }
    }
}
