//! Sessions from outside: what a request answers, and what the page does, on a world that already holds a price.

use crate::http::{Reply, Request};
use crate::sandbox::{Sandbox, Settings};
use ducat_domain::{Chance, Clock, Timestamp};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// A clock that stands until it is moved.
struct Hands(Mutex<i64>);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(*self.0.lock().unwrap() * 1_000_000)
    }
}

/// Numbers in a row, which is all the chance these tests need.
struct Counted(AtomicU64);

impl Chance for Counted {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            let n = self.0.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            *byte = (n >> 32) as u8;
        }
    }
}

struct Shop {
    sandbox: Arc<Sandbox>,
    hands: Arc<Hands>,
}

impl Shop {
    fn new() -> Self {
        let hands = Arc::new(Hands(Mutex::new(1_800_000_000)));
        let sandbox = Sandbox::new(hands.clone(), Arc::new(Counted(AtomicU64::new(1))), Settings::default());
        let shop = Self { sandbox, hands };
        shop.get("/v1/checkout/sessions");
        let mut world = shop.sandbox.snapshot();
        let row = |value: Value| json!({"rows": {"1": value}, "index": {(value["id"].as_str().unwrap()): 1}, "next": 1});
        let tables = &mut world["accounts"]["shop"]["tables"];
        tables["product"] = row(json!({"id": "prod_1", "object": "product", "active": true, "name": "Ticket"}));
        tables["price"] = row(json!({"id": "price_1", "object": "price", "active": true, "currency": "eur", "product": "prod_1",
            "unit_amount": 1500, "unit_amount_decimal": "1500", "type": "one_time", "recurring": null}));
        tables["coupon"] = row(json!({"id": "TEN", "object": "coupon", "valid": true, "percent_off": 10, "times_redeemed": 0}));
        shop.sandbox.load(world.to_string().as_bytes()).unwrap();
        shop
    }

    fn get(&self, target: &str) -> Reply {
        self.sandbox.handle(&Request::new("GET", target).header("Authorization", "Bearer sk_test_shop"))
    }

    fn post(&self, target: &str, fields: &[(&str, &str)]) -> Reply {
        self.sandbox.handle(&Request::new("POST", target).header("Authorization", "Bearer sk_test_shop").form(fields))
    }

    fn create(&self, more: &[(&str, &str)]) -> Reply {
        let mut fields = vec![
            ("mode", "payment"),
            ("success_url", "https://shop.example/ok?s={CHECKOUT_SESSION_ID}"),
            ("cancel_url", "https://shop.example/"),
            ("line_items[0][price]", "price_1"),
            ("line_items[0][quantity]", "2"),
        ];
        fields.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
        fields.extend(more.iter().filter(|(_, value)| *value != "-"));
        self.post("/v1/checkout/sessions", &fields)
    }

    fn events(&self) -> Vec<String> {
        let world = self.sandbox.snapshot();
        let rows = world["accounts"]["shop"]["tables"]["event"]["rows"].as_object().cloned().unwrap_or_default();
        rows.values().map(|e| e["type"].as_str().unwrap().to_owned()).collect()
    }
}

#[test]
fn a_new_session_is_open_unpaid_and_keeps_its_line_items_to_itself() {
    let shop = Shop::new();
    let session = shop.create(&[("metadata[order]", "7")]).value();
    assert_eq!((session["status"].as_str(), session["payment_status"].as_str()), (Some("open"), Some("unpaid")));
    assert_eq!(session["amount_total"], 3_000);
    assert_eq!(session["payment_intent"], Value::Null);
    assert_eq!(session["metadata"]["order"], "7");
    assert_eq!(session["url"], format!("http://127.0.0.1:12111/c/pay/{}", session["id"].as_str().unwrap()));
    assert!(session.get("line_items").is_none() && session.get("_line_items").is_none());
    let id = session["id"].as_str().unwrap();
    let items = shop.get(&format!("/v1/checkout/sessions/{id}/line_items")).value();
    assert_eq!(items["data"][0]["description"], "Ticket");
    let expanded = shop.get(&format!("/v1/checkout/sessions/{id}?expand[]=line_items")).value();
    assert_eq!(expanded["line_items"]["data"][0]["amount_total"], 3_000);
}

/// What a request changes in a form that would be accepted.
type Changes<'a> = &'a [(&'a str, &'a str)];

#[test]
fn each_broken_rule_is_named_by_its_parameter() {
    let shop = Shop::new();
    let cases: [(Changes, &str, &str); 11] = [
        (&[("mode", "-")], "parameter_missing", "mode"),
        (&[("mode", "subscription")], "", "mode"),
        (&[("success_url", "-")], "parameter_missing", "success_url"),
        (&[("success_url", "nonsense")], "url_invalid", "success_url"),
        (&[("line_items[0][price]", "price_none")], "resource_missing", "line_items[0][price]"),
        (&[("line_items[0][quantity]", "-")], "parameter_missing", "line_items[0][quantity]"),
        (&[("currency", "usd")], "", "line_items"),
        (&[("expires_at", "1800000060")], "", "expires_at"),
        (&[("customer", "cus_none")], "resource_missing", "customer"),
        (&[("customer_email", "nobody")], "email_invalid", "customer_email"),
        (&[("payment_method_types[0]", "klarna")], "", "payment_method_types"),
    ];
    for (fields, code, param) in cases {
        let reply = shop.create(fields);
        let error = reply.value()["error"].clone();
        assert_eq!((reply.status, error["param"].as_str().unwrap()), (400, param), "{error}");
        assert_eq!(error["code"].as_str().unwrap_or_default(), code, "{error}");
    }
    assert_eq!(shop.get("/v1/checkout/sessions").value()["data"], json!([]), "a refused session leaves nothing behind");
}

