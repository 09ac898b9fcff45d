//! JSON as the fields of a request. Unknown fields are refused by name, and every refusal says where.

use super::json::step;
use crate::problem::{Problem, catalogue as kinds};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The fields of one object, taken out one by one.
pub(crate) struct Fields {
    at: String,
    members: Map<String, Value>,
}

impl Fields {
    /// The fields of `value`, which stands at the pointer `at`; nothing but `known` may be among them.
    pub fn of(value: Value, at: &str, known: &[&str]) -> Result<Self, Problem> {
        let Value::Object(members) = value else { return Err(wrong_type(at, "an object", &value)) };
        if let Some(name) = members.keys().find(|name| !known.contains(&name.as_str())) {
            let place = format!("{at}{}", step(name));
            return Err(Problem::at(&kinds::UNKNOWN_FIELD, place, format!("{name} is not a known field. {}", listed(known))));
        }
        Ok(Self { at: at.to_owned(), members })
    }

    /// A field that must be there.
    pub fn required<T: Shape>(&mut self, name: &str) -> Result<T, Problem> {
        let place = self.place(name);
        let Some(value) = self.members.remove(name) else {
            return Err(Problem::at(&kinds::MISSING_FIELD, place, format!("{name} is required.")));
        };
        T::read(value, &place)
    }

    /// A field that may be missing, or null, which is the same.
    pub fn optional<T: Shape>(&mut self, name: &str) -> Result<Option<T>, Problem> {
        match self.members.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => T::read(value, &self.place(name)).map(Some),
        }
    }

    /// One of a few texts, each with what it stands for.
    pub fn choice<T: Clone>(&mut self, name: &str, choices: &[(&str, T)]) -> Result<Option<T>, Problem> {
        let Some(text) = self.optional::<String>(name)? else { return Ok(None) };
        let found = choices.iter().find(|(choice, _)| *choice == text).map(|(_, what)| what.clone());
        let names: Vec<&str> = choices.iter().map(|(choice, _)| *choice).collect();
        let refusal =
            || Problem::at(&kinds::INVALID_VALUE, self.place(name), format!("{name} must be one of {}.", names.join(", ")));
        found.map(Some).ok_or_else(refusal)
    }

    /// The pointer to a field.
    pub fn place(&self, name: &str) -> String {
        let step = step(name);
        if self.at.is_empty() { step } else { format!("{}{step}", self.at) }
    }
}

/// What can be read from a JSON value.
pub(crate) trait Shape: Sized {
    /// Reads it, or says what stands at the pointer `at` instead.
    fn read(value: Value, at: &str) -> Result<Self, Problem>;
}

impl Shape for String {
    fn read(value: Value, at: &str) -> Result<Self, Problem> {
        match value {
            Value::String(text) => Ok(text),
            other => Err(wrong_type(at, "a text", &other)),
        }
    }
}

impl Shape for bool {
    fn read(value: Value, at: &str) -> Result<Self, Problem> {
        value.as_bool().ok_or_else(|| wrong_type(at, "true or false", &value))
    }
}

impl Shape for i64 {
    fn read(value: Value, at: &str) -> Result<Self, Problem> {
        if value.as_u64().is_some_and(|n| n > i64::MAX as u64) {
            return Err(Problem::at(&kinds::INVALID_VALUE, at, format!("{} is too large.", name_of(at))));
        }
        value.as_i64().ok_or_else(|| wrong_type(at, "a whole number", &value))
    }
}

impl Shape for u32 {
    fn read(value: Value, at: &str) -> Result<Self, Problem> {
        let number = i64::read(value, at)?;
        let refusal = || Problem::at(&kinds::INVALID_VALUE, at, format!("{} must be from 0 to {}.", name_of(at), u32::MAX));
        u32::try_from(number).map_err(|_| refusal())
    }
}

impl<T: Shape> Shape for Vec<T> {
    fn read(value: Value, at: &str) -> Result<Self, Problem> {
        let Value::Array(items) = value else { return Err(wrong_type(at, "a list", &value)) };
        items.into_iter().enumerate().map(|(i, item)| T::read(item, &format!("{at}/{i}"))).collect()
    }
}

/// An object whose keys are the caller's own.
impl<T: Shape> Shape for BTreeMap<String, T> {
    fn read(value: Value, at: &str) -> Result<Self, Problem> {
        let Value::Object(members) = value else { return Err(wrong_type(at, "an object", &value)) };
        let read = |(name, value): (String, Value)| T::read(value, &format!("{at}{}", step(&name))).map(|value| (name, value));
        members.into_iter().map(read).collect()
    }
}

fn wrong_type(at: &str, wanted: &str, found: &Value) -> Problem {
    let found = match found {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(n) if n.is_f64() => "a number with a fraction or beyond 64 bits",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    Problem::at(&kinds::INVALID_TYPE, at, format!("{} must be {wanted}, not {found}.", name_of(at)))
}

/// What a person calls the place: the last name in the pointer.
pub(super) fn name_of(at: &str) -> &str {
    at.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("the body")
}

fn listed(known: &[&str]) -> String {
    if known.is_empty() { "This call takes no fields.".to_owned() } else { format!("Known are {}.", known.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(problem: Problem) -> (&'static str, Option<String>, String) {
        let document = problem.document("req_1");
        (document.code, document.param, document.detail)
    }

    #[test]
    fn an_unknown_field_is_refused_by_name() {
        let refused = Fields::of(json!({ "amout": 1 }), "", &["amount"]).err().map(told).unwrap();
        assert_eq!(refused, ("unknown_field", Some("/amout".into()), "amout is not a known field. Known are amount.".into()));
    }

    #[test]
    fn amounts_are_whole_numbers_and_nothing_else() {
        for (wrong, code) in [
            (json!("12"), "invalid_type"),
            (json!(12.5), "invalid_type"),
            (json!(1e30), "invalid_type"),
            (json!(true), "invalid_type"),
            (json!([1]), "invalid_type"),
            (json!(u64::MAX), "invalid_value"),
        ] {
            let mut fields = Fields::of(json!({ "amount": wrong }), "", &["amount"]).unwrap();
            let (got, param, _) = told(fields.required::<i64>("amount").unwrap_err());
            assert_eq!((got, param.as_deref()), (code, Some("/amount")));
        }
    }

    #[test]
    fn missing_and_null_are_the_same_for_what_is_optional_only() {
        let mut fields = Fields::of(json!({ "a": null }), "", &["a", "b"]).unwrap();
        assert_eq!(fields.optional::<String>("a").unwrap(), None);
        assert_eq!(told(fields.required::<String>("b").unwrap_err()).0, "missing_field");
    }

    #[test]
    fn a_wrong_type_deep_inside_is_pointed_to() {
        let metadata = json!({ "a/b": 1 });
        let (_, param, detail) = told(BTreeMap::<String, String>::read(metadata, "/metadata").unwrap_err());
        assert_eq!(param.as_deref(), Some("/metadata/a~1b"));
        assert!(detail.contains("must be a text, not a number"), "{detail}");
    }
}
