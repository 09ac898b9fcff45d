//! Legs of a flight: what the server carries out and answers at once. Each answer is a packet of its own and wakes both sides, so statements
//! that need not see each other's rows are joined to one.

use super::statement::Statement;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use tokio_postgres::types::{ToSql, Type};

/// How many texts are kept at the most. A few hundred can come about, a dozen do.
const MAX_TEXTS: usize = 1000;

/// Statements that are carried out as one, in their order. Each of them sees what was there before; triggers look when all of them have
/// written.
pub(super) type Leg = Vec<Statement>;

/// A leg as the server is told it.
pub(super) struct Joined<'s> {
    pub text: Arc<str>,
    pub params: Vec<&'s (dyn ToSql + Sync)>,
    pub kinds: Vec<Type>,
}

/// Joins statements to one.
pub(super) fn joined<'s>(statements: &[&'s Statement]) -> Joined<'s> {
    let params = statements.iter().flat_map(|statement| &statement.params).map(|param| param as &(dyn ToSql + Sync));
    let kinds = statements.iter().flat_map(|statement| statement.kinds.iter().cloned());
    Joined { text: text(statements), params: params.collect(), kinds: kinds.collect() }
}

/// Whether a statement can be joined with others: a query of its own cannot be part of one.
pub(super) fn bears_company(statement: &Statement) -> bool {
    !["WITH", "SELECT"].iter().any(|word| statement.sql.starts_with(word))
}

/// Their text as one. It is put together once: there are few ways in which statements come together, and their own texts live for ever.
fn text(statements: &[&Statement]) -> Arc<str> {
    static TEXTS: LazyLock<Mutex<HashMap<Vec<usize>, Arc<str>>>> = LazyLock::new(Mutex::default);
    let places = statements.iter().map(|statement| statement.sql.as_ptr().addr()).collect();
    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    if texts.len() >= MAX_TEXTS {
        texts.clear();
    }
    Arc::clone(texts.entry(places).or_insert_with(|| put_together(statements).into()))
}

fn put_together(statements: &[&Statement]) -> String {
    if let [Statement { sql, or: None, .. }] = statements {
        return (*sql).to_owned();
    }
    let (mut parts, mut counts) = (Vec::new(), Vec::new());
    let mut given = 0;
    for (i, statement) in statements.iter().enumerate() {
        let sql = renumbered(statement.sql, given);
        given += statement.params.len();
        parts.push(format!("s{i} AS ({sql} RETURNING 1)"));
        // A part that nobody counts would be carried out last, and of several such the last one first. So that a change that is refused for
        // two reasons is told the first, each is counted in its turn.
        let count = format!("(SELECT count(*) FROM s{i})");
        counts.push(match statement.or {
            Some(or) => format!("must_be({count}, ${given}::bigint, '{or}')"),
            None => count,
        });
    }
    format!("WITH {} SELECT {}", parts.join(", "), counts.join(", "))
}

/// A text whose values are numbered from behind so many others.
fn renumbered(sql: &str, given: usize) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut pieces = sql.split('$');
    out.extend(pieces.next());
    for piece in pieces {
        let digits = piece.find(|c: char| !c.is_ascii_digit()).unwrap_or(piece.len());
        let (number, rest) = piece.split_at(digits);
        out.push('$');
        match number.parse::<usize>() {
            Ok(number) => out.push_str(&(number + given).to_string()),
            Err(_) => out.push_str(number),
        }
        out.push_str(rest);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    fn statement(sql: &'static str, values: i64, or: Option<&'static str>) -> Statement {
        Statement { or, ..Statement::single(sql, (0..values).map(Value::Int).collect()) }
    }

    #[test]
    fn one_alone_is_what_it_is_and_several_are_parts_of_one_query() {
        let alone = statement("INSERT INTO a SELECT $1, $2", 2, None);
        assert_eq!(&*joined(&[&alone]).text, "INSERT INTO a SELECT $1, $2");
        let counted = statement("UPDATE b SET x = $1", 2, Some("stale"));
        let both = joined(&[&alone, &counted]);
        assert_eq!(
            &*both.text,
            "WITH s0 AS (INSERT INTO a SELECT $1, $2 RETURNING 1), s1 AS (UPDATE b SET x = $3 RETURNING 1) \
             SELECT (SELECT count(*) FROM s0), must_be((SELECT count(*) FROM s1), $4::bigint, 'stale')"
        );
        assert_eq!((both.params.len(), both.kinds.len()), (4, 4));
        assert!(Arc::ptr_eq(&both.text, &joined(&[&alone, &counted]).text), "put together once");
    }

    #[test]
    fn values_are_numbered_on_from_those_before() {
        assert_eq!(renumbered("$1, $12::uuid[], $3", 10), "$11, $22::uuid[], $13");
        assert_eq!(renumbered("nothing", 10), "nothing");
    }

    #[test]
    fn a_query_of_its_own_goes_alone() {
        let is_joined = |sql| bears_company(&statement(sql, 0, None));
        assert!(is_joined("INSERT INTO a SELECT 1") && is_joined("DELETE FROM a"));
        assert!(!is_joined("WITH old AS (SELECT 1) DELETE FROM a") && !is_joined("SELECT bring_back()"));
    }
}
