//! Attacks on a server: on the journal, whose entries come there in one statement with their lines, on single partitions, on places in the
//! events that readers have passed; and what the role of the program may not do at all.

use super::Scene;
use crate::builders::*;
use crate::on_server::OnServer;
use ducat_domain::payments::*;
use ducat_store::*;

/// A shop with a paid order `{p}` and one that waits `{o}`; another merchant `{om}`. `{psp}` and `{payable}` are accounts of the shop.
async fn scene() -> Scene {
    let w = World::postgres(Statements::Kept).await;
    let (shop, other) = (w.shop().await, w.shop().await);
    let (p, o) = (w.paid(shop).await, w.see(w.order(shop).await, Observed::Open).await);
    let mut scene = Scene::of(w, shop);
    scene.name("{om}", other.merchant.as_bytes());
    scene.name("{p}", p.order.id.as_bytes());
    scene.name("{o}", o.order.id.as_bytes());
    scene
}

impl Scene {
    async fn server_refuses(&self, attacks: &[String]) {
        let intruder = OnServer::into(&self.w).await;
        for attack in attacks {
            intruder.is_refused(&crate::on_server::bytes(&self.named(attack))).await;
        }
        self.w.assert_sound().await;
    }
}

/// An entry with its lines, as one statement: its reference and note, and the lines, of which `psp` and `payable` name accounts.
fn entry(reference: &str, order: &str, note: &str, lines: &[(&str, i64, &str)]) -> String {
    let line = |(number, (account, amount, layer)): (usize, &(&str, i64, &str))| {
        format!(
            "SELECT {{n}}, {number}, a.id, {layer}, {amount}, {{m}} FROM accounts a WHERE a.merchant_id = {{m}} AND a.name LIKE '{account}%'"
        )
    };
    let lines: Vec<String> = lines.iter().enumerate().map(line).collect();
    format!(
        "WITH e AS (INSERT INTO journal_entries (id, merchant_id, event_ref, order_id, at, note)
           VALUES ({{n}}, {{m}}, '{reference}', {order}, now(), {note}))
         INSERT INTO postings (entry_id, line, account_id, layer, amount, merchant_id) {}",
        lines.join(" UNION ALL ")
    )
}

#[test]
fn an_entry_comes_whole_with_its_lines_or_not_at_all() {
    run(async {
        let scene = scene().await;
        let (psp, payable) = ("psp:", "merchant:");
        let even = [(psp, 100, "0"), (payable, -100, "0")];
        // The way is right: this one is let in.
        let intruder = OnServer::into(&scene.w).await;
        let good = crate::on_server::bytes(&scene.named(&entry("cap:x", "NULL", "NULL", &even)));
        intruder.client.batch_execute(&format!("BEGIN; {good}; ROLLBACK")).await.unwrap();
        let one = "INSERT INTO journal_entries (id, merchant_id, event_ref, at) VALUES ({n}, {m}, 'cap:x', now())";
        let line = "INSERT INTO postings (entry_id, line, account_id, layer, amount, merchant_id)";
        scene
            .server_refuses(&[
                entry("cap:x", "NULL", "NULL", &[(psp, 100, "0"), (payable, -99, "0")]),
                entry("cap:x", "NULL", "NULL", &[(psp, 100, "0"), (payable, -100, "1")]),
                entry("cap:x", "NULL", "NULL", &[(psp, 100, "0")]),
                entry("cap:x", "NULL", "NULL", &[(psp, 0, "0"), (payable, 0, "0")]),
                entry("cap:x", "{n}", "NULL", &even),
                entry("rev:x", "NULL", "NULL", &even),
                entry("fix:x", "NULL", "NULL", &even),
                entry("fix:x", "NULL", "'because'", &even),
                entry("cap:x", "NULL", "NULL", &even).replacen("{m}, 'cap", "{om}, 'cap", 1),
                entry("cap:x", "NULL", "NULL", &even).replace(", {m} FROM", ", {om} FROM"),
                one.to_owned(),
                format!("{line} SELECT {{n}}, 0, id, 0, 100, merchant_id FROM accounts"),
                // More lines for an entry that is closed.
                format!("{line} SELECT entry_id, line + 2, account_id, layer, amount, merchant_id FROM postings"),
                format!("{line} SELECT entry_id, line, account_id, layer, amount, merchant_id FROM postings"),
                format!("{line} SELECT entry_id, line - 2, account_id, layer, amount, merchant_id FROM postings"),
                // The same reference under another id, also where it falls into another month.
                one.replace("'cap:x'", "(SELECT min(event_ref) FROM journal_entries)"),
            ])
            .await;
    });
}

