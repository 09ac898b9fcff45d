//! Values in the wire's binary form, one by one and as the columns of many rows.

use super::cell::EPOCH_MICROS;
use crate::value::Value;
use std::borrow::Cow;
use std::error::Error;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};

/// A NUL as JSON writes it.
const ESCAPED_NUL: &str = "\\u0000";

type Written = Result<IsNull, Box<dyn Error + Sync + Send>>;

impl ToSql for Value {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Written {
        match self {
            Self::Null => return Ok(IsNull::Yes),
            Self::Id(id) => out.extend_from_slice(id),
            Self::Bytes(bytes) => out.extend_from_slice(bytes),
            Self::Flag(flag) => out.extend_from_slice(&[u8::from(*flag)]),
            Self::Int(n) => int(*n, kind, out)?,
            Self::Time(at) => {
                let since_2000 = at.as_micros().checked_sub(EPOCH_MICROS).ok_or("a moment that PostgreSQL cannot keep")?;
                out.extend_from_slice(&since_2000.to_be_bytes());
            }
            Self::Text(text) => {
                if *kind == Type::JSONB {
                    // The version of the format.
                    out.extend_from_slice(&[1]);
                }
                out.extend_from_slice(without_nul(text, matches!(*kind, Type::JSON | Type::JSONB)).as_bytes());
            }
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Binary
    }

    to_sql_checked!();
}

/// PostgreSQL keeps no NUL in a text. What a shop gives us is checked for it; what others answered is kept with a mark in its place, rather
/// than be refused whole. In JSON the NUL stands as `\u0000`, unless its backslash is itself an escaped one.
fn without_nul(text: &str, is_json: bool) -> Cow<'_, str> {
    if !is_json {
        return if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { text.into() };
    }
    if !text.contains(ESCAPED_NUL) {
        return text.into();
    }
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(ESCAPED_NUL) {
        let (before, found) = rest.split_at(at);
        kept.push_str(before);
        let backslashes = kept.bytes().rev().take_while(|byte| *byte == b'\\').count();
        kept.push_str(if backslashes % 2 == 0 { "\\ufffd" } else { ESCAPED_NUL });
        rest = &found[ESCAPED_NUL.len()..];
    }
    kept.push_str(rest);
    kept.into()
}

fn int(n: i64, kind: &Type, out: &mut BytesMut) -> Result<(), Box<dyn Error + Sync + Send>> {
    match *kind {
        Type::INT2 => out.extend_from_slice(&i16::try_from(n)?.to_be_bytes()),
        Type::INT4 => out.extend_from_slice(&i32::try_from(n)?.to_be_bytes()),
        Type::INT8 => out.extend_from_slice(&n.to_be_bytes()),
        _ => return Err(format!("a number for a column of {kind}").into()),
    }
    Ok(())
}

/// What a statement of the writer is given.
#[derive(Debug)]
pub(super) enum Param {
    /// One value.
    One(Value),
    /// One column of many rows.
    Column(Vec<Value>),
}

impl ToSql for Param {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Written {
        match self {
            Self::One(value) => value.to_sql(kind, out),
            Self::Column(values) => values.to_sql(kind, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// The type of a value, where no prepared statement says it.
pub(super) const fn kind_of(value: &Value) -> Type {
    match value {
        // Whatever the statement makes of it.
        Value::Null => Type::UNKNOWN,
        Value::Id(_) => Type::UUID,
        Value::Int(_) => Type::INT8,
        Value::Flag(_) => Type::BOOL,
        Value::Time(_) => Type::TIMESTAMPTZ,
        Value::Text(_) => Type::TEXT,
        Value::Bytes(_) => Type::BYTEA,
    }
}

/// The type of a column of many rows, by the name that SQL has for its values.
pub(super) fn column_of(kind: &str) -> Type {
    match kind {
        "uuid" => Type::UUID_ARRAY,
        "bigint" => Type::INT8_ARRAY,
        "integer" => Type::INT4_ARRAY,
        "smallint" => Type::INT2_ARRAY,
        "boolean" => Type::BOOL_ARRAY,
        "timestamptz" => Type::TIMESTAMPTZ_ARRAY,
        "bytea" => Type::BYTEA_ARRAY,
        "jsonb" => Type::JSONB_ARRAY,
        "json" => Type::JSON_ARRAY,
        _ => Type::TEXT_ARRAY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_leaves_a_mark_and_nothing_else_changes() {
        assert_eq!(without_nul("a\0b", false), "a\u{fffd}b");
        assert_eq!(without_nul("a\\u0000", false), "a\\u0000");
        for (given, kept) in [
            (r#"{"a":"x"}"#, r#"{"a":"x"}"#),
            (r#"{"a":"\u0000y\u0000"}"#, r#"{"a":"\ufffdy\ufffd"}"#),
            // Here the text is a backslash and the letters u0000.
            (r#"{"a":"\\u0000"}"#, r#"{"a":"\\u0000"}"#),
            (r#"{"a":"\\\u0000"}"#, r#"{"a":"\\\ufffd"}"#),
        ] {
            assert_eq!(without_nul(given, true), kept);
        }
    }
}
