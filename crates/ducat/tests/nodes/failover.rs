//! The database's primary dies, or freezes, and its standby takes over: whatever a shop was told is there, and the service is back by itself.

use crate::customer::pay;
use crate::support::http::{Answer, Http};
use crate::support::log::say;
use crate::support::process::{PATIENCE, Program};
use crate::world::{KEY, World};
use ducat_test_servers::{FOLLOWED, Server};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How many shops call at once.
const SHOPS: u64 = 8;
/// How many orders are made before the primary dies, and how many after that, at least.
const ORDERS: u64 = 40;
/// How many payments the gateway has heard of before that, and how many that were made after it, at least.
const PAYMENTS: usize = 5;
/// Longer than the test may take: what becomes of a payment is known by the PSP's message, and not because a node asked.
const NOT_ASKED_FOR: Duration = Duration::from_secs(600);

/// What all shops have been told.
#[derive(Default)]
struct Told {
    /// The ids of orders, by their references.
    orders: Mutex<BTreeMap<String, String>>,
    /// The ids of those that their customers have paid.
    paid: Mutex<BTreeSet<String>>,
    made: AtomicU64,
    is_over: AtomicBool,
}

/// How long nothing is sold at the most when a primary dies and a standby leads; and how long when it freezes, which only the clock tells.
const DEAD_AT_MOST: Duration = Duration::from_secs(10);
const FROZEN_AT_MOST: Duration = Duration::from_secs(15);
/// When everybody has heard that the server is silent. The documents say ten seconds for a call that reads, and thirty for one that commits and
/// reads; five more are for a machine that has other things to do.
const READER_HEARS_WITHIN: Duration = Duration::from_secs(15);
const WRITER_HEARS_WITHIN: Duration = Duration::from_secs(35);
const READY_SAID_WITHIN: Duration = Duration::from_secs(5);
/// How long a caller waits: longer than the gateway lets anybody wait.
const CALLER_PATIENCE: Duration = Duration::from_secs(40);
/// How long a claim is good. A request that was begun and not answered can be taken up again after that, and not after the usual 45 seconds.
const LEASE: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_dies_and_service_is_back_within_seconds_with_nothing_lost() {
    let away = fail_over(Server::kill).await;
    assert!(away < DEAD_AT_MOST, "{away:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_freezes_and_service_is_back_within_seconds_with_nothing_lost() {
    let away = fail_over(Server::freeze).await;
    assert!(away < FROZEN_AT_MOST, "{away:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_only_server_is_frozen_everybody_hears_so_and_afterwards_all_goes_on() {
    let world = World::begin().await;
    let http = Http::new(CALLER_PATIENCE);
    let server = Server::start(FOLLOWED);
    server.run_sql("postgres", "CREATE DATABASE ducat");
    let settings = |program: Program| {
        program
            .with("DUCAT_DATABASE_URL", server.url("ducat"))
            .with("DUCAT_PSP_TIMEOUT_MS", 2_000)
            .with("DUCAT_LEASE_MS", LEASE.as_millis())
    };
    let node = world.node("a", settings).await;
    let orders = format!("{}/v1/payment_orders", node.url);
    let wish = |reference: &str| json!({ "reference": reference, "amount": 500, "currency": "EUR" });

    // The node believes the key and the PSP's account for five seconds from now on: a wish that comes then gets as far as its commit.
    let first = http.post_json(&orders, KEY, Some("order-0"), &wish("order-0")).await.unwrap();
    assert_eq!(first.status, 201, "{}", first.told());
    server.freeze();
    let ready = format!("{}/readyz", node.url);
    let program = node.program.clone();
    let verify = tokio::task::spawn_blocking(move || program.run(&["verify"]));
    let wishes = ["order-1", "order-2"].map(wish);
    let (made, made_too, (listed, ready), verified) = tokio::join!(
        heard(http.post_json(&orders, KEY, Some("order-1"), &wishes[0])),
        heard(http.post_json(&orders, KEY, Some("order-2"), &wishes[1])),
        // One after the other: the commits are to come first.
        async { (heard(http.get(&orders, Some(KEY))).await, heard(http.get(&ready, None)).await) },
        verify,
    );
    for ((answer, after), within, has_key) in [
        (&listed, READER_HEARS_WITHIN, false),
        (&ready, READY_SAID_WITHIN, false),
        (&made, WRITER_HEARS_WITHIN, true),
        (&made_too, WRITER_HEARS_WITHIN, true),
    ] {
        assert_eq!((answer.status, answer.json()["code"].as_str()), (503, Some("unavailable")), "{}", answer.told());
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert_eq!(detail.contains("under the same Idempotency-Key"), has_key, "{detail}");
        assert!(detail.contains("database") && *after < within, "{after:?}: {detail}");
    }
    let said = node.running.said();
    assert!(said.contains("the connection was lost during a commit"), "nothing got as far as its commit:\n{said}");
    let verified = verified.unwrap();
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    assert!(!verified.status.success() && said.contains("no database server that takes writes answered"), "{said}");

    server.thaw();
    for reference in ["order-1", "order-2"] {
        let id = order(&http, &node.url, reference).await["id"].clone();
        let found = http.get(&format!("{orders}?reference={reference}"), Some(KEY)).await.unwrap().json();
        assert_eq!(found["data"].as_array().map(Vec::len), Some(1), "the order was made once: {found}");
        assert_eq!(found["data"][0]["id"], id);
    }
    let verified = node.program.run(&["verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

/// An answer, and how long it took.
async fn heard(call: impl Future<Output = Result<Answer, String>>) -> (Answer, Duration) {
    let begun = Instant::now();
    let answer = call.await.unwrap();
    (answer, begun.elapsed())
}

/// Sells while this happens to the primary and its standby takes over. Gives how long nothing could be sold.
async fn fail_over(happens: impl FnOnce(&Server)) -> Duration {
    let world = World::begin().await;
    let primary = Server::start(FOLLOWED);
    primary.run_sql("postgres", "CREATE DATABASE ducat");
    let standby = primary.follower();
    until_it_waits_for_its_standby(&primary).await;
    let url =
        format!("postgres://ducat@127.0.0.1:{},127.0.0.1:{}/ducat?target_session_attrs=read-write", primary.port, standby.port);
    let settings =
        |program: Program| program.with("DUCAT_DATABASE_URL", &url).with("DUCAT_POLL_AFTER_MS", NOT_ASKED_FOR.as_millis());
    let mut node = world.node("a", settings).await;
    world.psp_tells(&mut node).await;

    let told = Arc::new(Told::default());
    let mut shops = JoinSet::new();
    for number in 0..SHOPS {
        shops.spawn(sell(number, world.http.clone(), node.url.clone(), Arc::clone(&told)));
    }
    until_made(&told, ORDERS).await;
    let heard_before = until_heard(&world, &BTreeSet::new()).await;
    happens(&primary);
    let began = Instant::now();
    let before = told.made.load(Ordering::Relaxed);
    standby.promote();
    until_made(&told, before + 1 + SHOPS).await;
    let away = began.elapsed();
    let paid_before = told.paid.lock().unwrap().clone();
    until_made(&told, before + ORDERS).await;
    let heard_after = until_heard(&world, &paid_before).await;
    told.is_over.store(true, Ordering::Relaxed);
    while let Some(shop) = shops.join_next().await {
        shop.unwrap();
    }

    let orders = told.orders.lock().unwrap().clone();
    for (reference, id) in &orders {
        let found = world.http.get(&format!("{}/v1/payment_orders/{id}", node.url), Some(KEY)).await.unwrap();
        assert_eq!((found.status, found.json()["reference"].as_str()), (200, Some(reference.as_str())), "{}", found.told());
    }
    let heard = world.heard_as_paid().await;
    assert!(heard.is_superset(&heard_before) && heard.is_superset(&heard_after));
    for id in &heard {
        until_succeeded(&world, &node.url, id).await;
    }
    let verified = node.program.run(&["verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    let (made, all, first) = (orders.len(), heard.len(), heard_before.len());
    let millis = away.as_millis();
    say(&format!(
        "{made} orders, {before} of them before; {all} payments heard of, {first} of them before; away for {millis} ms"
    ));
    away
}

/// Waits until a commit of this server is on its standby, too, before anybody hears of it. Otherwise nothing would be promised.
async fn until_it_waits_for_its_standby(primary: &Server) {
    let begun = Instant::now();
    loop {
        let mut psql = Command::new(ducat_test_servers::programs().join("psql"));
        let state = "SELECT sync_state FROM pg_stat_replication";
        let psql = ducat_test_servers::answer(psql.args(["-X", "-A", "-t", "-c", state, &primary.url("postgres")]), "");
        let state = String::from_utf8_lossy(&psql.stdout).trim().to_owned();
        if state == "sync" {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "the standby does not become synchronous: {state:?} {psql:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Makes one order after the other; every second one is paid.
async fn sell(number: u64, http: Http, url: String, told: Arc<Told>) {
    for round in 0_u64.. {
        if told.is_over.load(Ordering::Relaxed) {
            return;
        }
        let reference = format!("order-{number}-{round}");
        let order = order(&http, &url, &reference).await;
        let id = order["id"].as_str().unwrap().to_owned();
        told.orders.lock().unwrap().insert(reference, id.clone());
        told.made.fetch_add(1, Ordering::Relaxed);
        // What was cut off on its way to the PSP may have no page yet.
        if let Some(page) = order["redirect_url"].as_str()
            && round.is_multiple_of(2)
        {
            pay(&http, page).await;
            told.paid.lock().unwrap().insert(id);
        }
    }
}

/// Makes an order. What was not answered is asked again under the same key, as a shop does.
async fn order(http: &Http, url: &str, reference: &str) -> Value {
    let wish = json!({ "reference": reference, "amount": 500, "currency": "EUR" });
    let begun = Instant::now();
    loop {
        let answer = http.post_json(&format!("{url}/v1/payment_orders"), KEY, Some(reference), &wish).await;
        match answer {
            Ok(answer) if matches!(answer.status, 200..=202) => return answer.json(),
            other => assert!(begun.elapsed() < PATIENCE * 2, "{reference} is not made: {other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn until_made(told: &Told, wanted: u64) {
    let begun = Instant::now();
    while told.made.load(Ordering::Relaxed) < wanted {
        assert!(begun.elapsed() < PATIENCE * 2, "{} of {wanted} orders", told.made.load(Ordering::Relaxed));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until the PSP's messages of some payments that are not among these were answered well. Gives the orders of all that were.
async fn until_heard(world: &World, others: &BTreeSet<String>) -> BTreeSet<String> {
    let begun = Instant::now();
    loop {
        let heard = world.heard_as_paid().await;
        let count = heard.difference(others).count();
        if count >= PAYMENTS {
            return heard;
        }
        assert!(begun.elapsed() < PATIENCE, "the gateway took {count} of {PAYMENTS} messages");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until this order is paid for the gateway, too.
async fn until_succeeded(world: &World, url: &str, id: &str) {
    let begun = Instant::now();
    loop {
        let found = world.http.get(&format!("{url}/v1/payment_orders/{id}"), Some(KEY)).await.unwrap();
        if found.status == 200 && found.json()["status"] == "succeeded" {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "the PSP's message was taken, and the order is not paid: {}", found.told());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A node that can be read is of use to those who look at their orders, and to customers on their page.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_commits_wait_for_a_standby_that_is_gone_nodes_are_ready_and_can_be_read() {
    let world = World::begin().await;
    let server = Server::start(FOLLOWED);
    server.run_sql("postgres", "CREATE DATABASE ducat");
    let node = world.node("a", |program| program.with("DUCAT_DATABASE_URL", server.url("ducat"))).await;
    let orders = format!("{}/v1/payment_orders", node.url);
    server.run_sql("postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'");
    server.run_sql("postgres", "SELECT pg_reload_conf()");
    // As many as there are writers, one after the other, so that each has one.
    let mut wishes = Vec::new();
    for n in 1..=4 {
        let url = node.url.clone();
        wishes.push(tokio::spawn(async move { order(&Http::new(CALLER_PATIENCE), &url, &format!("order-{n}")).await }));
        let waits = format!(
            "DO $$ DECLARE begun timestamptz := clock_timestamp(); BEGIN
               WHILE (SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep') < {n} LOOP
                 IF clock_timestamp() > begun + interval '60 seconds' THEN RAISE 'it does not wait'; END IF;
                 PERFORM pg_sleep(0.01), pg_stat_clear_snapshot();
               END LOOP;
             END $$"
        );
        server.run_sql("ducat", &waits);
    }
    for _ in 0..3 {
        let ready = world.http.get(&format!("{}/readyz", node.url), None).await.unwrap();
        let listed = world.http.get(&orders, Some(KEY)).await.unwrap();
        assert_eq!((ready.status, listed.status), (200, 200), "{}", ready.told());
    }
    server.run_sql("postgres", "ALTER SYSTEM RESET synchronous_standby_names");
    server.run_sql("postgres", "SELECT pg_reload_conf()");
    for wish in wishes {
        assert_eq!(wish.await.unwrap()["status"], "pending");
    }
}
