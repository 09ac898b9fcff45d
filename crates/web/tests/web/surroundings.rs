//! What surrounds every route: ids, headers, health, figures, assets.

use crate::world::World;

#[tokio::test]
async fn every_answer_has_a_request_id_of_ours_and_guards_the_browser() {
    let world = World::new().await;
    for path in ["/", "/docs", "/healthz", "/v1/events", "/nothing", "/pay/1"] {
        let answer = world.visit(path).await;
        assert!(answer.header("request-id").starts_with("req_"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        let policy = answer.header("content-security-policy");
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"),
            "{path}"
        );
        assert!(answer.header("strict-transport-security").is_empty(), "not over http");
    }
    assert_eq!(world.get("/v1/events").await.header("cache-control"), "no-store");
}

#[tokio::test]
async fn no_page_has_anything_inline_and_assets_are_kept_for_good() {
    let world = World::new().await;
    let made = world.post("/v1/payment_orders", &serde_json::json!({ "reference": "o", "amount": 500, "currency": "EUR" })).await;
    for path in [
        "/",
        "/docs",
        "/docs/errors",
        "/nothing",
        &format!("/pay/{}", made.text("id")),
        &format!("/shop/thanks?order={}", made.text("id")),
    ] {
        let page = world.visit(path).await.body;
        assert!(!page.contains("<style") && !page.contains(" style=") && !page.contains(" onclick="), "{path}");
        assert!(page.split("<script").skip(1).all(|rest| rest.starts_with(" src=\"/assets/")), "{path}");
        for asset in page.split("\"/assets/").skip(1).filter_map(|rest| rest.split('"').next()) {
            let answer = world.visit(&format!("/assets/{asset}")).await;
            assert_eq!(
                (answer.status.as_u16(), answer.header("cache-control")),
                (200, "public, max-age=31536000, immutable"),
                "{asset}"
            );
        }
    }
    assert_eq!(world.visit("/assets/old/ducat.css").await.header("cache-control"), "no-cache");
}

#[tokio::test]
async fn readiness_ends_when_draining_begins_and_life_goes_on() {
    let world = World::new().await;
    let ready = world.visit("/readyz").await;
    assert_eq!((ready.status.as_u16(), ready.json()), (200, serde_json::json!({ "status": "ready", "cache": "memory" })));
    world.draining.begin();
    assert_eq!((world.visit("/readyz").await.status.as_u16(), world.visit("/healthz").await.status.as_u16()), (503, 200));
}

#[tokio::test]
async fn figures_count_requests_by_route_and_status() {
    let world = World::new().await;
    world.get("/v1/events").await;
    world.get("/v1/payment_orders/po_00000000000000000000000000").await;
    let figures = world.visit("/metrics").await.body;
    for line in [
        "ducat_http_requests_total{method=\"GET\",route=\"/v1/events\",status=\"200\"} 1",
        "ducat_http_requests_total{method=\"GET\",route=\"/v1/payment_orders/{id}\",status=\"404\"} 1",
        "ducat_http_request_duration_seconds_count{route=\"/v1/events\"} 1",
        "ducat_live_streams 0",
    ] {
        assert!(figures.contains(line), "{line} is missing in {figures}");
    }
}
