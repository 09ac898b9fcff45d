//! Too much is declined: what programs and people are told.

use crate::ask::Answer;
use crate::world::World;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;

const FROM: [u8; 4] = [198, 51, 100, 7];

fn terms(reference: &str) -> Value {
    json!({ "reference": reference, "amount": 4999, "currency": "EUR", "customer": { "email": "ada@shop.example" } })
}

/// A customer who comes from this address.
async fn visit(world: &World, path: &str, from: [u8; 4]) -> Answer {
    let mut request = Request::get(path).header("accept", "text/html").body(Body::empty()).unwrap();
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from((from, 50_000))));
    world.send(request).await
}

/// An order on which so many cards were declined, as its customer sees it.
async fn declined(world: &World, order: &Value, times: usize) -> Value {
    let (id, token) = (order["id"].as_str().unwrap(), order["psp_token"].as_str().unwrap());
    assert_eq!(visit(world, &format!("/pay/{id}/go"), FROM).await.status, 303);
    for time in 1..=times {
        world.psp.decline_again(token, time);
        world.clock.advance(Duration::from_secs(3));
        visit(world, &format!("/pay/{id}/return"), FROM).await;
    }
    world.get(&format!("/v1/payment_orders/{id}")).await.json()
}

#[tokio::test]
async fn a_decline_says_what_the_psp_and_the_network_said() {
    let world = World::new().await;
    let made = world.post("/v1/payment_orders", &terms("order-1")).await.json();
    let order = declined(&world, &made, 1).await;
    let message = "There is not enough money on the card. Try another card.";
    assert_eq!(
        order["latest_attempt"]["failure"],
        json!({ "code": "insufficient_funds", "class": "soft", "psp_code": "insufficient_funds", "network_code": "51",
                "advice": "try_again_later", "message": message })
    );
}

#[tokio::test]
async fn a_program_is_told_when_a_customer_may_come_again_and_a_person_that_the_order_is_closed() {
    let world = World::new().await;
    let made = world.post("/v1/payment_orders", &terms("order-1")).await.json();
    let order = declined(&world, &made, 10).await;
    assert_eq!((&order["status"], &order["latest_attempt"]["failure"]["code"]), (&json!("failed"), &json!("too_many_declines")));
    let page = visit(&world, &format!("/pay/{}", order["id"].as_str().unwrap()), FROM).await;
    assert!(
        page.body.contains("This order cannot be paid") && page.body.contains("Too many payments were declined"),
        "{}",
        page.body
    );
    let refused = world.post_with_key("/v1/payment_orders", &terms("order-2"), "key-2").await;
    assert_eq!(refused.refusal(), (429, "too_many_declines".into(), String::new()));
    let seconds: u64 = refused.header("retry-after").parse().unwrap();
    assert!(seconds > 86_000 && seconds <= 86_400, "{seconds}");
    assert_eq!(world.get("/docs/errors/too_many_declines").await.status, 200);
    assert_eq!(world.post("/v1/payment_orders", &terms("order-1")).await.status, 200, "what is there is found");
    // The same request, once the time is over.
    world.clock.advance(Duration::from_secs(seconds));
    assert_eq!(world.post_with_key("/v1/payment_orders", &terms("order-2"), "key-2").await.status, 201);
}

#[tokio::test]
async fn a_person_who_has_to_wait_finds_a_page_that_says_until_when() {
    let world = World::new().await;
    for number in 0..2 {
        let terms = json!({ "reference": format!("order-{number}"), "amount": 4999, "currency": "EUR" });
        let made = world.post("/v1/payment_orders", &terms).await.json();
        declined(&world, &made, 10).await;
    }
    let terms = json!({ "reference": "order-9", "amount": 4999, "currency": "EUR", "cancel_url": "https://shop.example/cart" });
    let next = world.post("/v1/payment_orders", &terms).await.json();
    let go = format!("/pay/{}/go", next["id"].as_str().unwrap());
    let held = visit(&world, &go, FROM).await;
    assert_eq!(held.status, 429);
    assert!(held.header("retry-after").parse::<u64>().unwrap() > 3000);
    for part in ["Please take a short break", "Nothing was taken", "after 11:00 UTC", "49.99 EUR"] {
        assert!(held.body.contains(part), "{part} is missing in {}", held.body);
    }
    assert_eq!(visit(&world, &go, [198, 51, 100, 8]).await.status, 303, "a neighbour is let through");
    assert_eq!(visit(&world, &format!("/pay/{}", next["id"].as_str().unwrap()), FROM).await.status, 200, "looking is free");
    world.clock.advance(Duration::from_secs(3600));
    let later = json!({ "reference": "order-10", "amount": 4999, "currency": "EUR" });
    let later = world.post("/v1/payment_orders", &later).await.json();
    assert_eq!(visit(&world, &format!("/pay/{}/go", later["id"].as_str().unwrap()), FROM).await.status, 303);
}
