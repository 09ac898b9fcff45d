//! The merchant's books through the API: looking, correcting, statements, payouts that arrive, exceptions.

use crate::world::World;
use ducat_domain::journal::{Account, Entry, EventRef, FiledEntry, Transfer};
use ducat_domain::settlement::{Payout, PayoutMoved, PayoutSeen, PayoutStatus};
use ducat_domain::{Chance, Clock, EntryId, EventId, ExceptionId, Money, PayoutId, Subject};
use ducat_engine::ledger::MAX_REPLACED;
use ducat_store::{BookException, Change, EventRow, PspLineRow};
use serde_json::{Value, json};

/// Ids of chance for rows that a test puts in by itself.
struct Nine;

impl Chance for Nine {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(9);
    }
}

fn eur(minor: i64) -> Money {
    Money::new(minor, "EUR".parse().unwrap())
}

fn filed(world: &World, entry: Entry) -> FiledEntry {
    FiledEntry { id: EntryId::new(world.clock.now(), &Nine), merchant: world.merchant, entry, note: None }
}

/// A line of 9.00 EUR that the PSP kept and nobody can place; its entry's address and its exception.
async fn suspended(world: &World) -> (String, String) {
    let psp = world.account.parse().unwrap();
    let now = world.clock.now();
    let moves = [Transfer::signed(Account::Suspense(psp), Account::PspReceivable(psp), eur(900))];
    let entry = filed(world, Entry::transfer(EventRef::Suspended(psp, "=txn_1".into()), None, now, &moves).unwrap());
    let exception = BookException {
        id: ExceptionId::new(now, &Nine),
        merchant: world.merchant,
        kind: "unplaced_line".into(),
        psp_account: Some(psp),
        subject: "txn_1 (network_cost)".into(),
        amount: eur(-900),
        opened_at: now,
        closed: None,
    };
    let line = PspLineRow {
        psp_account: psp,
        psp_line: "=txn_1".into(),
        merchant: world.merchant,
        kind: "unplaced".into(),
        psp_kind: "network_cost".into(),
        amount: eur(-900),
        fee: 0,
        order: None,
        payout: None,
        exception: Some(exception.id),
        at: now,
        read_at: now,
    };
    let names = (format!("/v1/ledger/entries/{}", entry.id), format!("/v1/exceptions/{}", exception.id));
    let change = Change { entries: vec![entry], exceptions: vec![exception], psp_lines: vec![line], ..Change::default() };
    world.engine.store().commit(change).await.unwrap();
    names
}

/// A payout of 100.00 EUR that has left the PSP.
async fn payout(world: &World) -> String {
    let now = world.clock.now();
    let id = PayoutId::new(now, &Nine);
    let seen = PayoutSeen {
        psp_payout: "po_1".into(),
        amount: eur(10_000),
        status: PayoutStatus::InTransit,
        arrives_at: None,
        created_at: now,
    };
    let begun = Payout::begin(id, world.merchant, world.account.parse().unwrap(), &seen, now);
    let left = begun.payout.clone().leave(now).unwrap();
    for (n, PayoutMoved { payout, entries, event }) in [begun, left].into_iter().enumerate() {
        let event = EventRow {
            id: EventId::from_bytes([n as u8 + 1; 16]),
            merchant: world.merchant,
            subject: Subject::Payout(id),
            sequence: payout.version,
            kind: event,
            at: now,
            snapshot: "{}".into(),
        };
        let entries = entries.into_iter().map(|entry| filed(world, entry)).collect();
        let change = Change { payouts: vec![payout], events: vec![event], entries, ..Change::default() };
        world.engine.store().commit(change).await.unwrap();
    }
    format!("/v1/payouts/{id}")
}

/// An order over 49.99 EUR, paid, with 10.00 EUR given back a minute later.
async fn sale(world: &World) -> String {
    let terms = json!({ "reference": "o-1", "amount": 4999, "currency": "EUR" });
    let made = world.post("/v1/payment_orders", &terms).await;
    world.psp.pay(&made.text("psp_token"));
    world.visit(&format!("/pay/{}/return", made.text("id"))).await;
    world.clock.advance(std::time::Duration::from_secs(60));
    let refund = world.post(&format!("{}/refunds", made.header("location")), &json!({ "amount": 1000 })).await;
    assert_eq!(refund.status, 201);
    made.text("id")
}

