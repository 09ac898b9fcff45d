//! Requests that come twice.

use crate::world::World;
use serde_json::json;

#[tokio::test]
async fn the_same_request_under_the_same_key_gets_the_same_bytes() {
    let world = World::new().await;
    let terms = json!({ "reference": "order-1", "amount": 4999, "currency": "EUR" });
    let first = world.post_with_key("/v1/payment_orders", &terms, "key-1").await;
    world.clock.advance(std::time::Duration::from_secs(60));
    // Another order of fields and a quoted key are the same request.
    let again = world
        .post_text(
            "/v1/payment_orders",
            "{\"currency\":\"EUR\", \"amount\":4999,\n\"reference\":\"order-1\"}",
            &[("idempotency-key", "\"key-1\"")],
        )
        .await;
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 201));
    assert_eq!(first.body, again.body);
    assert_eq!((first.header("idempotent-replayed"), again.header("idempotent-replayed")), ("", "true"));
    assert_ne!(first.header("request-id"), again.header("request-id"));
}

#[tokio::test]
async fn another_request_under_the_same_key_is_refused() {
    let world = World::new().await;
    let terms = |amount: i64| json!({ "reference": "order-1", "amount": amount, "currency": "EUR" });
    let made = world.post_with_key("/v1/payment_orders", &terms(1000), "key-1").await;
    let other = world.post_with_key("/v1/payment_orders", &terms(1001), "key-1").await;
    assert_eq!(other.refusal(), (422, "idempotency_key_reused".into(), String::new()));
    let elsewhere = world.post_with_key(&format!("/v1/payment_orders/{}/cancel", made.text("id")), &json!({}), "key-1").await;
    assert_eq!(elsewhere.refusal().0, 422);
}

#[tokio::test]
async fn a_refused_request_is_not_kept() {
    let world = World::new().await;
    let wrong = json!({ "reference": "order-1", "amount": 0, "currency": "EUR" });
    assert_eq!(world.post_with_key("/v1/payment_orders", &wrong, "key-1").await.status, 400);
    let right = json!({ "reference": "order-1", "amount": 1000, "currency": "EUR" });
    assert_eq!(world.post_with_key("/v1/payment_orders", &right, "key-1").await.status, 201);
}

#[tokio::test]
async fn a_key_that_cannot_be_one_is_refused() {
    let world = World::new().await;
    let answer = world.post_with_key("/v1/payment_orders", &json!({}), &"k".repeat(256)).await;
    assert_eq!(answer.refusal(), (400, "invalid_idempotency_key".into(), String::new()));
}
