//! Webhook endpoints over the API: exact answers, bad input, walls.

use crate::ask::Answer;
use crate::world::World;
use axum::body::Body;
use axum::http::Request;
use ducat_engine::deliveries::Dispatcher;
use serde_json::json;

const PATH: &str = "/v1/webhook_endpoints";

async fn made(world: &World) -> Answer {
    let new = json!({ "url": "https://shop.example/hooks", "description": "Shop", "types": ["payment_order.pending"] });
    let answer = world.post(PATH, &new).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer
}

async fn delete(world: &World, key: &str, path: &str) -> Answer {
    let request = Request::delete(path).header("authorization", format!("Bearer {key}"));
    world.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn an_endpoint_is_made_and_its_secret_shown_once() {
    let world = World::new().await;
    let answer = made(&world).await;
    let secret = answer.text("secret");
    assert!(secret.starts_with("whsec_") && secret.len() == 50 && answer.text("public_key").starts_with("whpk_"));
    let mut shown = answer.json();
    for name in ["secret", "public_key"] {
        shown[name] = json!("…");
    }
    shown["id"] = json!("we_…");
    shown["secrets"][0]["hint"] = json!("…");
    insta::assert_snapshot!(serde_json::to_string_pretty(&shown).unwrap(), @r#"
    {
      "created_at": "2026-11-21T10:00:00Z",
      "description": "Shop",
      "disabled_reason": null,
      "failing_since": null,
      "id": "we_…",
      "object": "webhook_endpoint",
      "public_key": "…",
      "secret": "…",
      "secrets": [
        {
          "expires_at": null,
          "hint": "…"
        }
      ],
      "status": "enabled",
      "types": [
        "payment_order.pending"
      ],
      "url": "https://shop.example/hooks"
    }
    "#);
    let path = answer.header("location").to_owned();
    let got = world.get(&path).await;
    assert!(!got.body.contains(&secret) && got.json().get("secret").is_none());
    assert_eq!(world.get(PATH).await.json()["data"], json!([got.json()]));
    let rotated = world.post(&format!("{path}/rotate_secret"), &json!({ "expires_in": 60 })).await;
    assert_eq!(rotated.json()["secrets"][1]["expires_at"], "2026-11-21T10:01:00Z");
    assert_ne!(rotated.text("secret"), secret);
    let off = world.post(&path, &json!({ "status": "disabled", "types": [] })).await;
    assert_eq!(
        (off.text("status"), off.text("disabled_reason"), off.json()["types"].clone()),
        ("disabled".into(), "merchant".into(), json!([]))
    );
    let gone = delete(&world, &world.admin, &path).await;
    assert_eq!((gone.status.as_u16(), gone.json()["deleted"].clone()), (200, json!(true)));
    assert_eq!(world.get(&path).await.refusal().0, 404);
    assert_eq!(delete(&world, &world.admin, &path).await.refusal().0, 404);
}

#[tokio::test]
async fn a_repeated_request_makes_one_endpoint_and_shows_no_secret() {
    let world = World::new().await;
    let body = json!({ "url": "https://shop.example/hooks" }).to_string();
    let send = async || world.post_text(PATH, &body, &[("content-type", "application/json"), ("idempotency-key", "k")]).await;
    let (first, again) = (send().await, send().await);
    assert_eq!((first.text("id"), again.header("idempotent-replayed")), (again.text("id"), "true"));
    assert!(first.json()["secret"].is_string() && again.json().get("secret").is_none());
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_its_place() {
    let world = World::new().await;
    let path = made(&world).await.header("location").to_owned();
    let at = |verb: &str| format!("{path}/{verb}");
    let many: Vec<&str> = vec!["payment_order.pending"; 101];
    let long = format!("https://shop.example/{}", "a".repeat(2000));
    for (path, body, code, param) in [
        (PATH, json!({}), "missing_field", "/url"),
        (PATH, json!({ "url": "https://shop.example/", "urls": [] }), "unknown_field", "/urls"),
        (PATH, json!({ "url": "http://shop.example/" }), "invalid_url", "/url"),
        (PATH, json!({ "url": "https://169.254.169.254/latest" }), "invalid_url", "/url"),
        (PATH, json!({ "url": "https://localhost/" }), "invalid_url", "/url"),
        (PATH, json!({ "url": "https://user@shop.example/" }), "invalid_url", "/url"),
        (PATH, json!({ "url": long }), "too_long", "/url"),
        (PATH, json!({ "url": "https://shop.example/", "types": ["order.paid"] }), "event_type_unknown", "/types/0"),
        (PATH, json!({ "url": "https://shop.example/", "types": many }), "too_many", "/types"),
        (PATH, json!({ "url": "https://shop.example/", "description": "a\nb" }), "invalid_text", "/description"),
        (&path, json!({ "status": "off" }), "invalid_value", "/status"),
        (&path, json!({ "url": "https://10.0.0.1/" }), "invalid_url", "/url"),
        (&at("rotate_secret"), json!({ "expires_in": 604_801 }), "out_of_range", "/expires_in"),
        (&at("rotate_secret"), json!({ "expires": 1 }), "unknown_field", "/expires"),
        (&at("test"), json!({ "type": "x" }), "unknown_field", "/type"),
        (&at("replay"), json!({}), "missing_field", "/created_gte"),
        (&at("replay"), json!({ "created_gte": "yesterday" }), "invalid_value", "/created_gte"),
        (&at("replay"), json!({ "created_gte": "2999-01-01T00:00:00Z" }), "out_of_range", "/created_gte"),
    ] {
        assert_eq!(world.post(path, &body).await.refusal(), (400, code.into(), param.into()), "{path} {body}");
    }
    assert_eq!(world.get(&at("deliveries?state=lost")).await.refusal(), (400, "invalid_parameter".into(), "state".into()));
    for n in 1..20 {
        assert_eq!(world.post(PATH, &json!({ "url": format!("https://shop.example/{n}") })).await.status, 201);
    }
    assert_eq!(world.post(PATH, &json!({ "url": "https://shop.example/20" })).await.refusal().1, "too_many");
}

#[tokio::test]
async fn the_log_of_deliveries_is_read_and_a_delivery_tried_again() {
    let world = World::new().await;
    let path = made(&world).await.header("location").to_owned();
    world.post("/v1/payment_orders", &json!({ "reference": "o", "amount": 1000, "currency": "EUR" })).await;
    Dispatcher::new(world.engine.clone()).run_due().await.unwrap();
    let figures = world.visit("/metrics").await.body;
    for line in [
        "ducat_webhook_tries_total{outcome=\"arrived\"} 1",
        "ducat_webhook_endpoints_failing 0",
        "ducat_webhook_lateness_seconds 0",
    ] {
        assert!(figures.contains(line), "{line} is missing in {figures}");
    }
    let list = world.get(&format!("{path}/deliveries?state=succeeded")).await.json();
    assert_eq!((list["data"].as_array().unwrap().len(), &list["data"][0]["type"]), (1, &json!("payment_order.pending")));
    let delivery = format!("{path}/deliveries/{}", list["data"][0]["id"].as_str().unwrap());
    let whole = world.get(&delivery).await.json();
    let log = &whole["log"][0];
    assert_eq!(
        (&log["number"], &log["response"]["status"], &log["response"]["body"]),
        (&json!(1), &json!(200), &json!("thanks"))
    );
    assert_eq!(log["response"]["headers"], json!({ "content-type": "text/plain" }));
    assert_eq!(log["request_headers"]["webhook-signature"], "v1a,[redacted] v1,[redacted]");
    let sent: serde_json::Value = serde_json::from_str(whole["request_body"].as_str().unwrap()).unwrap();
    let event = world.get(&format!("/v1/events/{}", whole["event"].as_str().unwrap())).await.json();
    assert_eq!((&sent["data"], &sent["timestamp"]), (&event["data"], &event["created_at"]));
    let again = world.post(&format!("{delivery}/retry"), &json!({})).await;
    assert_eq!((again.status.as_u16(), again.text("origin")), (201, "replay".into()));
    assert_eq!(world.get(again.header("location")).await.text("state"), "pending");
    let test = world.post(&format!("{path}/test"), &json!({})).await;
    assert_eq!(
        (test.status.as_u16(), test.text("state"), test.text("type")),
        (200, "succeeded".into(), "webhook_endpoint.test".into())
    );
    let replay = world
        .post(&format!("{path}/replay"), &json!({ "created_gte": "2026-01-01T00:00:00Z", "created_lt": "2026-11-21T10:00:00Z" }))
        .await;
    assert_eq!((replay.status.as_u16(), replay.text("object")), (200, "webhook_replay".into()));
}

#[tokio::test]
async fn another_merchant_and_a_smaller_scope_reach_nothing() {
    let world = World::new().await;
    let path = made(&world).await.header("location").to_owned();
    world.post("/v1/payment_orders", &json!({ "reference": "o", "amount": 1000, "currency": "EUR" })).await;
    Dispatcher::new(world.engine.clone()).run_due().await.unwrap();
    let list = world.get(&format!("{path}/deliveries")).await.json();
    let delivery = format!("{path}/deliveries/{}", list["data"][0]["id"].as_str().unwrap());
    let stranger = world.stranger().await;
    for path in [&path, &format!("{path}/deliveries"), &delivery] {
        assert_eq!(world.get_as(&stranger, path).await.refusal().0, 404, "{path}");
        assert_eq!(world.get_as(&world.read, path).await.status, 200, "{path}");
    }
    let ask = async |key: &str, path: &str| {
        let request = Request::post(path).header("authorization", format!("Bearer {key}"));
        world.send(request.header("content-type", "application/json").body(Body::from("{}")).unwrap()).await.status.as_u16()
    };
    for verb in
        ["", "/rotate_secret", "/test"].map(|verb| format!("{path}{verb}")).into_iter().chain([format!("{delivery}/retry")])
    {
        assert_eq!((ask(&world.payments, &verb).await, ask(&stranger, &verb).await), (403, 404), "{verb}");
    }
    assert_eq!(delete(&world, &world.payments, &path).await.status, 403);
    assert_eq!(delete(&world, &stranger, &path).await.status, 404);
    assert_eq!(world.get_as(&stranger, PATH).await.json()["data"], json!([]));
    assert_eq!(world.get(&format!("{path}/deliveries/dl_1")).await.status, 404);
}
