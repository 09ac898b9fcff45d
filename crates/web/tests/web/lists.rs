//! Lists: windows, filters, and parameters that there are not.

use crate::world::World;
use serde_json::{Value, json};

async fn orders(world: &World, count: u32) -> Vec<String> {
    let mut ids = Vec::new();
    for n in 0..count {
        world.clock.advance(std::time::Duration::from_secs(1));
        let terms = json!({ "reference": format!("order-{n}"), "amount": 1000, "currency": "EUR" });
        ids.push(world.post("/v1/payment_orders", &terms).await.text("id"));
    }
    ids.reverse();
    ids
}

fn ids(list: &Value) -> Vec<&str> {
    list["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn pages_follow_each_other_in_both_directions() {
    let world = World::new().await;
    let all = orders(&world, 5).await;
    let first = world.get("/v1/payment_orders?limit=2").await.json();
    assert_eq!((ids(&first), &first["object"], &first["has_more"]), (vec![&*all[0], &*all[1]], &json!("list"), &json!(true)));
    let last = world.get(&format!("/v1/payment_orders?limit=3&starting_after={}", all[1])).await.json();
    assert_eq!((ids(&last), &last["has_more"]), (vec![&*all[2], &*all[3], &*all[4]], &json!(false)));
    let back = world.get(&format!("/v1/payment_orders?limit=1&ending_before={}", all[2])).await.json();
    assert_eq!(ids(&back), vec![&*all[1]]);
}

#[tokio::test]
async fn lists_are_filtered_by_reference_status_and_time() {
    let world = World::new().await;
    let all = orders(&world, 3).await;
    assert_eq!(ids(&world.get("/v1/payment_orders?reference=order-1").await.json()), vec![&*all[1]]);
    assert_eq!(ids(&world.get("/v1/payment_orders?status=succeeded").await.json()).len(), 0);
    let since = world.get(&format!("/v1/payment_orders/{}", all[1])).await.text("created_at");
    assert_eq!(ids(&world.get(&format!("/v1/payment_orders?created_gte={since}")).await.json()), vec![&*all[0], &*all[1]]);
    assert_eq!(ids(&world.get(&format!("/v1/payment_orders?created_lt={since}")).await.json()), vec![&*all[2]]);
    let none = world.get(&format!("/v1/payment_orders?created_gte={since}&created_lt={since}")).await.json();
    assert_eq!(ids(&none).len(), 0);
}

#[tokio::test]
async fn orders_that_can_still_move_are_listed_by_status_in_pages_like_all_others() {
    let world = World::new().await;
    let all = orders(&world, 4).await;
    world.post(&format!("/v1/payment_orders/{}/cancel", all[1]), &json!({})).await;
    let first = world.get("/v1/payment_orders?status=pending&limit=2").await.json();
    assert_eq!((ids(&first), &first["has_more"]), (vec![&*all[0], &*all[2]], &json!(true)));
    let last = world.get(&format!("/v1/payment_orders?status=pending&limit=2&starting_after={}", all[2])).await.json();
    assert_eq!((ids(&last), &last["has_more"]), (vec![&*all[3]], &json!(false)));
    let back = world.get(&format!("/v1/payment_orders?status=pending&limit=1&ending_before={}", all[3])).await.json();
    assert_eq!(ids(&back), vec![&*all[2]]);
    assert_eq!(ids(&world.get("/v1/payment_orders?status=canceled").await.json()), vec![&*all[1]]);
    let since = world.get(&format!("/v1/payment_orders/{}", all[2])).await.text("created_at");
    let late = world.get(&format!("/v1/payment_orders?status=pending&created_gte={since}")).await.json();
    assert_eq!(ids(&late), vec![&*all[0], &*all[2]]);
    assert_eq!(ids(&world.get("/v1/payment_orders?status=pending&reference=order-0").await.json()), vec![&*all[3]]);
}

#[tokio::test]
async fn wrong_parameters_are_refused_by_name() {
    let world = World::new().await;
    let id = "po_00000000000000000000000000";
    for (query, code, param) in [
        ("limit=0".to_owned(), "invalid_parameter", "limit"),
        ("limit=101".to_owned(), "invalid_parameter", "limit"),
        ("limt=1".to_owned(), "unknown_parameter", "limt"),
        ("status=paid".to_owned(), "invalid_parameter", "status"),
        ("created_gte=yesterday".to_owned(), "invalid_parameter", "created_gte"),
        (format!("starting_after={id}&ending_before={id}"), "invalid_parameter", "ending_before"),
        ("starting_after=evt_1".to_owned(), "invalid_parameter", "starting_after"),
    ] {
        let answer = world.get(&format!("/v1/payment_orders?{query}")).await;
        assert_eq!(answer.refusal(), (400, code.into(), param.into()), "{query}");
    }
    assert_eq!(world.get("/v1/merchant?x=1").await.refusal().1, "unknown_parameter");
}