fn balance(accounts: &Value, name: &str) -> i64 {
    let rows = accounts["data"].as_array().or(accounts["accounts"].as_array()).unwrap();
    rows.iter().find(|row| row["name"].as_str().unwrap().ends_with(name)).map_or(0, |row| row["posted"].as_i64().unwrap())
}

#[tokio::test]
async fn what_lies_on_the_accounts_is_shown_and_sums_to_zero_at_any_moment() {
    let world = World::new().await;
    let before = world.clock.now();
    sale(&world).await;
    let accounts = world.get("/v1/ledger/accounts").await.json();
    assert_eq!((balance(&accounts, ":payable"), balance(&accounts, ":receivable")), (-3999, 3999 - 175));
    let now = world.get("/v1/ledger/trial_balance").await.json();
    assert_eq!((&now["balanced"], &now["totals"]), (&json!(true), &json!([{ "currency": "EUR", "posted": 0, "pending": 0 }])));
    assert_eq!(balance(&now, ":payable"), -3999);
    let then = world.get(&format!("/v1/ledger/trial_balance?at={before}")).await.json();
    assert_eq!(balance(&then, ":payable"), -4999, "the refund came a minute later");
    assert_eq!(world.get("/v1/ledger/trial_balance?at=now").await.refusal().2, "at");
}

#[tokio::test]
async fn entries_are_listed_newest_first_by_order_account_and_time() {
    let world = World::new().await;
    let order = sale(&world).await;
    suspended(&world).await;
    let refs = async |query: &str| {
        let list = world.get(&format!("/v1/ledger/entries{query}")).await.json();
        let rows = list["data"].as_array().unwrap().clone();
        let kind = |row: &Value| row["event_ref"].as_str().unwrap().split(':').next().unwrap().to_owned();
        let mut kinds: Vec<String> = rows.iter().map(kind).collect();
        kinds.sort();
        kinds.join(" ")
    };
    assert_eq!(refs("").await, "cap fee ref refs susp");
    assert_eq!(refs(&format!("?payment_order={order}")).await, "cap fee ref refs");
    assert_eq!(refs("?account=expense:psp_fee").await, "fee");
    assert_eq!(refs(&format!("?created_gte={}", world.clock.now())).await, "ref refs susp");
    assert_eq!(refs(&format!("?created_lt={}", world.clock.now())).await, "cap fee");
    assert_eq!(world.get("/v1/ledger/entries?account=x&limit=0").await.refusal().2, "limit");
    let first = world.get("/v1/ledger/entries?limit=2").await.json();
    let path = format!("/v1/ledger/entries?limit=3&starting_after={}", first["data"][1]["id"].as_str().unwrap());
    let rest = world.get(&path).await.json();
    assert_eq!((rest["data"].as_array().unwrap().len(), &first["has_more"], &rest["has_more"]), (3, &json!(true), &json!(false)));
    let one = world.get(&format!("/v1/ledger/entries/{}", rest["data"][0]["id"].as_str().unwrap())).await;
    assert_eq!(one.json(), rest["data"][0]);
    let stranger = world.stranger().await;
    assert_eq!(world.get_as(&stranger, "/v1/ledger/entries").await.json()["data"], json!([]));
    assert_eq!(world.get_as(&stranger, &format!("/v1/ledger/entries/{}", one.text("id"))).await.status, 404);
}

