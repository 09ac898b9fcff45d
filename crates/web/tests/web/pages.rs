//! Pages: what a customer sees in each state, without scripts.

use crate::world::{Mood, World};
use axum::body::Body;
use axum::http::Request;
use serde_json::json;

struct Order {
    id: String,
    token: String,
}

async fn order(world: &World, back: bool) -> Order {
    let mut terms = json!({ "reference": "order-1", "amount": 4999, "currency": "EUR", "description": "Two <b>tickets</b>" });
    if back {
        terms["success_url"] = json!("https://shop.example/thanks?order={PAYMENT_ORDER_ID}");
        terms["cancel_url"] = json!("https://shop.example/cart");
    }
    let made = world.post("/v1/payment_orders", &terms).await.json();
    Order { id: made["id"].as_str().unwrap().into(), token: made["psp_token"].as_str().unwrap_or_default().into() }
}

#[tokio::test]
async fn the_checkout_page_shows_the_order_and_leads_to_the_psp() {
    let world = World::new().await;
    let order = order(&world, true).await;
    let page = world.visit(&format!("/pay/{}", order.id)).await;
    assert_eq!(page.status, 200);
    for part in [
        "Florin Coffee",
        "49.99 EUR",
        "Two &#60;b&#62;tickets",
        "Pay 49.99 EUR",
        "Open until",
        "10:30 UTC",
        "https://shop.example/cart",
    ] {
        assert!(page.body.contains(part), "{part} is missing in {}", page.body);
    }
    let go = world.visit(&format!("/pay/{}/go", order.id)).await;
    assert_eq!((go.status.as_u16(), go.header("location")), (303, format!("https://psp.test/pay/{}", order.token).as_str()));
}

#[tokio::test]
async fn who_paid_is_sent_on_with_a_signed_address_and_finds_a_receipt() {
    let world = World::new().await;
    let order = order(&world, true).await;
    world.psp.pay(&order.token);
    let back = world.visit(&format!("/pay/{}/return", order.id)).await;
    assert_eq!(back.status, 303);
    let address = back.header("location");
    let (id, expected) = (
        &order.id,
        format!("https://shop.example/thanks?order={0}&payment_order={0}&status=succeeded&sequence=3&proof=", order.id),
    );
    assert!(address.starts_with(&expected) && address.contains("&signature="), "{address}");
    let proof = address.trim_start_matches(&expected).split('&').next().unwrap();
    let claim = world.post(&format!("/v1/payment_orders/{id}/claim"), &serde_json::json!({ "proof": proof })).await;
    assert_eq!((claim.status.as_u16(), &claim.json()["sequence"]), (200, &serde_json::json!(3)));
    let receipt = world.visit(&format!("/pay/{}", order.id)).await.body;
    assert!(receipt.contains("Paid. Thank you!") && receipt.contains("Receipt") && receipt.contains("Continue to Florin Coffee"));
}

#[tokio::test]
async fn a_decline_is_said_in_plain_words_and_can_be_tried_again() {
    let world = World::new().await;
    let order = order(&world, false).await;
    world.psp.decline(&order.token);
    let back = world.visit(&format!("/pay/{}/return", order.id)).await;
    assert!(back.body.contains("There is not enough money on the card") && back.body.contains("Try again"), "{}", back.body);
    assert_eq!(world.visit(&format!("/pay/{}/go", order.id)).await.status, 303);
}

#[tokio::test]
async fn an_open_outcome_is_said_honestly_and_the_page_comes_again_by_itself() {
    let world = World::new().await;
    let order = order(&world, true).await;
    world.psp.process(&order.token);
    let back = world.visit(&format!("/pay/{}/return", order.id)).await;
    assert_eq!(back.status, 200);
    for part in ["Your payment is being confirmed", "nothing is charged twice", "http-equiv=\"refresh\""] {
        assert!(back.body.contains(part), "{part} is missing in {}", back.body);
    }
}

#[tokio::test]
async fn a_psp_that_is_silent_when_the_customer_returns_makes_no_claim() {
    let world = World::new().await;
    let order = order(&world, true).await;
    *world.psp.mood.lock().unwrap() = Mood::Down;
    let back = world.visit(&format!("/pay/{}/return", order.id)).await;
    assert!(back.body.contains("Your payment is being confirmed") && back.body.contains("Go back and pay"), "{}", back.body);
}

#[tokio::test]
async fn while_the_psp_has_not_answered_the_customer_waits_for_a_moment() {
    let world = World::new().await;
    *world.psp.mood.lock().unwrap() = Mood::Mute;
    let order = order(&world, false).await;
    for path in [format!("/pay/{}", order.id), format!("/pay/{}/go", order.id)] {
        let page = world.visit(&path).await;
        assert!(page.body.contains("One moment…") && page.body.contains("http-equiv=\"refresh\""), "{path}: {}", page.body);
    }
}

