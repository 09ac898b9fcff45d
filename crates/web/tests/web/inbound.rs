//! Messages of the PSP: believed only when proved, stored once.

use crate::ask::Answer;
use crate::world::{MESSAGE_SECRET, World};
use axum::body::Body;
use axum::http::Request;
use ducat_domain::Clock;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

fn signature(secret: &str, seconds: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{seconds}.{body}").as_bytes());
    format!("t={seconds},v1={}", hex::encode(mac.finalize().into_bytes()))
}

async fn deliver(world: &World, path: &str, signature: &str, body: &str) -> Answer {
    let request = Request::post(path).header("stripe-signature", signature).header("content-type", "application/json");
    world.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

fn completed(session: &Value) -> String {
    json!({ "id": "evt_1", "object": "event", "type": "checkout.session.completed", "created": 1_795_255_200,
        "api_version": "2026-05-27.dahlia", "livemode": false, "data": { "object": session } })
    .to_string()
}

#[tokio::test]
async fn a_signed_message_moves_the_order_and_its_repetition_does_not() {
    let world = World::new().await;
    let made = world.post("/v1/payment_orders", &json!({ "reference": "o", "amount": 4999, "currency": "EUR" })).await;
    let token = made.text("psp_token");
    world.psp.pay(&token);
    let body = completed(&world.psp.session(&token));
    let signed = signature(MESSAGE_SECRET, world.clock.now().as_seconds(), &body);
    let path = format!("/webhooks/stripe/{}", world.account);
    for _ in 0..2 {
        let answer = deliver(&world, &path, &signed, &body).await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, "{}"));
    }
    ducat_engine::jobs::run_due(&world.engine).await.unwrap();
    let order = world.get(made.header("location")).await.json();
    assert_eq!((&order["status"], &order["amount_captured"]), (&json!("succeeded"), &json!(4999)));
}

#[tokio::test]
async fn forged_stale_unsigned_and_oversized_messages_are_turned_away() {
    let world = World::new().await;
    let body = completed(&json!({ "id": "cs_test_0001", "object": "checkout.session" }));
    let path = format!("/webhooks/stripe/{}", world.account);
    let now = world.clock.now().as_seconds();
    for wrong in
        [signature("whsec_other", now, &body), signature(MESSAGE_SECRET, now - 3600, &body), "nonsense".into(), String::new()]
    {
        assert_eq!(
            deliver(&world, &path, &wrong, &body).await.refusal(),
            (400, "bad_signature".into(), String::new()),
            "{wrong}"
        );
    }
    let large = "x".repeat((1 << 20) + 1);
    let answer = deliver(&world, &path, &signature(MESSAGE_SECRET, now, &large), &large).await;
    assert_eq!(answer.refusal(), (413, "payload_too_large".into(), String::new()));
    for unknown in ["/webhooks/stripe/psp_00000000000000000000000000", "/webhooks/stripe/1", &path.replace("stripe", "paypal")] {
        assert_eq!(deliver(&world, unknown, &signature(MESSAGE_SECRET, now, &body), &body).await.status, 404, "{unknown}");
    }
}

#[tokio::test]
async fn what_the_head_gives_away_is_turned_away_before_anybody_reads_the_body() {
    let world = World::new().await;
    let path = format!("/webhooks/stripe/{}", world.account);
    let (unknown, signed) = ("/webhooks/stripe/psp_00000000000000000000000000", signature(MESSAGE_SECRET, 1, ""));
    for (path, signature, status) in
        [(path.as_str(), None, 400), (&path, Some("nonsense"), 400), (unknown, Some(signed.as_str()), 404)]
    {
        let mut request = Request::post(path);
        if let Some(signature) = signature {
            request = request.header("stripe-signature", signature);
        }
        // Whoever waited for it would answer 408.
        let never = Body::from_stream(futures_util::stream::pending::<Result<String, std::io::Error>>());
        assert_eq!(world.send(request.body(never).unwrap()).await.status, status, "{path} {signature:?}");
    }
    let figures = world.visit("/metrics").await.body;
    assert!(figures.contains("untrusted\"} 2") && figures.contains("no_account\"} 1"), "{figures}");
}
