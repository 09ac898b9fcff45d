//! Cells of PostgreSQL's rows, read from the wire's binary form.

use crate::ReadError;
use ducat_domain::Timestamp;
use std::error::Error;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type};

/// PostgreSQL counts microseconds from 2000-01-01; we count them from 1970-01-01.
pub(super) const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// A cell as it came.
struct Cell<'r> {
    kind: Type,
    raw: &'r [u8],
}

impl<'r> FromSql<'r> for Cell<'r> {
    fn from_sql(kind: &Type, raw: &'r [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self { kind: kind.clone(), raw })
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

fn cell<'r>(row: &'r Row, column: &str) -> Result<Option<Cell<'r>>, ReadError> {
    row.try_get(column).map_err(|e| ReadError(e.to_string()))
}

fn other(column: &str, kind: &Type) -> ReadError {
    ReadError(format!("the column {column} holds {kind}"))
}

pub(crate) fn text<'r>(row: &'r Row, column: &str) -> Result<Option<&'r str>, ReadError> {
    let Some(Cell { kind, raw }) = cell(row, column)? else { return Ok(None) };
    let text = match kind {
        // The first byte is the version of the format.
        Type::JSONB => raw.get(1..).unwrap_or_default(),
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::JSON | Type::NAME => raw,
        _ => return Err(other(column, &kind)),
    };
    std::str::from_utf8(text).map(Some).map_err(|_| other(column, &kind))
}

pub(crate) fn bytes<'r>(row: &'r Row, column: &str) -> Result<Option<&'r [u8]>, ReadError> {
    match cell(row, column)? {
        None => Ok(None),
        Some(Cell { kind: Type::BYTEA | Type::UUID, raw }) => Ok(Some(raw)),
        Some(Cell { kind, .. }) => Err(other(column, &kind)),
    }
}

pub(crate) fn int(row: &Row, column: &str) -> Result<Option<i64>, ReadError> {
    let Some(Cell { kind, raw }) = cell(row, column)? else { return Ok(None) };
    let number = match kind {
        Type::INT8 => raw.try_into().ok().map(i64::from_be_bytes),
        Type::INT4 => raw.try_into().ok().map(|raw| i64::from(i32::from_be_bytes(raw))),
        Type::INT2 => raw.try_into().ok().map(|raw| i64::from(i16::from_be_bytes(raw))),
        _ => None,
    };
    number.map(Some).ok_or_else(|| other(column, &kind))
}

pub(crate) fn flag(row: &Row, column: &str) -> Result<Option<bool>, ReadError> {
    match cell(row, column)? {
        None => Ok(None),
        Some(Cell { kind: Type::BOOL, raw }) => Ok(Some(raw != [0])),
        Some(Cell { kind, .. }) => Err(other(column, &kind)),
    }
}

pub(crate) fn time(row: &Row, column: &str) -> Result<Option<Timestamp>, ReadError> {
    match cell(row, column)? {
        None => Ok(None),
        Some(Cell { kind: Type::TIMESTAMPTZ, raw }) => {
            let since_2000 = raw.try_into().map(i64::from_be_bytes).map_err(|_| other(column, &Type::TIMESTAMPTZ))?;
            Ok(Some(Timestamp::from_micros(since_2000.saturating_add(EPOCH_MICROS))))
        }
        Some(Cell { kind, .. }) => Err(other(column, &kind)),
    }
}