#[tokio::test]
async fn who_presses_back_at_the_psp_goes_back_to_the_shop_and_may_still_pay() {
    let world = World::new().await;
    let order = order(&world, true).await;
    let back = world.visit(&format!("/pay/{}/return?canceled=1", order.id)).await;
    assert_eq!((back.status.as_u16(), back.header("location")), (303, "https://shop.example/cart"));
    assert!(world.visit(&format!("/pay/{}", order.id)).await.body.contains("Pay 49.99 EUR"));
}

#[tokio::test]
async fn an_order_that_nobody_knows_has_a_page_that_says_so() {
    let world = World::new().await;
    let unknown = world.visit("/pay/po_00000000000000000000000000").await;
    let nonsense = world.visit("/pay/1").await;
    assert_eq!((unknown.status.as_u16(), nonsense.status.as_u16()), (404, 404));
    assert!(unknown.body.contains("We cannot find this page"));
    assert_eq!(unknown.body.len(), nonsense.body.len(), "they have the same shape");
}

#[tokio::test]
async fn the_demo_shop_sells_and_tells_the_whole_story() {
    let world = World::new().await;
    let shop = world.visit("/?currency=JPY").await.body;
    assert!(shop.contains("1980 JPY") && shop.contains("4242 4242 4242 4242"));
    let form = |body: &'static str| Request::post("/shop/checkout").header("accept", "text/html").body(Body::from(body)).unwrap();
    assert_eq!(world.send(form("currency=JPY&beans=0")).await.header("location"), "/?currency=JPY&empty=1#basket");
    let bought = world.send(form("currency=JPY&beans=2&mug=1")).await;
    let pay = bought.header("location").to_owned();
    assert!(bought.status == 303 && pay.starts_with("/pay/po_"), "{pay}");
    assert!(world.visit(&pay).await.body.contains("Pay 6160 JPY"));
    world.psp.pay(&world.psp.newest());
    let back = world.visit(&format!("{pay}/return")).await;
    let thanks = back.header("location").strip_prefix(crate::world::BASE).unwrap().to_owned();
    let page = world.visit(&thanks).await.body;
    for part in ["Thank you!", "Signature right", "payment_order.succeeded", "What was booked", "6160 JPY"] {
        assert!(page.contains(part), "{part} is missing in {page}");
    }
    let forged = thanks.replace("status=succeeded", "status=canceled");
    assert!(world.visit(&forged).await.body.contains("Signature wrong"));
}

#[tokio::test]
async fn the_thank_you_page_shows_no_other_merchant_s_order() {
    let world = World::new().await;
    let stranger = ducat_engine::merchants::create(&world.engine, "Somebody else").await.unwrap().id;
    let order = order(&world, false).await;
    assert_eq!(world.visit(&format!("/shop/thanks?order={}", order.id)).await.status, 200);
    let settings = ducat_web::Settings {
        demo_shop: Some(ducat_web::DemoShop { merchant: stranger, currency: "EUR".parse().unwrap(), psp: None }),
        ..Default::default()
    };
    let web = ducat_web::Web { engine: world.engine.clone(), settings, draining: Default::default() };
    let request = Request::get(format!("/shop/thanks?order={}", order.id)).body(Body::empty()).unwrap();
    let answer = tower::ServiceExt::oneshot(ducat_web::router(web), request).await.unwrap();
    assert_eq!(answer.status(), 404);
}

#[tokio::test]
async fn without_a_demo_shop_there_is_a_plain_page_that_leads_to_the_documentation() {
    let world = World::new().await;
    let settings = ducat_web::Settings { secure: true, ..Default::default() };
    let web = ducat_web::Web { engine: world.engine.clone(), settings, draining: Default::default() };
    let router = ducat_web::router(web);
    let ask = async |path: &str| {
        let request = Request::get(path).body(Body::empty()).unwrap();
        tower::ServiceExt::oneshot(router.clone(), request).await.unwrap()
    };
    let landing = ask("/").await;
    assert_eq!(
        (landing.status().as_u16(), &landing.headers()["strict-transport-security"]),
        (200, &"max-age=31536000".parse().unwrap())
    );
    let body = axum::body::to_bytes(landing.into_body(), 1 << 20).await.unwrap();
    assert!(String::from_utf8_lossy(&body).contains("href=\"/docs\""));
    assert_eq!(ask("/shop/").await.status().as_u16(), 404);
}
