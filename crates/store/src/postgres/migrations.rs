//! Brings the database to the newest migration. Each runs in one transaction with its own record, so it is there whole or not; nodes that
//! start at once wait for each other.

use crate::OpenError;
use crate::value::Value;
use ducat_domain::Timestamp;
use std::time::Duration;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, GenericClient, Transaction};

/// Number and name, the same as SQLite's.
pub(super) const MIGRATIONS: &[(u32, &str, &str)] = &[
    (1, "pay_in", include_str!("../../migrations/postgres/0001_pay_in.sql")),
    (2, "after_the_sale", include_str!("../../migrations/postgres/0002_after_the_sale.sql")),
    (3, "webhooks", include_str!("../../migrations/postgres/0003_webhooks.sql")),
    (4, "declines", include_str!("../../migrations/postgres/0004_declines.sql")),
    (5, "merchant_first", include_str!("../../migrations/postgres/0005_merchant_first.sql")),
    (6, "lean", include_str!("../../migrations/postgres/0006_lean.sql")),
    (7, "archive", include_str!("../../migrations/postgres/0007_archive.sql")),
    (8, "small_keys", include_str!("../../migrations/postgres/0008_small_keys.sql")),
    (9, "quick_look", include_str!("../../migrations/postgres/0009_quick_look.sql")),
    (10, "rare_ends", include_str!("../../migrations/postgres/0010_rare_ends.sql")),
    (11, "closings", include_str!("../../migrations/postgres/0011_closings.sql")),
    (12, "agreed", include_str!("../../migrations/postgres/0012_agreed.sql")),
];

/// Held by whoever migrates, until its transaction ends: the letters "ducat".
const LOCK: i64 = 0x64_75_63_61_74;

/// How long a migration waits for those who use the tables. After that it gives up, and can be asked for again.
const LOCKED_WITHIN: Duration = Duration::from_secs(10);

impl From<tokio_postgres::Error> for OpenError {
    fn from(e: tokio_postgres::Error) -> Self {
        Self::Database(super::connect::said(&e))
    }
}

/// Applies what is missing.
pub(super) async fn migrate(client: &mut Client, now: Timestamp) -> Result<(), OpenError> {
    while step(client, now).await? == Step::Made {}
    Ok(())
}

/// What one transaction has come to.
#[derive(PartialEq, Eq)]
enum Step {
    Made,
    NothingLeft,
}

async fn step(client: &mut Client, now: Timestamp) -> Result<Step, OpenError> {
    let transaction = client.transaction().await?;
    // A migration may take its time, and whoever waits for it too.
    transaction.batch_execute("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0").await?;
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await?;
    prove_fit(&transaction).await?;
    let who = "SELECT CAST(current_user AS text), EXISTS (SELECT FROM pg_roles WHERE rolname = 'ducat_app')";
    let who = transaction.query_one(who, &[]).await?;
    let (user, has_role): (String, bool) = (who.get(0), who.get(1));
    let outside = if has_role { OpenError::MayNotUse { user: user.clone() } } else { OpenError::NoRole { user: user.clone() } };
    let Some((number, name, sql)) = next(&transaction, &user, outside).await? else {
        // Positions of events go on after the newest one, also where the rows came from another server.
        transaction.batch_execute("SELECT wind_event_clock()").await?;
        transaction.commit().await?;
        return Ok(Step::NothingLeft);
    };
    // Whoever waits behind it waits as long as it does for those before it.
    transaction.batch_execute(&format!("SET LOCAL lock_timeout = '{}s'", LOCKED_WITHIN.as_secs())).await?;
    let behind = |e| if is_forbidden(&e) { OpenError::NotTheOwner { user, number } } else { e.into() };
    transaction.batch_execute(sql).await.map_err(behind)?;
    let record = "INSERT INTO schema_migrations (number, name, applied_at) VALUES ($1, $2, $3)";
    let values = [Value::from(number), Value::from(name), Value::from(now)];
    transaction.execute(record, &[&values[0], &values[1], &values[2]]).await?;
    transaction.commit().await?;
    Ok(Step::Made)
}

fn is_forbidden(e: &tokio_postgres::Error) -> bool {
    e.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE)
}

