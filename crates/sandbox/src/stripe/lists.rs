//! Cursor lists: newest first, up to a hundred at a time, before or after an object.

use super::context::{Ctx, spoken};
use super::errors::{Answer, ApiError};
use super::routes::Args;
use crate::world::{self, Read, shown};
use serde_json::{Map, Value};

const DEFAULT_LIMIT: i64 = 10;
const MAX_LIMIT: i64 = 100;

/// One page of an account's objects of a kind that pass the filter.
pub(crate) fn page(ctx: &Ctx<'_>, args: &Args, kind: &str, url: &str, keep: impl Fn(&Value) -> bool) -> Answer {
    let limit = limit(&args.params)?;
    let place_of = |name: &str| match args.params.some(name) {
        None => Ok(None),
        Some(id) => match ctx.account.table(kind).place(id) {
            Some(place) => Ok(Some(place)),
            None => Err(ApiError::no_such(spoken(kind), id, name)),
        },
    };
    let (after, before) = (place_of("starting_after")?, place_of("ending_before")?);
    one_cursor(&args.params)?;
    let keep = |v: &Value| keep(v) && in_range(&args.params, "created", v.int("created"));
    let rows = ctx.account.table(kind).newest_first();
    let mut data: Vec<Value> = match before {
        // The page just before the cursor: the nearest newer objects, still newest first.
        Some(place) => rows.rev().filter(|(n, v)| *n > place && keep(v)).take(limit + 1).map(|(_, v)| shown(v)).collect(),
        None => {
            rows.filter(|(n, v)| after.is_none_or(|place| *n < place) && keep(v)).take(limit + 1).map(|(_, v)| shown(v)).collect()
        }
    };
    let has_more = data.len() > limit;
    data.truncate(limit);
    if before.is_some() {
        data.reverse();
    }
    Ok(world::list(url, data, has_more))
}

/// One page of rows that are kept inside another object, already in the order they are shown.
pub(crate) fn page_of(args: &Args, rows: &[Value], kind: &str, url: &str) -> Answer {
    let limit = limit(&args.params)?;
    let at = |name: &str| match args.params.some(name) {
        None => Ok(None),
        Some(id) => match rows.iter().position(|r| r.text("id") == id) {
            Some(at) => Ok(Some(at)),
            None => Err(ApiError::no_such(spoken(kind), id, name)),
        },
    };
    one_cursor(&args.params)?;
    if let Some(end) = at("ending_before")? {
        let start = end.saturating_sub(limit);
        return Ok(world::list(url, rows[start..end].to_vec(), start > 0));
    }
    let start = at("starting_after")?.map_or(0, |n| n + 1);
    let end = rows.len().min(start + limit);
    Ok(world::list(url, rows[start..end].to_vec(), end < rows.len()))
}

fn one_cursor(params: &Map<String, Value>) -> Result<(), ApiError> {
    if params.has("starting_after") && params.has("ending_before") {
        return Err(ApiError::invalid("You cannot specify both `starting_after` and `ending_before`; please pass only one.")
            .param("ending_before"));
    }
    Ok(())
}

pub(crate) fn limit(params: &Map<String, Value>) -> Result<usize, ApiError> {
    let limit = params.get("limit").and_then(Value::as_i64).unwrap_or(DEFAULT_LIMIT);
    let refused = |text: &str| Err(ApiError::invalid(text).code("parameter_invalid_integer").param("limit"));
    match limit {
        ..1 => refused("This value must be greater than or equal to 1."),
        1..=MAX_LIMIT => Ok(usize::try_from(limit).unwrap_or(1)),
        _ => refused("This value must be less than or equal to 100 (the limit parameter)."),
    }
}

/// Whether a moment lies in the range a parameter names, if it names one.
pub(crate) fn in_range(params: &Map<String, Value>, name: &str, at: i64) -> bool {
    let Some(Value::Object(range)) = params.get(name) else { return true };
    range.iter().all(|(word, bound)| {
        let bound = bound.as_i64().unwrap_or_default();
        match word.as_str() {
            "gt" => at > bound,
            "gte" => at >= bound,
            "lt" => at < bound,
            _ => at <= bound,
        }
    })
}

/// Whether each named field equals the parameter of the same name, where one is given.
pub(crate) fn same(params: &Map<String, Value>, object: &Value, names: &[&str]) -> bool {
    names.iter().all(|name| match params.get(*name) {
        None | Some(Value::Null) => true,
        Some(wanted) => object[*name] == *wanted,
    })
}
