//! How a server finds what a statement asks for: no statement looks at every row of a table that grows, nor walks over all that a merchant
//! has where it names more.

mod every_write;
mod millions;
mod step;

use super::PostgresSettings;
use super::apply::{self, KnownAccounts};
use super::connect::Connection;
use super::leg::joined;
use super::look;
use super::tests::{Steps, settings};
use super::verify;
use crate::Store;
use crate::every_read::{ASKED, every_read};
use ducat_domain::{MerchantId, PaymentOrderId, Timestamp, WebhookEndpointId};
use every_write::changes;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use step::{Step, steps};

/// Tables that stay small.
const SMALL: &[&str] = &[
    "merchants",
    "api_keys",
    "psp_accounts",
    "psp_cursors",
    "accounts",
    "balances",
    "books",
    "agreed",
    "event_clock",
    "webhook_endpoints",
    "webhook_replays",
];

/// An entry with its account, all of whose ids are the same: a statement is read only of an account that is there.
const BOOKED: &str = "SET session_replication_role = replica;
    INSERT INTO accounts (merchant_id, id, name, currency) VALUES (ASKED, ASKED, 'bank:main', 'EUR');
    INSERT INTO journal_entries (merchant_id, id, event_ref, at) VALUES (ASKED, ASKED, 'x', now());
    INSERT INTO postings (merchant_id, entry_id, line, account_id, layer, amount) VALUES (ASKED, ASKED, 0, ASKED, 0, 5);";

/// Rows in every table, and what the server makes of them.
const FILL: &str = include_str!("fill.sql");

/// As the plan of a statement that is kept will be: a table that is read whole shows that there is no other way.
const KEPT: &str = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_partition_pruning = off;";

/// How many merchants there are.
const FEW: u32 = 5;
const MANY: u32 = 500;

/// Lists of a merchant that are read from one end, a page of them: the merchant alone is the way in, and what is asked for besides is looked
/// at row by row until the page is full.
const LISTS: &[&str] = &[
    "FROM payment_orders o CROSS JOIN",
    "SELECT * FROM refunds WHERE merchant_id = $1 ORDER",
    "SELECT * FROM disputes WHERE merchant_id = $1 ORDER",
    "SELECT * FROM payouts WHERE",
    "SELECT * FROM exceptions WHERE",
    "SELECT e.id FROM journal_entries e WHERE",
];

/// What is due, or old enough to go, is found among the rows of all merchants by its moment.
const SWEEPS: &[&str] = &["WHERE run_at <= $1", "LIMIT 1000", "LIMIT 2000"];

/// The files in which the writer's statements stand.
const APPLIED: &[&str] = &[
    include_str!("../apply/events.rs"),
    include_str!("../apply/forget.rs"),
    include_str!("../apply/jobs.rs"),
    include_str!("../apply/journal.rs"),
    include_str!("../apply/merchants.rs"),
    include_str!("../apply/parts.rs"),
    include_str!("../apply/payments.rs"),
    include_str!("../apply/settlement.rs"),
    include_str!("../apply/webhooks.rs"),
];

struct Server {
    database: String,
    store: Store,
}

impl Server {
    /// A store whose reads go through one connection, which so knows every statement that was sent.
    async fn open() -> Self {
        let url = ducat_test_servers::database();
        let database = url.rsplit('/').next().unwrap().to_owned();
        let settings = PostgresSettings { readers: 1, ..settings(&url) };
        let chance = Arc::new(Steps(AtomicU64::new(1)));
        let store = Store::open_postgres(&settings, chance, Timestamp::from_seconds(1_795_000_000)).await.unwrap();
        Self { database, store }
    }

    fn run(&self, sql: &str) {
        let sql = sql.replace("ASKED", "'07070707-0707-0707-0707-070707070707'");
        ducat_test_servers::server().run_sql(&self.database, &sql);
    }
}

/// A statement that a connection has prepared, and the steps of its plan.
struct Plan {
    sql: String,
    steps: Vec<Step>,
}