/// Says no to a database that cannot be ours. One that does not keep text as UTF-8 has no room for the names of all customers. And new tables must lie
/// in the schema in which the rules look for them: other programs of a server may have a schema each, named like their role, and PostgreSQL makes
/// tables there first.
pub(super) async fn prove_fit(connection: &impl GenericClient) -> Result<(), OpenError> {
    let sql = "SELECT CAST(current_user AS text), CAST(current_database() AS text), coalesce(CAST(current_schema() AS text), 'no schema'),
                 current_setting('server_encoding')";
    let found = connection.query_one(sql, &[]).await?;
    let (user, database, schema, encoding): (String, String, String, String) =
        (found.get(0), found.get(1), found.get(2), found.get(3));
    if encoding != "UTF8" {
        return Err(OpenError::OtherEncoding { database, encoding });
    }
    if schema == "public" { Ok(()) } else { Err(OpenError::OtherSchema { user, database, schema }) }
}

/// The migration that comes next, in a database that is empty or ours. Who has no part in it hears what is said to those outside.
async fn next(
    transaction: &Transaction<'_>,
    user: &str,
    outside: OpenError,
) -> Result<Option<(u32, &'static str, &'static str)>, OpenError> {
    let count = |rows: &tokio_postgres::Row| rows.get::<_, i64>(0);
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()";
    // Not information_schema: that is silent about what one may not use.
    let columns = "SELECT count(*) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
                   WHERE n.nspname = current_schema() AND c.relname = 'schema_migrations' AND a.attname IN ('number', 'name', 'applied_at')";
    let is_empty = count(&transaction.query_one(tables, &[]).await?) == 0;
    if !is_empty && count(&transaction.query_one(columns, &[]).await?) < 3 {
        return Err(OpenError::Foreign);
    }
    let forbidden = |e, told| if is_forbidden(&e) { told } else { e.into() };
    if is_empty {
        let make =
            "CREATE TABLE schema_migrations (number integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL)";
        let told = |e| forbidden(e, OpenError::MayNotMake { user: user.to_owned() });
        transaction.batch_execute(make).await.map_err(told)?;
    }
    let newest = transaction.query_one("SELECT coalesce(max(number), 0) FROM schema_migrations", &[]).await;
    let done: i32 = newest.map_err(|e| forbidden(e, outside))?.get(0);
    let (done, known) = (done.unsigned_abs(), MIGRATIONS.len() as u32);
    if done > known {
        return Err(OpenError::Newer { found: done, known });
    }
    Ok(MIGRATIONS.iter().copied().find(|(number, ..)| *number > done))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Steps, open, settings};
    use super::super::{Postgres, PostgresSettings};
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicU64;

    /// What somebody hears who opens the database.
    async fn told(settings: &PostgresSettings) -> String {
        let opened = Postgres::open(settings, Arc::new(Steps(AtomicU64::new(1))), Timestamp::from_seconds(1_795_000_000)).await;
        opened.map(drop).unwrap_err().to_string()
    }

    #[tokio::test]
    async fn who_lacks_a_right_hears_which_and_who_can_give_it() {
        let owner = ducat_test_servers::database();
        let name = owner.rsplit('/').next().unwrap();
        let role = format!("stranger_{name}");
        let sql = |text: &str| ducat_test_servers::server().run_sql(name, text);
        let stranger = settings(&owner.replace("ducat@", &format!("{role}@")));
        sql(&format!("CREATE ROLE {role} LOGIN"));
        let empty = told(&stranger).await;
        assert!(empty.contains("is empty") && empty.contains(&format!("{role} may not make tables")), "{empty}");

        drop(open(&settings(&owner)).await);
        let outside = told(&stranger).await;
        assert!(outside.contains(&format!("GRANT ducat_app TO {role}")) && !outside.contains("another program"), "{outside}");

        // As if the program were newer than the tables.
        sql(&format!("GRANT ducat_app TO {role}; DELETE FROM schema_migrations WHERE number > 6"));
        let behind = told(&stranger).await;
        assert!(behind.contains("migration 7") && behind.contains(&role) && behind.contains("`ducat migrate`"), "{behind}");
    }

    /// PostgreSQL puts what a role makes into the schema of its own name, where there is one.
    #[tokio::test]
    async fn tables_go_into_the_schema_public_or_nowhere() {
        let url = ducat_test_servers::database();
        let name = url.rsplit('/').next().unwrap();
        ducat_test_servers::server().run_sql(name, "CREATE SCHEMA ducat");
        let refused = told(&settings(&url)).await;
        let mend = format!("ALTER ROLE ducat IN DATABASE {name} SET search_path = public");
        assert!(refused.contains("goes into ducat") && refused.contains(&mend), "{refused}");
        let looked = Postgres::is_empty(&settings(&url)).await.unwrap_err();
        assert_eq!(looked.to_string(), refused);
        ducat_test_servers::server().run_sql(name, &mend);
        drop(open(&settings(&url)).await);
    }

    #[tokio::test]
    async fn text_is_kept_as_utf_8_or_not_at_all() {
        let url = ducat_test_servers::database();
        let server = ducat_test_servers::server();
        for encoding in ["LATIN1", "SQL_ASCII"] {
            let name = format!("{}_{}", url.rsplit('/').next().unwrap(), encoding.to_lowercase());
            server.run_sql("postgres", &format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'"));
            let refused = told(&settings(&server.url(&name))).await;
            assert!(refused.contains(&format!("keeps text as {encoding}")) && refused.contains("ENCODING 'UTF8'"), "{refused}");
            let looked = Postgres::is_empty(&settings(&server.url(&name))).await.unwrap_err();
            assert_eq!(looked.to_string(), refused);
        }
    }

    #[test]
    fn both_databases_have_the_same_migrations() {
        let named =
            |list: &[(u32, &'static str, &str)]| list.iter().map(|(number, name, _)| (*number, *name)).collect::<Vec<_>>();
        let ours = named(MIGRATIONS);
        assert_eq!(ours, named(crate::sqlite::migrations::MIGRATIONS));
        assert!(ours.iter().map(|(number, _)| *number).eq(1..=MIGRATIONS.len() as u32), "{ours:?}");
    }

    /// Each file under the number and the name by which it is listed, and no file that nobody lists.
    #[test]
    fn every_file_is_listed_under_its_own_name() {
        let listed = |list: &[(u32, &str, &str)]| {
            list.iter().map(|(n, name, sql)| (format!("{n:04}_{name}.sql"), (*sql).to_owned())).collect()
        };
        for (folder, list) in [("postgres", MIGRATIONS), ("sqlite", crate::sqlite::migrations::MIGRATIONS)] {
            let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(folder);
            let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap());
            let files = files.filter(|file| file.path().extension().is_some_and(|kind| kind == "sql"));
            let there: std::collections::BTreeMap<String, String> = files
                .map(|file| (file.file_name().into_string().unwrap(), std::fs::read_to_string(file.path()).unwrap()))
                .collect();
            assert_eq!(there, listed(list));
        }
    }

    /// Names that were written in full before the eighth migration are found by their digests after it.
    #[tokio::test]
    async fn what_was_written_under_long_names_is_found_under_short_ones() {
        let url = ducat_test_servers::database();
        let name = url.rsplit('/').next().unwrap();
        let server = ducat_test_servers::server();
        server.run_sql(
            name,
            "CREATE TABLE schema_migrations (number integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL)",
        );
        for (number, named, sql) in MIGRATIONS.iter().take_while(|(number, ..)| *number < 8) {
            let record = format!("INSERT INTO schema_migrations VALUES ({number}, '{named}', now())");
            server.run_sql(name, &format!("BEGIN; {sql}; {record}; COMMIT"));
        }
        server.run_sql(
            name,
            "INSERT INTO merchants VALUES ('07070707-0707-0707-0707-070707070707', 'shop', '', now());
             INSERT INTO idempotency_keys (merchant_id, key, fingerprint, locked_until, created_at)
               VALUES ('07070707-0707-0707-0707-070707070707', 'Grüße, 1', decode(repeat('01', 32), 'hex'), now(), now())",
        );
        let settings = settings(&url);
        let chance = Arc::new(Steps(AtomicU64::new(1)));
        let store = crate::Store::open_postgres(&settings, chance, Timestamp::from_seconds(1_795_000_000)).await.unwrap();
        let merchant = ducat_domain::MerchantId::from_bytes([7; 16]);
        assert_eq!(store.idempotency(merchant, "Grüße, 1").await.unwrap().unwrap().fingerprint, [1; 32]);
        assert_eq!(store.idempotency(merchant, "Grüße, 2").await.unwrap(), None);
        assert!(store.has_keys_before(Timestamp::from_seconds(4_000_000_000)).await.unwrap());
        assert!(!store.has_keys_before(Timestamp::from_seconds(1)).await.unwrap());
        assert_eq!(store.verify().await.unwrap().findings, Vec::new());
    }

    #[tokio::test]
    async fn the_database_knows_every_kind_of_event() {
        let url = ducat_test_servers::database();
        let database = open(&settings(&url)).await;
        let connection = database.readers.take().await.unwrap();
        let rows = connection.query("SELECT unnest(enum_range(NULL::event_kind))::text", &[]).await.unwrap();
        let mut known: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        let mut kinds: Vec<String> = ducat_domain::EventKind::ALL.iter().map(|kind| kind.as_str().to_owned()).collect();
        known.sort();
        kinds.sort();
        assert_eq!(known, kinds);
    }
}
