//! Webhooks: what the database itself refuses, and what `verify` finds once the guards are gone.

use crate::attacks::FILE;
use crate::builders::*;
use crate::intruder::{Intruder, blob};
use crate::on_server::OnServer;
use ducat_domain::webhooks::*;
use ducat_domain::*;
use ducat_store::*;

/// Two shops; in the first an endpoint with three deliveries: one arrived, one dead, one that waits; and a second event-free endpoint.
async fn scene(w: World) -> (World, Shop) {
    let [_, other] = scene_in(&w).await;
    (w, other)
}

pub async fn scene_in(w: &World) -> [Shop; 2] {
    let shop = w.shop().await;
    let other = w.shop().await;
    for owner in [shop, other] {
        let endpoint = WebhookEndpoint {
            id: WebhookEndpointId::new(w.now(), &w.dice),
            merchant: owner.merchant,
            url: "https://shop.example/".into(),
            description: String::new(),
            types: Vec::new(),
            status: EndpointStatus::Enabled,
            sealed_keys: vec![1],
            failing_since: None,
            failures: 0,
            events: 0,
            version: 1,
            created_at: at(0),
        };
        w.commit(Change { endpoints: vec![EndpointWrite::Insert(endpoint)], ..Change::default() }).await;
    }
    for _ in 0..3 {
        w.order(shop).await;
    }
    w.caught_up().await;
    let work = w.store.endpoints_at_work().await.unwrap().into_iter().find(|e| e.behind).unwrap();
    let marks = w.store.events_past(shop.merchant, work.position, 9).await.unwrap();
    let make = |mark: &EventMark| {
        DeliveryWrite::Insert(Delivery {
            id: DeliveryId::new(at(9), &w.dice),
            endpoint: work.endpoint.id,
            merchant: shop.merchant,
            event: mark.id,
            kind: mark.kind.clone(),
            origin: DeliveryOrigin::Event,
            body: None,
            state: DeliveryState::Pending,
            tries: 0,
            step: 0,
            next_at: Some(at(9)),
            created_at: at(9),
        })
    };
    let to = marks[2].position;
    let advance =
        EndpointWrite::Advance { merchant: shop.merchant, endpoint: work.endpoint.id, version: 1, from: work.position, to };
    w.commit(Change { endpoints: vec![advance], deliveries: marks.iter().map(make).collect(), ..Change::default() }).await;
    let lease = std::time::Duration::from_secs(60);
    let claimed = w.store.claim_deliveries(vec![(shop.merchant, work.endpoint.id, 2)], at(9), lease).await.unwrap();
    for (claim, (status, then)) in claimed.iter().zip([(204, DeliveryNext::Arrived), (500, DeliveryNext::Dead)]) {
        let answer = TryAnswer { status, headers: Vec::new(), body: String::new(), truncated: false };
        let went = DeliveryTry {
            number: 1,
            at: at(9),
            took_ms: 1,
            url: "https://shop.example/".into(),
            request_headers: Vec::new(),
            answer: Some(answer),
            error: None,
        };
        let tried =
            DeliveryWrite::Tried { delivery: DeliveryKey::from(&claim.delivery), lease_until: claim.lease_until, went, then };
        w.commit(Change { deliveries: vec![tried], ..Change::default() }).await;
    }
    w.assert_sound().await;
    [shop, other]
}

