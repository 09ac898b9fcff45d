//! The table of parameters (`schema/parameters.txt`) and the check of a request against it: every unknown name, wrong type and
//! value outside its list is refused here, in the same way for every operation.
//!
//! Notation: an operation's line is `METHOD /path/{}`; below it, one parameter a line, children indented. `name!` is required, a type
//! with `?` can be unset by an empty string, `a/b` takes either, `&name` points at a shared block. Types: `str`, `strN` (at most N
//! characters), `int`, `num`, `bool`, `decimal`, `currency`, `ts`, `range`, `map` (metadata), `any`, `enum a|b`, `list T`, `obj`.

use super::errors::ApiError;
use super::form::Node;
use super::money;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

const TABLE: &str = include_str!("../../schema/parameters.txt");
/// Texts longer than this are refused wherever the table names no other limit.
const MAX_TEXT: usize = 5_000;

#[derive(Clone, Debug)]
enum Kind {
    Text(usize),
    Int,
    Number,
    Bool,
    Decimal,
    Currency,
    Time,
    Range,
    Metadata,
    Any,
    Enum(Arc<Vec<String>>),
    List(Box<Type>),
    Object(Arc<Vec<Field>>),
    Either(Vec<Type>),
}

#[derive(Clone, Debug)]
struct Type {
    kind: Kind,
    unsettable: bool,
}

#[derive(Clone, Debug)]
struct Field {
    name: String,
    required: bool,
    kind: Type,
}

/// The parameters of one operation.
#[derive(Debug)]
pub(crate) struct Schema {
    fields: Arc<Vec<Field>>,
    creates: bool,
}

/// The table's entry for a method and a path whose ids are written `{}`.
pub(crate) fn schema_of(method: &str, path: &str) -> Option<&'static Schema> {
    static SCHEMAS: OnceLock<HashMap<String, Schema>> = OnceLock::new();
    SCHEMAS.get_or_init(|| read(TABLE)).get(&format!("{method} {path}"))
}

struct Line<'a> {
    depth: usize,
    text: &'a str,
}

#[derive(Default)]
struct Shared {
    enums: HashMap<String, Arc<Vec<String>>>,
    blocks: HashMap<String, Arc<Vec<Field>>>,
}

fn read(table: &str) -> HashMap<String, Schema> {
    let lines: Vec<Line<'_>> = table
        .lines()
        .filter(|l| !l.trim().is_empty() && !l.starts_with('#'))
        .map(|l| Line { depth: (l.len() - l.trim_start().len()) / 2, text: l.trim() })
        .collect();
    // A shared block may be written after the block that uses it, so the blocks are read until none is left waiting.
    let mut starts: Vec<usize> = (0..lines.len()).filter(|i| lines[*i].depth == 0).collect();
    let mut shared = Shared::default();
    let mut schemas = HashMap::new();
    while !starts.is_empty() {
        let before = starts.len();
        starts.retain(|start| !read_top(&lines, *start, &mut shared, &mut schemas));
        assert!(starts.len() < before, "the table of parameters points at a block that is not there");
    }
    schemas
}

