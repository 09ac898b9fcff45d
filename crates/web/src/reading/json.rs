//! Bytes as JSON, with the place of an error. A key that stands twice in one object is refused: readers differ in which one they take,
//! and with money nobody should have to guess.

use crate::problem::{Problem, catalogue as kinds};
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::cell::RefCell;
use std::fmt;

/// How deep arrays and objects may nest.
const MAX_DEPTH: usize = 32;

/// Reads one JSON value.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, Problem> {
    let place = RefCell::new(Vec::new());
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read = Seed { place: &place, depth: 0 }.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    read.map_err(|error| malformed(&error, &place.borrow()))
}

fn malformed(error: &serde_json::Error, place: &[String]) -> Problem {
    let text = error.to_string();
    // The library adds the place to its text; it is told apart here, in words.
    let what = text.split(" at line ").next().unwrap_or("it cannot be read");
    let detail = format!("The body is not valid JSON: {what}, at line {}, column {}.", error.line(), error.column());
    Problem::at(&kinds::MALFORMED_JSON, place.concat(), detail)
}

/// One step of a JSON pointer, escaped.
pub(crate) fn step(name: &str) -> String {
    let mut step = String::with_capacity(1 + name.len());
    step.push('/');
    for c in name.chars() {
        match c {
            '~' => step.push_str("~0"),
            '/' => step.push_str("~1"),
            plain => step.push(plain),
        }
    }
    step
}

/// Reads a value and knows where it is. The place is left as it is when reading fails.
struct Seed<'a> {
    place: &'a RefCell<Vec<String>>,
    depth: usize,
}

impl Seed<'_> {
    fn enter<E: de::Error>(&self, step: String) -> Result<Seed<'_>, E> {
        if self.depth >= MAX_DEPTH {
            return Err(E::custom(format!("nested more than {MAX_DEPTH} levels deep")));
        }
        self.place.borrow_mut().push(step);
        Ok(Seed { place: self.place, depth: self.depth + 1 })
    }

    fn leave(&self) {
        self.place.borrow_mut().pop();
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, b: bool) -> Result<Value, E> {
        Ok(Value::Bool(b))
    }

    fn visit_i64<E>(self, n: i64) -> Result<Value, E> {
        Ok(n.into())
    }

    fn visit_u64<E>(self, n: u64) -> Result<Value, E> {
        Ok(n.into())
    }

    fn visit_f64<E>(self, n: f64) -> Result<Value, E> {
        Ok(Number::from_f64(n).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        loop {
            let inner = self.enter(format!("/{}", list.len()))?;
            let next = items.next_element_seed(inner)?;
            self.leave();
            match next {
                Some(item) => list.push(item),
                None => return Ok(Value::Array(list)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let inner = self.enter(step(&name))?;
            if map.contains_key(&name) {
                return Err(de::Error::custom(format!("the key \"{name}\" stands twice")));
            }
            let value = members.next_value_seed(inner)?;
            self.leave();
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::ProblemDocument;
    use serde_json::json;

    fn refused(text: &str) -> (String, Option<String>) {
        let ProblemDocument { detail, param, .. } = parse(text.as_bytes()).unwrap_err().document("req_1");
        (detail, param)
    }

    #[test]
    fn good_json_is_read_as_it_is() {
        let text = r#"{ "a": [1, -2, 2.5, "x", null, true], "b": { "c": {} } }"#;
        assert_eq!(parse(text.as_bytes()).unwrap(), json!({ "a": [1, -2, 2.5, "x", null, true], "b": { "c": {} } }));
    }

    #[test]
    fn an_error_says_line_column_and_place() {
        let (detail, param) = refused("{\n \"items\": [ { \"name\": tru } ] }");
        assert_eq!(detail, "The body is not valid JSON: expected ident, at line 2, column 26.");
        assert_eq!(param.as_deref(), Some("/items/0/name"));
    }

    #[test]
    fn a_key_that_stands_twice_is_refused_with_its_place() {
        let (detail, param) = refused(r#"{ "amount": 1, "a/b": { "x": 1, "x": 2 } }"#);
        assert!(detail.contains("the key \"x\" stands twice"), "{detail}");
        assert_eq!(param.as_deref(), Some("/a~1b/x"));
    }

    #[test]
    fn deep_nesting_and_trailing_text_are_refused() {
        assert!(refused(&"[".repeat(1000)).0.contains("32 levels"));
        assert!(refused("{} {}").0.contains("trailing characters"));
        assert!(refused("").0.contains("EOF"));
    }
}