/// A statement that names a partition does not ask the rules of the whole table: the partition must have its own.
#[test]
fn a_partition_has_the_rules_of_its_table() {
    run(async {
        let scene = scene().await;
        let intruder = OnServer::into(&scene.w).await;
        let sql = "SELECT c.relname, p.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent
                   WHERE c.relkind = 'r'";
        let parts = intruder.client.query(sql, &[]).await.unwrap();
        assert!(parts.len() >= 9, "the default and two months of three tables");
        let mut attacks = Vec::new();
        for part in &parts {
            let (part, whole): (String, String) = (part.get(0), part.get(1));
            attacks.extend(["DELETE FROM", "TRUNCATE"].map(|verb| format!("{verb} {part}")));
            attacks.push(format!("UPDATE {part} SET merchant_id = {{om}}"));
            attacks.push(match whole.as_str() {
                "events" => format!(
                    "INSERT INTO {part} (position, id, merchant_id, subject_id, subject_kind, sequence, kind, at, snapshot)
                     SELECT 1, id, merchant_id, subject_id, subject_kind, 99, kind, at, snapshot FROM events WHERE merchant_id = {{m}}"
                ),
                "postings" => format!(
                    "INSERT INTO {part} (entry_id, line, account_id, layer, amount, merchant_id)
                     SELECT entry_id, line + 2, account_id, layer, amount, merchant_id FROM postings"
                ),
                _ => format!(
                    "INSERT INTO {part} (id, merchant_id, event_ref, at) SELECT id, merchant_id, 'cap:other', at FROM journal_entries"
                ),
            });
        }
        // What deletes or changes nothing is let pass: those partitions are empty.
        let mut meant = Vec::new();
        for attack in attacks {
            let table = attack.split_whitespace().find(|word| parts.iter().any(|p| p.get::<_, &str>(0) == *word)).unwrap();
            let rows: i64 = intruder.client.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.unwrap().get(0);
            let needs_rows = attack.starts_with("DELETE") || attack.starts_with("UPDATE");
            if rows > 0 || !needs_rows {
                meant.push(attack);
            }
        }
        assert!(meant.len() > parts.len() * 2);
        scene.server_refuses(&meant).await;
    });
}

#[test]
fn no_table_is_emptied() {
    run(async {
        let scene = scene().await;
        // What may be forgotten row by row may be emptied by its owner; the program's role may empty nothing.
        let kept = [
            "merchants",
            "psp_accounts",
            "payment_orders",
            "attempts",
            "accounts",
            "journal_entries",
            "postings",
            "events",
            "event_clock",
            "captures",
            "refunds",
            "disputes",
            "dispute_files",
            "payouts",
            "psp_lines",
            "exceptions",
            "webhook_endpoints",
            "webhook_deliveries",
            "webhook_tries",
            "archived_orders",
            "archived_attempts",
            "unpaid_ends",
            "books",
            "closings",
        ];
        let plain = kept.map(|table| format!("TRUNCATE {table} CASCADE"));
        scene.server_refuses(&plain).await;
    });
}

#[test]
fn an_event_is_not_put_where_readers_have_passed() {
    run(async {
        let scene = scene().await;
        let insert = |position: &str| {
            format!(
                "UPDATE payment_orders SET version = version + 1 WHERE id = {{o}};
                 INSERT INTO events (position, id, merchant_id, subject_id, subject_kind, sequence, kind, at, snapshot)
                 VALUES ({position}, {{n}}, {{m}}, {{o}}, 'payment_order', 3, 'payment_order.failed', now(), '{{}}')"
            )
        };
        let intruder = OnServer::into(&scene.w).await;
        let good = crate::on_server::bytes(&scene.named(&insert("next_position(7)")));
        intruder.client.batch_execute(&format!("BEGIN; {good}; ROLLBACK")).await.unwrap();
        let places = [
            "-5",
            "0",
            "1",
            "next_position(0) - 1",
            "next_position(0) + 65536",
            "settled_position() - 1",
            "(SELECT max(position) FROM events)",
        ];
        let mut attacks: Vec<String> = places.iter().map(|place| insert(place)).collect();
        attacks.push("UPDATE event_clock SET base = base - 1".into());
        attacks.push("DELETE FROM event_clock".into());
        scene.server_refuses(&attacks).await;
    });
}

