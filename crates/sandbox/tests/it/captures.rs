//! Taking what is held in parts, taking a little more, letting go, and what happens when nobody does anything.

use crate::world::{DAY, Shop, text};
use ducat_sandbox::Request;
use serde_json::{Value, json};

fn path(intent: &Value, verb: &str) -> String {
    format!("/v1/payment_intents/{}/{verb}", text(intent, "id"))
}

fn standing(intent: &Value) -> (&str, i64, i64) {
    let int = |field: &str| intent[field].as_i64().unwrap();
    (text(intent, "status"), int("amount_received"), int("amount_capturable"))
}

fn lines(shop: &Shop, charge: &Value) -> Vec<(String, String, i64)> {
    let rows = shop.rows(&format!("/v1/balance_transactions?source={}", text(charge, "id")));
    let row = |t: &Value| (text(t, "type").to_owned(), text(t, "reporting_category").to_owned(), t["amount"].as_i64().unwrap());
    rows.iter().map(row).collect()
}

#[test]
fn a_hold_is_taken_in_parts_and_the_last_lets_go_of_the_rest() {
    let shop = Shop::new();
    let held = shop.hold(&["request_multicapture"]);
    let charge = shop.charge_of(&held);
    assert_eq!(charge["payment_method_details"]["card"]["multicapture"]["status"], "available");
    let some = shop.post(&path(&held, "capture"), &[("amount_to_capture", "700"), ("final_capture", "false")]);
    assert_eq!(standing(&some), ("requires_capture", 700, 1300));
    let charge = shop.charge_of(&held);
    assert_eq!((&charge["captured"], &charge["amount_captured"]), (&json!(false), &json!(700)));
    // What was taken can go back although more is still held.
    shop.post("/v1/refunds", &[("payment_intent", text(&held, "id")), ("amount", "200")]);
    let more = shop.post(&path(&held, "capture"), &[("amount_to_capture", "300"), ("final_capture", "false")]);
    assert_eq!(standing(&more), ("requires_capture", 1000, 1000));
    assert_eq!(shop.refused(&path(&held, "capture"), &[("amount_to_capture", "1001")])["param"], "amount_to_capture");
    let last = shop.post(&path(&held, "capture"), &[("amount_to_capture", "500")]);
    assert_eq!(standing(&last), ("succeeded", 1500, 0));
    let charge = shop.charge_of(&held);
    assert_eq!(
        (&charge["captured"], &charge["amount_captured"], &charge["refunded"]),
        (&json!(true), &json!(1500), &json!(false))
    );
    let one = |amount: i64| ("charge".to_owned(), "charge".to_owned(), amount);
    assert_eq!(lines(&shop, &charge), [one(500), one(300), one(700)]);
    let told = shop.events();
    let count = |kind: &str| told.iter().filter(|k| *k == kind).count();
    assert_eq!((count("charge.updated"), count("charge.captured"), count("payment_intent.succeeded")), (2, 1, 1));
    assert_eq!(count("payment_intent.amount_capturable_updated"), 3);
}

#[test]
fn after_a_part_the_rest_is_let_go_by_taking_nothing_or_by_canceling() {
    let shop = Shop::new();
    let parts = [("amount_to_capture", "700"), ("final_capture", "false")];
    let held = shop.hold(&["request_multicapture"]);
    shop.post(&path(&held, "capture"), &parts);
    let ended = shop.post(&path(&held, "capture"), &[("amount_to_capture", "0"), ("final_capture", "true")]);
    assert_eq!(standing(&ended), ("succeeded", 700, 0));
    assert_eq!(lines(&shop, &shop.charge_of(&held)).len(), 1);
    let held = shop.hold(&["request_multicapture"]);
    shop.post(&path(&held, "capture"), &parts);
    let gone = shop.post(&path(&held, "cancel"), &[]);
    assert_eq!(standing(&gone), ("canceled", 700, 0));
    let refund = shop.post("/v1/refunds", &[("payment_intent", text(&held, "id"))]);
    assert_eq!(refund["amount"], 700);
    // While more may be taken, a charge is not refunded, whatever went back.
    let held = shop.hold(&["request_multicapture"]);
    shop.post(&path(&held, "capture"), &parts);
    shop.post("/v1/refunds", &[("payment_intent", text(&held, "id"))]);
    assert_eq!((&shop.charge_of(&held)["refunded"], &shop.charge_of(&held)["amount_refunded"]), (&json!(false), &json!(700)));
    shop.post(&path(&held, "capture"), &[("amount_to_capture", "0")]);
    assert_eq!(shop.charge_of(&held)["refunded"], true);
}

