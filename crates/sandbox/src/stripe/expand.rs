//! `expand[]`: replaces ids by the objects they name, along paths that the table `schema/expandable.txt` allows.

use super::checkout::{breakdown, of_item};
use super::context::Ctx;
use super::errors::ApiError;
use super::form::Node;
use crate::world::{Read, list, shown};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

const TABLE: &str = include_str!("../../schema/expandable.txt");
/// Every part of a path is a level, `data` of a list included.
const MAX_LEVELS: usize = 4;
const MAX_PATHS: usize = 100;

/// Where a path of one kind of object leads.
type Fields = HashMap<&'static str, Vec<&'static str>>;

fn table() -> &'static HashMap<&'static str, Fields> {
    static READ: OnceLock<HashMap<&'static str, Fields>> = OnceLock::new();
    READ.get_or_init(|| {
        let lines = TABLE.lines().filter(|l| !l.starts_with('#') && !l.is_empty());
        lines
            .map(|line| {
                let mut words = line.split(' ');
                let kind = words.next().unwrap_or_default();
                let fields = words.filter_map(|w| w.split_once('>'));
                (
                    kind,
                    fields
                        .map(|(path, kinds)| {
                            (path, kinds.trim_matches(['[', ']']).split(',').filter(|k| !k.is_empty()).collect())
                        })
                        .collect(),
                )
            })
            .collect()
    })
}

/// Takes `expand` out of the parameters and refuses paths that no answer of this kind could have.
pub(crate) fn take(fields: &mut BTreeMap<String, Node>, returns: &str) -> Result<Vec<Vec<String>>, ApiError> {
    let Some(node) = fields.remove("expand") else { return Ok(Vec::new()) };
    let invalid = || ApiError::invalid("Invalid array").param("expand");
    let elements = node.elements().ok_or_else(invalid)?;
    if elements.len() > MAX_PATHS {
        return Err(ApiError::invalid(format!("You cannot expand more than {MAX_PATHS} properties.")).param("expand"));
    }
    let mut paths = Vec::new();
    for element in elements {
        let Node::Text(text) = element else { return Err(invalid()) };
        let path: Vec<String> = text.split('.').map(str::to_owned).collect();
        allowed(&path, returns, text)?;
        paths.push(path);
    }
    Ok(paths)
}

fn allowed(path: &[String], returns: &str, text: &str) -> Result<(), ApiError> {
    let (kind, rest, in_list) = match returns.strip_prefix("list:") {
        Some(kind) if path.first().is_some_and(|p| p == "data") => (kind, &path[1..], false),
        Some(kind) => (kind, path, true),
        None => (returns, path, false),
    };
    let words: Vec<&str> = rest.iter().map(String::as_str).collect();
    let leads = leads(kind, &words);
    if in_list || !leads {
        let hint =
            if in_list && leads { format!(" You may want to try expanding 'data.{text}' instead.") } else { String::new() };
        return Err(ApiError::invalid(format!("This property cannot be expanded ({text}).{hint}")).param("expand"));
    }
    if path.len() > MAX_LEVELS {
        return Err(ApiError::invalid(format!(
            "You cannot expand more than {MAX_LEVELS} levels of a property. Property: {text}"
        ))
        .param("expand"));
    }
    Ok(())
}

/// Whether the path leads from this kind through expandable fields only.
fn leads(kind: &str, words: &[&str]) -> bool {
    let Some(fields) = table().get(kind) else { return false };
    (1..=words.len()).any(|n| {
        let Some(kinds) = fields.get(words[..n].join(".").as_str()) else { return false };
        let mut rest = &words[n..];
        if rest.first() == Some(&"data") {
            rest = &rest[1..];
        }
        rest.is_empty() || kinds.iter().any(|k| leads(k, rest))
    })
}

/// The answer without the fields that only the sandbox itself may see, at whatever depth.
pub(crate) fn shown_deep(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(k, _)| !k.starts_with('_'))
            .map(|(k, v)| (k.clone(), shown_deep(v)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(all) => all.iter().map(shown_deep).collect::<Vec<_>>().into(),
        other => other.clone(),
    }
}

/// Expands the answer along every path.
pub(crate) fn apply(ctx: &Ctx<'_>, answer: &mut Value, paths: &[Vec<String>]) -> Result<(), ApiError> {
    for path in paths {
        step(ctx, answer, path);
    }
    Ok(())
}

