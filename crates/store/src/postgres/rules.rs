//! Whether the database's own rules are those that the migrations make: none is missing, none is another, and no trigger was added that
//! could change rows behind our back.

use super::Postgres;
use super::connect::Connection;
use super::migrations::MIGRATIONS;
use crate::ReadError;
use std::collections::{BTreeMap, BTreeSet};

/// The rules of the newest migration, one on a line: what it is, its name, and a digest of what it says. Written by a test.
const WANTED: &str = include_str!("../../migrations/postgres/rules.txt");

/// Triggers that are switched on, functions, indexes and checks of the current schema. The partitions of all months have the same; a
/// partition is named after its month, which is left out here.
const FOUND: &str = r"
  WITH month AS (SELECT '_(\d{4}_\d{2}|default)' AS named)
  SELECT DISTINCT kind || ' ' || regexp_replace(name, month.named, '', 'g') AS name, md5(regexp_replace(says, month.named, '', 'g')) AS says FROM month, (
    SELECT 'trigger' AS kind, c.relname || '.' || t.tgname AS name, CAST(t.tgenabled AS text) || pg_get_triggerdef(t.oid) AS says
      FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE c.relnamespace = current_schema()::regnamespace AND NOT t.tgisinternal
    UNION ALL SELECT 'function', p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', p.prosrc || coalesce(p.proconfig::text, '') || CAST(p.prosecdef AS text)
      FROM pg_proc p WHERE p.pronamespace = current_schema()::regnamespace
    UNION ALL SELECT 'index', regexp_replace(i.indexname, '_idx\d*$|_key\d*$', ''), regexp_replace(regexp_replace(i.indexdef, 'INDEX \S+ ON (ONLY )?', 'INDEX ON '), i.schemaname || '\.', '')
      FROM pg_indexes i WHERE i.schemaname = current_schema() AND i.tablename <> 'schema_migrations'
    UNION ALL SELECT 'check', c.relname || '.' || k.conname, pg_get_constraintdef(k.oid)
      FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid WHERE c.relnamespace = current_schema()::regnamespace AND k.contype IN ('c', 'f')
  ) found ORDER BY 1, 2";

/// The rules as the database has them.
async fn found(connection: &Connection) -> Result<BTreeMap<String, String>, ReadError> {
    let rows = connection.query(FOUND, &[]).await?;
    let text = |row: &tokio_postgres::Row, i| row.try_get::<_, String>(i).map_err(|e| ReadError(e.to_string()));
    let mut rules: BTreeMap<String, String> = BTreeMap::new();
    for row in &rows {
        // Two of one name that differ, such as one on a partition that was changed alone, are told apart from what was wanted.
        let says = rules.entry(text(row, 0)?).or_default();
        says.push_str(&text(row, 1)?);
    }
    Ok(rules)
}

/// The migrations of this program that the database does not note as made.
async fn forgotten(connection: &Connection) -> Result<Vec<String>, ReadError> {
    let rows = connection.query("SELECT number FROM schema_migrations", &[]).await?;
    let noted: BTreeSet<u32> = rows.iter().map(|row| row.get::<_, i32>(0).unsigned_abs()).collect();
    let missing = MIGRATIONS.iter().filter(|(number, ..)| !noted.contains(number));
    Ok(missing.map(|(number, ..)| format!("missing: migration {number} in schema_migrations")).collect())
}

impl Postgres {
    /// What is not as the migrations make it.
    pub async fn rules(&self) -> Result<Vec<String>, ReadError> {
        breaches(&self.readers.take_patiently().await.map_err(ReadError)?).await
    }
}

/// What is not as it must be.
pub(super) async fn breaches(connection: &Connection) -> Result<Vec<String>, ReadError> {
    let wanted: BTreeMap<&str, &str> = WANTED.lines().filter_map(|line| line.rsplit_once(' ')).collect();
    let found = found(connection).await?;
    let mut breaches = Vec::new();
    for (name, says) in &wanted {
        match found.get(*name) {
            None => breaches.push(format!("missing: {name}")),
            Some(other) if other != says => breaches.push(format!("changed: {name}")),
            Some(_) => {}
        }
    }
    let is_added = |name: &&String| name.starts_with("trigger ") && !wanted.contains_key(name.as_str());
    breaches.extend(found.keys().filter(is_added).map(|name| format!("added: {name}")));
    breaches.extend(forgotten(connection).await?);
    Ok(breaches)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares the list with what the migrations make. `DUCAT_WRITE_RULES=1` writes it anew.
    #[tokio::test]
    async fn the_list_of_rules_is_what_the_migrations_make() {
        let url = ducat_test_servers::database();
        let settings = super::super::tests::settings(&url);
        let database = super::super::tests::open(&settings).await;
        let connection = database.readers.take().await.unwrap();
        let lines: Vec<String> = found(&connection).await.unwrap().iter().map(|(name, says)| format!("{name} {says}")).collect();
        let text = format!("{}\n", lines.join("\n"));
        if std::env::var_os("DUCAT_WRITE_RULES").is_some() {
            std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/postgres/rules.txt"), &text).unwrap();
        }
        assert!(lines.len() > 100);
        assert_eq!(text, WANTED, "run this test with DUCAT_WRITE_RULES=1, and look at what changed");
    }
}
