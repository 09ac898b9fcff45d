//! Values in the wire's binary form, one by one and as the columns of many rows.

use super::cell::EPOCH_MICROS;
use crate::value::Value;
use std::error::Error;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};

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
                out.extend_from_slice(text.as_bytes());
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
