//! The one text that equal requests share: keys in order, no spaces.

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// SHA-256 over method, path and body; two requests that mean the same have the same.
pub(crate) fn fingerprint(method: &str, path: &str, body: &Value) -> [u8; 32] {
    let mut text = format!("{method}\n{path}\n").into_bytes();
    write(body, &mut text);
    Sha256::digest(text).into()
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Object(map) => {
            // The map's own order depends on how the library was built, so it is not relied on.
            let mut members: Vec<_> = map.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            let write_member = |(name, value): &(&String, &Value), out: &mut Vec<u8>| {
                write_plain(name, out);
                out.push(b':');
                write(value, out);
            };
            write_all(b'{', &members, write_member, b'}', out);
        }
        Value::Array(list) => write_all(b'[', list, write, b']', out),
        plain => write_plain(plain, out),
    }
}

fn write_plain(value: &impl Serialize, out: &mut Vec<u8>) {
    // Neither a text nor a number of JSON can fail to be JSON, nor can memory fail to be written to.
    let _ = serde_json::to_writer(out, value);
}

fn write_all<T>(open: u8, items: &[T], write_one: impl Fn(&T, &mut Vec<u8>), close: u8, out: &mut Vec<u8>) {
    out.push(open);
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(b',');
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
