//! Disputes through the API: looking, files, evidence, giving in.

use crate::ask::Answer;
use crate::world::World;
use axum::body::Body;
use axum::http::Request;
use ducat_domain::journal::FiledEntry;
use ducat_domain::payments::{DisputeReason, DisputeSeen, DisputeStatus, Part};
use ducat_domain::{Chance, Clock, DisputeId, EntryId, EventId, Money, Subject};
use ducat_store::{Change, EventRow, PartWrite, PaymentWrite};
use serde_json::json;

/// Ids of chance for rows that a test puts in by itself.
struct Nine;

impl Chance for Nine {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(9);
    }
}

const PDF: &[u8] = b"%PDF-1.7 a receipt";

/// A paid order of 49.99 EUR whose payer asks about it: no money has moved. The dispute's address.
async fn dispute(world: &World, status: DisputeStatus) -> String {
    let terms = json!({ "reference": "o-1", "amount": 4999, "currency": "EUR" });
    let made = world.post("/v1/payment_orders", &terms).await;
    world.psp.pay(&made.text("psp_token"));
    world.visit(&format!("/pay/{}/return", made.text("id"))).await;
    let now = world.clock.now();
    let seen = DisputeSeen {
        psp_dispute: "du_1".into(),
        amount: Money::new(4999, "EUR".parse().unwrap()),
        reason: DisputeReason::Fraudulent,
        status,
        evidence_due_at: Some(now.plus(std::time::Duration::from_secs(7 * 86_400))),
        evidence_submitted: false,
        withdrawn: false,
        returned: false,
        fees: Vec::new(),
        opened_at: now,
    };
    let payment = world.engine.store().payment(world.merchant, made.text("id").parse().unwrap()).await.unwrap().unwrap();
    let id = DisputeId::new(now, &Nine);
    // Each milestone of the dispute is a move of its own.
    let (mut payment, mut known) = (payment, Err(id));
    while let Some(moved) = payment.clone().dispute_heard(known.clone(), &seen, now).unwrap() {
        let (order, event, part) = (&moved.payment.order, moved.event, moved.part.clone().unwrap());
        let Part::Dispute(dispute) = part.clone() else { panic!("no dispute") };
        let event = EventRow {
            id: EventId::from_bytes([order.version as u8; 16]),
            merchant: world.merchant,
            subject: Subject::PaymentOrder(order.id),
            sequence: order.version,
            kind: event,
            at: now,
            snapshot: "{}".into(),
        };
        let file = |entry| FiledEntry { id: EntryId::new(now, &Nine), merchant: world.merchant, entry, note: None };
        payment = moved.payment.clone();
        known = Ok(dispute);
        let change = Change {
            entries: moved.entries.into_iter().map(file).collect(),
            parts: vec![PartWrite { merchant: world.merchant, part }],
            payments: vec![PaymentWrite::Move(moved.payment)],
            events: vec![event],
            ..Change::default()
        };
        world.engine.store().commit(change).await.unwrap();
    }
    format!("/v1/disputes/{id}")
}

async fn upload(world: &World, key: &str, path: &str, media_type: &str, bytes: &[u8]) -> Answer {
    let request = Request::post(path).header("authorization", format!("Bearer {key}")).header("content-type", media_type);
    world.send(request.body(Body::from(bytes.to_vec())).unwrap()).await
}

#[tokio::test]
async fn a_dispute_is_shown_and_listed_to_its_merchant_only() {
    let world = World::new().await;
    let path = dispute(&world, DisputeStatus::NeedsResponse).await;
    let shown = world.get(&path).await;
    assert_eq!(
        (shown.text("status"), shown.text("reason"), &shown.json()["amount"]),
        ("needs_response".into(), "fraudulent".into(), &json!(4999))
    );
    assert_eq!(world.get("/v1/disputes?status=needs_response").await.json()["data"], json!([shown.json()]));
    assert_eq!(world.get("/v1/disputes?status=won").await.json()["data"], json!([]));
    let order = shown.text("payment_order");
    assert_eq!(world.get(&format!("/v1/disputes?payment_order={order}")).await.json()["data"].as_array().unwrap().len(), 1);
    let expanded = world.get(&format!("/v1/payment_orders/{order}?expand=disputes")).await.json();
    assert_eq!(expanded["disputes"][0], shown.json());
    let refused = world.post(&format!("/v1/payment_orders/{order}/refunds"), &json!({})).await;
    assert_eq!(refused.refusal(), (409, "payment_order_disputed".into(), String::new()));
    let stranger = world.stranger().await;
    for rest in ["", "/files"] {
        assert_eq!(world.get_as(&stranger, &format!("{path}{rest}")).await.status, 404, "{rest}");
    }
    for verb in ["evidence", "accept"] {
        assert_eq!(world.post_as(&stranger, &format!("{path}/{verb}"), &json!({})).await.status, 404, "{verb}");
    }
}

