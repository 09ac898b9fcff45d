//! Stripe's search language: `field:"value"`, `field~"part"`, `field>1`, `-` before a clause, joined by AND or by OR.

use super::context::Ctx;
use super::errors::{Answer, ApiError};
use super::lists;
use super::routes::Args;
use crate::world::{Read, shown};
use serde_json::{Value, json};

/// What may be searched for in each kind of object; metadata may always.
const FIELDS: &[(&str, &[&str])] = &[
    ("customer", &["created", "email", "name", "phone"]),
    ("product", &["active", "description", "name", "shippable", "url"]),
    ("price", &["active", "currency", "lookup_key", "product", "type"]),
    ("payment_intent", &["amount", "created", "currency", "customer", "status"]),
    (
        "charge",
        &[
            "amount",
            "billing_details.address.postal_code",
            "created",
            "currency",
            "customer",
            "disputed",
            "payment_method_details.card.brand",
            "payment_method_details.card.exp_month",
            "payment_method_details.card.exp_year",
            "payment_method_details.card.fingerprint",
            "payment_method_details.card.last4",
            "refunded",
            "status",
        ],
    ),
];

/// One page of the objects of a kind that the `query` parameter describes.
pub(crate) fn page(ctx: &Ctx<'_>, args: &Args, kind: &str, url: &str) -> Answer {
    let limit = lists::limit(&args.params)?;
    let fields = FIELDS.iter().find(|(k, _)| *k == kind).map_or::<&[&str], _>(&[], |(_, f)| f);
    let query = Query::read(args.params.text("query"), fields)?;
    let table = ctx.account.table(kind);
    let after = match args.params.some("page") {
        None => None,
        Some(id) => Some(table.place(id).ok_or_else(|| ApiError::invalid("Invalid page.").param("page"))?),
    };
    let found = table.newest_first().filter(|(n, v)| after.is_none_or(|place| *n < place) && query.fits(v));
    let mut data: Vec<Value> = found.take(limit + 1).map(|(_, v)| shown(v)).collect();
    let has_more = data.len() > limit;
    data.truncate(limit);
    let next_page = data.last().filter(|_| has_more).map(|last| last["id"].clone());
    Ok(json!({ "object": "search_result", "url": url, "has_more": has_more, "data": data, "next_page": next_page }))
}

struct Query {
    clauses: Vec<Clause>,
    any: bool,
}

struct Clause {
    negated: bool,
    path: Vec<String>,
    comparison: Comparison,
    /// None stands for `null`.
    value: Option<String>,
}

#[derive(Clone, Copy, PartialEq)]
enum Comparison {
    Equal,
    Part,
    Above,
    AtLeast,
    Below,
    AtMost,
}

fn refused(why: &str) -> ApiError {
    ApiError::invalid(format!(
        "We were unable to parse your search query: {why}. See https://stripe.com/docs/search for the query language."
    ))
    .param("query")
}

impl Query {
    fn read(text: &str, fields: &[&str]) -> Result<Self, ApiError> {
        let mut rest = text.trim();
        let (mut clauses, mut joined) = (Vec::new(), None);
        loop {
            let (clause, after) = Clause::read(rest, fields)?;
            clauses.push(clause);
            rest = after.trim_start();
            if rest.is_empty() {
                return Ok(Self { clauses, any: joined == Some("OR") });
            }
            let word = rest.split_whitespace().next().unwrap_or_default();
            // Clauses that merely follow each other are joined by AND.
            let join = if word.eq_ignore_ascii_case("or") { "OR" } else { "AND" };
            if word.eq_ignore_ascii_case("or") || word.eq_ignore_ascii_case("and") {
                rest = rest[word.len()..].trim_start();
            }
            if joined.is_some_and(|before| before != join) {
                return Err(refused("AND and OR cannot be used in the same query"));
            }
            joined = Some(join);
        }
    }

    fn fits(&self, object: &Value) -> bool {
        if self.any { self.clauses.iter().any(|c| c.fits(object)) } else { self.clauses.iter().all(|c| c.fits(object)) }
    }
}

