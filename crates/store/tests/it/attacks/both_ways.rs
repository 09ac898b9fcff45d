//! What a server's rules say of a statement whether or not their quick look has it: each statement is tried with ids of this moment, as the
//! program writes them, and with ids of long ago, which are looked at the long way. Both must let it pass, or refuse it for the same reason.

use crate::builders::*;
use crate::conformance::{archive, over};
use ducat_store::*;
use tokio_postgres::Client;

/// An order of version 1 that this transaction has made, in the way of each statement.
const ORDER: &str =
    "INSERT INTO payment_orders (merchant_id, id, reference, amount, currency, details, expires_at, created_at, status, version,
    updated_at, amount_authorized, amount_captured, amount_refunded, amount_refunding, amount_disputed, paid_late, status_version)
  SELECT {m}, {order}, 'both', 100, 'EUR', '\\x00', now(), now(), 'created', 1, now(), 0, 0, 0, 0, 0, false, 1";
const ATTEMPT: &str = "INSERT INTO attempts (merchant_id, id, order_id, number, psp_account_id, psp, created_at, status, declines, check_at,
    authorized, captured, surplus) SELECT {m}, a.id, {order}, a.number, {s}, 'psp', now(), a.status, 0, now(), 0, 0, false FROM (VALUES ";
const EVENT: &str = "INSERT INTO events (position, id, merchant_id, subject_id, subject_kind, sequence, kind, at, snapshot)
  SELECT next_position(e.place), e.id, {m}, {order}, 'payment_order', e.sequence, 'payment_order.failed', now(), '{}' FROM (VALUES ";
/// An id of this moment.
const NOW: &str = "first_uuid(now())";
const MOVE: &str = "UPDATE payment_orders SET version = version + 1 WHERE id = {order}";
const FIRST: &str = "(0, {e1}, 1)) e (place, id, sequence)";
const SECOND: &str = "(1, {e2}, 2)) e (place, id, sequence)";

/// Statements, the last of which is in question, and the SQLSTATE by which it is refused; none where it passes.
fn statements() -> Vec<(Vec<String>, &'static str)> {
    let mut all = attempts();
    all.extend(events());
    all.extend(entries());
    all.extend(archived());
    all
}

fn attempts() -> Vec<(Vec<String>, &'static str)> {
    let made = |rows: &str| format!("{ATTEMPT}{rows}) a (id, number, status)");
    let one = made("({a1}, 1, 'registering')");
    let failed = made("({a1}, 1, 'failed'), ({a2}, 2, 'failed')");
    let moved = |status: &str, which: &str| {
        format!("UPDATE attempts SET status = '{status}', token = id::text, authorized = 5, captured = 5 WHERE id IN ({which})")
    };
    vec![
        (vec![one.clone()], ""),
        (vec![failed.clone()], ""),
        (vec![made("({a1}, 1, 'registering'), ({a2}, 2, 'failed')")], ""),
        (vec![made("({a1}, 1, 'registering'), ({a2}, 2, 'unknown')")], "23505"),
        (vec![one.clone(), made("({a2}, 2, 'registering')")], "23505"),
        (vec![one.clone(), made("({a2}, 2, 'failed')")], ""),
        (vec!["SAVEPOINT x".into(), one.clone()], ""),
        (vec!["SAVEPOINT x".into(), one.clone(), made("({a2}, 2, 'unknown')")], "23505"),
        (vec![one.replace("{order}", "{a1}")], "23000"),
        (vec![one.replace("{s}", "{os}")], "23000"),
        (vec![one.replace("SELECT {m}", "SELECT {om}")], "23000"),
        (vec![one.clone(), moved("requires_action", "{a1}")], ""),
        (vec![one.clone(), moved("captured", "{a1}")], ""),
        (vec![failed.clone(), moved("captured", "{a1}")], ""),
        (vec![failed.clone(), moved("captured", "{a1}, {a2}")], "23505"),
        (vec![failed.clone(), moved("captured", "{a1}"), moved("authorized", "{a2}")], "23505"),
        (vec![made("({a1}, 1, 'registering'), ({a2}, 2, 'failed')"), moved("captured", "{a2}")], ""),
    ]
}

fn events() -> Vec<(Vec<String>, &'static str)> {
    let told = |rows: &str| format!("{EVENT}{rows}");
    let ahead = "(0, overlay({e1}::text PLACING 'f' FROM 1)::uuid, 1)) e (place, id, sequence)";
    let before = "(0, first_uuid(moment_of({order}) - interval '2 days'), 1)) e (place, id, sequence)";
    let within = "(0, first_uuid(moment_of({order}) - interval '20 hours'), 1)) e (place, id, sequence)";
    vec![
        (vec![told(FIRST)], ""),
        (vec![told(ahead)], ""),
        (vec![told(within)], ""),
        (vec![told(before)], "23000"),
        (vec![told(SECOND)], "23000"),
        (vec![told(&format!("(5, {{e2}}, 1), {FIRST}"))], "23505"),
        (vec![told(FIRST), told(&FIRST.replace("{e1}", "{e2}").replace("(0", "(9"))], "23505"),
        (vec![told(ahead), told(&FIRST.replace("(0", "(9"))], "23505"),
        (vec![told(FIRST), MOVE.into(), told(SECOND)], ""),
        (vec![told(FIRST), MOVE.into(), told(&SECOND.replace(", 2)", ", 1)"))], "23000"),
        (vec![MOVE.into(), told(SECOND)], "23000"),
        (vec![told(FIRST), MOVE.into(), MOVE.into(), told(&SECOND.replace(", 2)", ", 3)"))], "23000"),
        (vec![told(FIRST), "SAVEPOINT x".into(), MOVE.into(), told(SECOND)], ""),
        (vec![told(FIRST).replace("next_position(e.place)", "next_position(0) - 65536")], "23000"),
        (vec![told(FIRST).replace("next_position(e.place)", "next_position(0) + 65536")], "23000"),
        (vec![told(FIRST).replace("{m}", "{om}")], "23000"),
        (vec![told(FIRST).replace("{order}", "{a1}")], "23000"),
        (vec![told(FIRST).replace("'payment_order'", "'payout'")], "23000"),
        // The second of them is of this moment, whenever the order is from.
        (vec![told(FIRST), told(&FIRST.replace("{e1}", NOW).replace("(0", "(9"))], "23505"),
        (vec![told(FIRST), MOVE.into(), told(&SECOND.replace("{e2}", NOW))], ""),
    ]
}

/// Lines of an entry: their number, an account and its layer and amount.
fn entry(lines: &[(u32, &str, u32, i64)]) -> String {
    let line = |(number, account, layer, amount): &(u32, &str, u32, i64)| {
        let known = format!("(SELECT id FROM accounts WHERE merchant_id = {{m}} AND name LIKE '{account}%')");
        let account = if account.starts_with('{') { (*account).to_owned() } else { known };
        format!("({{n1}}, {number}, {account}, {layer}, {amount}, {{m}})")
    };
    let lines: Vec<String> = lines.iter().map(line).collect();
    format!(
        "WITH e AS (INSERT INTO journal_entries (id, merchant_id, event_ref, order_id, at) VALUES ({{n1}}, {{m}}, 'cap:both', {{order}}, now()))
         INSERT INTO postings (entry_id, line, account_id, layer, amount, merchant_id) VALUES {}",
        lines.join(", ")
    )
}

fn entries() -> Vec<(Vec<String>, &'static str)> {
    let even = entry(&[(0, "psp", 0, 5), (1, "merchant", 0, -5)]);
    let long: Vec<(u32, &str, u32, i64)> = (0..40).map(|n| (n, "psp", 0, if n % 2 == 0 { 5 } else { -5 })).collect();
    let yen = "INSERT INTO accounts (id, merchant_id, name, currency) VALUES ({a1}, {m}, 'yen', 'JPY')".to_owned();
    let (head, lines) = (even.split("INSERT INTO postings").next().unwrap(), even.split_once("now()))").unwrap().1.trim());
    let numbered = |numbers: [u32; 4]| {
        let amounts = [5, -5, 7, -7];
        let lines: Vec<_> = numbers.into_iter().zip(amounts).map(|(n, amount)| (n, "psp", 0, amount)).collect();
        entry(&lines)
    };
    let more = lines.replace("{n1}, 0,", "{n1}, 2,").replace("{n1}, 1,", "{n1}, 3,");
    vec![
        (vec![even.clone()], ""),
        (vec![entry(&long)], ""),
        (vec![numbered([3, 1, 0, 2])], ""),
        (vec![numbered([0, 1, 1, 3])], "23000"),
        (vec![numbered([0, 0, 3, 3])], "23000"),
        (vec![numbered([0, 1, 2, 64])], "23000"),
        (vec![numbered([0, 1, 2, 32])], "23000"),
        (vec![numbered([1, 2, 3, 4])], "23000"),
        (vec![entry(&[(0, "psp", 0, 5), (1, "merchant", 0, -4)])], "23000"),
        (vec![entry(&[(0, "psp", 0, 5), (1, "merchant", 1, -5)])], "23000"),
        (vec![entry(&[(0, "psp", 1, 5), (1, "merchant", 1, -5)])], ""),
        (vec![entry(&[(0, "psp", 0, 5), (1, "merchant", 0, -5), (2, "psp", 1, 4), (3, "merchant", 1, -4)])], ""),
        (vec![entry(&[(0, "psp", 0, 5), (1, "merchant", 0, -5), (2, "psp", 1, 4), (3, "merchant", 1, -3)])], "23000"),
        (vec![yen.clone(), entry(&[(0, "psp", 0, 5), (1, "yen", 0, -5)])], "23000"),
        (vec![yen.clone(), entry(&[(0, "psp", 0, 5), (1, "psp", 0, -5), (2, "yen", 0, 4), (3, "yen", 0, -4)])], ""),
        (vec![yen, entry(&[(0, "psp", 0, 5), (1, "psp", 0, -5), (0, "yen", 0, 4), (1, "yen", 0, -4)])], "23000"),
        (vec![even.replacen("{m}, 'cap", "{om}, 'cap", 1)], "23000"),
        (vec![even.replace("-5, {m})", "-5, {om})")], "23000"),
        (vec![even.replace("{order}, now", "{a1}, now")], "23000"),
        (vec![even.replace("VALUES ({n1}, {m}, 'cap", "VALUES ({n2}, {m}, 'cap")], "23000"),
        (vec![format!("{head} SELECT 1")], "23000"),
        (vec![lines.to_owned()], "23000"),
        (vec![even.clone(), lines.to_owned()], "23000"),
        (vec![even.clone(), more], "23000"),
        (vec![even.clone(), even.replace("{n1}", "{n2}")], "23505"),
        (vec![even.clone(), even.replace("{n1}", NOW)], "23505"),
        (vec![even.replace("{n1}", NOW)], ""),
        (vec![entry(&[(0, "{a1}", 0, 5), (1, "{a1}", 0, -5)])], "23000"),
        (vec![even.replace("{n1}", "first_uuid(moment_of({order}) - interval '2 days')")], "23000"),
    ]
}

/// What is taken in the archive: an order's id and reference, an attempt's id and token.
fn archived() -> Vec<(Vec<String>, &'static str)> {
    let attempt = format!("{ATTEMPT}({{a1}}, 1, 'registering')) a (id, number, status)");
    let token = "(SELECT token FROM archived_attempts WHERE id = {pa})";
    let with_token = attempt.replace("surplus)", "surplus, token)").replace("false FROM", &format!("false, {token} FROM"));
    let moved = |status: &str| {
        let sql =
            format!("UPDATE attempts SET status = '{status}', token = {token}, authorized = 5, captured = 5 WHERE id = {{a1}}");
        vec![attempt.clone(), sql]
    };
    let other = ORDER.replace("{order}", "{a1}").replace("'both'", "'other'");
    let reference = "(SELECT reference FROM archived_orders WHERE id = {p})";
    vec![
        (vec![other.clone()], ""),
        (vec![other.replace("{a1}", "{p}")], "23505"),
        (vec![other.replace("'other'", reference)], "23505"),
        (vec![other.replace("{m}", "{a2}")], "23000"),
        (vec![attempt.replace("{a1}", "{pa}")], "23505"),
        (vec![with_token], "23505"),
        (moved("requires_action"), "23505"),
        (moved("processing"), "23505"),
        (moved("captured"), "23505"),
        (moved("canceled"), "23505"),
    ]
}

/// What the server says: SQLSTATE, message, table and constraint; nothing where it lets a statement pass.
async fn said(client: &Client, statements: &[String], named: impl Fn(&str) -> String) -> [String; 4] {
    let (last, way) = statements.split_last().unwrap();
    let way: Vec<String> = [ORDER].into_iter().chain(way.iter().map(String::as_str)).map(&named).collect();
    let way = format!("BEGIN; {}", way.join("; "));
    client.batch_execute(&way).await.unwrap_or_else(|e| panic!("{way}: {e:?}"));
    let answer = client.batch_execute(&named(last)).await;
    client.batch_execute("ROLLBACK").await.unwrap();
    let Err(error) = answer else { return [const { String::new() }; 4] };
    let db = error.as_db_error().unwrap();
    // The partition of one month has another name than that of another.
    let is_month = |part: &&str| part.is_empty() || *part == "default" || part.chars().all(|c| c.is_ascii_digit());
    let whole = |text: &str| text.split('_').filter(|part| !is_month(part)).collect::<Vec<_>>().join("_");
    let of = |name: Option<&str>| whole(name.unwrap_or_default());
    [db.code().code().to_owned(), whole(db.message()), of(db.table()), of(db.constraint())]
}

#[test]
fn a_quick_look_says_what_the_long_way_says() {
    run(async {
        let w = World::postgres(Statements::Kept).await;
        let (shop, other) = (w.shop().await, w.shop().await);
        let paid = w.paid(shop).await;
        over(&w, &[&paid]).await;
        assert_eq!(archive(&w, shop).await, 1);
        let client = connect(&w.url).await;
        let id = |bytes: &[u8; 16]| format!("'{}'::uuid", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        let shops = [
            ("{m}", id(shop.merchant.as_bytes())),
            ("{s}", id(shop.account.as_bytes())),
            ("{om}", id(other.merchant.as_bytes())),
            ("{os}", id(other.account.as_bytes())),
            ("{p}", id(paid.order.id.as_bytes())),
            ("{pa}", id(paid.attempt.id.as_bytes())),
        ];
        // The beginnings of ids, of now and of long ago.
        let mut beginnings: Vec<String> = Vec::new();
        for moment in ["now()", "now() - interval '200 days'"] {
            let asked = format!("SELECT left(first_uuid({moment})::text, 13)");
            beginnings.push(client.query_one(&asked, &[]).await.unwrap().get(0));
        }
        for (statements, code) in statements() {
            let mut answers = Vec::new();
            for beginning in &beginnings {
                let named = |sql: &str| {
                    let mut sql = sql.to_owned();
                    for (name, id) in &shops {
                        sql = sql.replace(name, id);
                    }
                    for (name, number) in
                        [("{order}", 1), ("{a1}", 2), ("{a2}", 3), ("{e1}", 4), ("{e2}", 5), ("{n1}", 6), ("{n2}", 7)]
                    {
                        sql = sql.replace(name, &format!("'{beginning}-7000-8000-{number:012}'::uuid"));
                    }
                    sql
                };
                answers.push(said(&client, &statements, named).await);
            }
            assert_eq!(answers[0][0], code, "{statements:#?}: {answers:?}");
            // Of two months another rule says it than of one.
            if !statements.last().unwrap().contains(NOW) {
                assert_eq!(answers[0], answers[1], "{statements:#?}");
            }
            assert_eq!(answers[0][0], answers[1][0], "{statements:#?}");
        }
    });
}