/// What the program's role is not allowed, whatever a rule would say to it.
const FORBIDDEN: &[&str] = &[
    "DELETE FROM payment_orders",
    "DELETE FROM attempts",
    "DELETE FROM archived_orders",
    "DELETE FROM archived_attempts",
    "UPDATE archived_orders SET amount = 1",
    "INSERT INTO archived_orders SELECT * FROM archived_orders LIMIT 0",
    "INSERT INTO archived_attempts SELECT * FROM archived_attempts LIMIT 0",
    "DELETE FROM journal_entries",
    "DELETE FROM postings",
    "DELETE FROM events",
    "DELETE FROM accounts",
    "DELETE FROM balances",
    "DELETE FROM books",
    "DELETE FROM closings",
    "DELETE FROM refunds",
    "DELETE FROM psp_lines",
    "DELETE FROM inbox",
    "UPDATE journal_entries SET at = now()",
    "UPDATE postings SET amount = 1",
    "UPDATE events SET kind = 'payment_order.failed'",
    "UPDATE accounts SET name = 'x'",
    "UPDATE psp_lines SET amount = 1",
    "UPDATE declines SET is_final = true",
    "UPDATE inbox SET state = 'applied'",
    "UPDATE webhook_tries SET status = 200",
    "UPDATE merchants SET name = 'x'",
    "UPDATE event_clock SET base = base + 1",
    "INSERT INTO event_clock VALUES (false, 0)",
    "UPDATE write_marks SET id = gen_random_uuid()",
    "INSERT INTO schema_migrations VALUES (99, 'x', now())",
    "DELETE FROM schema_migrations",
    "INSERT INTO events_default SELECT * FROM events LIMIT 0",
    "INSERT INTO postings_default SELECT * FROM postings LIMIT 0",
    "INSERT INTO journal_entries_default SELECT * FROM journal_entries LIMIT 0",
    "ALTER TABLE postings DISABLE TRIGGER ALL",
    "ALTER TABLE payment_orders DISABLE TRIGGER payment_orders_go_to_the_archive",
    "DROP TRIGGER payment_orders_go_to_the_archive ON payment_orders",
    "ALTER TABLE events DETACH PARTITION events_default",
    "DROP TABLE events_default",
    "DROP INDEX payouts_by_psp_payout",
    "ALTER TABLE refunds ADD COLUMN x integer",
    "ALTER TABLE payment_orders DROP CONSTRAINT payment_orders_reference",
    "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "CREATE OR REPLACE FUNCTION settled_position() RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint'",
    "CREATE TRIGGER mine BEFORE INSERT ON postings FOR EACH ROW EXECUTE FUNCTION refuse('x')",
    "CREATE TABLE public.mine (x integer)",
    "SET session_replication_role = replica",
    "SELECT guard_partition('events'::regclass, 'events_default'::regclass)",
    "SELECT pg_read_file('/etc/hostname')",
    "COPY merchants TO PROGRAM 'cat'",
    "CREATE ROLE mine SUPERUSER",
];

#[test]
fn the_program_s_role_may_do_what_the_program_does_and_nothing_else() {
    run(async {
        let scene = scene().await;
        let intruder = OnServer::into(&scene.w).await;
        let before = intruder.rows().await;
        let program = connect(&scene.w.url).await;
        program.batch_execute("SET ROLE ducat_app").await.unwrap();
        let tables = intruder.tables.iter().map(|table| format!("TRUNCATE {table}"));
        for attack in FORBIDDEN.iter().map(|attack| (*attack).to_owned()).chain(tables) {
            let error = program.batch_execute(&attack).await.err().unwrap_or_else(|| panic!("the role may: {attack}"));
            assert_eq!(error.code().map(|code| code.code()), Some("42501"), "{attack}: {error:?}");
        }
        assert_eq!(intruder.rows().await, before);
    });
}