/// The plans of all that a connection has prepared.
async fn plans(connection: &Connection) -> Vec<Plan> {
    let prepared = "SELECT name, statement, CAST(parameter_types AS text[]) FROM pg_prepared_statements
                    WHERE statement NOT LIKE '%pg_prepared_statements%' AND statement NOT LIKE '%pg_is_in_recovery%'";
    let mut plans = Vec::new();
    for row in connection.client.query(prepared, &[]).await.unwrap() {
        let (name, sql, kinds): (String, String, Vec<String>) = (row.get(0), row.get(1), row.get(2));
        let values = kinds.iter().map(|kind| value_of(kind, &sql)).collect::<Vec<_>>().join(", ");
        let values = if values.is_empty() { values } else { format!("({values})") };
        plans.push(Plan { steps: plan_of(connection, &format!("EXECUTE \"{name}\"{values}")).await, sql });
    }
    plans
}

/// A value that somebody could ask for: rows of whoever has most of them, where it matters.
fn value_of<'k>(kind: &'k str, sql: &str) -> &'k str {
    match kind {
        "uuid" => "'07070707-0707-0707-0707-070707070707'",
        "timestamp with time zone" => "'2026-11-20 00:00Z'",
        "text" if sql.contains("AS event_kind)") => "'refund.created'",
        "text" => "'pending'",
        "bigint" => "5",
        "integer" => "1",
        "boolean" => "true",
        _ => "NULL",
    }
}

/// The steps of the plan of a statement.
async fn plan_of(connection: &Connection, statement: &str) -> Vec<Step> {
    let explain = format!("EXPLAIN (FORMAT JSON, VERBOSE) {statement}");
    let answer = connection.client.simple_query(&explain).await.unwrap_or_else(|e| panic!("{statement}: {e:?}"));
    let text = answer.iter().find_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    steps(text.unwrap())
}

/// The steps that look at more of a table that grows than the statement names.
fn long_ways(plan: &Plan, first_columns: &BTreeMap<String, String>) -> Vec<String> {
    let is_one_of = |texts: &[&str]| texts.iter().any(|text| plan.sql.contains(text));
    let is_list = plan.sql.contains(" LIMIT ") && !plan.sql.contains("order_id = $") && is_one_of(LISTS);
    let may_walk = is_list && !plan.steps.iter().any(|step| step.is_sort);
    let of_merchant = plan.sql.contains("merchant_id = ") && !is_one_of(SWEEPS);
    let is_long = |step: &&Step| {
        step.looks_at_all()
            || (step.names_merchant_alone() && !may_walk)
            || (of_merchant && step.begins_with_a_range(first_columns))
    };
    plan.steps.iter().filter(|step| !SMALL.contains(&step.table.as_str())).filter(is_long).map(ToString::to_string).collect()
}