#[test]
fn parts_are_refused_where_they_were_not_asked_for_and_beyond_fifty() {
    let shop = Shop::new();
    let plain = shop.hold(&[]);
    let part = [("amount_to_capture", "10"), ("final_capture", "false")];
    assert_eq!(shop.refused(&path(&plain, "capture"), &part)["param"], "final_capture");
    assert_eq!(shop.refused(&path(&plain, "capture"), &[("amount_to_capture", "0")])["param"], "amount_to_capture");
    let many = shop.hold(&["request_multicapture"]);
    for _ in 0..50 {
        shop.post(&path(&many, "capture"), &part);
    }
    assert_eq!(shop.refused(&path(&many, "capture"), &part)["param"], "final_capture");
    assert_eq!(standing(&shop.post(&path(&many, "capture"), &[])), ("succeeded", 2000, 0));
}

#[test]
fn more_than_is_held_is_taken_up_to_its_limit_where_that_was_asked_for() {
    let shop = Shop::new();
    let plain = shop.hold(&[]);
    let over = shop.charge_of(&plain)["payment_method_details"]["card"]["overcapture"].clone();
    assert_eq!(over, json!({"status": "unavailable", "maximum_amount_capturable": 2000}));
    assert_eq!(shop.refused(&path(&plain, "capture"), &[("amount_to_capture", "2001")])["code"], "amount_too_large");
    let held = shop.hold(&["request_overcapture"]);
    let over = shop.charge_of(&held)["payment_method_details"]["card"]["overcapture"].clone();
    assert_eq!(over, json!({"status": "available", "maximum_amount_capturable": 2300}));
    assert_eq!(shop.refused(&path(&held, "capture"), &[("amount_to_capture", "2301")])["code"], "amount_too_large");
    let taken = shop.post(&path(&held, "capture"), &[("amount_to_capture", "2300")]);
    assert_eq!(standing(&taken), ("succeeded", 2300, 0));
    assert_eq!(shop.charge_of(&held)["amount_captured"], 2300);
}

#[test]
fn a_session_asks_for_parts_on_behalf_of_its_payment() {
    let shop = Shop::new();
    let session = shop.post(
        "/v1/checkout/sessions",
        &[
            ("mode", "payment"),
            ("success_url", "https://shop.example/thanks"),
            ("line_items[0][price_data][currency]", "eur"),
            ("line_items[0][price_data][unit_amount]", "2000"),
            ("line_items[0][price_data][product_data][name]", "Tea"),
            ("line_items[0][quantity]", "1"),
            ("payment_intent_data[capture_method]", "manual"),
            ("payment_method_options[card][request_multicapture]", "if_available"),
            ("payment_method_options[card][request_overcapture]", "if_available"),
        ],
    );
    let confirm = format!("/v1/payment_pages/{}/confirm", text(&session, "id"));
    shop.post(&confirm, &[("payment_method", "pm_card_visa")]);
    let session = shop.get(&format!("/v1/checkout/sessions/{}?expand[]=payment_intent.latest_charge", text(&session, "id")));
    let card = &session["payment_intent"]["latest_charge"]["payment_method_details"]["card"];
    assert_eq!((&card["multicapture"]["status"], &card["overcapture"]["status"]), (&json!("available"), &json!("available")));
    let part = [("amount_to_capture", "700"), ("final_capture", "false")];
    assert_eq!(standing(&shop.post(&path(&session["payment_intent"], "capture"), &part)), ("requires_capture", 700, 1300));
}

