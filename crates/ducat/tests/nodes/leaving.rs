//! Nodes leave and come back while shops go on calling: every call gets its answer. `DUCAT_TEST_NODES_ROUNDS` says how
//! often each of them does.

use crate::balancer::Balancer;
use crate::support::log::say;
use crate::support::process::PATIENCE;
use crate::traffic::Traffic;
use crate::world::{KEY, World};
use ducat_test_servers::free_port;
use serde_json::json;
use std::time::{Duration, Instant};

/// How many call at once.
const CALLERS: u64 = 8;

#[tokio::test]
async fn each_node_is_stopped_and_started_again_and_no_request_is_lost() {
    let world = World::begin().await;
    let (mut a, mut b) = (world.node("a", |program| program).await, world.node("b", |program| program).await);
    let balancer = Balancer::start(world.folder(), free_port(), [&a.url, &b.url], &world.http).await;
    let traffic = Traffic::begin(&balancer.url, CALLERS);
    let rounds = std::env::var("DUCAT_TEST_NODES_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    for node in std::iter::repeat_n((), rounds).flat_map(|()| [0, 1]) {
        let node = if node == 0 { &mut a } else { &mut b };
        traffic.until_answered(50).await;
        node.leave().await;
        traffic.until_answered(50).await;
        node.come_back(&world.http).await;
        // It has its part of the calls again before the other one leaves.
        let begun = Instant::now();
        while world.figure(node, "ducat_http_requests_total", "/v1/").await < 20 {
            assert!(begun.elapsed() < PATIENCE, "{} is back and gets no calls:\n{}", node.url, balancer.said());
            traffic.until_answered(10).await;
        }
    }
    let answered = traffic.answered();
    let wrong = traffic.end().await;
    assert!(wrong.is_empty(), "{} of {} went wrong:\n{}\n{}", wrong.len(), answered, wrong.join("\n"), balancer.said());
    let verified = a.program.run(&["verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    say(&format!("{answered} calls answered, none lost"));
}

#[tokio::test]
async fn two_nodes_that_start_at_once_on_an_empty_database_are_one_gateway() {
    let world = World::begin().await;
    let (a, b) = tokio::join!(world.node("a", |program| program), world.node("b", |program| program));
    let asked = async |node: &crate::world::Node, path: &str| {
        let answer = world.http.get(&format!("{}{path}", node.url), Some(KEY)).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.told());
        answer.json()
    };
    assert_eq!(asked(&a, "/v1/merchant").await["id"], asked(&b, "/v1/merchant").await["id"]);
    let accounts = asked(&a, "/v1/psp_accounts").await;
    assert_eq!(accounts["data"].as_array().unwrap().len(), 1, "{accounts}");
    let keys = asked(&b, "/v1/api_keys").await;
    assert_eq!(keys["data"].as_array().unwrap().len(), 1, "{keys}");
}

/// Whoever keeps nodes running sees which of them is too old, and no load balancer sends it anything.
#[tokio::test]
async fn a_node_whose_database_a_newer_program_has_migrated_says_so() {
    let world = World::begin().await;
    let node = world.node("a", |program| program).await;
    world.in_database("INSERT INTO schema_migrations VALUES (9999, 'of tomorrow', now())".into()).await.unwrap();
    let answer = world.http.get(&format!("{}/readyz", node.url), None).await.unwrap();
    assert_eq!((answer.status, answer.json()["code"].as_str()), (503, Some("busy")), "{}", answer.told());
    assert!(answer.text().contains("A newer program has migrated the database"), "{}", answer.text());
    let begun = Instant::now();
    while !node.running.said().contains("the database has migration 9999 by now") {
        assert!(begun.elapsed() < PATIENCE, "{}", node.running.said());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Both have read the account before either of them writes it.
#[tokio::test]
async fn two_nodes_that_start_again_at_once_and_write_the_same_account_both_start() {
    let world = World::begin().await;
    let mut a = world.node("a", |program| program).await;
    let mut b = world.node("b", |program| program).await;
    a.running.kill();
    b.running.kill();
    let held = until_two_write_an_account(&world).await;
    let (held, (), ()) = tokio::join!(held, a.come_back(&world.http), b.come_back(&world.http));
    held.unwrap();
}

/// Neither sees the other's account before its own is written. Were both to go on, half of the orders would go to a sandbox.
#[tokio::test]
async fn of_two_nodes_that_start_at_once_on_an_empty_database_the_one_without_the_key_is_refused() {
    let world = World::begin().await;
    let ports = [free_port(), free_port()];
    let with = world.with_psp(world.program("with", ports[0]));
    let without = world.program("without", ports[1]).with("DUCAT_SANDBOX_PORT", free_port());
    let made = with.run(&["migrate"]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let held = until_two_write_an_account(&world).await;
    let mut with = with.start("with", &["serve"]);
    let mut without = without.start("without", &["serve"]);
    held.await.unwrap();
    assert!(!without.ended().await.success(), "{}", without.said());
    assert!(without.said().contains("there is no stripe_api_key"), "{}", without.said());
    let url = format!("http://127.0.0.1:{}", ports[0]);
    with.until_ready(&world.http, &format!("{url}/readyz")).await;
    let accounts = world.http.get(&format!("{url}/v1/psp_accounts"), Some(KEY)).await.unwrap().json();
    let active = accounts["data"].as_array().unwrap().iter().filter(|account| account["active"] == true);
    assert_eq!(active.map(|account| &account["name"]).collect::<Vec<_>>(), ["Stripe (from the configuration)"], "{accounts}");
}

/// Nobody writes a PSP account until there are two who would.
async fn until_two_write_an_account(world: &World) -> tokio::task::JoinHandle<()> {
    let until = |what: &str| {
        format!(
            "DECLARE begun timestamptz := clock_timestamp(); BEGIN
               LOOP
                 EXIT WHEN (SELECT count(*) FROM pg_locks WHERE relation = 'psp_accounts'::regclass AND {what};
                 IF clock_timestamp() > begun + interval '60 seconds' THEN RAISE 'nobody came: {}'; END IF;
                 PERFORM pg_sleep(0.01);
               END LOOP;
             END",
            what.replace('\'', "''")
        )
    };
    let held = format!("BEGIN; LOCK TABLE psp_accounts IN SHARE MODE; DO $$ {} $$; COMMIT", until("NOT granted) = 2"));
    let holding = world.in_database(held);
    world.in_database(format!("DO $$ {} $$", until("mode = 'ShareLock' AND granted) = 1"))).await.unwrap();
    holding
}

/// Longer than the test may take: a job that comes again within it was not waited for.
const LEASE: Duration = Duration::from_secs(120);

#[tokio::test]
async fn a_job_that_waits_for_a_psp_is_given_back_and_taken_up_at_once() {
    let world = World::begin().await;
    let mut node = world
        .node("a", |program| {
            program
                .with("DUCAT_DRAIN_MS", 0)
                .with("DUCAT_SHUTDOWN_TIMEOUT_MS", 100)
                .with("DUCAT_POLL_AFTER_MS", 100)
                .with("DUCAT_PSP_TIMEOUT_MS", 60_000)
                .with("DUCAT_LEASE_MS", LEASE.as_millis())
        })
        .await;
    // Longer than anybody waits.
    let hanging =
        world.fault(json!({ "fault": "delay", "operation": "checkout.sessions.retrieve", "delay_ms": 60_000, "count": 1 })).await;
    let wish = json!({ "reference": "order-1", "amount": 500, "currency": "EUR" });
    let order = world.http.post_json(&format!("{}/v1/payment_orders", node.url), KEY, None, &wish).await.unwrap();
    assert_eq!(order.status, 201, "{}", order.told());
    world.until_used(&hanging).await;
    node.leave().await;
    assert!(node.running.said().contains("they are given back"), "{}", node.running.said());

    let asked_again =
        world.fault(json!({ "fault": "delay", "operation": "checkout.sessions.retrieve", "delay_ms": 1, "count": 1 })).await;
    let begun = Instant::now();
    node.come_back(&world.http).await;
    world.until_used(&asked_again).await;
    assert!(begun.elapsed() < PATIENCE && PATIENCE < LEASE);
}
