//! Form-encoded parameters with brackets, read into a tree the way Stripe reads them.

use std::collections::BTreeMap;

/// A parameter's value before anybody knows its type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    /// A plain text.
    Text(String),
    /// Named or numbered children.
    Tree(BTreeMap<String, Node>),
}

/// Parameters nested deeper than this are refused.
const MAX_DEPTH: usize = 12;
/// A request may not carry more parameters than this.
const MAX_FIELDS: usize = 2_000;

/// Reads one form, or says what is wrong with it.
pub(crate) fn parse(bytes: &[u8]) -> Result<BTreeMap<String, Node>, String> {
    let mut root = Node::Tree(BTreeMap::new());
    for (count, (name, value)) in form_urlencoded::parse(bytes).enumerate() {
        if count >= MAX_FIELDS {
            return Err("Too many parameters.".into());
        }
        if name.is_empty() {
            continue;
        }
        let path = segments(&name).ok_or_else(|| format!("Invalid parameter name: {name}"))?;
        insert(&mut root, &path, value.into_owned());
    }
    match root {
        Node::Tree(fields) => Ok(fields),
        Node::Text(_) => Ok(BTreeMap::new()),
    }
}

fn segments(name: &str) -> Option<Vec<&str>> {
    let Some((head, rest)) = name.split_once('[') else { return Some(vec![name]) };
    let mut path = vec![head];
    path.extend(rest.strip_suffix(']')?.split("]["));
    (path.len() <= MAX_DEPTH).then_some(path)
}

/// Puts a value at its place. An empty segment (`a[]`) opens the next element of a list, unless the last one still lacks that field.
fn insert(node: &mut Node, path: &[&str], value: String) {
    let Some((head, rest)) = path.split_first() else {
        *node = Node::Text(value);
        return;
    };
    if let Node::Text(_) = node {
        *node = Node::Tree(BTreeMap::new());
    }
    let Node::Tree(children) = node else { return };
    let key = if head.is_empty() { element(children, rest) } else { (*head).to_owned() };
    insert(children.entry(key).or_insert_with(|| Node::Tree(BTreeMap::new())), rest, value);
}

fn element(children: &BTreeMap<String, Node>, rest: &[&str]) -> String {
    let count = children.len();
    let Some(last) = count.checked_sub(1) else { return "0".into() };
    let open = match (children.get(&last.to_string()), rest.first()) {
        (Some(Node::Tree(fields)), Some(next)) => !fields.contains_key(*next),
        _ => false,
    };
    if open { last.to_string() } else { count.to_string() }
}

impl Node {
    /// The children in order of their numbers, if all are numbered.
    pub fn elements(&self) -> Option<Vec<&Node>> {
        let Node::Tree(children) = self else { return None };
        let mut numbered = children.iter().map(|(k, v)| k.parse::<u32>().ok().map(|n| (n, v))).collect::<Option<Vec<_>>>()?;
        numbered.sort_by_key(|(n, _)| *n);
        Some(numbered.into_iter().map(|(_, v)| v).collect())
    }
}

/// One text that is equal for equal parameters, whatever their order; for comparing repeated requests.
pub(crate) fn canonical(fields: &BTreeMap<String, Node>) -> String {
    let mut out = String::new();
    for (name, node) in fields {
        out.push_str(&format!("{name:?}="));
        match node {
            Node::Text(text) => out.push_str(&format!("{text:?};")),
            Node::Tree(children) => out.push_str(&format!("{{{}}}", canonical(children))),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbered_and_empty_brackets_make_the_same_list() {
        let numbered = parse(b"items[0][price]=a&items[0][quantity]=1&items[1][price]=b").unwrap();
        let empty = parse(b"items[][price]=a&items[][quantity]=1&items[][price]=b").unwrap();
        assert_eq!(numbered, empty);
        assert_eq!(parse(b"x[]=1&x[]=2").unwrap(), parse(b"x[1]=2&x[0]=1").unwrap());
    }

    #[test]
    fn a_name_with_an_open_bracket_is_refused() {
        assert!(parse(b"a[b=1").is_err());
    }
}
