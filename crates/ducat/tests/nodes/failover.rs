//! The database's primary dies and its standby takes over: whatever a shop was told is there, and the service is back by itself.

use crate::support::process::PATIENCE;
use crate::world::{KEY, World};
use ducat_test_postgres::{FOLLOWED, Server};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How many shops call at once.
const SHOPS: u64 = 8;
/// How many orders are made before the primary dies, and how many after that, at least.
const ORDERS: u64 = 40;

/// What all shops have been told.
#[derive(Default)]
struct Told {
    /// The ids of orders, by their references.
    orders: Mutex<BTreeMap<String, String>>,
    made: AtomicU64,
    is_over: AtomicBool,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_dies_and_nothing_that_was_acknowledged_is_lost() {
    let world = World::begin().await;
    let primary = Server::start(FOLLOWED);
    primary.run_sql("postgres", "CREATE DATABASE ducat");
    let standby = primary.follower();
    let url =
        format!("postgres://ducat@127.0.0.1:{},127.0.0.1:{}/ducat?target_session_attrs=read-write", primary.port, standby.port);
    let node = world.node("a", |program| program.with("DUCAT_DATABASE_URL", &url)).await;

    let told = Arc::new(Told::default());
    let mut shops = JoinSet::new();
    for number in 0..SHOPS {
        shops.spawn(sell(number, world.http.clone(), node.url.clone(), Arc::clone(&told)));
    }
    until_made(&told, ORDERS).await;
    primary.kill();
    let died = Instant::now();
    let before = told.made.load(Ordering::Relaxed);
    standby.promote();
    until_made(&told, before + 1).await;
    let away = died.elapsed();
    until_made(&told, before + ORDERS).await;
    told.is_over.store(true, Ordering::Relaxed);
    while let Some(shop) = shops.join_next().await {
        shop.unwrap();
    }

    let orders = told.orders.lock().unwrap().clone();
    for (reference, id) in &orders {
        let found = world.http.get(&format!("{}/v1/payment_orders/{id}", node.url), Some(KEY)).await.unwrap();
        assert_eq!((found.status, found.json()["reference"].as_str()), (200, Some(reference.as_str())), "{}", found.told());
    }
    let verified = node.program.run(&["verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    println!("{} orders, {before} of them before the primary died; away for {} ms", orders.len(), away.as_millis());
    assert!(away < PATIENCE, "{away:?}");
}

/// Makes one order after the other. What was not answered is asked again under the same key, as a shop does.
async fn sell(number: u64, http: crate::support::http::Http, url: String, told: Arc<Told>) {
    let orders = format!("{url}/v1/payment_orders");
    for round in 0_u64.. {
        if told.is_over.load(Ordering::Relaxed) {
            return;
        }
        let reference = format!("order-{number}-{round}");
        let wish = json!({ "reference": reference, "amount": 500, "currency": "EUR" });
        let id = loop {
            let answer = http.post_json(&orders, KEY, Some(&reference), &wish).await;
            if let Ok(answer) = answer
                && matches!(answer.status, 200..=202)
            {
                break answer.json()["id"].as_str().unwrap().to_owned();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        told.orders.lock().unwrap().insert(reference, id);
        told.made.fetch_add(1, Ordering::Relaxed);
    }
}

async fn until_made(told: &Told, wanted: u64) {
    let begun = Instant::now();
    while told.made.load(Ordering::Relaxed) < wanted {
        assert!(begun.elapsed() < PATIENCE * 2, "{} of {wanted} orders", told.made.load(Ordering::Relaxed));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
