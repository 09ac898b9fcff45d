//! The steps of a plan that look at rows, as the server tells them.

use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::fmt;

/// A step of a plan.
pub(super) struct Step {
    /// What it does, such as `Index Scan`.
    kind: String,
    /// The table whose rows it looks at, partitions by the name of the whole; empty where there is none.
    pub table: String,
    /// By which index; empty where there is none.
    index: String,
    /// By which condition it enters the index; empty where there is none.
    way_in: String,
    /// Whether it sorts all that it is given before it gives anything.
    pub is_sort: bool,
}

impl Step {
    fn is_scan(&self) -> bool {
        !self.table.is_empty() && (self.kind.ends_with("Scan") || self.kind == "Scan") && self.kind != "Bitmap Heap Scan"
    }

    /// Whether it looks at every row: by no index, or by the whole of one.
    pub fn looks_at_all(&self) -> bool {
        self.is_scan() && self.way_in.is_empty()
    }

    /// Whether it enters its index by a list of words, which is the same for all rows.
    pub fn is_entered_by_words(&self) -> bool {
        self.way_in.contains("= ANY ('{") && !self.way_in.contains(" AND ")
    }

    /// Whether it goes through what is within it once for each row of another one.
    pub fn is_loop(&self) -> bool {
        self.kind == "Nested Loop"
    }

    /// Whether it looks at every row of a merchant.
    pub fn names_merchant_alone(&self) -> bool {
        self.is_scan() && self.way_in.contains("merchant_id = ") && !self.way_in.contains(" AND ")
    }

    /// Whether it knows the first column of its index no better than from where to where: what further columns say is looked at entry by
    /// entry.
    pub fn begins_with_a_range(&self, first_columns: &BTreeMap<String, String>) -> bool {
        let is_first = |condition: &str| {
            let column = condition.trim_start_matches('(').split(' ').next().unwrap_or_default();
            condition.contains(" = ")
                && first_columns.get(&self.index).is_some_and(|first| column.rsplit('.').next() == Some(first))
        };
        // A row compared with a row begins at a place.
        let is_row = |condition: &str| {
            let column = condition.trim_start_matches('(').strip_prefix("ROW(").and_then(|row| row.split(',').next());
            column.is_some_and(|column| {
                first_columns.get(&self.index).is_some_and(|first| column.rsplit('.').next() == Some(first))
            })
        };
        self.is_scan() && !self.way_in.split(" AND ").any(|condition| is_first(condition) || is_row(condition))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {} on {} by {}",
            self.kind,
            self.table,
            self.index,
            if self.way_in.is_empty() { "nothing" } else { &self.way_in }
        )
    }
}

/// The steps of a plan in JSON, inner ones first.
pub(super) fn steps(plan: &str) -> Vec<Step> {
    let plan: Json = serde_json::from_str(plan).unwrap();
    let mut steps = Vec::new();
    follow(&plan[0]["Plan"], "", &mut steps);
    assert!(!steps.is_empty(), "{plan}");
    steps
}

fn follow(node: &Json, above: &str, steps: &mut Vec<Step>) {
    let text = |name: &str| node[name].as_str().unwrap_or_default().to_owned();
    let kind = text("Node Type");
    // The part of a bitmap scan that enters the index does not say of which table it is.
    let table = if node["Relation Name"].is_null() { above.to_owned() } else { whole(&text("Relation Name")) };
    let below = if kind.starts_with("Bitmap") { table.as_str() } else { "" };
    for part in node["Plans"].as_array().into_iter().flatten() {
        follow(part, below, steps);
    }
    let is_sort = kind == "Sort";
    steps.push(Step { kind, table, index: text("Index Name"), way_in: text("Index Cond"), is_sort });
}

/// The table that a partition is part of.
fn whole(partition: &str) -> String {
    let name = partition.trim_end_matches("_default");
    name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_').to_owned()
}
