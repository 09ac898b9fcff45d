//! The lines of the balance: what each says, how they are found, and money that comes in another currency than it is kept in.

use crate::world::{DAY, Shop, text};
use serde_json::{Value, json};

fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| text(row, "id")).collect()
}

#[test]
fn lines_are_found_by_time_type_source_and_currency_a_page_at_a_time() {
    let shop = Shop::new();
    shop.do_control("accounts", &json!({ "account": "sk_test_shop", "settlement_currencies": ["eur", "gbp"] }));
    let first = shop.pay("pm_card_visa", &[]);
    shop.pass(100);
    shop.pay("pm_card_visa", &[("currency", "gbp")]);
    shop.pass(100);
    let refund = shop.post("/v1/refunds", &[("payment_intent", text(&first, "id")), ("amount", "500")]);
    let all = shop.rows("/v1/balance_transactions");
    let times: Vec<i64> = all.iter().map(|t| t["created"].as_i64().unwrap()).collect();
    let find = |query: &str| shop.rows(&format!("/v1/balance_transactions?{query}"));
    assert_eq!(ids(&find(&format!("created[gt]={}", times[2]))), ids(&all[..2]));
    assert_eq!(ids(&find(&format!("created[gte]={}&created[lt]={}", times[2], times[0]))), ids(&all[1..]));
    assert_eq!(ids(&find(&format!("created[lte]={}", times[2]))), ids(&all[2..]));
    assert_eq!(ids(&find("type=refund")), ids(&all[..1]));
    assert_eq!(ids(&find(&format!("source={}", text(&refund, "id")))), ids(&all[..1]));
    assert_eq!(ids(&find("currency=gbp")), ids(&all[1..2]));
    assert_eq!(ids(&find("limit=1")), ids(&all[..1]));
    assert_eq!(ids(&find(&format!("limit=1&starting_after={}", text(&all[0], "id")))), ids(&all[1..2]));
    assert_eq!(ids(&find(&format!("limit=1&ending_before={}", text(&all[2], "id")))), ids(&all[1..2]));
    assert_eq!(shop.ask("GET", "/v1/balance_transactions?payout=po_none", &[]).0, 400);
}

#[test]
fn a_line_shows_the_object_that_caused_it() {
    let shop = Shop::new();
    let paid = shop.pay("pm_card_bypassPending", &[]);
    shop.post("/v1/refunds", &[("payment_intent", text(&paid, "id")), ("amount", "300")]);
    shop.do_control("disputes", &json!({ "payment_intent": paid["id"], "amount": 100 }));
    shop.do_control("payouts", &json!({ "currency": "eur", "account": "shop" }).clone());
    let rows = shop.rows("/v1/balance_transactions?expand[]=data.source");
    let seen: Vec<(&str, &str, &str)> =
        rows.iter().map(|t| (text(t, "type"), text(t, "reporting_category"), text(&t["source"], "object"))).collect();
    let wanted = [
        ("payout", "payout", "payout"),
        ("adjustment", "dispute", "dispute"),
        ("refund", "refund", "refund"),
        ("charge", "charge", "charge"),
    ];
    assert_eq!(seen, wanted);
    let fee = &rows[1]["fee_details"][0];
    assert_eq!((&fee["amount"], &fee["type"], &fee["currency"]), (&json!(1500), &json!("stripe_fee"), &json!("eur")));
}

#[test]
fn money_is_pending_for_two_days() {
    let shop = Shop::new();
    shop.pay("pm_card_visa", &[]);
    let line = || shop.rows("/v1/balance_transactions?type=charge").remove(0);
    let wait = line()["available_on"].as_i64().unwrap() - line()["created"].as_i64().unwrap();
    assert_eq!((wait, text(&line(), "status")), (2 * DAY, "pending"));
    shop.pass(2 * DAY);
    assert_eq!(text(&line(), "status"), "available");
}

