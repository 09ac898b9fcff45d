//! The database's primary dies, or freezes, and its standby takes over: whatever a shop was told is there, and the service is back by itself.

use crate::support::process::PATIENCE;
use crate::world::{KEY, World};
use ducat_test_servers::{FOLLOWED, Server};
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

/// How long a node needs at the most to leave a primary that is frozen for a standby that leads.
const AWAY_AT_MOST: Duration = Duration::from_secs(15);
/// How long a request waits at the most for a database that does not answer, and how long whoever asks whether the node is ready.
const ANSWERED_WITHIN: Duration = Duration::from_secs(25);
const READY_SAID_WITHIN: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_dies_and_nothing_that_was_acknowledged_is_lost() {
    let away = fail_over(Server::kill).await;
    assert!(away < PATIENCE, "{away:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_freezes_and_service_is_back_within_seconds_with_nothing_lost() {
    let away = fail_over(Server::freeze).await;
    assert!(away < AWAY_AT_MOST, "{away:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_only_server_is_frozen_everybody_hears_so_and_afterwards_all_goes_on() {
    let world = World::begin().await;
    let server = Server::start(FOLLOWED);
    server.run_sql("postgres", "CREATE DATABASE ducat");
    let node = world.node("a", |program| program.with("DUCAT_DATABASE_URL", server.url("ducat"))).await;
    let orders = format!("{}/v1/payment_orders", node.url);
    let wish = json!({ "reference": "order-1", "amount": 500, "currency": "EUR" });

    server.freeze();
    let begun = Instant::now();
    let (listed, made, made_too) = tokio::join!(
        world.http.get(&orders, Some(KEY)),
        world.http.post_json(&orders, KEY, Some("order-1"), &wish),
        world.http.post_json(&orders, KEY, Some("order-2"), &wish),
    );
    assert!(begun.elapsed() < ANSWERED_WITHIN, "{:?}", begun.elapsed());
    for answer in [listed.unwrap(), made.unwrap(), made_too.unwrap()] {
        assert_eq!((answer.status, answer.json()["code"].as_str()), (503, Some("unavailable")), "{}", answer.told());
    }
    let begun = Instant::now();
    let ready = world.http.get(&format!("{}/readyz", node.url), None).await.unwrap();
    assert!(begun.elapsed() < READY_SAID_WITHIN, "{:?}", begun.elapsed());
    assert_eq!((ready.status, ready.json()["code"].as_str()), (503, Some("unavailable")), "{}", ready.told());
    let detail = ready.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("database") && !detail.contains("Idempotency"), "a reader has no key: {detail}");
    let verified = node.program.run(&["verify"]);
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    assert!(!verified.status.success() && said.contains("no database server that takes writes answered"), "{said}");

    server.thaw();
    let begun = Instant::now();
    let id = loop {
        let again = world.http.post_json(&orders, KEY, Some("order-1"), &wish).await.unwrap();
        if matches!(again.status, 200..=202) {
            break again.json()["id"].clone();
        }
        assert!(begun.elapsed() < PATIENCE, "{}", again.told());
    };
    let found = world.http.get(&format!("{orders}?reference=order-1"), Some(KEY)).await.unwrap().json();
    assert_eq!(found["data"].as_array().map(Vec::len), Some(1), "the order was made once: {found}");
    assert_eq!(found["data"][0]["id"], id);
    assert!(node.program.run(&["verify"]).status.success());
}

/// Sells while this happens to the primary and its standby takes over. Gives how long nothing could be sold.
async fn fail_over(happens: impl FnOnce(&Server)) -> Duration {
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
    happens(&primary);
    let began = Instant::now();
    let before = told.made.load(Ordering::Relaxed);
    standby.promote();
    until_made(&told, before + 1 + SHOPS).await;
    let away = began.elapsed();
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
    println!("{} orders, {before} of them before; away for {} ms", orders.len(), away.as_millis());
    away
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
