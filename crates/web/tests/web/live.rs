//! Live status.

use crate::world::World;
use axum::body::Body;
use axum::http::Request;
use ducat_web::Limits;
use http_body_util::BodyExt;
use serde_json::json;
use tower::ServiceExt;

async fn made(world: &World) -> (String, String) {
    let made = world.post("/v1/payment_orders", &json!({ "reference": "o", "amount": 4999, "currency": "EUR" })).await;
    (made.text("id"), made.text("psp_token"))
}

async fn open(world: &World, id: &str, last: Option<&str>) -> axum::response::Response {
    let mut request = Request::get(format!("/pay/{id}/stream"));
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    world.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn next(body: &mut Body) -> Option<String> {
    let frame = tokio::time::timeout(std::time::Duration::from_secs(5), body.frame()).await.expect("in time")?;
    Some(String::from_utf8(frame.unwrap().into_data().unwrap().to_vec()).unwrap())
}

#[tokio::test]
async fn the_present_status_comes_first_then_each_change_until_the_end() {
    let world = World::new().await;
    let (id, token) = made(&world).await;
    let response = open(&world, &id, None).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    assert_eq!(next(&mut body).await.unwrap(), "event: status\nid: 2\ndata: {\"status\":\"pending\",\"version\":2}\n\n");
    world.psp.pay(&token);
    world.visit(&format!("/pay/{id}/return")).await;
    assert_eq!(next(&mut body).await.unwrap(), "event: status\nid: 4\ndata: {\"status\":\"succeeded\",\"version\":4}\n\n");
    assert_eq!(next(&mut body).await, None, "nothing comes after the end");
    assert_eq!(open(&world, &id, Some("4")).await.status(), 204, "who saw the end need not come again");
}

#[tokio::test]
async fn a_reader_that_comes_again_is_told_only_what_is_new() {
    let world = World::new().await;
    let (id, _) = made(&world).await;
    let mut body = open(&world, &id, Some("2")).await.into_body();
    world.post_text(&format!("/v1/payment_orders/{id}/cancel"), "", &[]).await;
    let told = next(&mut body).await.unwrap();
    assert!(told.contains("canceled") || told.contains("\"version\":3"), "{told}");
}

#[tokio::test]
async fn streams_are_limited_and_end_when_the_node_stops() {
    let world = World::with(crate::world::BASE, Limits { streams: 1, ..Limits::default() }).await;
    let (id, _) = made(&world).await;
    let mut body = open(&world, &id, None).await.into_body();
    assert!(next(&mut body).await.is_some());
    assert_eq!(open(&world, &id, None).await.status(), 503);
    world.draining.begin();
    assert_eq!(next(&mut body).await, None);
    drop(body);
    assert_eq!(open(&world, &id, None).await.status(), 200, "the place is free again");
}

#[tokio::test]
async fn an_order_that_nobody_knows_has_no_stream() {
    let world = World::new().await;
    assert_eq!(open(&world, "po_00000000000000000000000000", None).await.status(), 404);
}
