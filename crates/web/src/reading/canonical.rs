//! The one text that equal requests share: keys in order, no spaces.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// SHA-256 over method, path and body; two requests that mean the same have the same.
pub(crate) fn fingerprint(method: &str, path: &str, body: &Value) -> [u8; 32] {
    let mut text = format!("{method}\n{path}\n");
    write(body, &mut text);
    Sha256::digest(text.as_bytes()).into()
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            // The map's own order depends on how the library was built, so it is not relied on.
            let mut members: Vec<_> = map.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            let write_member = |(name, value): &(&String, &Value), out: &mut String| {
                out.push_str(&Value::from(name.as_str()).to_string());
                out.push(':');
                write(value, out);
            };
            write_all('{', &members, write_member, '}', out);
        }
        Value::Array(list) => write_all('[', list, write, ']', out),
        plain => out.push_str(&plain.to_string()),
    }
}

fn write_all<T>(open: char, items: &[T], write_one: impl Fn(&T, &mut String), close: char, out: &mut String) {
    out.push(open);
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        write_one(item, out);
    }
    out.push(close);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn order_and_spaces_do_not_matter_but_everything_else_does() {
        let of = |text: &str| fingerprint("POST", "/v1/x", &serde_json::from_str(text).unwrap());
        assert_eq!(of(r#"{"a":1,"b":[{"c":2,"d":3}]}"#), of(r#"{ "b": [ { "d": 3, "c": 2 } ], "a": 1 }"#));
        assert_ne!(of(r#"{"a":1}"#), of(r#"{"a":"1"}"#));
        assert_ne!(of(r#"{"a":[1,2]}"#), of(r#"{"a":[2,1]}"#));
        assert_ne!(fingerprint("POST", "/v1/x", &json!({})), fingerprint("POST", "/v1/y", &json!({})));
    }
}
