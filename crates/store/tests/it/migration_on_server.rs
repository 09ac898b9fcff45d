//! A database on a server grows up: each migration finds rows in every table that those before it made, and in the end nothing is lost.

use crate::builders::*;
use crate::later::line;
use crate::on_server::OnServer;
use crate::samples;
use ducat_domain::payments::*;
use ducat_domain::settlement::LineKind;
use ducat_domain::{EventKind, MerchantId};
use ducat_store::*;
use std::collections::BTreeSet;
use std::path::Path;
use tokio_postgres::Client;

/// From this migration on, details and keys of requests are kept as they are today.
const SMALL_KEYS: usize = 8;

/// Puts the sample rows of the journal and of the events into the partitions of their month, whatever month it is now.
const WITH_MONTHS: &str = "SELECT make_month(to_timestamp(1795000000))";

/// Puts them where nobody made their month.
const WITHOUT_MONTHS: &str = "DO $$ DECLARE part text; BEGIN
    FOR part IN SELECT inhrelid::regclass::text FROM pg_inherits i JOIN pg_class whole ON whole.oid = i.inhparent
      WHERE whole.relkind = 'p' AND inhrelid::regclass::text NOT LIKE '%_default' LOOP
      EXECUTE format('DROP TABLE %I', part);
    END LOOP;
  END $$";

/// The migrations in their order: name and text.
fn migrations() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/postgres");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<_> = files.filter(|file| file.extension().is_some_and(|kind| kind == "sql")).collect();
    files.sort();
    let named = |file: &Path| file.file_stem().unwrap().to_str().unwrap().to_owned();
    files.iter().map(|file| (named(file), std::fs::read_to_string(file).unwrap())).collect()
}

/// A store of today that holds what each migration's time brought, and whose each of it is.
struct Source {
    w: World,
    /// The first of the shops of the first migration.
    shop: Shop,
    /// With the number of the migration after which their rows are put in.
    merchants: Vec<(usize, BTreeSet<MerchantId>)>,
}

impl Source {
    async fn filled() -> Self {
        let w = World::postgres(Statements::Kept).await;
        let shop = samples::first(&w).await;
        // The twelfth says by itself what such a database agrees on.
        w.store.agree_on_balances().await.unwrap();
        let mut source = Self { w, shop, merchants: Vec::new() };
        source.note(1).await;
        samples::after_the_sale(&source.w).await;
        source.note(2).await;
        samples::webhooks(&source.w).await;
        source.note(3).await;
        samples::declines(&source.w).await;
        source.note(4).await;
        samples::archive(&source.w).await;
        source.note(7).await;
        samples::closings(&source.w).await;
        source.note(11).await;
        source.w.assert_sound().await;
        source.age().await;
        source
    }

    /// Who is new came with this migration.
    async fn note(&mut self, migration: usize) {
        let known: BTreeSet<_> = self.merchants.iter().flat_map(|(_, merchants)| merchants.clone()).collect();
        let all = self.w.store.merchants().await.unwrap();
        let new: BTreeSet<_> = all.iter().map(|merchant| merchant.id).filter(|id| !known.contains(id)).collect();
        assert!(!new.is_empty());
        self.merchants.push((migration, new));
    }

    /// What is packed today was not, and is read as it was.
    async fn age(&self) {
        self.w.raw().await.batch_execute(
            r#"SET session_replication_role = replica;
               UPDATE payment_orders SET details = convert_to(
                 jsonb_build_object('description', 'Grüße ' || reference, 'metadata', jsonb_build_object('till', '7'))::text, 'UTF8');
               UPDATE archived_orders SET details = convert_to(jsonb_build_object('description', 'old ' || reference)::text, 'UTF8');
               UPDATE idempotency_keys SET answer_body = convert_to('{"id":"po_1"}', 'UTF8') WHERE answer_body IS NOT NULL;
               SET session_replication_role = origin"#,
        ).await.unwrap();
    }

