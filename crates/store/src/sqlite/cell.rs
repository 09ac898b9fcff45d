//! Cells of SQLite's rows.

use crate::ReadError;
use rusqlite::Row;
use rusqlite::types::ValueRef;

fn cell<'r>(row: &'r Row<'_>, column: &str) -> Result<ValueRef<'r>, ReadError> {
    row.get_ref(column).map_err(ReadError::from)
}

fn other(column: &str) -> ReadError {
    ReadError(format!("the column {column} holds another type"))
}

pub(crate) fn text<'r>(row: &'r Row<'_>, column: &str) -> Result<Option<&'r str>, ReadError> {
    cell(row, column)?.as_str_or_null().map_err(|_| other(column))
}

pub(crate) fn bytes<'r>(row: &'r Row<'_>, column: &str) -> Result<Option<&'r [u8]>, ReadError> {
    cell(row, column)?.as_blob_or_null().map_err(|_| other(column))
}

pub(crate) fn int(row: &Row<'_>, column: &str) -> Result<Option<i64>, ReadError> {
    cell(row, column)?.as_i64_or_null().map_err(|_| other(column))
}
