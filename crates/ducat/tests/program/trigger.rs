//! `ducat trigger`: every event on its list really ends in the gateway's log, and no real PSP is ever asked.

use super::support::process::{Program, Running};
use super::{Gateway, text};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// An order of one minute has to lapse.
const A_MINUTE_AND_MORE: Duration = Duration::from_secs(110);

/// The event that takes a minute runs beside the others.
const SLOW: &str = "payment_order.expired";

#[tokio::test]
async fn every_event_on_the_list_really_happens() {
    let mut gateway = Gateway::start().await;
    let list: Vec<Value> = serde_json::from_str(&gateway.said(&["trigger", "--list", "--json"])).unwrap();
    let names: Vec<&str> = list.iter().map(|row| row["event"].as_str().unwrap()).collect();
    assert!(names.contains(&SLOW) && names.contains(&"payment_order.succeeded"), "{names:?}");
    let table = gateway.said(&["trigger", "--list"]);
    assert!(names.iter().all(|name| table.contains(name)), "{table}");

    let mut slow = gateway.program.start("slow", &["trigger", SLOW, "--json"]);
    until_an_order_is_registered(&gateway).await;
    for name in names.iter().filter(|name| **name != SLOW) {
        let output = gateway.program.run(&["trigger", name, "--json"]);
        assert!(output.status.success(), "{name}: {output:?}");
        in_the_log(&gateway, name, &text(&output.stdout)).await;
    }
    let said = ended(&mut slow).await;
    in_the_log(&gateway, SLOW, &said).await;
    gateway.stop().await;
    assert!(gateway.said(&["verify"]).contains("invariants hold"));
}

async fn until_an_order_is_registered(gateway: &Gateway) {
    let begun = Instant::now();
    while gateway.asked("/v1/events?types=payment_order.pending").await["data"] == json!([]) {
        assert!(begun.elapsed() < Duration::from_secs(20), "no order came");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn in_the_log(gateway: &Gateway, name: &str, said: &str) {
    let told: Value = serde_json::from_str(said).unwrap_or_else(|e| panic!("{name}: {e}: {said}"));
    assert_eq!(told["type"], name);
    assert_eq!(gateway.asked(&format!("/v1/events/{}", told["id"].as_str().unwrap())).await, told);
}

async fn ended(running: &mut Running) -> String {
    let begun = Instant::now();
    while !running.said().contains('\n') {
        assert!(begun.elapsed() < A_MINUTE_AND_MORE, "{}", running.said());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(running.ended().await.success(), "{}", running.said());
    running.said()
}

#[tokio::test]
async fn a_person_sees_what_led_to_the_event() {
    let gateway = Gateway::start().await;
    let said = gateway.said(&["trigger", "payment_order.succeeded"]);
    for part in ["payment_order.created", "payment_order.pending", "payment_order.succeeded", "49.99 EUR", "ducat orders po_"] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    for (name, part) in [
        ("succeeded", "did you mean payment_order.succeeded"),
        ("nonsense", "--list"),
        ("payment_order.paid_twice", "cannot be made"),
    ] {
        let output = gateway.program.run(&["trigger", name]);
        assert!(output.status.code() == Some(1) && text(&output.stderr).contains(part), "{output:?}");
    }
}

#[tokio::test]
async fn without_a_sandbox_nothing_is_triggered() {
    for (base, part) in [("http://127.0.0.1:9", "does not answer"), ("", "an account at the real Stripe")] {
        let settings =
            |program: Program| program.with("DUCAT_STRIPE_API_KEY", "sk_test_mine").with("DUCAT_STRIPE_API_BASE", base);
        let gateway = Gateway::start_with(settings).await;
        let output = gateway.program.run(&["trigger", "payment_order.created", "--api-key", &gateway.key()]);
        let said = text(&output.stderr);
        assert!(output.status.code() == Some(1) && said.contains("has no sandbox") && said.contains(part), "{said}");
        assert_eq!(gateway.asked("/v1/payment_orders").await["data"], json!([]));
    }
}
