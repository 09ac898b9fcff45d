//! Keys: which are taken, from where, for what, and how often.

use crate::world::World;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use ducat_web::Limits;
use serde_json::json;
use std::net::SocketAddr;

#[tokio::test]
async fn without_a_good_key_the_answer_is_401_with_a_challenge() {
    let world = World::new().await;
    for value in ["", "Bearer dk_test_wrong", "Bearer ", "Digest x"] {
        let mut request = Request::get("/v1/events");
        if !value.is_empty() {
            request = request.header("authorization", value);
        }
        let answer = world.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.refusal(), (401, "unauthorized".into(), String::new()), "{value}");
        assert!(answer.header("www-authenticate").starts_with("Bearer"));
    }
}

#[tokio::test]
async fn the_key_may_be_the_user_name_of_basic() {
    let world = World::new().await;
    let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("{}:", world.read)));
    let request = Request::get("/v1/merchant").header("authorization", basic).body(Body::empty()).unwrap();
    let answer = world.send(request).await;
    assert_eq!((answer.status.as_u16(), answer.text("name")), (200, "Florin Coffee".into()));
    assert!(answer.json().get("return_url_secret").is_none(), "only for admin");
    assert!(world.get("/v1/merchant").await.text("return_url_secret").len() > 20);
}

#[tokio::test]
async fn scopes_reach_as_far_as_they_say() {
    let world = World::new().await;
    let send = async |key: &str, method: &str, path: &str| {
        let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {key}"));
        world.send(request.header("content-type", "application/json").body(Body::from("{}")).unwrap()).await.status.as_u16()
    };
    assert_eq!(send(&world.read, "GET", "/v1/payment_orders").await, 200);
    assert_eq!(send(&world.read, "POST", "/v1/payment_orders").await, 403);
    assert_eq!(send(&world.payments, "POST", "/v1/payment_orders").await, 400);
    assert_eq!(send(&world.payments, "GET", "/v1/api_keys").await, 403);
    assert_eq!(send(&world.payments, "GET", "/v1/psp_accounts").await, 403);
    assert_eq!(send(&world.admin, "GET", "/v1/psp_accounts").await, 200);
}

#[tokio::test]
async fn a_key_that_is_bound_to_a_network_works_there_only() {
    let world = World::new().await;
    let key = world.bound_key(&["10.0.0.0/8"]).await;
    let from = async |ip: [u8; 4]| {
        let mut request = Request::get("/v1/merchant").header("authorization", format!("Bearer {key}"));
        // Nobody is trusted to say for whom it calls, so this counts for nothing.
        request = request.header("x-forwarded-for", "10.1.1.1");
        let mut request = request.body(Body::empty()).unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from((ip, 1))));
        world.send(request).await
    };
    assert_eq!(from([10, 1, 2, 3]).await.status, 200);
    assert_eq!(from([192, 0, 2, 1]).await.refusal(), (403, "network_not_allowed".into(), String::new()));
}

#[tokio::test]
async fn a_key_that_calls_too_often_is_told_when_to_come_again() {
    let limits = Limits { calls_per_second: 1, burst: 2, ..Limits::default() };
    let world = World::with(crate::world::BASE, limits).await;
    let first = world.get("/v1/events").await;
    assert_eq!((first.header("ratelimit-limit"), first.header("ratelimit-remaining")), ("2", "1"));
    assert_eq!(world.get("/v1/events").await.status, 200);
    let third = world.get("/v1/events").await;
    assert_eq!(third.refusal(), (429, "rate_limited".into(), String::new()));
    assert_eq!((third.header("retry-after"), third.header("ratelimit-remaining")), ("1", "0"));
    assert_eq!(world.get_as(&world.read, "/v1/events").await.status, 200, "another key has its own share");
}

#[tokio::test]
async fn pages_and_wrong_keys_are_counted_by_address_and_good_keys_are_not() {
    let limits = Limits { visits_per_second: 1, visits_at_once: 3, ..Limits::default() };
    let world = World::with(crate::world::BASE, limits).await;
    let from = async |ip: [u8; 4], path: &str, key: &str| {
        let mut request = Request::get(path).header("authorization", format!("Bearer {key}")).body(Body::empty()).unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from((ip, 1))));
        world.send(request).await
    };
    let (here, there, proxy) = ([203, 0, 113, 1], [203, 0, 113, 2], [10, 0, 0, 1]);
    let page = "/pay/po_00000000000000000000000000";
    assert_eq!(
        (from(here, page, "").await.status, from(here, "/nothing", "").await.status),
        (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND)
    );
    assert_eq!(from(here, "/v1/events", "dk_test_wrong").await.status, 401);
    let guess = from(here, "/v1/events", "dk_test_wrong").await;
    assert_eq!((guess.refusal().1.as_str(), guess.header("retry-after")), ("rate_limited", "1"));
    assert_eq!(from(here, page, "").await.status, 429);
    assert_eq!(from(here, "/v1/events", &world.read).await.status, 200, "a good key is not stopped by a bad neighbour");
    for free in ["/healthz", "/readyz", "/metrics", "/assets/old/ducat.css"] {
        assert_eq!(from(here, free, "").await.status, 200, "{free}");
    }
    assert_eq!(from(there, page, "").await.status, 404, "another address has its own share");
    for _ in 0..10 {
        assert_eq!(from(proxy, page, "").await.status, 404, "all sorts of visitors come from a proxy of the inside");
    }
    let figures = world.visit("/metrics").await.body;
    assert!(figures.contains("ducat_rate_limited_total{of=\"address\"} 2"), "{figures}");
}

#[tokio::test]
async fn calls_without_a_key_or_with_one_that_cannot_be_read_are_counted_by_address_too() {
    let limits = Limits { visits_per_second: 1, visits_at_once: 1, ..Limits::default() };
    for authorization in [None, Some("dk_test_1"), Some("Digest x"), Some("Basic %%%")] {
        let world = World::with(crate::world::BASE, limits.clone()).await;
        let call = async || {
            let mut request = Request::get("/v1/events");
            if let Some(authorization) = authorization {
                request = request.header("authorization", authorization);
            }
            let mut request = request.body(Body::empty()).unwrap();
            request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([203, 0, 113, 1], 1))));
            world.send(request).await.refusal()
        };
        assert_eq!(call().await, (401, "unauthorized".into(), String::new()), "{authorization:?}");
        assert_eq!(call().await, (429, "rate_limited".into(), String::new()), "{authorization:?}");
    }
}

#[tokio::test]
async fn a_revoked_key_opens_nothing() {
    let world = World::new().await;
    let made = world.post("/v1/api_keys", &json!({ "name": "till", "scope": "read" })).await;
    let key = made.text("key");
    assert_eq!(world.get_as(&key, "/v1/merchant").await.status, 200);
    let path = format!("/v1/api_keys/{}/revoke", made.text("id"));
    assert!(world.post(&path, &json!({})).await.json()["revoked_at"].is_string());
    assert_eq!(world.get_as(&key, "/v1/merchant").await.status, 401);
}
