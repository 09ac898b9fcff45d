//! Events, read on from a cursor.

use crate::world::World;
use serde_json::json;

#[tokio::test]
async fn a_reader_with_a_cursor_sees_every_event_once_oldest_first() {
    let world = World::new().await;
    for n in 0..3 {
        world.post("/v1/payment_orders", &json!({ "reference": format!("o-{n}"), "amount": 1000, "currency": "EUR" })).await;
    }
    let (mut cursor, mut seen) = (String::new(), Vec::new());
    loop {
        let page = world.get(&format!("/v1/events?limit=2{cursor}")).await.json();
        let rows = page["data"].as_array().unwrap().clone();
        let Some(last) = rows.last() else { break };
        cursor = format!("&after={}", last["id"].as_str().unwrap());
        seen.extend(rows.iter().map(|row| (row["data"]["reference"].clone(), row["sequence"].clone())));
    }
    let expected: Vec<_> = (0..3).flat_map(|n| [1, 2].map(|s| (json!(format!("o-{n}")), json!(s)))).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn events_are_filtered_by_type_and_read_one_by_one() {
    let world = World::new().await;
    world.post("/v1/payment_orders", &json!({ "reference": "o", "amount": 1000, "currency": "EUR" })).await;
    let page = world.get("/v1/events?types=payment_order.pending").await.json();
    assert_eq!(page["data"].as_array().unwrap().len(), 1);
    let event = &page["data"][0];
    assert_eq!(
        (&event["object"], &event["type"], &event["data"]["status"]),
        (&json!("event"), &json!("payment_order.pending"), &json!("pending"))
    );
    let one = world.get(&format!("/v1/events/{}", event["id"].as_str().unwrap())).await.json();
    assert_eq!(&one, event);
    let stranger = world.stranger().await;
    assert_eq!(world.get_as(&stranger, &format!("/v1/events/{}", event["id"].as_str().unwrap())).await.status, 404);
    assert_eq!(
        world.get("/v1/events?types=payment_order.paid").await.refusal(),
        (400, "invalid_parameter".into(), "types".into())
    );
    let unknown = world.get("/v1/events?after=evt_00000000000000000000000000").await;
    assert_eq!(unknown.refusal().1, "cursor_unknown");
}

#[tokio::test]
async fn the_end_of_the_log_is_found_and_read_on_from() {
    let world = World::new().await;
    assert_eq!(world.get("/v1/events?order=desc").await.json()["data"], json!([]));
    let make = |n: u32| json!({ "reference": format!("o-{n}"), "amount": 1000, "currency": "EUR" });
    world.post("/v1/payment_orders", &make(1)).await;
    let newest = world.get("/v1/events?order=desc&limit=1").await.json();
    assert_eq!((&newest["data"][0]["type"], &newest["has_more"]), (&json!("payment_order.pending"), &json!(true)));
    let after = format!("/v1/events?order=asc&after={}", newest["data"][0]["id"].as_str().unwrap());
    assert_eq!(world.get(&after).await.json()["data"], json!([]));
    world.post("/v1/payment_orders", &make(2)).await;
    let rest = world.get(&after).await.json();
    let told: Vec<_> = rest["data"].as_array().unwrap().iter().map(|event| event["data"]["reference"].clone()).collect();
    assert_eq!(told, ["o-2", "o-2"]);
    let back = world.get("/v1/events?order=desc&types=payment_order.created").await.json();
    let told: Vec<_> = back["data"].as_array().unwrap().iter().map(|event| event["data"]["reference"].clone()).collect();
    assert_eq!((told, &back["has_more"]), (vec![json!("o-2"), json!("o-1")], &json!(false)));
    let both = format!("{}&order=desc", after.replace("order=asc&", ""));
    assert_eq!(world.get(&both).await.refusal(), (400, "invalid_parameter".into(), "order".into()));
    assert_eq!(world.get("/v1/events?order=sideways").await.refusal(), (400, "invalid_parameter".into(), "order".into()));
}
