//! Statements of the writer: each writes the rows of many changes to one table.

use super::param::{Param, column_of, kind_of};
use crate::value::Value;
use std::fmt::Write as _;
use tokio_postgres::types::Type;

/// A column of a table, with the name that SQL has for its type.
pub(super) type Column = (&'static str, &'static str);

/// A statement with the rows that it writes.
#[derive(Debug)]
pub(super) struct Statement {
    pub sql: &'static str,
    pub params: Vec<Param>,
    pub kinds: Vec<Type>,
    /// What is wrong where it writes fewer rows than its last value says.
    pub or: Option<&'static str>,
}

impl Statement {
    /// One that is given values and no rows.
    pub fn single(sql: &'static str, values: Vec<Value>) -> Self {
        let mut statement = Self { sql, params: Vec::new(), kinds: Vec::new(), or: None };
        statement.also(values);
        statement
    }

    /// Gives it further values, numbered after its own.
    pub fn also(&mut self, values: Vec<Value>) {
        self.kinds.extend(values.iter().map(kind_of));
        self.params.extend(values.into_iter().map(Param::One));
    }

    /// With rows, whose values are numbered after its own.
    pub fn with(mut self, rows: Rows) -> Self {
        let (params, kinds) = rows.columns();
        self.params.extend(params);
        self.kinds.extend(kinds);
        self
    }
}

/// Many rows, column by column.
pub(super) struct Rows {
    columns: &'static [Column],
    values: Vec<Vec<Value>>,
}

impl Rows {
    pub fn of(columns: &'static [Column]) -> Self {
        Self { columns, values: columns.iter().map(|_| Vec::new()).collect() }
    }

    pub fn push<const N: usize>(&mut self, row: [Value; N]) {
        for (column, value) in self.values.iter_mut().zip(row) {
            column.push(value);
        }
    }

    pub fn len(&self) -> usize {
        self.values.first().map_or(0, Vec::len)
    }

    /// The statement, which must write every row, or else is refused with this.
    pub fn all_or(self, sql: &'static str, or: &'static str) -> Statement {
        let rows = Value::Int(i64::try_from(self.len()).unwrap_or(i64::MAX));
        let mut statement = self.plain(sql);
        statement.also(vec![rows]);
        statement.or = Some(or);
        statement
    }

    /// The statement.
    pub fn plain(self, sql: &'static str) -> Statement {
        let (params, kinds) = self.columns();
        Statement { sql, params, kinds, or: None }
    }

    /// Its columns as values, with their types.
    pub fn columns(self) -> (Vec<Param>, Vec<Type>) {
        let kinds = self.columns.iter().map(|(_, kind)| column_of(kind)).collect();
        (self.values.into_iter().map(Param::Column).collect(), kinds)
    }
}

/// `unnest($1::uuid[], …) AS n(id, …)`.
pub(super) fn unnest(columns: &[Column]) -> String {
    let arrays: Vec<String> = columns.iter().zip(1..).map(|((_, kind), i)| format!("${i}::{kind}[]")).collect();
    format!("unnest({}) AS n({})", arrays.join(", "), names(columns))
}

pub(super) fn names(columns: &[Column]) -> String {
    columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// Inserts; `end` is what follows, such as `ON CONFLICT …`.
pub(super) fn insert_sql(table: &str, columns: &[Column], end: &str) -> String {
    let names = names(columns);
    format!("INSERT INTO {table} ({names}) SELECT {names} FROM {} {end}", unnest(columns))
}

/// Changes every row that is found by the first columns, as many as `keys` says, and by `guard`. `t` is the table, `n` what is written.
pub(super) fn update_sql(table: &str, columns: &[Column], keys: usize, guard: &str) -> String {
    let mut sql = format!("UPDATE {table} t SET ");
    for (i, (name, _)) in columns.iter().skip(keys).enumerate() {
        let comma = if i == 0 { "" } else { ", " };
        let _ = write!(sql, "{comma}{name} = n.{name}");
    }
    let _ = write!(sql, " FROM {} WHERE ", unnest(columns));
    for (name, _) in columns.iter().take(keys) {
        let _ = write!(sql, "t.{name} = n.{name} AND ");
    }
    sql + guard
}

/// Inserts the rows of a table: `insert!(statements, "table", rows, |row| { column: type = value, … }, "what follows")`.
macro_rules! insert {
    ($out:expr, $table:literal, $rows:expr, |$row:pat_param| { $($column:ident: $kind:ident = $value:expr),* $(,)? } $(, $end:expr)?) => {{
        static SQL: std::sync::LazyLock<String> =
            std::sync::LazyLock::new(|| $crate::postgres::statement::insert_sql($table, COLUMNS, concat!($($end)?)));
        const COLUMNS: &[$crate::postgres::statement::Column] = &[$((stringify!($column), stringify!($kind))),*];
        let mut rows = $crate::postgres::statement::Rows::of(COLUMNS);
        for $row in $rows {
            rows.push([$($crate::value::Value::from($value)),*]);
        }
        if rows.len() > 0 {
            $out.push(rows.plain(&SQL));
        }
    }};
}
pub(super) use insert;

/// Moves the rows of a table, each of which must be as it was read: `update!(statements, "table", 2, "guard", rows, |row| { … })`, with
/// the columns of the key first.
macro_rules! update {
    ($out:expr, $table:literal, $keys:literal, $guard:expr, $rows:expr, |$row:pat_param| { $($column:ident: $kind:ident = $value:expr),* $(,)? }) => {{
        static SQL: std::sync::LazyLock<String> =
            std::sync::LazyLock::new(|| $crate::postgres::statement::update_sql($table, COLUMNS, $keys, $guard));
        const COLUMNS: &[$crate::postgres::statement::Column] = &[$((stringify!($column), stringify!($kind))),*];
        let mut rows = $crate::postgres::statement::Rows::of(COLUMNS);
        for $row in $rows {
            rows.push([$($crate::value::Value::from($value)),*]);
        }
        if rows.len() > 0 {
            $out.push(rows.all_or(&SQL, "stale"));
        }
    }};
}
pub(super) use update;

/// Any other statement over many rows, with a text of its own that may use `{rows}` for them: `each!(statements, "text", rows, |row| { … })`. With
/// `or "what is wrong"` behind it, each row must be written.
macro_rules! each {
    ($out:expr, $sql:expr, $rows:expr, |$row:pat_param| { $($column:ident: $kind:ident = $value:expr),* $(,)? } $(, or $or:literal)?) => {{
        static SQL: std::sync::LazyLock<String> =
            std::sync::LazyLock::new(|| $sql.replace("{rows}", &$crate::postgres::statement::unnest(COLUMNS)));
        const COLUMNS: &[$crate::postgres::statement::Column] = &[$((stringify!($column), stringify!($kind))),*];
        let mut rows = $crate::postgres::statement::Rows::of(COLUMNS);
        for $row in $rows {
            rows.push([$($crate::value::Value::from($value)),*]);
        }
        if rows.len() > 0 {
            $out.push(each!(@done rows, SQL $(, $or)?));
        }
    }};
    (@done $rows:ident, $sql:ident) => { $rows.plain(&$sql) };
    (@done $rows:ident, $sql:ident, $or:literal) => { $rows.all_or(&$sql, $or) };
}
pub(super) use each;