/// And with no more than that role the store is opened, used and checked.
#[test]
fn the_program_runs_with_the_rights_of_its_role() {
    run(async {
        let w = World::postgres(Statements::Kept).await;
        let user = format!("app_{}", w.url.rsplit('/').next().unwrap());
        w.raw().await.batch_execute(&format!("CREATE ROLE {user} LOGIN IN ROLE ducat_app")).await.unwrap();
        let app = World::at_server(w.url.replace("ducat@", &format!("{user}@")), Statements::Kept, 2).await;
        let shop = app.shop().await;
        let (paid, _) = app.refunded(app.claimed(app.paid(shop).await).await, 1000).await;
        let payout = app.payout(shop, "po_1", 100).await;
        app.store.claim_jobs(at(1000), std::time::Duration::from_secs(9), 10).await.unwrap();
        app.commit(Change { forget_keys_before: Some(at(1)), forget_deliveries_before: Some(at(1)), ..Change::default() }).await;
        assert_eq!(app.store.payout(shop.merchant, payout.id).await.unwrap(), Some(payout));
        assert_eq!(app.store.payment(shop.merchant, paid.order.id).await.unwrap(), Some(paid));
        app.assert_sound().await;
    });
}

/// Of two who write the same at once, each in a transaction that cannot see the other's, the second waits and is refused: no index stands in
/// its way, but it is looked for after the order is in hand.
#[test]
fn what_two_write_at_once_is_written_once() {
    run(async {
        let w = World::postgres(Statements::Kept).await;
        let shop = w.shop().await;
        let failed = w.see(w.see(w.order(shop).await, Observed::Open).await, Observed::Failed).await;
        let digits: String = failed.order.id.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let f = format!("'{digits}'::uuid");
        let attempt = |number: u32| {
            format!(
                "INSERT INTO attempts (merchant_id, id, order_id, number, psp_account_id, psp, created_at, status, declines, check_at,
                   authorized, captured, surplus)
                 SELECT merchant_id, gen_random_uuid(), order_id, {number}, psp_account_id, psp, created_at, 'registering', 0, now(), 0, 0,
                   false FROM attempts WHERE order_id = {f} AND number = 1"
            )
        };
        let told = "INSERT INTO events (position, id, merchant_id, subject_id, subject_kind, sequence, kind, at, snapshot)
             SELECT next_position(0), overlay(o.id::text PLACING left(gen_random_uuid()::text, 4) FROM 32)::uuid, o.merchant_id, o.id,
               'payment_order', o.version, 'payment_order.failed', now(), '{}' FROM payment_orders o WHERE o.id = "
            .to_owned()
            + &f;
        // A version that nothing tells of yet.
        let intruder = w.raw().await;
        let ahead = format!("UPDATE payment_orders SET version = version + 1 WHERE id = {f}");
        intruder.batch_execute(&ahead).await.unwrap();
        for (one, other) in [(attempt(2), attempt(3)), (told.clone(), told.clone())] {
            let (first, second) = (connect(&w.url).await, connect(&w.url).await);
            first.batch_execute(&format!("BEGIN; {one}")).await.unwrap();
            let waits = async {
                let waiting =
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
                while intruder.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) == 0 {}
                first.batch_execute("COMMIT").await.unwrap();
            };
            let (refused, ()) = tokio::join!(second.batch_execute(&other), waits);
            assert_eq!(refused.unwrap_err().code().map(|code| code.code()), Some("23505"), "{other}");
        }
        // Who would not see what came meanwhile may not write such rows at all.
        let moved = format!("UPDATE attempts SET check_at = now() WHERE order_id = {f}");
        let ordered = "INSERT INTO payment_orders SELECT * FROM payment_orders WHERE false".to_owned();
        let parts =
            ["captures", "refunds", "disputes"].map(|part| format!("INSERT INTO {part} SELECT * FROM {part} WHERE false"));
        intruder.batch_execute(&format!("UPDATE payment_orders SET version = version + 1 WHERE id = {f}")).await.unwrap();
        for isolation in ["REPEATABLE READ", "SERIALIZABLE"] {
            for statement in [&attempt(4), &moved, &told, &ordered].into_iter().chain(&parts) {
                let strict = connect(&w.url).await;
                let refused = strict.batch_execute(&format!("BEGIN ISOLATION LEVEL {isolation}; {statement}")).await;
                assert_eq!(refused.unwrap_err().code().map(|code| code.code()), Some("25000"), "{isolation}: {statement}");
            }
        }
    });
}