    /// Puts into the database what had come by this migration and not before, in the columns of then.
    async fn pour(&self, then: &Client, migration: usize) {
        let Some((_, merchants)) = self.merchants.iter().find(|(number, _)| *number == migration) else { return };
        let whose: Vec<String> = merchants.iter().map(|id| id.as_bytes().iter().map(|b| format!("{b:02x}")).collect()).collect();
        let whose = format!("ANY ('{{{}}}'::uuid[])", whose.join(","));
        for (table, columns) in columns(then).await {
            let whose = match table.as_str() {
                "merchants" => format!("id = {whose}"),
                _ => format!("merchant_id = {whose}"),
            };
            self.copy(then, &table, &columns, migration, &whose).await;
        }
    }

    async fn copy(&self, then: &Client, table: &str, columns: &[String], migration: usize, which: &str) {
        let today = columns.iter().map(|column| of_today(table, column, migration)).collect::<Vec<_>>().join(", ");
        let sql = format!("SELECT coalesce(json_agg(r), '[]')::text FROM (SELECT {today} FROM {table} WHERE {which}) r");
        let rows: String = self.w.raw().await.query_one(&sql, &[]).await.unwrap_or_else(|e| panic!("{sql}: {e:?}")).get(0);
        let names = columns.join(", ");
        // The rules of then would want each row in the transaction that it came with.
        let sql = format!(
            "SET session_replication_role = replica;
             INSERT INTO {table} ({names}) SELECT {names} FROM json_populate_recordset(NULL::{table}, $rows${rows}$rows$);
             SET session_replication_role = origin"
        );
        then.batch_execute(&sql).await.unwrap_or_else(|e| panic!("{table} after migration {migration}: {e:?}"));
    }
}

/// What stood in a column after this migration, by what stands there today.
fn of_today(table: &str, column: &str, migration: usize) -> String {
    match (table, column) {
        ("payment_orders" | "archived_orders", "details") if migration < SMALL_KEYS => {
            "convert_from(details, 'UTF8')::json AS details".to_owned()
        }
        ("idempotency_keys", "key") if migration < SMALL_KEYS => {
            let keys = samples::KEYS.join(",");
            format!("(SELECT k FROM unnest('{{{keys}}}'::text[]) k WHERE named_at(merchant_id, k) = key) AS key")
        }
        ("events" | "jobs" | "idempotency_keys", "order_id") => "subject_id AS order_id".to_owned(),
        _ => column.to_owned(),
    }
}

