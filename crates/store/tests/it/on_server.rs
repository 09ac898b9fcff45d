//! Somebody who connects to the server with a program of their own, as the owner of the database or as the role of the program.

use crate::builders::*;
use crate::intruder::columns;
use std::collections::BTreeMap;
use tokio_postgres::Client;

/// Numbers in the place of moments and of truth, and functions by the names that the embedded database has for them: with these an attack
/// need not be written twice.
const CASTS: &str = r"CREATE SCHEMA IF NOT EXISTS attacks;
  CREATE OR REPLACE FUNCTION attacks.moment(micros integer) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS
    $$ SELECT to_timestamp(micros / 1000000.0) $$;
  CREATE OR REPLACE FUNCTION attacks.moment(micros bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS
    $$ SELECT to_timestamp(micros / 1000000.0) $$;
  DROP CAST IF EXISTS (integer AS timestamptz);
  DROP CAST IF EXISTS (bigint AS timestamptz);
  CREATE OR REPLACE FUNCTION attacks.json_replace(document jsonb, path text, value text) RETURNS jsonb LANGUAGE sql IMMUTABLE AS
    $$ SELECT jsonb_set(document, string_to_array(trim('.' FROM regexp_replace(path, '[$.\[\]]+', '.', 'g')), '.'), to_jsonb(value)) $$;
  CREATE OR REPLACE FUNCTION attacks.json_replace(document jsonb, path text, value integer) RETURNS jsonb LANGUAGE sql IMMUTABLE AS
    $$ SELECT jsonb_set(document, string_to_array(trim('.' FROM regexp_replace(path, '[$.\[\]]+', '.', 'g')), '.'), to_jsonb(value)) $$;
  CREATE OR REPLACE FUNCTION attacks.lower(one uuid, other uuid) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT least(one, other) $$;
  CREATE OR REPLACE FUNCTION attacks.higher(one uuid, other uuid) RETURNS uuid LANGUAGE sql IMMUTABLE AS
    $$ SELECT greatest(one, other) $$;
  CREATE OR REPLACE AGGREGATE attacks.min(uuid) (SFUNC = attacks.lower, STYPE = uuid);
  CREATE OR REPLACE AGGREGATE attacks.max(uuid) (SFUNC = attacks.higher, STYPE = uuid);
  SET search_path = public, attacks;
  CREATE CAST (integer AS timestamptz) WITH FUNCTION attacks.moment(integer) AS ASSIGNMENT;
  CREATE CAST (bigint AS timestamptz) WITH FUNCTION attacks.moment(bigint) AS ASSIGNMENT;
  UPDATE pg_cast SET castcontext = 'a' WHERE castsource = 'integer'::regtype AND casttarget = 'boolean'::regtype";

/// Tables that name their merchant only on a server.
const WITH_MERCHANT: &[&str] = &["inbox", "postings", "balances", "dispute_files", "psp_cursors", "webhook_tries", "visits"];

pub struct OnServer {
    pub client: Client,
    keys: BTreeMap<String, String>,
    pub tables: Vec<String>,
    columns: BTreeMap<String, Vec<String>>,
}

impl OnServer {
    /// As the owner.
    pub async fn into(w: &World) -> Self {
        let client = connect(&w.url).await;
        client.batch_execute(CASTS).await.unwrap();
        let keys = "SELECT i.indrelid::regclass::text, string_agg(a.attname, ', ' ORDER BY k.place) FROM pg_index i,
              unnest(i.indkey) WITH ORDINALITY AS k (number, place), pg_attribute a, pg_class c
            WHERE i.indisprimary AND a.attrelid = i.indrelid AND a.attnum = k.number AND c.oid = i.indrelid AND NOT c.relispartition
              AND c.relnamespace = 'public'::regnamespace GROUP BY 1";
        let keys: BTreeMap<String, String> =
            client.query(keys, &[]).await.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect();
        let tables = "SELECT c.oid::regclass::text FROM pg_class c WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
              AND c.relnamespace = 'public'::regnamespace AND c.relname NOT IN ('schema_migrations', 'write_marks')";
        let tables = client.query(tables, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
        Self { client, keys, tables, columns: columns() }
    }

    /// Every row of every table, as text.
    pub async fn rows(&self) -> Vec<String> {
        let of = |table: &String| format!("SELECT '{table} ' || t::text FROM {table} t");
        let all = self.tables.iter().map(of).collect::<Vec<_>>().join(" UNION ALL ");
        let rows = self.client.query(&format!("{all} ORDER BY 1"), &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// The database refuses the last of these statements by one of its rules, and afterwards nothing is different. Those before it pass.
    pub async fn is_refused(&self, sql: &str) {
        let (way, attack) = sql.rsplit_once(';').unwrap_or(("", sql));
        self.is_refused_after(way, attack).await;
    }

    async fn is_refused_after(&self, way: &str, attack: &str) {
        let before = self.rows().await;
        self.client.batch_execute(&format!("BEGIN; {way}")).await.unwrap_or_else(|e| panic!("{way}: {e:?}"));
        let result = self.client.batch_execute(&format!("{attack}; COMMIT")).await;
        self.client.batch_execute("ROLLBACK").await.unwrap();
        let error = result.err().unwrap_or_else(|| panic!("the database let this pass: {way}; {attack}"));
        let code = error.code().unwrap_or_else(|| panic!("{attack}: {error:?}")).code();
        // 23 is a rule, 22 a value that its column cannot hold.
        assert!(code.starts_with("23") || code.starts_with("22"), "{attack}: {error:?}");
        assert_eq!(self.rows().await, before, "{way}; {attack}");
    }

    /// The same, with an attack on the embedded database. `{m}` is whose rows are written where only a server asks for that.
    pub async fn is_refused_translated(&self, sql: &str, merchant: &str) {
        let statements: Vec<String> = sql.split(';').map(|statement| self.translate(statement, merchant)).collect();
        self.is_refused(&statements.join(";")).await;
    }

    /// Does something that no rule lets pass.
    pub async fn does_translated(&self, sql: &str, merchant: &str) {
        let statements: Vec<String> = sql.split(';').map(|statement| self.translate(statement, merchant)).collect();
        let sql = statements.join(";");
        self.client.batch_execute(&sql).await.unwrap_or_else(|e| panic!("{sql}: {e:?}"));
    }

    /// Takes all guards away: triggers, foreign keys, checks, unique indexes. What a row is found by stays.
    pub async fn without_guards(self) -> Self {
        let sql = "SET session_replication_role = replica;
          DO $$ DECLARE drop text; BEGIN
            FOR drop IN SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) FROM pg_constraint
              WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'f', 'u') AND conparentid = 0 AND coninhcount = 0
              ORDER BY contype = 'u' LOOP
              EXECUTE drop;
            END LOOP;
            FOR drop IN SELECT format('DROP INDEX %s', i.indexrelid::regclass) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
              WHERE c.relnamespace = 'public'::regnamespace AND i.indisunique AND NOT i.indisprimary AND NOT c.relispartition LOOP
              EXECUTE drop;
            END LOOP;
          END $$";
        self.client.batch_execute(sql).await.unwrap();
        self
    }

    fn translate(&self, sql: &str, merchant: &str) -> String {
        let mut sql = sql.trim().to_owned();
        // A row in the way is not replaced here: then it must stand in the way.
        for (theirs, ours) in [
            ("INSERT OR REPLACE INTO", "INSERT INTO"),
            ("REPLACE INTO", "INSERT INTO"),
            ("UPDATE OR REPLACE", "UPDATE"),
            ("UPDATE OR IGNORE", "UPDATE"),
            ("VALUES (NULL, ", "VALUES (next_position(0), "),
            ("SELECT NULL, ", "SELECT next_position(0), "),
            ("(999,", "('00000000000000000000000000000999'::uuid,"),
            (" 999,", " '00000000000000000000000000000999'::uuid,"),
            ("line_at + 1", "line_at + interval '1 second'"),
            ("zeroblob(16)", "'00000000000000000000000000000000'::uuid"),
        ] {
            sql = sql.replace(theirs, ours);
        }
        sql = self.with_columns(&sql, merchant);
        if let Some((insert, update)) = sql.split_once("ON CONFLICT DO UPDATE") {
            let table = words(insert).nth(2).unwrap_or_default().to_owned();
            let update = update.replace("version + 1", &format!("{table}.version + 1"));
            sql = format!("{insert}ON CONFLICT ({}) DO UPDATE{update}", self.keys[&table]);
        }
        bytes(&sql)
    }

    /// Names the columns, which stand in another order here.
    fn with_columns(&self, sql: &str, merchant: &str) -> String {
        let Some(rest) = sql.strip_prefix("INSERT INTO ") else { return sql.to_owned() };
        let (table, values) = rest.split_once(' ').unwrap();
        let of_merchant = WITH_MERCHANT.contains(&table);
        let (mut columns, mut values) = match values.strip_prefix('(') {
            Some(named) => {
                let (columns, values) = named.split_once(')').unwrap();
                (columns.to_owned(), values.trim().to_owned())
            }
            None => (self.columns[table].join(", "), values.to_owned()),
        };
        if let Some(rest) = values.strip_prefix("SELECT * FROM ") {
            values = format!("SELECT {columns} FROM {rest}");
        }
        if of_merchant {
            columns.push_str(", merchant_id");
            values = match values.rsplit_once(')').filter(|_| values.starts_with("VALUES")) {
                Some((tuple, rest)) => format!("{tuple}, {merchant}){rest}"),
                None => values.replacen(" FROM ", &format!(", {merchant} FROM "), 1),
            };
        }
        format!("INSERT INTO {table} ({columns}) {values}")
    }
}

fn words(sql: &str) -> impl Iterator<Item = &str> {
    sql.split_whitespace()
}

/// `x'00'` as PostgreSQL has it: an id where it is as long as one.
pub fn bytes(sql: &str) -> String {
    let mut out = String::new();
    let mut rest = sql;
    while let Some((before, after)) = rest.split_once("x'") {
        // The end of a text is no beginning of bytes.
        let is_text = before.ends_with(|c: char| c.is_alphanumeric() || c == '\'' || c == '_');
        let digits = after.split('\'').next().unwrap_or_default();
        if is_text || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
            out.push_str(before);
            out.push_str("x'");
            rest = after;
            continue;
        }
        out.push_str(before);
        out.push_str(&if digits.len() == 32 { format!("'{digits}'::uuid") } else { format!("'\\x{digits}'::bytea") });
        rest = &after[digits.len() + 1..];
    }
    out.push_str(rest);
    out
}
