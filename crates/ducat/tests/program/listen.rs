//! `ducat listen`: what reaches the merchant's program, and what is told of what does not.

use super::receiver::{Receiver, address};
use super::support::process::Running;
use super::{Gateway, text};
use ducat_test_servers::free_port;
use serde_json::{Value, json};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

async fn order(gateway: &Gateway, reference: &str) -> Value {
    gateway.order(json!({"reference": reference, "amount": 500, "currency": "EUR"})).await
}

/// The secret that it printed at the start.
async fn secret(listening: &mut Running) -> String {
    let said = listening.until_said("whsec_").await;
    let rest = said.split("whsec_").nth(1).unwrap();
    format!("whsec_{}", rest.split_whitespace().next().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn events_reach_the_program_in_their_order_signed_and_whole() {
    let gateway = Gateway::start().await;
    order(&gateway, "before").await;
    let receiver = Receiver::start(free_port()).await;
    let mut listening = gateway.program.start("listen", &["listen", "--forward-to", &receiver.url]);
    let secret = secret(&mut listening).await;
    gateway.said(&["trigger", "payment_order.succeeded"]);
    let seen = receiver.until(3).await;
    let kinds: Vec<Value> = seen.iter().take(3).map(|message| message.event()["type"].clone()).collect();
    assert_eq!(kinds, ["payment_order.created", "payment_order.pending", "payment_order.succeeded"]);
    for message in &seen {
        assert!(message.is_signed_with(&secret), "{message:?}");
        let mut event = gateway.asked(&format!("/v1/events/{}", message.id)).await;
        event["timestamp"] = event["created_at"].clone();
        assert_eq!(message.event(), event);
    }
    let said = listening.until_said("payment_order.succeeded").await;
    assert!(said.lines().filter(|line| line.contains("  200 in ")).count() >= 3, "{said}");
    listening.signal("INT");
    assert!(listening.ended().await.success());
    let said = listening.said();
    assert!(said.contains("taken, 0 failed") && said.contains("--after evt_"), "{said}");
    assert_eq!(said.matches(&secret).count(), 1, "the secret is shown once: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_down_at_first_misses_nothing() {
    let gateway = Gateway::start().await;
    let port = free_port();
    let mut listening = gateway
        .program
        .start("listen", &["listen", "--forward-to", &address(port), "--secret", SECRET, "--type", "payment_order.*"]);
    listening.until_said("Ctrl-C ends").await;
    order(&gateway, "one").await;
    listening.until_said("does not answer (Connection refused").await;
    let receiver = Receiver::start(port).await;
    let seen = receiver.until(2).await;
    let kinds: Vec<Value> = seen.iter().map(|message| message.event()["type"].clone()).collect();
    assert_eq!(kinds, ["payment_order.created", "payment_order.pending"]);
    assert!(seen.iter().all(|message| message.is_signed_with(SECRET)));
    let said = listening.until_said("payment_order.pending").await;
    assert!(!said.contains("was not taken") && !said.contains("whsec_"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_program_refuses_is_told_and_forwarded_again_when_asked() {
    let gateway = Gateway::start().await;
    let receiver = Receiver::start(free_port()).await;
    receiver.answers(500);
    let arguments = ["listen", "--forward-to", &receiver.url, "--secret", SECRET, "--json"];
    let mut listening = gateway.program.start_with_keyboard("listen", &arguments);
    listening.until_said("forwarding").await;
    order(&gateway, "one").await;
    let refused = receiver.until(2).await;
    listening.until_said("press Enter").await;
    listening.until_said(&format!("--replay {}", refused[1].id)).await;
    receiver.answers(204);
    listening.press_enter();
    let seen = receiver.until(4).await;
    let ids = |messages: &[super::receiver::Message]| messages.iter().map(|message| message.id.clone()).collect::<Vec<_>>();
    assert_eq!((ids(&seen[2..]), seen.len()), (ids(&refused), 4), "each is sent again, once, in order");
    let said = listening.until_said("\"status\":204").await;
    let statuses: Vec<Value> =
        said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).map(|told| told["status"].clone()).collect();
    assert_eq!(statuses[1..3], [json!(500), json!(500)], "{said}");

    let replay = ["listen", "--forward-to", &receiver.url, "--secret", SECRET, "--replay", &refused[0].id];
    let output = gateway.program.run(&replay);
    assert!(output.status.success() && text(&output.stdout).contains("204 in "), "{output:?}");
    let again = receiver.until(5).await;
    assert!(again[4].id == refused[0].id && again[4].is_signed_with(SECRET));
    receiver.answers(404);
    assert_eq!(gateway.program.run(&replay).status.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_begins_where_one_likes_and_with_the_types_one_likes() {
    let gateway = Gateway::start().await;
    order(&gateway, "one").await;
    let first = gateway.asked("/v1/events").await["data"][0]["id"].as_str().unwrap().to_owned();
    let cases: [(&[&str], &[&str]); 3] = [
        (&["--from-start"], &["payment_order.created", "payment_order.pending"]),
        (&["--after", &first], &["payment_order.pending"]),
        (&["--from-start", "--type", "payment_order.pending"], &["payment_order.pending"]),
    ];
    for (more, expected) in cases {
        let receiver = Receiver::start(free_port()).await;
        let arguments = [&["listen", "--forward-to", &receiver.url, "--secret", SECRET], more].concat();
        let _listening = gateway.program.start("listen", &arguments);
        let kinds: Vec<Value> = receiver.until(expected.len()).await.iter().map(|m| m.event()["type"].clone()).collect();
        assert_eq!(kinds, expected, "{more:?}");
    }
    let unknown = gateway.program.run(&["listen", "--forward-to", "localhost:1", "--after", "evt_00000000000000000000000000"]);
    assert!(text(&unknown.stderr).contains("cursor_unknown"), "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_restarts_is_waited_for_and_nothing_is_lost() {
    let mut gateway = Gateway::start().await;
    let receiver = Receiver::start(free_port()).await;
    let mut listening = gateway.program.start("listen", &["listen", "--forward-to", &receiver.url]);
    listening.until_said("Ctrl-C ends").await;
    order(&gateway, "one").await;
    receiver.until(2).await;
    gateway.stop().await;
    listening.until_said("trying again").await;
    gateway.running = gateway.program.start("again", &["serve"]);
    gateway.running.until_said("Create an order").await;
    order(&gateway, "two").await;
    let seen = receiver.until(4).await;
    let told: Vec<Value> = seen.iter().map(|message| message.event()["data"]["reference"].clone()).collect();
    assert_eq!(told, ["one", "one", "two", "two"]);
    listening.until_said("answers again").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_forwarded_is_to_the_byte_what_a_webhook_endpoint_gets() {
    let gateway = Gateway::start_with(|program| program.with("DUCAT_WEBHOOK_ALLOWED_NETWORKS", "127.0.0.0/8")).await;
    let (endpoint, local) = (Receiver::start(free_port()).await, Receiver::start(free_port()).await);
    let endpoints = format!("{}/v1/webhook_endpoints", gateway.url);
    let made = gateway.http.post_json(&endpoints, &gateway.key(), None, &json!({ "url": endpoint.url })).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.told());
    let mut listening = gateway.program.start("listen", &["listen", "--forward-to", &local.url]);
    listening.until_said("Ctrl-C ends").await;
    gateway.said(&["trigger", "payment_order.succeeded"]);
    for forwarded in local.until(3).await.iter().take(3) {
        let delivered = endpoint.until_with(&forwarded.id).await;
        assert_eq!(forwarded.body, delivered.body);
    }
}
