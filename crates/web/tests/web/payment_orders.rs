//! Orders through the API: made, read, called off.

use crate::world::{Mood, World};
use serde_json::json;

fn terms(reference: &str) -> serde_json::Value {
    json!({ "reference": reference, "amount": 4999, "currency": "EUR", "metadata": { "cart": "77" } })
}

#[tokio::test]
async fn an_order_is_made_registered_and_read_back() {
    let world = World::new().await;
    let made = world.post("/v1/payment_orders", &terms("order-1001")).await;
    assert_eq!(made.status, 201);
    assert_eq!(made.header("location"), format!("/v1/payment_orders/{}", made.text("id")));
    insta::assert_snapshot!(made.pinned(), @r#"
    {
      "amount": 4999,
      "amount_authorized": 0,
      "amount_captured": 0,
      "amount_disputed": 0,
      "amount_refunded": 0,
      "amount_refunding": 0,
      "cancel_requested_at": null,
      "cancel_url": null,
      "capture": "automatic",
      "channel": "ecommerce",
      "checkout_url": "http://pay.test/pay/po_…",
      "claim": null,
      "created_at": "2026-11-21T10:00:00Z",
      "currency": "EUR",
      "customer": null,
      "description": null,
      "expires_at": "2026-11-21T10:30:00Z",
      "id": "po_…",
      "latest_attempt": {
        "check_at": "2026-11-21T10:01:00Z",
        "declines": 0,
        "failure": null,
        "fees": [],
        "id": "pa_…",
        "number": 1,
        "psp": "stripe",
        "psp_account": "psp_…",
        "psp_token": "cs_test_0001",
        "status": "requires_action",
        "surplus": false
      },
      "line_items": [],
      "metadata": {
        "cart": "77"
      },
      "object": "payment_order",
      "paid_late": false,
      "payment_method": "APM",
      "payment_type": "SALE",
      "psp": "stripe",
      "psp_token": "cs_test_0001",
      "redirect_url": "https://psp.test/pay/cs_test_0001",
      "reference": "order-1001",
      "status": "pending",
      "success_url": null,
      "updated_at": "2026-11-21T10:00:00Z",
      "version": 2
    }
    "#);
    let read = world.get(made.header("location")).await;
    assert_eq!((read.status.as_u16(), read.body), (200, made.body));
}

#[tokio::test]
async fn the_same_reference_gives_the_same_order_and_other_terms_a_conflict() {
    let world = World::new().await;
    let first = world.post("/v1/payment_orders", &terms("order-1")).await;
    let again = world.post("/v1/payment_orders", &terms("order-1")).await;
    assert_eq!((again.status.as_u16(), again.text("id")), (200, first.text("id")));
    let other = world.post("/v1/payment_orders", &json!({ "reference": "order-1", "amount": 5000, "currency": "EUR" })).await;
    assert_eq!(other.refusal(), (409, "reference_taken".into(), "/reference".into()));
    insta::assert_snapshot!(other.pinned(), @r#"
    {
      "code": "reference_taken",
      "detail": "Reference \"order-1\" belongs to payment order po_… over 49.99 EUR, not 50.00 EUR.",
      "param": "/reference",
      "request_id": "req_…",
      "status": 409,
      "title": "The reference belongs to an order with other terms",
      "type": "/docs/errors/reference_taken"
    }
    "#);
}

#[tokio::test]
async fn a_psp_that_does_not_answer_makes_an_order_that_is_accepted_and_honest() {
    let world = World::new().await;
    *world.psp.mood.lock().unwrap() = Mood::Mute;
    let made = world.post("/v1/payment_orders", &terms("order-1")).await;
    assert_eq!((made.status.as_u16(), made.header("retry-after")), (202, "1"));
    let order = made.json();
    assert_eq!((&order["status"], &order["latest_attempt"]["status"]), (&json!("created"), &json!("unknown")));
    assert!(order["latest_attempt"]["check_at"].is_string() && order["redirect_url"].is_null());
}

#[tokio::test]
async fn a_paid_order_shows_its_attempts_events_and_books() {
    let world = World::new().await;
    let made = world.post("/v1/payment_orders", &terms("order-1")).await;
    world.psp.pay(&made.text("psp_token"));
    assert_eq!(world.visit(&format!("/pay/{}/return", made.text("id"))).await.status, 200);
    let paid = world.get(&format!("/v1/payment_orders/{}?expand=attempts,events", made.text("id"))).await.json();
    assert_eq!((&paid["status"], &paid["amount_captured"]), (&json!("succeeded"), &json!(4999)));
    assert_eq!(paid["attempts"].as_array().unwrap().len(), 1);
    let kinds: Vec<_> = paid["events"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["payment_order.created", "payment_order.pending", "payment_order.succeeded", "payment_order.fee_booked"]);
    let ledger = world.get(&format!("/v1/payment_orders/{}/ledger", made.text("id"))).await.json();
    for entry in ledger["data"].as_array().unwrap() {
        let sum: i64 = entry["postings"].as_array().unwrap().iter().map(|line| line["amount"].as_i64().unwrap()).sum();
        assert_eq!(sum, 0, "{entry}");
    }
    assert_eq!(ledger["data"].as_array().unwrap().len(), 2, "the capture and the fee");
}

#[tokio::test]
async fn an_order_is_called_off_once_and_a_paid_one_not_at_all() {
    let world = World::new().await;
    let made = world.post("/v1/payment_orders", &terms("order-1")).await;
    let path = format!("/v1/payment_orders/{}/cancel", made.text("id"));
    let canceled = world.post_text(&path, "", &[]).await;
    assert_eq!((canceled.status.as_u16(), canceled.text("status")), (200, "canceled".into()));
    assert_eq!(world.psp.session(&made.text("psp_token"))["status"], "expired");

    let made = world.post("/v1/payment_orders", &terms("order-2")).await;
    world.psp.pay(&made.text("psp_token"));
    world.visit(&format!("/pay/{}/return", made.text("id"))).await;
    let refused = world.post_text(&format!("/v1/payment_orders/{}/cancel", made.text("id")), "{}", &[]).await;
    assert_eq!(refused.refusal(), (409, "payment_order_not_cancelable".into(), String::new()));
}

#[tokio::test]
async fn another_merchant_s_order_is_as_unknown_as_none() {
    let world = World::new().await;
    let made = world.post("/v1/payment_orders", &terms("order-1")).await;
    let stranger = world.stranger().await;
    let theirs = world.get_as(&stranger, made.header("location")).await;
    let nobody_s = world.get("/v1/payment_orders/po_00000000000000000000000000").await;
    let nonsense = world.get("/v1/payment_orders/1").await;
    for answer in [&theirs, &nobody_s, &nonsense] {
        assert_eq!(answer.refusal(), (404, "not_found".into(), String::new()));
    }
    assert_eq!(theirs.text("detail"), nobody_s.text("detail"));
    for rest in ["/ledger", "/stream"] {
        assert_eq!(world.get_as(&stranger, &format!("{}{rest}", made.header("location"))).await.status, 404, "{rest}");
    }
}