#[test]
fn a_coupon_lowers_the_total() {
    let session = Shop::new().create(&[("discounts[0][coupon]", "TEN")]).value();
    assert_eq!((session["amount_subtotal"].as_i64(), session["amount_total"].as_i64()), (Some(3_000), Some(2_700)));
    assert_eq!(session["total_details"]["amount_discount"], 300);
}

#[test]
fn a_session_expires_once_and_cannot_be_paid_afterwards() {
    let shop = Shop::new();
    let id = shop.create(&[]).value()["id"].as_str().unwrap().to_owned();
    let expired = shop.post(&format!("/v1/checkout/sessions/{id}/expire"), &[]).value();
    assert_eq!((expired["status"].as_str(), expired["url"].clone()), (Some("expired"), Value::Null));
    assert_eq!(shop.post(&format!("/v1/checkout/sessions/{id}/expire"), &[]).status, 400);
    assert_eq!(shop.events(), ["checkout.session.expired"]);
    assert_eq!(shop.post(&format!("/c/pay/{id}"), &[]).status, 410);
}

#[test]
fn time_expires_a_session_that_nobody_paid() {
    let shop = Shop::new();
    let id = shop.create(&[]).value()["id"].as_str().unwrap().to_owned();
    *shop.hands.0.lock().unwrap() += 24 * 3_600;
    assert_eq!(shop.get(&format!("/v1/checkout/sessions/{id}")).value()["status"], "expired");
}

#[test]
fn sessions_are_found_by_email_and_status() {
    let shop = Shop::new();
    shop.create(&[("customer_email", "jenny@example.com")]);
    shop.create(&[]);
    let found = |query: &str| shop.get(&format!("/v1/checkout/sessions?{query}")).value()["data"].as_array().unwrap().len();
    assert_eq!(found("customer_details[email]=Jenny@example.com"), 1);
    assert_eq!((found("status=open"), found("status=expired")), (2, 0));
}

#[test]
fn the_page_asks_for_what_is_missing_and_keeps_what_was_typed_but_no_card_data() {
    let shop = Shop::new();
    let id = shop.create(&[]).value()["id"].as_str().unwrap().to_owned();
    let reply = shop
        .post(&format!("/c/pay/{id}"), &[("email", "jenny@example.com"), ("number", "4242424242424242"), ("name", "<b>Jenny")]);
    let page = String::from_utf8(reply.body.clone()).unwrap();
    assert_eq!(reply.status, 422);
    assert!(page.contains("id=\"expiry-error\"") && page.contains("id=\"cvc-error\"") && !page.contains("id=\"number-error\""));
    assert!(page.contains("value=\"jenny@example.com\"") && !page.contains("4242424242424242") && !page.contains("<b>Jenny"));
    assert!(reply.header_value("Content-Security-Policy").unwrap().contains("default-src 'none'"));
}

#[test]
fn the_page_is_small_and_shows_the_order() {
    let shop = Shop::new();
    let id = shop.create(&[]).value()["id"].as_str().unwrap().to_owned();
    let page = shop.get(&format!("/c/pay/{id}"));
    let text = String::from_utf8(page.body.clone()).unwrap();
    assert!(page.body.len() < 50_000 && text.contains("Ticket") && text.contains("€30.00") && !text.contains("<script"));
    assert_eq!(shop.get("/c/pay/cs_test_none").status, 404);
}

#[test]
fn whoever_holds_a_session_is_told_whose_it_is_and_can_act_there() {
    let shop = Shop::new();
    let id = shop.create(&[]).value()["id"].as_str().unwrap().to_owned();
    let ask = |query: &str| shop.sandbox.handle(&Request::new("GET", &format!("/_sandbox/account{query}")));
    let owner = ask(&format!("?session={id}")).value();
    assert_eq!((&owner["name"], &owner["key"]), (&json!("shop"), &json!("sk_test_shop")));
    for (query, status) in [("?session=cs_test_none", 404), ("", 400), ("?payment=pi_1", 400)] {
        assert_eq!(ask(query).status, status, "{query}");
    }
}

#[test]
fn an_open_session_is_made_to_offer_another_way_to_pay() {
    let shop = Shop::new();
    let id = shop.create(&[]).value()["id"].as_str().unwrap().to_owned();
    let offer = |kinds: Value| {
        let mut request = Request::new("POST", &format!("/_sandbox/sessions/{id}"));
        request.body = json!({ "payment_method_types": kinds }).to_string().into_bytes();
        shop.sandbox.handle(&request).status
    };
    let debit = [("type", "sepa_debit"), ("sepa_debit[iban]", "AT611904300234573201")];
    let method = shop.post("/v1/payment_methods", &debit).value()["id"].as_str().unwrap().to_owned();
    let pay = || shop.post(&format!("/v1/payment_pages/{id}/confirm"), &[("payment_method", &method)]);
    assert_eq!(pay().status, 400);
    assert_eq!(offer(json!(["card", "sepa_debit"])), 200);
    for wrong in [json!([]), json!(["klarna"]), json!("card"), json!([1])] {
        assert_eq!(offer(wrong), 400);
    }
    assert_eq!((pay().status, &shop.get(&format!("/v1/checkout/sessions/{id}")).value()["status"]), (200, &json!("complete")));
    assert_eq!(offer(json!(["card"])), 400, "it is not open any more");
}