#[tokio::test]
async fn a_file_is_kept_for_its_field_and_replaced_by_the_next() {
    let world = World::new().await;
    let path = format!("{}/files", dispute(&world, DisputeStatus::NeedsResponse).await);
    let kept = upload(&world, &world.payments, &format!("{path}?field=receipt&name=receipt.pdf"), "application/pdf", PDF).await;
    assert_eq!(
        (kept.status.as_u16(), kept.text("object"), &kept.json()["size"]),
        (201, "dispute_file".into(), &json!(PDF.len()))
    );
    let png = [b"\x89PNG\r\n\x1a\n".as_slice(), b"..."].concat();
    let next = upload(&world, &world.payments, &format!("{path}?field=receipt&name=r.png"), "image/png", &png).await;
    let list = world.get(&path).await.json();
    assert_eq!(list["data"], json!([next.json()]));
    assert!(!list.to_string().contains("bytes"));
}

#[tokio::test]
async fn a_file_that_the_psp_would_not_take_is_refused_before_it_is_kept() {
    let world = World::new().await;
    let path = format!("{}/files", dispute(&world, DisputeStatus::NeedsResponse).await);
    let large = [PDF, &vec![b'x'; 5 * 1024 * 1024]].concat();
    for (query, media_type, bytes, refusal) in [
        ("?field=receipt&name=a", "application/pdf", &b"MZ\x90"[..], (400, "evidence_refused", "body")),
        ("?field=receipt&name=a", "image/png", PDF, (400, "evidence_refused", "body")),
        ("?field=receipt&name=a", "text/html", b"<html>", (400, "evidence_refused", "field")),
        ("?field=receipt&name=a", "application/pdf", b"", (400, "evidence_refused", "field")),
        ("?field=secrets&name=a", "application/pdf", PDF, (400, "evidence_refused", "field")),
        ("?field=receipt&name=a", "application/pdf", &large, (413, "payload_too_large", "")),
        ("?field=receipt", "application/pdf", PDF, (400, "invalid_parameter", "name")),
        ("?name=a", "application/pdf", PDF, (400, "invalid_parameter", "field")),
        ("?field=receipt&name=%0a", "application/pdf", PDF, (400, "too_short", "name")),
        ("?field=receipt&name=a&x=1", "application/pdf", PDF, (400, "unknown_parameter", "x")),
    ] {
        let answer = upload(&world, &world.payments, &format!("{path}{query}"), media_type, bytes).await;
        assert_eq!(answer.refusal(), (refusal.0, refusal.1.into(), refusal.2.into()), "{query} {media_type}");
    }
    let good = format!("{path}?field=receipt&name=a");
    assert_eq!(upload(&world, &world.read, &good, "application/pdf", PDF).await.refusal().1, "insufficient_scope");
    let stranger = world.stranger().await;
    assert_eq!(upload(&world, &stranger, &good, "application/pdf", PDF).await.status, 404);
    assert_eq!(world.get(&path).await.json()["data"], json!([]));
}

#[tokio::test]
async fn a_dispute_that_is_looked_at_takes_no_more() {
    let world = World::new().await;
    let path = dispute(&world, DisputeStatus::UnderReview).await;
    let late = upload(&world, &world.payments, &format!("{path}/files?field=receipt&name=a"), "application/pdf", PDF).await;
    assert_eq!(late.refusal(), (409, "dispute_state".into(), String::new()));
    let late = world.post(&format!("{path}/evidence"), &json!({ "fields": {} })).await;
    assert_eq!(late.refusal(), (409, "dispute_state".into(), String::new()));
}

#[tokio::test]
async fn evidence_that_the_psp_would_not_take_is_refused_with_its_place() {
    let world = World::new().await;
    let path = format!("{}/evidence", dispute(&world, DisputeStatus::NeedsResponse).await);
    let unknown = world.post(&path, &json!({ "fields": { "horoscope": "x" } })).await;
    assert_eq!(unknown.refusal(), (400, "evidence_refused".into(), "/fields/horoscope".into()));
    let long = world.post(&path, &json!({ "fields": { "product_description": "x".repeat(20_001) } })).await;
    assert_eq!(long.refusal(), (400, "evidence_refused".into(), "/fields/product_description".into()));
    assert_eq!(world.post(&path, &json!({ "fields": { "product_description": 1 } })).await.refusal().1, "invalid_type");
}

#[tokio::test]
async fn an_answer_that_the_psp_does_not_confirm_is_accepted_and_on_its_way() {
    let world = World::new().await;
    let path = dispute(&world, DisputeStatus::NeedsResponse).await;
    *world.psp.mood.lock().unwrap() = crate::world::Mood::Down;
    let body = json!({ "fields": { "product_description": "two tickets" } });
    let sent = world.post_with_key(&format!("{path}/evidence"), &body, "k-1").await;
    assert_eq!((sent.status.as_u16(), sent.text("answering")), (202, "evidence".into()));
    assert_eq!(sent.json()["evidence"], body["fields"]);
    let again = world.post_with_key(&format!("{path}/evidence"), &body, "k-1").await;
    assert_eq!((again.header("idempotent-replayed"), &again.body), ("true", &sent.body));
}