impl Clause {
    fn read<'t>(text: &'t str, fields: &[&str]) -> Result<(Self, &'t str), ApiError> {
        let (negated, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let end =
            text.find([':', '~', '>', '<', '[']).ok_or_else(|| refused("a clause needs a field, an operator and a value"))?;
        let name = text[..end].trim();
        let mut rest = &text[end..];
        let path = if name == "metadata" {
            let inside = rest.strip_prefix('[').ok_or_else(|| refused("metadata needs a key in brackets"))?;
            let (key, after) = quoted(inside.trim_start())?;
            rest = after.trim_start().strip_prefix(']').ok_or_else(|| refused("a bracket is not closed"))?;
            vec![name.to_owned(), key]
        } else if fields.contains(&name) {
            name.split('.').map(str::to_owned).collect()
        } else {
            return Err(refused(&format!("field `{name}` is not searchable here")));
        };
        const SIGNS: [(&str, Comparison); 6] = [
            (">=", Comparison::AtLeast),
            ("<=", Comparison::AtMost),
            (">", Comparison::Above),
            ("<", Comparison::Below),
            (":", Comparison::Equal),
            ("~", Comparison::Part),
        ];
        let sign = SIGNS.iter().find_map(|(sign, c)| rest.strip_prefix(sign).map(|after| (*c, after.trim_start())));
        let (comparison, rest) = sign.ok_or_else(|| refused("an operator is missing"))?;
        if comparison == Comparison::Part {
            let (value, _) = quoted(rest)?;
            const SHORTEST: usize = 3;
            if value.chars().count() < SHORTEST {
                return Err(refused("a part to look for needs at least three characters"));
            }
        }
        let (value, rest) = value(rest)?;
        Ok((Self { negated, path, comparison, value }, rest))
    }

    fn fits(&self, object: &Value) -> bool {
        let found = self.path.iter().fold(object, |inner, field| &inner[field.as_str()]);
        self.holds(found) != self.negated
    }

    fn holds(&self, found: &Value) -> bool {
        let Some(wanted) = &self.value else { return found.is_null() };
        let text = match found {
            Value::Null => return false,
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let numbers = || Some((text.parse::<i64>().ok()?, wanted.parse::<i64>().ok()?));
        match self.comparison {
            Comparison::Equal => text.to_lowercase() == wanted.to_lowercase(),
            Comparison::Part => text.to_lowercase().contains(&wanted.to_lowercase()),
            Comparison::Above => numbers().is_some_and(|(a, b)| a > b),
            Comparison::AtLeast => numbers().is_some_and(|(a, b)| a >= b),
            Comparison::Below => numbers().is_some_and(|(a, b)| a < b),
            Comparison::AtMost => numbers().is_some_and(|(a, b)| a <= b),
        }
    }
}

/// A text in quotes, and what follows it.
fn quoted(text: &str) -> Result<(String, &str), ApiError> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\'')).ok_or_else(|| refused("a text must stand in quotes"))?;
    let (mut out, mut escaped) = (String::new(), false);
    for (at, c) in text.char_indices().skip(1) {
        if escaped {
            out.push(c);
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            return Ok((out, &text[at + 1..]));
        } else {
            out.push(c);
        }
    }
    Err(refused("a quote is not closed"))
}

fn value(text: &str) -> Result<(Option<String>, &str), ApiError> {
    if text.starts_with(['"', '\'']) {
        return quoted(text).map(|(value, rest)| (Some(value), rest));
    }
    let (word, rest) = text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()));
    match word {
        "" => Err(refused("a value is missing")),
        word if word.eq_ignore_ascii_case("null") => Ok((None, rest)),
        word => Ok((Some(word.to_owned()), rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(query: &str) -> bool {
        let object =
            json!({"email": "Amy@Example.com", "name": "Amy", "created": 100, "phone": null, "metadata": {"order": "42"}});
        Query::read(query, FIELDS[0].1).map_err(|e| e.message().to_owned()).unwrap().fits(&object)
    }

    #[test]
    fn clauses_compare_texts_without_case_and_numbers_by_size() {
        assert!(fits("email:\"amy@example.com\""));
        assert!(fits("email~'EXAMPLE' AND created>99"));
        assert!(fits("-name:\"Bob\" created<=100"));
        assert!(!fits("created<100"));
        assert!(fits("name:\"Bob\" OR metadata[\"order\"]:\"42\""));
        assert!(fits("phone:null AND -metadata['order']:null"));
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for query in [
            "",
            "name",
            "colour:\"red\"",
            "name:\"Amy",
            "name:\"a\" AND email:\"b\" OR email:\"c\"",
            "metadata:\"x\"",
            "name~\"A\"",
        ] {
            assert!(Query::read(query, FIELDS[0].1).is_err(), "{query}");
        }
    }
}
