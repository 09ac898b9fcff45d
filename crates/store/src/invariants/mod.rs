//! The invariants, each as a query that finds what breaks it.
//!
//! - `archive`: each order is in one place, and what is archived is over.
//! - `journal`: entries, balances, corrections, conversions.
//! - `payments`: orders, attempts, their events and jobs.
//! - `parts`: captures, refunds, disputes, and what each of them booked.
//! - `settlement`: payouts, the PSPs' statements, exceptions.
//! - `webhooks`: endpoints and deliveries.
//!
//! What two tables must agree on is compared by one pass over both: the rows of the one with a plus, those of the other with a minus,
//! grouped by what they are about; a group that does not come out at zero is a breach, whichever side lacks it. `named` reads the id in
//! a reference of the journal, `shown` writes an id as people see it.
//!
//! `every_order` and `every_attempt` are those that live and those in the archive.
//!
//! Each text is said once, in what both databases read: `IS DISTINCT FROM`, `iif`, `->>`. Of SQLite's words `GLOB`, `CROSS JOIN … ON` (joins
//! in this order) and `json_each` PostgreSQL is given its own, by [`for_postgres`].

mod archive;
mod journal;
mod parts;
mod payments;
mod settlement;
mod webhooks;

/// An invariant, and the query that gives one text per breach.
pub(crate) struct Invariant {
    /// What must be so.
    pub says: &'static str,
    /// What finds where it is not.
    pub breaches: &'static str,
}

pub(crate) const INVARIANTS: &[&[Invariant]] = &[
    journal::INVARIANTS,
    payments::INVARIANTS,
    parts::INVARIANTS,
    settlement::INVARIANTS,
    webhooks::INVARIANTS,
    archive::INVARIANTS,
];

/// What is counted for the report.
pub(crate) const COUNTED: &[&str] = &[
    "payment_orders",
    "attempts",
    "archived_orders",
    "archived_attempts",
    "captures",
    "refunds",
    "disputes",
    "payouts",
    "psp_lines",
    "journal_entries",
    "postings",
    "events",
    "inbox",
    "jobs",
    "webhook_endpoints",
    "webhook_deliveries",
];

/// How many findings are listed at the most.
pub(crate) const MAX_FINDINGS: usize = 1000;

/// What need not hold where balances are summed when somebody asks, and none is stored.
pub(crate) const BALANCES: &str = "a stored balance is the sum of its postings";

/// What both databases are asked beside the invariants.
pub(crate) const REFERENCES: &str = "every reference leads somewhere";
pub(crate) const RULES: &str = "the database's own rules are in place";

/// What the checks compare of an order and of an attempt, wherever it is.
const ORDER: &str = "merchant_id, id, reference, currency, status, version, amount_authorized, amount_captured, amount_refunded, \
     amount_refunding, amount_disputed, paid_by, status_version, claim";
const ATTEMPT: &str = "merchant_id, id, order_id, psp_account_id, status, token, redirect_url, check_at, authorized, captured, surplus, \
     fees, capturing, refunded, refunding, disputed, open_disputes";

/// The text of a query as SQLite reads it. No view stands for what is in both places: somebody could make it show less.
pub(crate) fn for_sqlite(breaches: &str) -> String {
    let both = |columns, living, archived| format!("(SELECT {columns} FROM {living} UNION ALL SELECT {columns} FROM {archived})");
    breaches
        .replace("every_order", &both(ORDER, "payment_orders", "archived_orders"))
        .replace("every_attempt", &both(ATTEMPT, "attempts", "archived_attempts"))
}

/// The text of a query as PostgreSQL reads it.
pub(crate) fn for_postgres(breaches: &str) -> String {
    let text = for_sqlite(breaches)
        .replace("CROSS JOIN", "JOIN")
        .replace("json_each(t.fees) fee", "jsonb_array_elements(t.fees) AS fee (value)")
        .replace("json_each(d.fees) fee", "jsonb_array_elements(d.fees) AS fee (value)")
        .replace("SELECT value FROM json_each(w.types)", "SELECT jsonb_array_elements_text(w.types)")
        // An endpoint begins where the events are settled, which may lie beyond the newest one.
        .replace("position > (SELECT coalesce(max(position), 0) FROM events)", "position >= settled_position()")
        .replace("NOT GLOB", "!~ GLOB");
    let mut pieces = text.split("GLOB '");
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (pattern, rest) = piece.split_once('\'').unwrap_or((piece, ""));
        if !out.ends_with("!~ ") {
            out.push_str("~ ");
        }
        out.push_str(&format!("'^{}$'{rest}", pattern.replace('*', ".*")));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_told_to_postgresql_as_it_reads_them() {
        let told = for_postgres("SELECT 1 WHERE a GLOB 'ref[svf]:*' AND b NOT GLOB 'psp:*:dispute_held' AND c = 'x'");
        assert_eq!(told, "SELECT 1 WHERE a ~ '^ref[svf]:.*$' AND b !~ '^psp:.*:dispute_held$' AND c = 'x'");
    }

    #[test]
    fn no_word_of_sqlite_is_left() {
        for invariant in INVARIANTS.iter().copied().flatten() {
            let told = for_postgres(invariant.breaches);
            for word in ["GLOB", "CROSS JOIN", "json_each", "json_extract", " = 1", " = 0 "] {
                assert!(!told.contains(word) || word == " = 0 " && told.contains("layer = 0"), "{}: {word}", invariant.says);
            }
        }
    }
}
