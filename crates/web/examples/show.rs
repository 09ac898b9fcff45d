//! Serves the pages over a database that is thrown away, with an order in every state, to be looked at. Only for those who work on them.

#![allow(dead_code, missing_docs)]

#[path = "../tests/web/world.rs"]
mod world;

use ducat_domain::payments::{CaptureMode, Channel, LineItem, PaymentMethod, PaymentType};
use ducat_engine::payments::{self, NewOrder};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use world::{Mood, World};

async fn order(world: &World, base: &str, reference: &str, back: Option<&str>) -> (ducat_domain::PaymentOrderId, String) {
    let new = NewOrder {
        reference: reference.into(),
        amount: 5890,
        currency: "EUR".into(),
        payment_type: PaymentType::Sale,
        payment_method: PaymentMethod::Apm,
        psp: None,
        capture: CaptureMode::Automatic,
        channel: Channel::Ecommerce,
        description: None,
        line_items: vec![
            LineItem { name: "House blend, 250 g".into(), quantity: 2, unit_amount: 1250 },
            LineItem { name: "Pour-over dripper".into(), quantity: 1, unit_amount: 3390 },
        ],
        customer: None,
        success_url: back.map(|_| format!("{base}/shop/thanks?order={{PAYMENT_ORDER_ID}}")),
        cancel_url: back.map(|back| format!("{base}{back}")),
        expires_in: None,
        metadata: BTreeMap::new(),
    };
    let answer = payments::create(&world.engine, world.merchant, new, None).await.expect("an order");
    let body: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
    let token = body["psp_token"].as_str().unwrap_or_default().to_owned();
    (body["id"].as_str().expect("an id").parse().expect("an id"), token)
}

#[tokio::main]
async fn main() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let world = World::with(&base, ducat_web::Limits::default()).await;
    println!(
        "shop {base}/\ndocs {base}/docs\nerrors {base}/docs/errors\nerror {base}/docs/errors/reference_taken\nmissing {base}/pay/po_1"
    );
    println!("key {}", world.admin);
    let (open, _) = order(&world, &base, "order-1001", Some("/shop/")).await;
    println!("open {base}/pay/{open}");
    let (declined, token) = order(&world, &base, "order-1002", Some("/shop/")).await;
    world.psp.decline(&token);
    payments::come_back(&world.engine, declined).await.expect("a look");
    println!("declined {base}/pay/{declined}");
    let (processing, token) = order(&world, &base, "order-1003", Some("/shop/")).await;
    world.psp.process(&token);
    payments::come_back(&world.engine, processing).await.expect("a look");
    println!("processing {base}/pay/{processing}");
    let (paid, token) = order(&world, &base, "order-1004", Some("/shop/")).await;
    world.psp.pay(&token);
    let checkout = payments::come_back(&world.engine, paid).await.expect("a look");
    println!("paid {base}/pay/{paid}\nthanks {}", checkout.onward_url.expect("a way on"));
    let (canceled, _) = order(&world, &base, "order-1005", None).await;
    payments::cancel(&world.engine, world.merchant, canceled, None).await.expect("an end");
    println!("canceled {base}/pay/{canceled}");
    *world.psp.mood.lock().expect("a mood") = Mood::Mute;
    let (unknown, _) = order(&world, &base, "order-1006", None).await;
    println!("unknown {base}/pay/{unknown}");
    *world.psp.mood.lock().expect("a mood") = Mood::Well;
    let service = world.router.clone().into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).await.expect("a server");
}