const ATTACKS: &[&str] = &[
    "UPDATE webhook_endpoints SET merchant_id = {other}",
    "UPDATE webhook_endpoints SET created_at = 0",
    "UPDATE webhook_endpoints SET position = position - 1, complete_after = 0",
    "UPDATE webhook_endpoints SET complete_after = position + 1",
    "UPDATE webhook_endpoints SET version = 0",
    "UPDATE webhook_endpoints SET failures = 1",
    "UPDATE webhook_endpoints SET status = 'deleted'; UPDATE webhook_endpoints SET status = 'enabled'",
    "UPDATE webhook_endpoints SET types = '{}'",
    "DELETE FROM webhook_endpoints",
    "REPLACE INTO webhook_endpoints SELECT merchant_id, id, 'https://evil.example/', description, types, status, sealed_keys, failing_since,
       failures, events, version, created_at, position, complete_after FROM webhook_endpoints",
    "UPDATE webhook_deliveries SET event_id = x'11111111111111111111111111111111'",
    "UPDATE webhook_deliveries SET body = '{}'",
    "UPDATE webhook_deliveries SET state = 'dead' WHERE state = 'succeeded'",
    "UPDATE webhook_deliveries SET state = 'pending', next_at = 1 WHERE state = 'succeeded'",
    "UPDATE webhook_deliveries SET next_at = NULL WHERE state = 'pending'",
    "UPDATE webhook_deliveries SET next_at = 1 WHERE state = 'dead'",
    "UPDATE webhook_deliveries SET tries = tries - 1 WHERE tries > 0",
    "REPLACE INTO webhook_deliveries SELECT * FROM webhook_deliveries WHERE state = 'dead'",
    "INSERT INTO webhook_deliveries SELECT merchant_id, endpoint_id, x'11111111111111111111111111111111', event_id, kind, origin, body, 'pending',
       0, 0, 0, 0, 1, 1 FROM webhook_deliveries LIMIT 1",
    "INSERT INTO webhook_deliveries SELECT {other}, endpoint_id, x'11111111111111111111111111111111', event_id, kind, 'replay', body, 'pending',
       0, 0, 0, 0, 1, 1 FROM webhook_deliveries LIMIT 1",
    "INSERT INTO webhook_deliveries SELECT merchant_id, endpoint_id, x'11111111111111111111111111111111', x'22222222222222222222222222222222',
       kind, 'replay', body, 'pending', 0, 0, 0, 0, 1, 1 FROM webhook_deliveries LIMIT 1",
    "INSERT INTO events SELECT 99, x'11111111111111111111111111111111', merchant_id, id, 'webhook_endpoint', 1, 'webhook_endpoint.disabled', 1, '{}'
       FROM webhook_endpoints LIMIT 1",
    "UPDATE webhook_tries SET status = 200",
    "DELETE FROM webhook_tries",
    "REPLACE INTO webhook_tries SELECT * FROM webhook_tries",
    "INSERT INTO webhook_tries SELECT delivery_id, 9, at, took_ms, url, request_headers, NULL, NULL, NULL, NULL, 'x' FROM webhook_tries",
    "INSERT INTO webhook_tries SELECT delivery_id, 2, at, took_ms, url, request_headers, NULL, NULL, NULL, NULL, NULL FROM webhook_tries",
    "INSERT INTO webhook_replays SELECT {other}, id, x'11111111111111111111111111111111', 1, 2, '[]', NULL, 0, NULL, 1 FROM webhook_endpoints
       WHERE merchant_id <> {other}",
];

async fn what_was_delivered_and_how_it_went_is_not_rewritten(w: World) {
    let (w, other) = scene(w).await;
    let other = blob(other.merchant.as_bytes());
    if w.url.is_empty() {
        let intruder = Intruder::into(&w);
        ATTACKS.iter().for_each(|attack| intruder.is_refused(&attack.replace("{other}", &other)));
    } else {
        let intruder = OnServer::into(&w).await;
        for attack in ATTACKS.iter().filter(|attack| !attack.starts_with(FILE)) {
            intruder.is_refused_translated(&attack.replace("{other}", &other), "merchant_id").await;
        }
    }
    w.assert_sound().await;
}

crate::each_database::on_each_database! { what_was_delivered_and_how_it_went_is_not_rewritten }

/// Each invariant of webhooks, and what breaks it.
pub const BROKEN: &[(&str, &str)] = &[
    (
        "a delivery that waits has a next try, and no other has one",
        "UPDATE webhook_deliveries SET next_at = NULL WHERE state = 'pending'",
    ),
    (
        "each event that a webhook endpoint wants has its delivery, up to where the endpoint has come",
        "DELETE FROM webhook_deliveries WHERE state = 'pending'",
    ),
    (
        "an event is delivered to an endpoint once, unless somebody asks for it again",
        "UPDATE webhook_deliveries SET event_id = (SELECT min(event_id) FROM webhook_deliveries)",
    ),
    ("each event about a webhook endpoint is counted, without gaps", "UPDATE webhook_endpoints SET events = events + 1"),
    ("no webhook endpoint is further than the events", "UPDATE webhook_endpoints SET position = position + 100"),
    (
        "the tries of a delivery are as many as it counts, without gaps, and what arrived had a try that was taken",
        "DELETE FROM webhook_tries WHERE status = 500",
    ),
    (
        "the tries of a delivery are as many as it counts, without gaps, and what arrived had a try that was taken",
        "UPDATE webhook_tries SET status = 302",
    ),
    ("a delivery stays within its merchant", "UPDATE webhook_deliveries SET merchant_id = {other}"),
];

#[test]
fn what_is_not_as_it_must_be_is_found() {
    run(async {
        for (says, sql) in BROKEN {
            let (w, other) = scene(World::sqlite(WriterMode::Caller)).await;
            let intruder = Intruder::into(&w).without_guards();
            intruder.0.execute_batch(&sql.replace("{other}", &blob(other.merchant.as_bytes()))).unwrap();
            let found = w.store.verify().await.unwrap().by_invariant();
            assert!(found.contains_key(says), "{sql}: {found:#?}");
        }
    });
}