#[test]
fn a_hold_lapses_after_seven_days() {
    let mut shop = Shop::new();
    let held = shop.hold(&[]);
    shop.pass(7 * DAY - 1);
    assert_eq!(text(&shop.get(&format!("/v1/payment_intents/{}", text(&held, "id"))), "status"), "requires_capture");
    shop.restart();
    shop.pass(1);
    let gone = shop.get(&format!("/v1/payment_intents/{}", text(&held, "id")));
    assert_eq!((standing(&gone), text(&gone, "cancellation_reason")), (("canceled", 0, 0), "expired"));
    assert!(shop.events().ends_with(&["charge.expired".to_owned(), "payment_intent.canceled".to_owned()]));
    assert_eq!(shop.refused(&path(&held, "capture"), &[])["code"], "payment_intent_unexpected_state");
    assert_eq!(shop.charge_of(&held)["refunded"], false);
}

#[test]
fn what_was_taken_in_parts_stays_taken_when_the_hold_lapses() {
    let shop = Shop::new();
    let held = shop.hold(&["request_multicapture"]);
    shop.post(&path(&held, "capture"), &[("amount_to_capture", "700"), ("final_capture", "false")]);
    shop.pass(7 * DAY);
    let ended = shop.get(&format!("/v1/payment_intents/{}", text(&held, "id")));
    assert_eq!(standing(&ended), ("succeeded", 700, 0));
    assert_eq!(shop.charge_of(&held)["captured"], true);
}

#[test]
fn until_march_2025_what_is_not_taken_comes_back_by_a_refund() {
    let shop = Shop::new();
    let old = |path: &str, form: &[(&str, &str)]| {
        let request = Request::new("POST", path)
            .header("Authorization", "Bearer sk_test_shop")
            .header("Stripe-Version", "2025-02-24.acacia");
        let reply = shop.sandbox.handle(&if form.is_empty() { request } else { request.form(form) });
        assert_eq!(reply.status, 200, "{}", reply.value());
        reply.value()
    };
    let form = [
        ("amount", "2000"),
        ("currency", "eur"),
        ("confirm", "true"),
        ("capture_method", "manual"),
        ("payment_method", "pm_card_visa"),
        ("payment_method_types[]", "card"),
    ];
    let held = old("/v1/payment_intents", &form);
    let taken = old(&path(&held, "capture"), &[("amount_to_capture", "1500")]);
    assert_eq!(standing(&taken), ("succeeded", 1500, 0));
    let rows = shop.rows("/v1/balance_transactions");
    let row = |t: &Value| (text(t, "type").to_owned(), text(t, "reporting_category").to_owned(), t["amount"].as_i64().unwrap());
    let kinds: Vec<_> = rows.iter().map(row).collect();
    let of = |kind: &str, category: &str, amount: i64| (kind.to_owned(), category.to_owned(), amount);
    assert_eq!(kinds, [of("refund", "partial_capture_reversal", -500), of("charge", "charge", 2000)]);
    // Together they are what one line is today: 15.00 and its fee of 74.
    assert_eq!(rows.iter().map(|t| t["net"].as_i64().unwrap()).sum::<i64>(), 1500 - 74);
    let charge = shop.charge_of(&held);
    assert_eq!((&charge["amount_refunded"], &charge["refunded"]), (&json!(500), &json!(false)));
    assert_eq!(shop.post("/v1/refunds", &[("charge", text(&charge, "id"))])["amount"], 1500);
    assert_eq!(shop.charge_of(&held)["refunded"], true);
    let held = old("/v1/payment_intents", &form);
    shop.pass(7 * DAY);
    assert_eq!(text(&shop.get(&format!("/v1/payment_intents/{}", text(&held, "id"))), "cancellation_reason"), "automatic");
    assert_eq!(shop.charge_of(&held)["refunded"], true);
}
