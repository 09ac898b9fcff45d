//! What moves with the sandbox's clock, and what does not.

use crate::world::{DAY, Shop};
use serde_json::{Value, json};

#[test]
fn a_moved_clock_dates_events_but_not_the_signatures_of_deliveries() {
    let shop = Shop::new();
    let now = shop.do_control("clock", &json!({ "advance_seconds": 0 }))["now"].as_i64().unwrap();
    shop.post("/v1/webhook_endpoints", &[("url", "http://shop.example/hook"), ("enabled_events[]", "product.created")]);
    shop.do_control("clock", &json!({ "advance_seconds": 30 * DAY }));
    shop.post("/v1/products", &[("name", "tea")]);
    shop.pass(2);
    let due = shop.sandbox.due_deliveries();
    let event: Value = serde_json::from_str(&due[0].body).unwrap();
    assert_eq!((due.len(), event["created"].as_i64()), (1, Some(now + 30 * DAY)));
    assert!(due[0].signature.starts_with(&format!("t={},v1=", now + 2)), "{}", due[0].signature);
    // Nobody reported back: moving the clock is enough to have it tried again, and again it says when it is sent.
    assert!(shop.sandbox.due_deliveries().is_empty());
    shop.do_control("clock", &json!({ "advance_seconds": 3_600 }));
    let again = shop.sandbox.due_deliveries();
    assert_eq!((again.len(), &again[0].signature), (1, &due[0].signature));
}
