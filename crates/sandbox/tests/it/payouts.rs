//! Payouts: every night by itself, at any time by control, and back again when the bank refuses.

use crate::world::{DAY, Shop, text};
use serde_json::{Value, json};

fn net(rows: &[Value]) -> i64 {
    rows.iter().map(|t| t["net"].as_i64().unwrap()).sum()
}

/// The lines of a payout without its own.
fn parts(shop: &Shop, payout: &Value) -> Vec<Value> {
    let mut rows = shop.rows(&format!("/v1/balance_transactions?limit=100&payout={}", text(payout, "id")));
    assert_eq!((text(&rows[0], "type"), &rows[0]["source"]), ("payout", &payout["id"]));
    rows.remove(0);
    rows
}

#[test]
fn what_is_available_leaves_at_midnight_in_each_currency() {
    let mut shop = Shop::new();
    shop.do_control("accounts", &json!({ "account": "sk_test_shop", "settlement_currencies": ["eur", "usd"] }));
    let paid = shop.pay("pm_card_visa", &[]);
    shop.pay("pm_card_visa", &[("currency", "usd")]);
    shop.pass(2 * DAY);
    assert!(shop.rows("/v1/payouts").is_empty());
    shop.restart();
    shop.pass(DAY / 2);
    let sent = shop.rows("/v1/payouts");
    let seen: Vec<(&str, i64, bool)> =
        sent.iter().map(|p| (text(p, "currency"), p["amount"].as_i64().unwrap(), p["automatic"] == true)).collect();
    assert_eq!(seen, [("usd", 1912, true), ("eur", 1912, true)]);
    let lines = parts(&shop, &sent[1]);
    assert_eq!((net(&lines), &lines[0]["source"]), (1912, &paid["latest_charge"]));
    assert_eq!(net(&shop.rows("/v1/balance_transactions?currency=eur")), 0);
    // Nothing is left for the next night.
    shop.pass(3 * DAY);
    assert_eq!(shop.rows("/v1/payouts").len(), 2);
}

#[test]
fn a_payout_is_pending_then_on_its_way_then_there() {
    let shop = Shop::new();
    shop.pay("pm_card_bypassPending", &[]);
    let payout = shop.do_control("payouts", &json!({ "currency": "eur" }));
    let now = || shop.get(&format!("/v1/payouts/{}", text(&payout, "id")));
    assert_eq!((text(&now(), "status"), text(&now(), "reconciliation_status")), ("pending", "in_progress"));
    shop.pass(30);
    assert_eq!((text(&now(), "status"), text(&now(), "reconciliation_status")), ("in_transit", "completed"));
    shop.pass(30);
    assert_eq!((text(&now(), "status"), text(&now()["trace_id"], "status")), ("paid", "supported"));
    assert!(shop.events().ends_with(&[
        "payout.created".to_owned(),
        "payout.updated".to_owned(),
        "payout.reconciliation_completed".to_owned(),
        "payout.paid".to_owned()
    ]));
}

#[test]
fn a_payout_that_fails_gives_its_money_to_the_next_one() {
    let shop = Shop::new();
    shop.pay("pm_card_bypassPending", &[]);
    let first = shop.do_control("payouts", &json!({ "currency": "eur" }));
    shop.pass(60);
    let path = format!("payouts/{}/fail", text(&first, "id"));
    assert_eq!(shop.control(&path, &json!({ "failure_code": "rain" })).1["error"]["field"], "failure_code");
    let failed = shop.do_control(&path, &json!({ "failure_code": "account_closed" }));
    assert_eq!((text(&failed, "status"), text(&failed, "failure_code")), ("failed", "account_closed"));
    let back = shop.get(&format!("/v1/balance_transactions/{}", text(&failed, "failure_balance_transaction")));
    assert_eq!(
        (text(&back, "type"), text(&back, "reporting_category"), &back["amount"]),
        ("payout_failure", "payout_reversal", &json!(1912))
    );
    assert!(shop.events().ends_with(&["payout.failed".to_owned()]));
    assert_eq!(shop.control(&path, &json!({})).1["error"]["field"], "id");
    shop.pass(DAY);
    let next = shop.rows("/v1/payouts").remove(0);
    assert_eq!((&next["amount"], parts(&shop, &next)[0]["id"].clone()), (&json!(1912), back["id"].clone()));
    assert_eq!(parts(&shop, &failed).len(), 1);
}

#[test]
fn nothing_is_paid_out_while_more_is_owed_than_there_is() {
    let shop = Shop::new();
    shop.get("/v1/balance");
    assert_eq!(shop.control("payouts", &json!({ "currency": "eur" })).1["error"]["field"], "currency");
    shop.do_control("balance_transactions", &json!({ "type": "stripe_fee", "amount": -3000, "currency": "eur" }));
    shop.pay("pm_card_visa", &[]);
    assert_eq!(shop.control("payouts", &json!({ "currency": "eur", "settle_pending": true })).0, 400);
    shop.pay("pm_card_visa", &[]);
    let payout = shop.do_control("payouts", &json!({ "currency": "eur", "settle_pending": true }));
    assert_eq!((&payout["amount"], parts(&shop, &payout).len()), (&json!(2 * 1912 - 3000), 3));
}

#[test]
fn a_payout_by_hand_can_be_canceled_and_an_automatic_one_cannot() {
    let shop = Shop::new();
    shop.pay("pm_card_bypassPending", &[]);
    let mine = shop.post("/v1/payouts", &[("amount", "500"), ("currency", "eur")]);
    let (status, error) = shop.ask("GET", &format!("/v1/balance_transactions?payout={}", text(&mine, "id")), &[]);
    assert_eq!((status, &error["error"]["param"]), (400, &json!("payout")));
    let canceled = shop.post(&format!("/v1/payouts/{}/cancel", text(&mine, "id")), &[]);
    assert_eq!(text(&canceled, "status"), "canceled");
    shop.pass(60);
    assert_eq!(text(&shop.get(&format!("/v1/payouts/{}", text(&mine, "id"))), "status"), "canceled");
    let nightly = shop.do_control("payouts", &json!({ "currency": "eur" }));
    assert_eq!(shop.refused(&format!("/v1/payouts/{}/cancel", text(&nightly, "id")), &[])["code"], "payout_not_cancelable");
    // Both lines of the canceled one are in it, so that its parts add up.
    assert_eq!((&nightly["amount"], net(&parts(&shop, &nightly))), (&json!(1912), 1912));
}
