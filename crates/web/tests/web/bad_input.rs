//! Bad input: each mistake has a stable code and a place, and nothing is stored.

use crate::world::World;
use serde_json::{Value, json};

/// Good terms with one field replaced.
fn with(field: &str, value: Value) -> Value {
    let mut terms = json!({ "reference": "order-1", "amount": 4999, "currency": "EUR" });
    terms[field] = value;
    terms
}

#[tokio::test]
async fn every_wrong_field_has_its_code_and_its_place_and_nothing_is_stored() {
    let world = World::new().await;
    let cases = [
        (with("amount", json!("4999")), "invalid_type", "/amount"),
        (with("amount", json!(12.5)), "invalid_type", "/amount"),
        (with("amount", json!(0)), "amount_too_small", "/amount"),
        (with("amount", json!(-1)), "amount_too_small", "/amount"),
        (with("amount", json!(1_000_000_000_000_000_i64)), "amount_too_large", "/amount"),
        (with("amount", json!(u64::MAX)), "invalid_value", "/amount"),
        (with("amount", Value::Null), "invalid_type", "/amount"),
        (with("currency", json!("EURO")), "currency_unknown", "/currency"),
        (with("currency", json!("eur")), "currency_unknown", "/currency"),
        (with("currency", json!(978)), "invalid_type", "/currency"),
        (with("reference", json!("")), "too_short", "/reference"),
        (with("reference", json!("x".repeat(200))), "too_long", "/reference"),
        (with("reference", json!("a\nb")), "invalid_text", "/reference"),
        (with("amout", json!(1)), "unknown_field", "/amout"),
        (with("payment_type", json!("sale")), "invalid_value", "/payment_type"),
        (with("payment_type", json!("RECC")), "payment_type_not_supported", "/payment_type"),
        (with("psp", json!("nobody")), "psp_unknown", "/psp"),
        (with("success_url", json!("javascript:alert(1)")), "invalid_url", "/success_url"),
        (with("cancel_url", json!("/cart")), "invalid_url", "/cancel_url"),
        (with("cancel_url", json!("ftp://shop.example")), "invalid_url", "/cancel_url"),
        (with("expires_in", json!(1)), "out_of_range", "/expires_in"),
        (with("metadata", json!({ "a": 1 })), "invalid_type", "/metadata/a"),
        (with("metadata", json!([])), "invalid_type", "/metadata"),
        (with("customer", json!({ "email": "nobody" })), "invalid_email", "/customer/email"),
        (with("customer", json!({ "phone": "1" })), "unknown_field", "/customer/phone"),
        (with("line_items", json!([{ "name": "x", "quantity": 0, "unit_amount": 1 }])), "out_of_range", "/line_items/0/quantity"),
        (with("line_items", json!([{ "name": "x", "quantity": 1 }])), "missing_field", "/line_items/0/unit_amount"),
        (json!({ "amount": 1, "currency": "EUR" }), "missing_field", "/reference"),
        (json!([]), "invalid_type", ""),
    ];
    for (body, code, param) in cases {
        let answer = world.post("/v1/payment_orders", &body).await;
        assert_eq!(answer.refusal(), (400, code.into(), param.into()), "{body}");
        assert!(answer.text("detail").len() > 15, "{}", answer.body);
    }
    assert_eq!(world.get("/v1/payment_orders").await.json()["data"], json!([]));
    assert_eq!(world.get("/v1/events").await.json()["data"], json!([]));
}

#[tokio::test]
async fn a_problem_looks_like_this() {
    let world = World::new().await;
    let answer = world.post("/v1/payment_orders", &with("amount", json!("12"))).await;
    insta::assert_snapshot!(answer.pinned(), @r#"
    {
      "code": "invalid_type",
      "detail": "amount must be a whole number, not a text.",
      "param": "/amount",
      "request_id": "req_…",
      "status": 400,
      "title": "A field has the wrong type",
      "type": "/docs/errors/invalid_type"
    }
    "#);
}

#[tokio::test]
async fn a_body_that_is_no_json_says_where() {
    let world = World::new().await;
    for (body, detail, param) in [
        ("{\"amount\": 1,}", "trailing comma, at line 1, column 14", ""),
        ("{\"amount\": 1, \"amount\": 2}", "the key \"amount\" stands twice", "/amount"),
        ("{\"metadata\": {\"a\": tru}}", "expected ident", "/metadata/a"),
        ("nonsense", "expected ident", ""),
    ] {
        let answer = world.post_text("/v1/payment_orders", body, &[]).await;
        assert_eq!(answer.refusal(), (400, "malformed_json".into(), param.into()), "{body}");
        assert!(answer.text("detail").contains(detail), "{body}: {}", answer.body);
    }
}

#[tokio::test]
async fn a_body_must_be_json_by_name_and_of_reasonable_size() {
    let world = World::new().await;
    let form = world.post_text("/v1/payment_orders", "a=b", &[("content-type", "application/x-www-form-urlencoded")]).await;
    assert_eq!(form.refusal(), (415, "unsupported_media_type".into(), String::new()));
    let utf8 = [("content-type", "application/json; charset=utf-8")];
    assert_eq!(world.post_text("/v1/payment_orders", &with("amount", json!(1)).to_string(), &utf8).await.status, 400);
    let large = with("description", json!("x".repeat(300 * 1024)));
    assert_eq!(world.post("/v1/payment_orders", &large).await.refusal(), (413, "payload_too_large".into(), String::new()));
}

#[tokio::test]
async fn routes_and_methods_that_do_not_exist_are_problems_too() {
    let world = World::new().await;
    assert_eq!(world.get("/v1/nothing").await.refusal(), (404, "not_found".into(), String::new()));
    let wrong = world.post("/v1/events", &json!({})).await;
    assert_eq!(wrong.refusal(), (405, "method_not_allowed".into(), String::new()));
    assert_eq!(wrong.header("allow"), "GET,HEAD");
}

#[tokio::test]
async fn nothing_of_ours_is_sent_where_nothing_is_asked() {
    let world = World::new().await;
    let made = world.post("/v1/payment_orders", &with("amount", json!(500))).await;
    let refused = world.post(&format!("/v1/payment_orders/{}/cancel", made.text("id")), &json!({ "reason": "x" })).await;
    assert_eq!(refused.refusal(), (400, "unknown_field".into(), "/reason".into()));
}