#[test]
fn a_line_of_any_type_can_be_put_on_the_balance() {
    let shop = Shop::new();
    shop.get("/v1/balance");
    let body = json!({ "type": "stripe_fee", "amount": -250, "fee": 0, "currency": "EUR", "description": "Radar" });
    let line = shop.do_control("balance_transactions", &body);
    assert_eq!((text(&line, "reporting_category"), &line["net"], &line["source"]), ("fee", &json!(-250), &Value::Null));
    assert_eq!(shop.get(&format!("/v1/balance_transactions/{}", text(&line, "id")))["description"], "Radar");
    let (status, answer) = shop.control("balance_transactions", &json!({ "type": "gift", "amount": 1, "currency": "eur" }));
    assert_eq!((status, &answer["error"]["field"]), (400, &json!("type")));
    let message = text(&answer["error"], "message");
    assert!(message.contains("gift") && message.contains("tax_fund"), "{message}");
    // Every type the message names is taken.
    let names: Vec<&str> = message.rsplit("one of ").next().unwrap().split(", ").collect();
    assert_eq!(names.len(), 52);
    for name in names {
        let line = shop.do_control("balance_transactions", &json!({ "type": name, "amount": 1, "fee": 3, "currency": "eur" }));
        assert_eq!((text(&line, "type"), &line["net"]), (name, &json!(-2)));
    }
    for (field, body) in [
        ("amount", json!({ "type": "topup", "currency": "eur" })),
        ("amount", json!({ "type": "topup", "amount": 1.5, "currency": "eur" })),
        ("currency", json!({ "type": "topup", "amount": 1, "currency": "xyz" })),
        ("account", json!({ "type": "topup", "amount": 1, "currency": "eur", "account": "nobody" })),
    ] {
        assert_eq!(shop.control("balance_transactions", &body).1["error"]["field"], field);
    }
}

#[test]
fn money_in_another_currency_is_kept_in_the_account_s_own() {
    let mut shop = Shop::new();
    let paid = shop.pay("pm_card_visa", &[("currency", "usd"), ("amount", "10800")]);
    let line = shop.rows("/v1/balance_transactions").remove(0);
    // 108.00 USD are 100.00 EUR; the fee is 2.9 % of that and 30 cents.
    assert_eq!((&line["amount"], text(&line, "currency"), &line["fee"]), (&json!(10_000), "eur", &json!(320)));
    assert_eq!(line["exchange_rate"].to_string(), "0.9259259259");
    // Since then the account keeps dollars, too; what goes back still leaves from the euros.
    shop.do_control("accounts", &json!({ "settlement_currencies": ["eur", "USD"] }));
    shop.restart();
    let refund = shop.post("/v1/refunds", &[("payment_intent", text(&paid, "id")), ("amount", "5400")]);
    let back = shop.get(&format!("/v1/balance_transactions/{}", text(&refund, "balance_transaction")));
    assert_eq!((&refund["amount"], &back["amount"], text(&back, "currency")), (&json!(5400), &json!(-5000), "eur"));
    let dispute = shop.do_control("disputes", &json!({ "payment_intent": paid["id"], "amount": 5400 }));
    let taken = &dispute["balance_transactions"][0];
    assert_eq!((text(&dispute, "currency"), &taken["amount"], text(taken, "currency")), ("usd", &json!(-5000), "eur"));
    shop.pay("pm_card_visa", &[("currency", "usd"), ("amount", "10800")]);
    let line = shop.rows("/v1/balance_transactions?type=charge").remove(0);
    assert_eq!((&line["amount"], text(&line, "currency"), &line["exchange_rate"]), (&json!(10_800), "usd", &Value::Null));
    let kept: Vec<String> =
        shop.get("/v1/balance")["pending"].as_array().unwrap().iter().map(|part| text(part, "currency").to_owned()).collect();
    assert_eq!(kept, ["eur", "usd"]);
}

#[test]
fn the_currencies_of_an_account_are_checked_and_shown_with_the_rates() {
    let shop = Shop::new();
    shop.get("/v1/balance");
    for wrong in [json!([]), json!(["eur", "xyz"]), json!("eur")] {
        let (status, answer) = shop.control("accounts", &json!({ "settlement_currencies": wrong }));
        assert_eq!((status, &answer["error"]["field"]), (400, &json!("settlement_currencies")));
    }
    shop.do_control("accounts", &json!({ "settlement_currencies": ["jpy", "eur"] }));
    assert_eq!(shop.get("/_sandbox/accounts")["data"][0]["settlement_currencies"], json!(["jpy", "eur"]));
    assert_eq!(shop.get("/_sandbox/exchange_rates")["per_minor_unit"]["jpy"].to_string(), "0.625");
    assert_eq!(shop.get("/_sandbox/exchange_rates?into=jpy")["per_minor_unit"]["eur"].to_string(), "1.6");
    shop.pay("pm_card_visa", &[("currency", "chf"), ("amount", "950")]);
    let line = shop.rows("/v1/balance_transactions").remove(0);
    assert_eq!((&line["amount"], text(&line, "currency")), (&json!(1600), "jpy"));
}
