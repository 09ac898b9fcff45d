//! Every column on a server has the type of what it holds: money whole, moments with their zone, ids and digests as bytes. A column that
//! nobody has said anything about here is a finding, too.

use crate::builders::*;
use ducat_store::Statements;
use tokio_postgres::Client;

/// What columns hold: the type of it, and how they are called. A table may hold something else under a name: then it stands before it.
const KINDS: &[(&str, &[&str])] = &[
    // Money in minor units; beside it, whatever counts without an end.
    (
        "bigint",
        &[
            "amount",
            "amount_authorized",
            "amount_captured",
            "amount_disputed",
            "amount_refunded",
            "amount_refunding",
            "authorized",
            "captured",
            "capturing",
            "disputed",
            "fee",
            "refunded",
            "refunding",
            "total",
            "base",
            "complete_after",
            "late",
            "pending",
            "position",
            "posted",
            "size",
        ],
    ),
    // Small numbers: versions, places in a list, how many times.
    (
        "integer",
        &[
            "answers",
            "declines",
            "failures",
            "lane",
            "layer",
            "line",
            "made",
            "number",
            "open_disputes",
            "sequence",
            "status_version",
            "step",
            "took_ms",
            "tries",
            "version",
            "webhook_endpoints.events",
            "webhook_tries.status",
        ],
    ),
    (
        "boolean",
        &[
            "active",
            "came_back",
            "has_left",
            "is_final",
            "leased",
            "one",
            "paid_late",
            "returned",
            "surplus",
            "truncated",
            "withdrawn",
        ],
    ),
    // Digests, what is sealed, what is packed, and files.
    (
        "bytea",
        &[
            "answer_body",
            "bytes",
            "details",
            "digest",
            "fingerprint",
            "hash",
            "sealed_keys",
            "sealed_return_secret",
            "sealed_settings",
            "visits.address",
            "inbox.body",
        ],
    ),
    // Our own ids beside those that are called so, and keys that are kept as sixteen bytes of their digest.
    ("uuid", &["before", "closed", "closing", "cursor", "key", "paid_by"]),
    ("event_kind", &["events.kind"]),
    ("event_subject", &["events.subject_kind"]),
    // Written once, shown as it was written.
    ("json", &["snapshot", "webhook_deliveries.body"]),
    // What SQL looks into, or may have to.
    (
        "jsonb",
        &[
            "arrival",
            "claim",
            "decline",
            "evidence",
            "failure",
            "fees",
            "note",
            "refusal",
            "request_headers",
            "response_headers",
            "types",
        ],
    ),
    // Words, and whatever others call their things.
    (
        "text",
        &[
            "answer",
            "answer_kind",
            "closed_by",
            "currency",
            "description",
            "error",
            "event_ref",
            "field",
            "hint",
            "initiator",
            "kind",
            "media_type",
            "message_id",
            "name",
            "network",
            "networks",
            "origin",
            "psp",
            "psp_dispute",
            "psp_kind",
            "psp_line",
            "psp_payment",
            "psp_payout",
            "psp_refund",
            "reason",
            "redirect_url",
            "reference",
            "response_body",
            "scope",
            "state",
            "status",
            "subject",
            "token",
            "url",
            "why",
            "agreed.value",
        ],
    ),
];

/// How moments are called.
const MOMENTS: &[&str] = &["_at", "_due_at", "_until", "_since"];

/// The type that a column is to have; none where nobody has said what it holds.
fn wanted(table: &str, column: &str) -> Option<&'static str> {
    let whole = format!("{table}.{column}");
    let named = |name: &str| KINDS.iter().find(|(_, names)| names.contains(&name)).map(|(kind, _)| *kind);
    let by_form = || match column {
        "id" => Some("uuid"),
        "at" => Some("timestamp with time zone"),
        _ if column.ends_with("_id") => Some("uuid"),
        _ if MOMENTS.iter().any(|end| column.ends_with(end)) => Some("timestamp with time zone"),
        _ => None,
    };
    named(&whole).or_else(|| named(column)).or_else(by_form)
}

/// The columns of every table; those of a month are the whole's.
const COLUMNS: &str = "SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), a.attidentity <> '' OR
      coalesce(pg_get_expr(d.adbin, d.adrelid) LIKE '%nextval(%', FALSE)
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY 1, a.attnum";

/// A number that all tables of a server or all its nodes have to wait for.
const SEQUENCES: &str = "SELECT relname::text FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace";

/// How many columns were looked at, and what is wrong with them.
async fn wrong(client: &Client) -> (usize, Vec<String>) {
    let mut wrong = Vec::new();
    let columns = client.query(COLUMNS, &[]).await.unwrap();
    for row in &columns {
        let (table, column, kind, counts): (String, String, String, bool) = (row.get(0), row.get(1), row.get(2), row.get(3));
        if counts {
            wrong.push(format!("{table}.{column} is numbered by a sequence"));
        }
        match wanted(&table, &column) {
            None => wrong.push(format!("{table}.{column} is {kind}: say here what it holds")),
            Some(wanted) if wanted != kind => wrong.push(format!("{table}.{column} is {kind} and not {wanted}")),
            Some(_) => {}
        }
    }
    for row in client.query(SEQUENCES, &[]).await.unwrap() {
        wrong.push(format!("{} is a sequence", row.get::<_, String>(0)));
    }
    (columns.len(), wrong)
}

#[test]
fn every_column_has_the_type_of_what_it_holds() {
    run(async {
        let w = World::postgres(Statements::Kept).await;
        let (columns, wrong) = wrong(w.raw().await).await;
        assert!(columns > 200, "{columns}");
        assert_eq!(wrong, Vec::<String>::new());
    });
}

/// The rules above are rules: whatever breaks one of them is found.
#[test]
fn a_column_of_another_type_is_found() {
    run(async {
        let w = World::postgres(Statements::Kept).await;
        let client = w.raw().await;
        for (statement, found) in [
            ("ADD seen_at timestamp", "refunds.seen_at is timestamp without time zone and not timestamp with time zone"),
            ("ADD amount_held numeric", "refunds.amount_held is numeric: say here what it holds"),
            ("ADD amount_captured double precision", "refunds.amount_captured is double precision and not bigint"),
            ("ADD fee money", "refunds.fee is money and not bigint"),
            ("ADD total integer", "refunds.total is integer and not bigint"),
            ("ADD payer_id text", "refunds.payer_id is text and not uuid"),
            ("ADD digest text", "refunds.digest is text and not bytea"),
            ("ADD fees json", "refunds.fees is json and not jsonb"),
            ("ADD rate real", "refunds.rate is real: say here what it holds"),
            ("ADD number serial", "refunds.number is numbered by a sequence"),
            ("ADD line integer GENERATED ALWAYS AS IDENTITY", "refunds.line is numbered by a sequence"),
        ] {
            client.batch_execute(&format!("BEGIN; ALTER TABLE refunds {statement}")).await.unwrap();
            let (_, wrong) = wrong(client).await;
            client.batch_execute("ROLLBACK").await.unwrap();
            assert!(wrong.iter().any(|wrong| wrong == found), "{statement}: {wrong:?}");
        }
        client.batch_execute("BEGIN; CREATE SEQUENCE numbers").await.unwrap();
        assert_eq!(wrong(client).await.1, ["numbers is a sequence"]);
    });
}