fn step(ctx: &Ctx<'_>, value: &mut Value, path: &[String]) {
    let Some((field, rest)) = path.split_first() else { return };
    if let Value::Array(all) = value {
        for one in all {
            step(ctx, one, path);
        }
        return;
    }
    if !value.is_object() {
        return;
    }
    if field == "total_details"
        && rest.first().is_some_and(|next| next == "breakdown")
        && let Some(stored) = ctx.account.get("checkout.session", value.text("id"))
    {
        value["total_details"]["breakdown"] = breakdown(stored);
    }
    if !value.has(field) {
        match included(ctx, value, field) {
            Some(list) => value[field] = list,
            None => return,
        }
    }
    let inner = &mut value[field];
    match inner {
        Value::String(id) => {
            if let Some(object) = find(ctx, id) {
                *inner = object;
            }
        }
        Value::Array(all) => {
            for one in all.iter_mut() {
                if let Some(object) = one.as_str().and_then(|id| find(ctx, id)) {
                    *one = object;
                }
            }
        }
        _ => {}
    }
    step(ctx, inner, rest);
}

/// What is left out of an object unless it is asked for.
fn included(ctx: &Ctx<'_>, object: &Value, field: &str) -> Option<Value> {
    let id = object.text("id");
    let none = |url: String| Some(list(&url, Vec::new(), false));
    match (object.text("object"), field) {
        ("checkout.session", "line_items") => {
            let stored = ctx.account.get("checkout.session", id)?;
            let rows = stored["_line_items"].as_array()?.iter().map(shown).collect();
            Some(list(&format!("/v1/checkout/sessions/{id}/line_items"), rows, false))
        }
        ("charge", "refunds") => {
            let rows = ctx.account.table("refund").newest_first().filter(|(_, r)| r.text("charge") == id).map(|(_, r)| shown(r));
            Some(list(&format!("/v1/charges/{id}/refunds"), rows.take(10).collect(), false))
        }
        ("customer", "sources") => {
            let rows = ctx.account.table("card").newest_first().filter(|(_, c)| c.text("customer") == id).map(|(_, c)| shown(c));
            Some(list(&format!("/v1/customers/{id}/sources"), rows.take(10).collect(), false))
        }
        ("customer", "subscriptions" | "tax_ids") => none(format!("/v1/customers/{id}/{field}")),
        ("price", "currency_options") => {
            let own = json!({ "custom_unit_amount": object["custom_unit_amount"], "tax_behavior": object["tax_behavior"],
                "unit_amount": object["unit_amount"], "unit_amount_decimal": object["unit_amount_decimal"] });
            Some(json!({ (object.text("currency")): own }))
        }
        ("item", "discounts" | "taxes") => {
            let sessions = ctx.account.table("checkout.session").newest_first();
            sessions
                .filter_map(|(_, s)| {
                    s["_line_items"].as_array()?.iter().find(|i| i.text("id") == id).map(|i| of_item(s, i, field))
                })
                .next()
        }
        _ => None,
    }
}

/// The object of this id, whatever its kind.
fn find(ctx: &Ctx<'_>, id: &str) -> Option<Value> {
    const KINDS: [(&str, &str); 20] = [
        ("cus_", "customer"),
        ("pi_", "payment_intent"),
        ("ch_", "charge"),
        ("py_", "charge"),
        ("re_", "refund"),
        ("pyr_", "refund"),
        ("txn_", "balance_transaction"),
        ("pm_", "payment_method"),
        ("card_", "card"),
        ("prod_", "product"),
        ("price_", "price"),
        ("cs_", "checkout.session"),
        ("seti_", "setup_intent"),
        ("setatt_", "setup_attempt"),
        ("promo_", "promotion_code"),
        ("shr_", "shipping_rate"),
        ("txr_", "tax_rate"),
        ("du_", "dispute"),
        ("po_", "payout"),
        ("file_", "file"),
    ];
    let by_prefix = KINDS.iter().filter(|(prefix, _)| id.starts_with(prefix)).find_map(|(_, kind)| ctx.account.get(kind, id));
    // Products and coupons may have ids of the caller's choosing; a deleted object leaves its marker behind.
    let found = by_prefix.or_else(|| ctx.account.get("product", id)).or_else(|| ctx.account.get("coupon", id));
    found.map(shown).or_else(|| ctx.account.get("deleted", id).map(|gone| gone["was"].clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_checked_against_the_kind_that_is_answered() {
        assert!(leads("payment_intent", &["latest_charge", "balance_transaction"]));
        assert!(leads("checkout.session", &["line_items", "data", "price", "product"]));
        assert!(leads("customer", &["invoice_settings", "default_payment_method"]));
        assert!(!leads("payment_intent", &["amount"]));
        assert!(allowed(&["customer".into()], "list:charge", "customer").is_err());
        assert!(allowed(&["data".into(), "customer".into()], "list:charge", "data.customer").is_ok());
        let path = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
        let deepest = "data.payment_intent.latest_charge.balance_transaction";
        assert!(allowed(&path(deepest), "list:charge", deepest).is_ok());
        let too_deep = "data.payment_intent.latest_charge.payment_intent.latest_charge";
        assert!(allowed(&path(too_deep), "list:charge", too_deep).is_err());
    }
}