/// Reads what begins at `start`; false if it waits for a block that is not read yet.
fn read_top(lines: &[Line<'_>], start: usize, shared: &mut Shared, schemas: &mut HashMap<String, Schema>) -> bool {
    let head = lines[start].text;
    if let Some((name, values)) = head.strip_prefix('&').and_then(|h| h.split_once(" = ")) {
        shared.enums.insert(name.to_owned(), Arc::new(values.split('|').map(str::to_owned).collect()));
        return true;
    }
    let mut at = start + 1;
    let Some(fields) = read_fields(lines, &mut at, 1, shared) else { return false };
    let fields = Arc::new(fields);
    match head.strip_prefix('&') {
        Some(name) => {
            shared.blocks.insert(name.to_owned(), fields);
        }
        None => {
            let creates = head.starts_with("POST") && !head.contains("{}");
            schemas.insert(head.to_owned(), Schema { fields, creates });
        }
    }
    true
}

fn read_fields(lines: &[Line<'_>], at: &mut usize, depth: usize, shared: &Shared) -> Option<Vec<Field>> {
    let mut fields = Vec::new();
    while let Some(line) = lines.get(*at).filter(|l| l.depth == depth) {
        *at += 1;
        let (name, text) = line.text.split_once(' ').unwrap_or((line.text, "any"));
        let children = read_fields(lines, at, depth + 1, shared)?;
        let kind = read_type(text, children, shared)?;
        fields.push(Field { name: name.trim_end_matches('!').to_owned(), required: name.ends_with('!'), kind });
    }
    Some(fields)
}

fn read_type(text: &str, children: Vec<Field>, shared: &Shared) -> Option<Type> {
    let (text, block) = match text.rsplit_once(" &") {
        Some((text, name)) if !text.contains("enum") => (text, Some(shared.blocks.get(name)?.clone())),
        _ => (text, None),
    };
    let object = block.unwrap_or_else(|| Arc::new(children));
    let parts: Vec<&str> = text.split('/').collect();
    if parts.len() > 1 {
        let kinds = parts.iter().map(|p| read_single(p, &object, shared)).collect::<Option<Vec<_>>>()?;
        let unsettable = kinds.iter().any(|k| k.unsettable);
        return Some(Type { kind: Kind::Either(kinds), unsettable });
    }
    read_single(text, &object, shared)
}

fn read_single(text: &str, object: &Arc<Vec<Field>>, shared: &Shared) -> Option<Type> {
    if let Some(inner) = text.strip_prefix("list ") {
        let mut inner = read_single(inner, object, shared)?;
        let unsettable = std::mem::take(&mut inner.unsettable);
        return Some(Type { kind: Kind::List(Box::new(inner)), unsettable });
    }
    let (head, values) = text.split_once(' ').unwrap_or((text, ""));
    let unsettable = head.ends_with('?');
    let kind = match head.trim_end_matches('?') {
        "int" => Kind::Int,
        "num" => Kind::Number,
        "bool" => Kind::Bool,
        "decimal" => Kind::Decimal,
        "currency" => Kind::Currency,
        "ts" => Kind::Time,
        "range" => Kind::Range,
        "map" => Kind::Metadata,
        "any" => Kind::Any,
        "obj" => Kind::Object(object.clone()),
        "enum" => Kind::Enum(match values.strip_prefix('&') {
            Some(name) => shared.enums.get(name)?.clone(),
            None => Arc::new(values.split('|').map(str::to_owned).collect()),
        }),
        other => Kind::Text(other.trim_start_matches("str").parse().unwrap_or(MAX_TEXT)),
    };
    Some(Type { kind, unsettable })
}

impl Schema {
    /// Reads the request's parameters into typed JSON. What was unset by an empty string is null.
    pub fn check(&self, given: &BTreeMap<String, Node>) -> Result<Map<String, Value>, ApiError> {
        unknown(&self.fields, given, "")?;
        object(&self.fields, given, "", self.creates)
    }
}

fn inside(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}[{name}]") }
}

/// Collects every unknown name, at every depth, before any value is looked at; Stripe names them first, too.
fn unknown(fields: &[Field], given: &BTreeMap<String, Node>, path: &str) -> Result<(), ApiError> {
    let names: Vec<String> = given.keys().filter(|k| !fields.iter().any(|f| f.name == **k)).map(|k| inside(path, k)).collect();
    let Some(first) = names.first() else { return Ok(()) };
    let plural = if names.len() > 1 { "s" } else { "" };
    Err(ApiError::invalid(format!("Received unknown parameter{plural}: {}", names.join(", ")))
        .code("parameter_unknown")
        .param(first))
}

fn object(fields: &[Field], given: &BTreeMap<String, Node>, path: &str, creates: bool) -> Result<Map<String, Value>, ApiError> {
    let mut out = Map::new();
    if let Some(missing) = fields.iter().find(|f| f.required && !given.contains_key(&f.name)) {
        return Err(ApiError::missing(&inside(path, &missing.name)));
    }
    for field in fields {
        let Some(node) = given.get(&field.name) else { continue };
        let path = inside(path, &field.name);
        let value = match node {
            Node::Text(text) if text.is_empty() => empty(field, &path, creates)?,
            node => value(&field.kind.kind, node, &path, creates)?,
        };
        out.insert(field.name.clone(), value);
    }
    Ok(out)
}

/// Texts that an empty string clears although the table does not say so; the rest of an object's fields cannot be unset.
const CLEARABLE: [&str; 12] = [
    "description",
    "name",
    "email",
    "phone",
    "nickname",
    "lookup_key",
    "receipt_email",
    "statement_descriptor",
    "city",
    "line2",
    "state",
    "unit_label",
];

fn empty(field: &Field, path: &str, creates: bool) -> Result<Value, ApiError> {
    let clearable =
        !field.required && matches!(field.kind.kind, Kind::Text(_)) && (!creates || CLEARABLE.contains(&field.name.as_str()));
    if field.kind.unsettable || clearable || matches!(field.kind.kind, Kind::Any | Kind::Metadata) {
        return Ok(Value::Null);
    }
    let text = format!(
        "You passed an empty string for '{path}'. We assume empty values are an attempt to unset a field; however '{path}' cannot be unset. You should remove '{path}' from your request or supply a non-empty value."
    );
    Err(ApiError::invalid(text).code("parameter_invalid_empty").param(path))
}

fn value(kind: &Kind, node: &Node, path: &str, creates: bool) -> Result<Value, ApiError> {
    match (kind, node) {
        (Kind::Object(fields), Node::Tree(given)) => {
            unknown(fields, given, path)?;
            object(fields, given, path, creates).map(Value::Object)
        }
        (Kind::Object(_), Node::Text(_)) => Err(ApiError::invalid("Invalid object").param(path)),
        (Kind::List(inner), node) => list(inner, node, path, creates),
        (Kind::Metadata, node) => metadata(node, path),
        (Kind::Any, node) => Ok(plain(node)),
        (Kind::Range, node) => range(node, path),
        (Kind::Either(kinds), node) => either(kinds, node, path, creates),
        (kind, Node::Text(text)) => scalar(kind, text, path),
        (Kind::Text(_), Node::Tree(_)) => {
            Err(ApiError::invalid("Invalid string: a hash was given where a text belongs").param(path))
        }
        (_, Node::Tree(_)) => Err(ApiError::invalid(format!("Invalid value for {path}: a hash was given")).param(path)),
    }
}

fn either(kinds: &[Type], node: &Node, path: &str, creates: bool) -> Result<Value, ApiError> {
    let mut last = ApiError::invalid(format!("Invalid value for {path}")).param(path);
    for kind in kinds {
        match value(&kind.kind, node, path, creates) {
            Ok(value) => return Ok(value),
            // A hash that fails as an object is more telling than "not a string".
            Err(error) if matches!((node, &kind.kind), (Node::Tree(_), Kind::Object(_))) => return Err(error),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn list(inner: &Type, node: &Node, path: &str, creates: bool) -> Result<Value, ApiError> {
    let Some(elements) = node.elements() else { return Err(ApiError::invalid("Invalid array").param(path)) };
    let read = elements.iter().enumerate().map(|(i, n)| value(&inner.kind, n, &format!("{path}[{i}]"), creates));
    Ok(Value::Array(read.collect::<Result<_, _>>()?))
}

fn scalar(kind: &Kind, text: &str, path: &str) -> Result<Value, ApiError> {
    match kind {
        Kind::Text(limit) if text.chars().count() > *limit => {
            Err(ApiError::invalid(format!("Invalid string: {}; must be at most {limit} characters", abridged(text))).param(path))
        }
        Kind::Int => int(text, path).map(|n| json!(n)),
        Kind::Time => match text.parse::<i64>() {
            Ok(n) if n >= 0 => Ok(json!(n)),
            _ => Err(ApiError::invalid(format!(
                "Invalid timestamp: must be an integer Unix timestamp, but got {}",
                abridged(text)
            ))
            .param(path)),
        },
        Kind::Bool => match text {
            "true" | "1" => Ok(Value::Bool(true)),
            "false" | "0" => Ok(Value::Bool(false)),
            _ => Err(ApiError::invalid(format!("Invalid boolean: {}", abridged(text))).param(path)),
        },
        Kind::Number => match serde_json::from_str::<serde_json::Number>(text) {
            Ok(number) => Ok(Value::Number(number)),
            Err(_) => Err(ApiError::invalid(format!("Invalid decimal: {}", abridged(text))).param(path)),
        },
        Kind::Decimal => match money::Decimal::parse(text) {
            Some(_) => Ok(json!(text)),
            None => {
                Err(ApiError::invalid(format!("Invalid decimal: {}; must contain at maximum 12 decimal places.", abridged(text)))
                    .code("parameter_invalid_integer")
                    .param(path))
            }
        },
        Kind::Currency => currency(text, path),
        Kind::Enum(values) if !values.iter().any(|v| v == text) => {
            Err(ApiError::invalid(format!("Invalid {path}: must be one of {}", listed(values))).param(path))
        }
        _ => Ok(json!(text)),
    }
}

fn int(text: &str, path: &str) -> Result<i64, ApiError> {
    text.parse().map_err(|_| {
        ApiError::invalid(format!("Invalid integer: {}", abridged(text))).code("parameter_invalid_integer").param(path)
    })
}

fn currency(text: &str, path: &str) -> Result<Value, ApiError> {
    let code = text.to_ascii_lowercase();
    if money::is_currency(&code) {
        return Ok(json!(code));
    }
    let known = money::currencies().collect::<Vec<_>>().join(", ");
    Err(ApiError::invalid(format!("Invalid currency: {}. Stripe currently supports these currencies: {known}", abridged(&code)))
        .param(path))
}

/// `a, b, or c`, as Stripe lists what it would take.
fn listed(values: &[String]) -> String {
    match values {
        [] => String::new(),
        [one] => one.clone(),
        [a, b] => format!("{a} or {b}"),
        [most @ .., last] => format!("{}, or {last}", most.join(", ")),
    }
}

fn abridged(text: &str) -> String {
    let short: String = text.chars().take(60).collect();
    if short.len() < text.len() { format!("{short}...") } else { short }
}

/// Metadata keeps texts only; an empty text removes its key, which is why it becomes null here.
fn metadata(node: &Node, path: &str) -> Result<Value, ApiError> {
    let Node::Tree(given) = node else { return Err(ApiError::invalid("Invalid object").param(path)) };
    if given.len() > 50 {
        return Err(
            ApiError::invalid(format!("You can only have up to 50 metadata keys, but {} were given.", given.len())).param(path)
        );
    }
    let mut out = Map::new();
    for (key, node) in given {
        let path = inside(path, key);
        let Node::Text(text) = node else {
            return Err(ApiError::invalid("Metadata values must be strings, not hashes or arrays").param(&path));
        };
        if key.chars().count() > 40 {
            let text = format!(
                "Metadata keys can be up to 40 characters long, but you passed in a key that is {} characters. Invalid key: {}",
                key.chars().count(),
                abridged(key)
            );
            return Err(ApiError::invalid(text).param(&path));
        }
        let length = text.chars().count();
        if length > 500 {
            let text = format!(
                "Metadata values can have up to 500 characters, but you passed in a value that is {length} characters. Invalid value: {}",
                abridged(text)
            );
            return Err(ApiError::invalid(text).param(&path));
        }
        out.insert(key.clone(), if text.is_empty() { Value::Null } else { json!(text) });
    }
    Ok(Value::Object(out))
}

fn range(node: &Node, path: &str) -> Result<Value, ApiError> {
    match node {
        Node::Text(text) => int(text, path).map(|n| json!({ "gte": n, "lte": n })),
        Node::Tree(given) => {
            let mut out = Map::new();
            for (name, node) in given {
                let path = inside(path, name);
                match (name.as_str(), node) {
                    ("gt" | "gte" | "lt" | "lte", Node::Text(text)) => out.insert(name.clone(), json!(int(text, &path)?)),
                    _ => {
                        return Err(ApiError::invalid(format!("Received unknown parameter: {path}"))
                            .code("parameter_unknown")
                            .param(&path));
                    }
                };
            }
            Ok(Value::Object(out))
        }
    }
}

fn plain(node: &Node) -> Value {
    match node {
        Node::Text(text) => json!(text),
        Node::Tree(children) => Value::Object(children.iter().map(|(k, v)| (k.clone(), plain(v))).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stripe::form;

    fn check(path: &str, body: &str) -> Result<Map<String, Value>, Value> {
        schema_of("POST", path).unwrap().check(&form::parse(body.as_bytes()).unwrap()).map_err(|e| e.object())
    }

    #[test]
    fn an_unknown_name_deep_inside_is_refused_by_its_bracket_form() {
        let error = check("/v1/checkout/sessions", "mode=payment&line_items[0][colour]=red").unwrap_err();
        assert_eq!(error["code"], "parameter_unknown");
        assert_eq!(error["param"], "line_items[0][colour]");
    }

    #[test]
    fn wrong_types_are_refused_with_the_value_they_had() {
        assert_eq!(check("/v1/payment_intents", "amount=ten&currency=usd").unwrap_err()["code"], "parameter_invalid_integer");
        assert_eq!(check("/v1/payment_intents", "currency=usd").unwrap_err()["code"], "parameter_missing");
        let error = check("/v1/checkout/sessions", "mode=barter").unwrap_err();
        assert_eq!(error["message"], "Invalid mode: must be one of payment, setup, or subscription");
    }

    #[test]
    fn values_come_out_typed() {
        let read = check("/v1/payment_intents", "amount=12&currency=USD&confirm=true&metadata[a]=1&metadata[b]=").unwrap();
        assert_eq!(
            Value::Object(read),
            json!({"amount": 12, "currency": "usd", "confirm": true, "metadata": {"a": "1", "b": null}})
        );
    }
}