#[tokio::test]
async fn a_statement_begins_and_ends_with_a_balance_and_holds_no_formula() {
    let world = World::new().await;
    sale(&world).await;
    let path = format!("/v1/ledger/accounts/merchant:{}:payable/statement?currency=EUR", world.merchant);
    let whole = world.get(&path).await;
    assert_eq!((whole.status.as_u16(), whole.header("content-type")), (200, "text/csv; charset=utf-8; header=present"));
    let ends: Vec<String> =
        whole.body.split_terminator("\r\n").map(|line| line.split(',').skip(6).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(ends, ["debit credit balance currency", "  0.00 EUR", " 49.99 -49.99 EUR", "10.00  -39.99 EUR", "  -39.99 EUR"]);
    let later = world.get(&format!("{path}&from={}", world.clock.now())).await.body;
    let lines: Vec<&str> = later.split_terminator("\r\n").collect();
    assert!(lines.len() == 4 && lines[1].contains("opening balance") && lines[1].ends_with(",,,-49.99,EUR"), "{later}");
    let first = whole.body.split("\r\n").nth(2).unwrap().split(',').nth(1).unwrap();
    let next = world.get(&format!("{path}&after={first}")).await.body;
    assert!(
        next.contains(",,,-49.99,EUR") && next.contains("10.00,,-39.99,EUR") && next.ends_with(",,,-39.99,EUR\r\n"),
        "{next}"
    );

    let (entry, _) = suspended(&world).await;
    world.post(&format!("{entry}/reverse"), &json!({ "why": "=cmd|' /C calc'!A0" })).await;
    let suspense = format!("/v1/ledger/accounts/suspense:{}/statement?currency=EUR", world.account);
    let body = world.get(&suspense).await.body;
    assert!(body.contains(",'=cmd|' /C calc'!A0,") && !body.contains(",=cmd"), "{body}");

    assert_eq!(world.get(path.split('?').next().unwrap()).await.refusal().2, "currency");
    assert_eq!(world.get(&path.replace("EUR", "USD")).await.status, 404);
    assert_eq!(world.get("/v1/ledger/accounts/%ff/statement?currency=EUR").await.refusal().0, 404);
    assert_eq!(world.get(&format!("{path}&to=2020-01-01T00:00:00Z&from=2021-01-01T00:00:00Z")).await.refusal().2, "to");
    let stranger = world.stranger().await;
    assert_eq!(world.get_as(&stranger, &path).await.status, 404);
}

#[tokio::test]
async fn a_line_in_suspense_is_put_right_once_with_who_and_why() {
    let world = World::new().await;
    let (entry, _) = suspended(&world).await;
    let receivable = format!("psp:{}:receivable", world.account);
    let line = |account: &str, amount: i64| json!({ "account": account, "amount": amount, "currency": "EUR" });
    let body = json!({ "why": "the monthly fee", "replacement": [line("expense:psp_fee", 900), line(&receivable, -900)] });
    let path = format!("{entry}/reverse");
    let done = world.post_with_key(&path, &body, "k-1").await;
    assert_eq!(done.status, 200, "{}", done.body);
    let json = done.json();
    assert!(json["replacement"]["event_ref"].as_str().unwrap().starts_with("fix:je_"));
    assert_eq!(
        (&json["reversal"]["why"], json["reversal"]["by"].as_str().unwrap().starts_with("admin (ak_")),
        (&json!("the monthly fee"), true)
    );
    let accounts = world.get("/v1/ledger/accounts").await.json();
    let suspense = format!("suspense:{}", world.account);
    assert_eq!(
        (balance(&accounts, &suspense), balance(&accounts, "expense:psp_fee"), balance(&accounts, ":receivable")),
        (0, 900, -900)
    );
    assert_eq!(world.post_with_key(&path, &body, "k-1").await.body, done.body);
    assert_eq!(world.post(&path, &body).await.refusal(), (409, "entry_reversed".into(), String::new()));
    let report = world.engine.store().verify().await.unwrap();
    assert_eq!(report.findings, Vec::new());
}

#[tokio::test]
async fn a_correction_that_would_not_be_right_is_refused_and_nothing_is_booked() {
    let world = World::new().await;
    let (entry, _) = suspended(&world).await;
    let path = format!("{entry}/reverse");
    let line = |account: &str, amount: i64| json!({ "account": account, "amount": amount, "currency": "EUR" });
    let stranger = "merchant:mer_00000000000000000000000000:payable";
    for (replacement, code, param) in [
        (json!([line("expense:psp_fee", 900), line("expense:fx_fee", -899)]), "entry_unbalanced", "/replacement"),
        (json!([]), "entry_unbalanced", "/replacement"),
        (json!([line("expense:psp_fee", 0), line("expense:fx_fee", 0)]), "amount_too_small", "/replacement/0/amount"),
        (
            json!([line("expense:psp_fee", MAX_REPLACED + 1), line("expense:fx_fee", -MAX_REPLACED - 1)]),
            "amount_too_large",
            "/replacement/0/amount",
        ),
        (
            json!([line("expense:psp_fee", i64::MIN), line("expense:fx_fee", MAX_REPLACED)]),
            "amount_too_large",
            "/replacement/0/amount",
        ),
        (json!([line("expense:party", 900), line("expense:fx_fee", -900)]), "account_unknown", "/replacement/0/account"),
        (json!([line("expense:fx_fee", 900), line(stranger, -900)]), "account_unknown", "/replacement/1/account"),
        (json!([line("bank:=1+1", 900), line("expense:fx_fee", -900)]), "account_unknown", "/replacement/0/account"),
        (json!([{ "account": "fx:clearing", "amount": 1, "currency": "eur" }]), "currency_unknown", "/replacement/0/currency"),
    ] {
        let answer = world.post(&path, &json!({ "why": "x", "replacement": replacement })).await;
        assert_eq!(answer.refusal(), (400, code.into(), param.into()), "{replacement}");
    }
    assert_eq!(world.post(&path, &json!({})).await.refusal(), (400, "missing_field".into(), "/why".into()));
    assert_eq!(world.post(&path, &json!({ "why": "" })).await.refusal(), (400, "too_short".into(), "/why".into()));
    assert_eq!(world.post_as(&world.payments, &path, &json!({ "why": "x" })).await.refusal().1, "insufficient_scope");
    let stranger = world.stranger().await;
    assert_eq!(world.post_as(&stranger, &path, &json!({ "why": "x" })).await.status, 404);
    assert_eq!(world.get("/v1/ledger/entries").await.json()["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_largest_replacement_is_booked_and_a_balance_beyond_64_bits_is_a_conflict() {
    let world = World::new().await;
    let (entry, _) = suspended(&world).await;
    let path = format!("{entry}/reverse");
    let line = |account: &str, amount: i64| json!({ "account": account, "amount": amount, "currency": "EUR" });
    let body =
        json!({ "why": "x", "replacement": [line("expense:psp_fee", MAX_REPLACED), line("expense:fx_fee", -MAX_REPLACED)] });
    let full = [Transfer::signed(Account::ExpensePspFee, Account::ExpenseFxFee, eur(i64::MAX))];
    let reference = EventRef::Suspended(world.account.parse().unwrap(), "=txn_2".into());
    let full = filed(&world, Entry::transfer(reference, None, world.clock.now(), &full).unwrap());
    let full = FiledEntry { id: EntryId::from_bytes([8; 16]), ..full };
    world.engine.store().commit(Change { entries: vec![full.clone()], ..Change::default() }).await.unwrap();
    for key in ["k-1", "k-2"] {
        assert_eq!(world.post_with_key(&path, &body, key).await.refusal(), (409, "balance_out_of_range".into(), String::new()));
    }
    assert_eq!(world.get("/v1/ledger/entries").await.json()["data"].as_array().unwrap().len(), 2);
    // Nothing was booked, so the key is free to do it once there is room again.
    let room = world.post(&format!("/v1/ledger/entries/{}/reverse", full.id), &json!({ "why": "a slip" })).await;
    assert_eq!(room.status, 200, "{}", room.body);
    assert_eq!(world.post_with_key(&path, &body, "k-1").await.status, 200);
    let accounts = world.get("/v1/ledger/accounts").await.json();
    assert_eq!(balance(&accounts, "expense:psp_fee"), MAX_REPLACED);
}

#[tokio::test]
async fn the_document_tells_the_largest_amount_of_a_replacement() {
    let world = World::new().await;
    let amount = &world.get("/openapi.json").await.json()["components"]["schemas"]["NewLine"]["properties"]["amount"];
    let told = (amount["minimum"].as_i64(), amount["maximum"].as_i64());
    assert_eq!(told, (Some(-MAX_REPLACED), Some(MAX_REPLACED)), "{amount}");
}

#[tokio::test]
async fn what_follows_from_a_state_cannot_be_reversed() {
    let world = World::new().await;
    sale(&world).await;
    payout(&world).await;
    let entries = world.get("/v1/ledger/entries").await.json();
    for entry in entries["data"].as_array().unwrap() {
        let path = format!("/v1/ledger/entries/{}/reverse", entry["id"].as_str().unwrap());
        let refused = world.post(&path, &json!({ "why": "I do not like it" })).await;
        assert_eq!(refused.refusal().1, "entry_not_reversible", "{entry}");
        assert!(refused.text("detail").contains(entry["event_ref"].as_str().unwrap()));
    }
    assert_eq!(entries["data"].as_array().unwrap().len(), 5, "cap, fee, ref, refs, pay");
}

#[tokio::test]
async fn a_payout_arrives_once_with_the_bank_s_fee() {
    let world = World::new().await;
    let path = payout(&world).await;
    let arrive = format!("{path}/arrive");
    let body = |credited: i64, fee: i64| json!({ "bank": "main", "credited": credited, "currency": "EUR", "fee": fee });
    assert_eq!(world.post(&arrive, &body(9_000, 0)).await.refusal(), (400, "amount_mismatch".into(), "/credited".into()));
    assert_eq!(world.post(&arrive, &body(0, 0)).await.refusal(), (400, "amount_too_small".into(), "/credited".into()));
    assert_eq!(world.post(&arrive, &body(10_001, -1)).await.refusal(), (400, "amount_too_small".into(), "/fee".into()));
    let formula = json!({ "bank": "=1+1", "credited": 10_000, "currency": "EUR" });
    assert_eq!(world.post(&arrive, &formula).await.refusal(), (400, "invalid_text".into(), "/bank".into()));
    let arrived = world.post(&arrive, &body(9_985, 15)).await;
    assert_eq!((arrived.status.as_u16(), &arrived.json()["arrived"]), (200, &json!(true)));
    assert!(arrived.json()["arrival"]["bank"].is_string() && arrived.json()["arrival"]["credited"].is_i64());
    assert_eq!(world.post(&arrive, &body(9_985, 15)).await.refusal(), (409, "payout_state".into(), String::new()));
    let accounts = world.get("/v1/ledger/accounts").await.json();
    assert_eq!(
        (balance(&accounts, "bank:main"), balance(&accounts, "expense:bank_fee"), balance(&accounts, ":in_transit")),
        (9_985, 15, 0)
    );
    let events = world.get("/v1/events?types=payout.arrived").await.json();
    assert_eq!((&events["data"][0]["data"]["arrived"], &events["data"][0]["data"]["object"]), (&json!(true), &json!("payout")));
    let stranger = world.stranger().await;
    assert_eq!(world.get_as(&stranger, &path).await.status, 404);
    assert_eq!(world.post_as(&stranger, &arrive, &body(1, 1)).await.status, 404);
}

#[tokio::test]
async fn an_exception_is_closed_once_with_who_and_why() {
    let world = World::new().await;
    let (_, exception) = suspended(&world).await;
    let listed = world.get("/v1/exceptions").await.json();
    assert_eq!((&listed["data"][0]["status"], &listed["data"][0]["amount"]), (&json!("open"), &json!(-900)));
    let path = format!("{exception}/close");
    let closed = world.post(&path, &json!({ "why": "the monthly fee, booked" })).await;
    assert_eq!(
        (closed.status.as_u16(), closed.text("status"), closed.text("why")),
        (200, "closed".into(), "the monthly fee, booked".into())
    );
    assert!(closed.text("closed_by").starts_with("admin (ak_"));
    assert_eq!(world.post(&path, &json!({ "why": "again" })).await.refusal(), (409, "exception_closed".into(), String::new()));
    let stranger = world.stranger().await;
    assert_eq!(world.post_as(&stranger, &path, &json!({ "why": "x" })).await.status, 404);
    assert_eq!(world.get_as(&stranger, "/v1/exceptions").await.json()["data"], json!([]));
}