/// The tables whose rows are somebody's, with the columns that are written.
async fn columns(then: &Client) -> Vec<(String, Vec<String>)> {
    let sql = "SELECT c.relname::text, array_agg(a.attname::text ORDER BY a.attnum) FROM pg_class c, pg_attribute a
               WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace
                 AND c.relname <> ALL ('{schema_migrations, event_clock, write_marks, agreed}')
                 AND a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
               GROUP BY 1 ORDER BY 1";
    then.query(sql, &[]).await.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// Every table has something that the next migration could lose.
async fn assert_full(then: &Client, after: &str) {
    let mut tables: Vec<String> = columns(then).await.into_iter().map(|(table, _)| table).collect();
    tables.push("event_clock".into());
    for table in tables {
        let is_empty: bool = then.query_one(&format!("SELECT NOT EXISTS (SELECT FROM {table})"), &[]).await.unwrap().get(0);
        assert!(!is_empty, "{table} is empty after {after}");
    }
}

async fn marks(client: &Client) -> Vec<String> {
    client.query("SELECT m::text FROM write_marks m ORDER BY 1", &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

/// A database that went through all migrations but the last, and had rows in every table before each; `months` is done after the first.
async fn grown(source: &Source, url: &str, months: &str) {
    let then = connect(url).await;
    let list = "CREATE TABLE schema_migrations (number integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL)";
    then.batch_execute(list).await.unwrap();
    let all = migrations();
    for (index, (name, sql)) in all[..all.len() - 1].iter().enumerate() {
        let number = index + 1;
        let (_, short) = name.split_once('_').unwrap();
        let record = format!("INSERT INTO schema_migrations VALUES ({number}, '{short}', now())");
        then.batch_execute(&format!("BEGIN; {sql}; {record}; COMMIT")).await.unwrap_or_else(|e| panic!("{name}: {e:?}"));
        if number == 1 {
            then.batch_execute(months).await.unwrap();
        }
        source.pour(&then, number).await;
        if number == 5 {
            source.copy(&then, "write_marks", &["id".to_owned(), "at".to_owned()], number, "true").await;
        }
        assert_full(&then, name).await;
    }
}

/// Both hold the same, also as the program reads it.
async fn assert_same(w: &World, source: &Source) {
    assert_eq!(marks(w.raw().await).await, marks(source.w.raw().await).await);
    let merchants = source.w.store.merchants().await.unwrap();
    assert_eq!(w.store.merchants().await.unwrap(), merchants);
    for merchant in merchants {
        let orders =
            async |store: &Store| store.payments(merchant.id, OrderFilter::default(), PageAnchor::Newest, 100).await.unwrap();
        assert_eq!(orders(&w.store).await, orders(&source.w.store).await);
        let events = async |store: &Store| store.events(merchant.id, EventCursor::Start, Vec::new(), 100).await.unwrap().unwrap();
        assert_eq!(events(&w.store).await, events(&source.w.store).await);
        assert_eq!(w.store.balances(merchant.id).await.unwrap(), source.w.store.balances(merchant.id).await.unwrap());
    }
    for key in samples::KEYS {
        let kept = w.store.idempotency(source.shop.merchant, key).await.unwrap();
        assert!(kept.is_some(), "{key} is found under its name");
        assert_eq!(kept, source.w.store.idempotency(source.shop.merchant, key).await.unwrap());
    }
    // Every row of every table, in every column of today.
    assert_eq!(OnServer::into(w).await.rows().await, OnServer::into(&source.w).await.rows().await);
}

async fn grown_up(months: &str) -> (World, Source) {
    let source = Source::filled().await;
    let url = ducat_test_servers::database();
    grown(&source, &url, months).await;
    // The last one is applied by the program.
    let w = World::at_server(url, Statements::Kept, 7).await;
    let last = w.raw().await.query_one("SELECT max(number) FROM schema_migrations", &[]).await.unwrap().get::<_, i32>(0);
    assert_eq!(last as usize, migrations().len());
    (w, source)
}

async fn rows_of(w: &World, table: &str) -> i64 {
    w.raw().await.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.unwrap().get(0)
}

#[test]
fn a_database_that_went_through_each_migration_with_rows_in_every_table_is_as_if_written_today() {
    run(async {
        let (w, source) = grown_up(WITH_MONTHS).await;
        for table in ["events_default", "journal_entries_default", "postings_default"] {
            assert_eq!(rows_of(&w, table).await, 0, "{table}");
        }
        w.assert_sound().await;
        assert_same(&w, &source).await;
    });
}

#[test]
fn rows_of_months_that_nobody_made_go_through_each_migration_as_well() {
    run(async {
        let (w, source) = grown_up(WITHOUT_MONTHS).await;
        for whole in ["events", "journal_entries", "postings"] {
            assert_eq!(rows_of(&w, &format!("{whole}_default")).await, rows_of(&w, whole).await, "{whole}");
        }
        w.assert_sound().await;
        assert_same(&w, &source).await;
    });
}

#[test]
fn a_database_that_grew_up_goes_on_from_there() {
    run(async {
        let (w, source) = grown_up(WITH_MONTHS).await;
        let shop = source.shop;
        w.caught_up().await;
        let read = w.store.events(shop.merchant, EventCursor::Newest, Vec::new(), 1).await.unwrap().unwrap().data;

        let filter = OrderFilter { status: Some(OrderStatus::Succeeded), ..OrderFilter::default() };
        let paid = w.store.payments(shop.merchant, filter, PageAnchor::Newest, 1).await.unwrap().data.remove(0);
        let (paid, _) = w.refunded(paid, 100).await;
        w.claimed(paid).await;
        w.read_line(shop, &line("txn_99", LineKind::Unplaced, 5, 0)).await;
        w.caught_up().await;
        let news = w.store.events(shop.merchant, EventCursor::After(read[0].id), Vec::new(), 9).await.unwrap().unwrap().data;
        let kinds: Vec<_> = news.iter().map(|e| e.kind).collect();
        assert_eq!(kinds, [EventKind::RefundCreated, EventKind::RefundSucceeded, EventKind::Claimed]);
        w.assert_sound().await;
    });
}
