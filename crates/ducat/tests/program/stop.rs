//! Ends: signals, ports that are taken, and what a request under way gets.

use super::receiver::Receiver;
use super::support::http::Http;
use super::support::process::{PATIENCE, Program};
use super::{Gateway, text};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn sigterm_lets_a_request_under_way_finish_and_ends_with_zero() {
    let mut gateway = Gateway::start().await;
    let key = gateway.key();
    let faults = format!("{}/_sandbox/faults", gateway.sandbox());
    let rule = json!({"fault": "delay", "operation": "checkout.sessions.create", "delay_ms": 1_000, "count": 1});
    assert!(gateway.http.post_json(&faults, "sk_test_x", None, &rule).await.unwrap().status < 300);
    let (http, url) = (gateway.http.clone(), format!("{}/v1/payment_orders", gateway.url));
    let order = json!({"reference": "slow", "amount": 500, "currency": "EUR"});
    let slow = tokio::spawn(async move { http.post_json(&url, &key, None, &order).await });
    until_used_up(&gateway.http, &faults).await;
    gateway.stop().await;
    let answer = slow.await.unwrap().expect("the request was cut off");
    assert!(matches!(answer.status, 201 | 202), "{}", answer.text());
}

/// Waits until the PSP has got what it is to answer late: then the gateway's caller is waiting, too.
async fn until_used_up(http: &Http, faults: &str) {
    let begun = Instant::now();
    loop {
        let rules = http.get(faults, Some("sk_test_x")).await.unwrap().json();
        if rules["data"].as_array().unwrap_or_else(|| panic!("{rules}")).iter().all(|rule| rule["count"] == 0) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "the PSP was not asked for a session: {rules}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn after_sigterm_it_is_not_ready_at_once_and_answers_until_the_drain_is_over() {
    // So long that only the second signal ends it.
    let mut gateway = Gateway::start_with(|program| program.with("DUCAT_DRAIN_MS", 600_000)).await;
    let (key, ready) = (gateway.key(), format!("{}/readyz", gateway.url));
    assert!(gateway.http.get(&ready, None).await.unwrap().text().contains(r#""cache":"memory""#));
    gateway.running.signal("TERM");
    gateway.running.until_said("not ready any more").await;
    assert_eq!(gateway.http.get(&ready, None).await.unwrap().status, 503);
    let events = gateway.http.get(&format!("{}/v1/events", gateway.url), Some(&key)).await.unwrap();
    assert_eq!((events.status, events.closes), (200, true), "it answers, and the next request goes elsewhere");
    let order = gateway.order(json!({"reference": "late", "amount": 500, "currency": "EUR"})).await;
    assert_eq!(order["status"], "pending", "{order}");
    gateway.running.signal("TERM");
    assert!(gateway.running.ended().await.success());
    assert!(gateway.http.get(&ready, None).await.is_err());
}

#[tokio::test]
async fn a_webhook_under_way_has_as_long_as_a_job_and_does_not_come_twice() {
    let mut gateway = Gateway::start_with(|program| program.with("DUCAT_WEBHOOK_ALLOWED_NETWORKS", "127.0.0.0/8")).await;
    let receiver = Receiver::start(super::free_port()).await;
    receiver.takes(Duration::from_secs(4));
    let endpoints = format!("{}/v1/webhook_endpoints", gateway.url);
    let wish = json!({"url": receiver.url, "types": ["payment_order.created"]});
    let made = gateway.http.post_json(&endpoints, &gateway.key(), None, &wish).await.unwrap().json();
    gateway.order(json!({"reference": "r1", "amount": 500, "currency": "EUR"})).await;
    receiver.until(1).await;
    gateway.stop().await;

    gateway.running = gateway.program.start("again", &["serve"]);
    gateway.running.until_said("Create an order").await;
    let deliveries = format!("/v1/webhook_endpoints/{}/deliveries", made["id"].as_str().unwrap());
    let delivery = gateway.asked(&deliveries).await["data"][0].clone();
    assert_eq!((&delivery["state"], receiver.seen().len()), (&json!("succeeded"), 1), "{delivery}");
}

#[tokio::test]
async fn connections_on_which_no_request_is_under_way_are_not_waited_for_at_the_end() {
    // Longer than the test waits.
    let mut gateway = Gateway::start_with(|program| program.with("DUCAT_SHUTDOWN_TIMEOUT_MS", 600_000)).await;
    let address = gateway.url.strip_prefix("http://").unwrap().to_owned();
    let mut half = TcpStream::connect(&address).await.unwrap();
    half.write_all(b"GET /healthz HTTP/1.1\r\nHost").await.unwrap();
    // One that speaks HTTP/2, has asked nothing, and does not heed that the node leaves.
    let mut idle = TcpStream::connect(&address).await.unwrap();
    let no_settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    idle.write_all(&[&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &no_settings].concat()).await.unwrap();
    idle.read_exact(&mut [0; 9]).await.unwrap();
    gateway.stop().await;
    assert!(!gateway.running.said().contains("did not finish in time"), "{}", gateway.running.said());
}

#[tokio::test]
async fn the_drain_ends_by_itself() {
    let mut gateway = Gateway::start_with(|program| program.with("DUCAT_DRAIN_MS", 300)).await;
    let begun = Instant::now();
    gateway.stop().await;
    assert!(begun.elapsed() >= Duration::from_millis(300), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn sigint_ends_it_too_and_nothing_answers_afterwards() {
    let mut gateway = Gateway::start().await;
    gateway.running.signal("INT");
    assert!(gateway.running.ended().await.success());
    assert!(gateway.http.get(&format!("{}/healthz", gateway.url), None).await.is_err());
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_in_one_line_and_nothing_is_made() {
    let gateway = Gateway::start().await;
    let folder = tempfile::tempdir().unwrap();
    let address = gateway.url.strip_prefix("http://").unwrap();
    let output = Program::in_folder(folder.path()).with("DUCAT_LISTEN", address).run(&["serve"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains(address) && said.contains("in use") && said.contains("DUCAT_LISTEN"), "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_database_file_that_another_gateway_serves_is_refused_until_that_one_has_ended_in_whatever_way() {
    let mut gateway = Gateway::start().await;
    let order = gateway.order(json!({"reference": "r1", "amount": 500, "currency": "EUR"})).await;
    let second = gateway
        .program
        .clone()
        .with("DUCAT_LISTEN", format!("127.0.0.1:{}", super::free_port()))
        .with("DUCAT_SANDBOX_PORT", super::free_port());
    let output = second.run(&["serve"]);
    let said = text(&output.stderr);
    assert_eq!((output.status.code(), said.lines().count()), (Some(1), 1), "{said}");
    assert!(said.contains("another process (") && said.contains("ducat.db") && said.contains("belongs to one node"), "{said}");
    // Another way to the same file is no other file.
    let link = gateway.program.folder.join("link.db");
    std::os::unix::fs::symlink(gateway.program.folder.join("ducat-data/ducat.db"), &link).unwrap();
    let linked = second.clone().with("DUCAT_DATABASE_URL", format!("sqlite:{}", link.display())).run(&["serve"]);
    assert!(linked.status.code() == Some(1) && text(&linked.stderr).contains("another process ("), "{linked:?}");
    // Whoever only looks, or makes a key, is let in beside it.
    gateway.said(&["verify"]);
    gateway.said(&["keys", "create", "--name", "till"]);
    assert!(gateway.said(&["doctor", "--json"]).contains("\"ok\": true"));

    gateway.running.kill();
    gateway.running = second.start("second", &["serve"]);
    let said = gateway.running.until_said("Create an order").await;
    let url = said.lines().find_map(|line| line.split_whitespace().find(|word| word.starts_with("http://127.0.0.1"))).unwrap();
    let path = format!("{}/v1/payment_orders/{}", url.trim_end_matches('/'), order["id"].as_str().unwrap());
    assert_eq!(gateway.http.get(&path, Some(&gateway.key())).await.unwrap().status, 200);
}

#[tokio::test]
async fn the_sandbox_runs_alone_and_keeps_its_world() {
    let folder = tempfile::tempdir().unwrap();
    let port = super::free_port();
    let program = Program::in_folder(folder.path()).with("DUCAT_SANDBOX_PORT", port);
    let base = format!("http://127.0.0.1:{port}");
    let http = Http::new(Duration::from_secs(10));
    let mut running = program.start("sandbox", &["sandbox"]);
    running.until_said(&base).await;
    let fields = [("email".to_owned(), "ada@example.com".to_owned())];
    let customer = http.post_form(&format!("{base}/v1/customers"), Some("sk_test_alone"), &fields).await.unwrap().json();
    running.signal("TERM");
    assert!(running.ended().await.success());
    let mut running = program.start("again", &["sandbox"]);
    running.until_said(&base).await;
    let found = http
        .get(&format!("{base}/v1/customers/{}", customer["id"].as_str().unwrap()), Some("sk_test_alone"))
        .await
        .unwrap()
        .json();
    assert_eq!(found["email"], "ada@example.com");
}

#[tokio::test]
async fn killed_right_after_an_answer_gateway_and_sandbox_know_the_order_still() {
    let mut gateway = Gateway::start().await;
    let key = gateway.key();
    let orders = format!("{}/v1/payment_orders", gateway.url);
    for round in 0..5 {
        let wish = json!({"reference": format!("r{round}"), "amount": 500, "currency": "EUR"});
        let order = gateway.http.post_json(&orders, &key, None, &wish).await.unwrap().json();
        gateway.running.kill();
        gateway.running = gateway.program.start(&format!("again-{round}"), &["serve"]);
        gateway.running.until_said("Create an order").await;
        let page = gateway.http.get(order["redirect_url"].as_str().unwrap(), None).await.unwrap();
        assert_eq!(page.status, 200, "the sandbox forgot the session: {}", page.text());
        let found = gateway.http.get(&format!("{orders}/{}", order["id"].as_str().unwrap()), Some(&key)).await.unwrap().json();
        assert_eq!((&found["status"], &found["psp_token"]), (&order["status"], &order["psp_token"]));
    }
}