/// The first column of every index.
async fn first_columns(connection: &Connection) -> BTreeMap<String, String> {
    let sql = "SELECT c.relname, pg_get_indexdef(c.oid, 1, true) FROM pg_class c WHERE c.relkind = 'i'";
    connection.client.query(sql, &[]).await.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// Fills the tables with rows of so many merchants.
fn fill(server: &Server, merchants: u32) {
    server.run(&FILL.replace("MERCHANTS", &merchants.to_string()));
}

/// Looks at the plans of what the connection has prepared, and tells how many there are.
async fn assert_short_ways(connection: &Connection, merchants: u32) -> usize {
    let first_columns = first_columns(connection).await;
    let plans = plans(connection).await;
    let long = plans.iter().map(|plan| (&plan.sql, long_ways(plan, &first_columns))).filter(|(_, ways)| !ways.is_empty());
    let long: Vec<_> = long.collect();
    assert!(long.is_empty(), "of {merchants} merchants: {long:#?}");
    plans.len()
}

async fn assert_reads_are_short(merchants: u32) {
    let server = Server::open().await;
    server.run(BOOKED);
    every_read(&server.store).await;
    let connection = server.store.postgres().readers.take().await.unwrap();
    connection.client.batch_execute(KEPT).await.unwrap();
    fill(&server, merchants);
    let plans = assert_short_ways(&connection, merchants).await;
    assert!(plans > 60, "{plans}");
}

/// Where there are few, the planner takes what is asked for to be everywhere, and an index of everything for the way to it.
#[tokio::test]
async fn every_read_finds_its_rows_by_an_index_among_those_of_few_merchants() {
    assert_reads_are_short(FEW).await;
}

/// Where there are many, it takes each of them to be small, and its lists for short.
#[tokio::test]
async fn every_read_finds_its_rows_by_an_index_among_those_of_many_merchants() {
    assert_reads_are_short(MANY).await;
}

/// A check may read whole tables, a few times. It must not walk over an index once for each row, and that only the first breaches are shown must
/// not lead the planner another way: there are none.
#[tokio::test]
async fn no_check_of_everything_walks_over_an_index_for_each_row() {
    let server = Server::open().await;
    fill(&server, FEW);
    let connection = server.store.postgres().readers.take().await.unwrap();
    let first_columns = first_columns(&connection).await;
    for (says, breaches) in verify::checks() {
        let whole = plan_of(&connection, &breaches).await;
        // Without a loop, what words lead to is read once.
        let is_once = |step: &Step| step.is_entered_by_words() && !whole.iter().any(Step::is_loop);
        let is_walk = |step: &&Step| !step.looks_at_all() && step.begins_with_a_range(&first_columns) && !is_once(step);
        let walks = whole.iter().filter(|step| !SMALL.contains(&step.table.as_str())).filter(is_walk).count();
        assert_eq!(walks, 0, "{says}: {}", ways(&whole));
        let first = plan_of(&connection, &verify::first_of(&breaches)).await;
        assert!(ways(&first).starts_with(&ways(&whole)), "{says}: {} instead of {}", ways(&first), ways(&whole));
    }
}

fn ways(steps: &[Step]) -> String {
    steps.iter().map(|step| format!("{step}\n")).collect()
}

/// A writer's connection that has prepared every statement that looks for rows.
async fn writer(server: &Server) -> Connection {
    let (database, changes) = (server.store.postgres(), changes());
    let (merchant, endpoint, now) =
        (MerchantId::from_bytes(ASKED), WebhookEndpointId::from_bytes(ASKED), Timestamp::from_seconds(9));
    // Nobody else is here: all of this goes through one connection.
    database.claim_jobs(now, now, 9, Vec::new()).await.unwrap();
    database.claim_deliveries(vec![(merchant, endpoint, 9)], now, now).await.unwrap();
    let connection = database.writer.connections().take().await.unwrap();
    look::lost(&connection, &changes.iter().collect::<Vec<_>>()).await.unwrap();
    look::archived(&connection, &[(merchant, PaymentOrderId::from_bytes(ASKED))]).await.unwrap();
    let legs = apply::legs(&changes.iter().collect::<Vec<_>>(), &KnownAccounts::default()).unwrap();
    // Those that only insert look for nothing.
    let looks = |sql: &&str| sql.contains(" WHERE ") || sql.contains("_position(");
    let looking: BTreeSet<&str> = legs.iter().flatten().map(|statement| statement.sql).filter(looks).collect();
    let written = |word: &str| APPLIED.iter().map(|file| file.matches(word).count()).sum::<usize>();
    assert_eq!(looking.len(), written("each!(") + written("update!("), "one is to be said here: {looking:#?}");
    // As they are carried out, too: joined to legs.
    let legs = legs.iter().map(|leg| joined(&leg.iter().collect::<Vec<_>>()).text);
    for sql in looking.into_iter().map(Into::into).chain(legs) {
        connection.client.prepare_cached(&sql).await.unwrap();
    }
    connection.client.batch_execute("SET enable_partition_pruning = off").await.unwrap();
    connection
}

/// As they are first prepared, and kept: when the tables are empty. And as they are later.
#[tokio::test]
async fn every_write_finds_its_rows_by_an_index() {
    let server = Server::open().await;
    let connection = writer(&server).await;
    let plans = assert_short_ways(&connection, 0).await;
    assert!(plans > 40, "{plans}");
    fill(&server, FEW);
    assert_short_ways(&connection, FEW).await;
}

#[tokio::test]
async fn every_write_finds_its_rows_by_an_index_among_those_of_many_merchants() {
    let server = Server::open().await;
    let connection = writer(&server).await;
    fill(&server, MANY);
    assert_short_ways(&connection, MANY).await;
}
