//! Verbs that call a running gateway: what they show, and what they say when it cannot be done.

use super::support::process::Program;
use super::{Gateway, text};
use ducat_test_servers::free_port;
use serde_json::{Value, json};

fn wish(reference: &str, amount: i64, currency: &str) -> Value {
    json!({"reference": reference, "amount": amount, "currency": currency})
}

#[tokio::test]
async fn orders_are_listed_and_one_is_told_with_all_that_happened() {
    let gateway = Gateway::start().await;
    assert!(gateway.said(&["orders"]).starts_with("No orders."));
    gateway.order(wish("tea", 500, "JPY")).await;
    gateway.said(&["trigger", "payment_order.succeeded"]);
    gateway.said(&["trigger", "payment_order.attempt_declined"]);

    let listed = gateway.said(&["orders"]);
    let line =
        |part: &str| listed.lines().find(|line| line.contains(part)).unwrap_or_else(|| panic!("{part}\n{listed}")).to_owned();
    assert!(line("tea").contains("  500 JPY  pending") && line("succeeded").contains("49.99 EUR"), "{listed}");
    assert!(!listed.contains('\u{1b}'), "colours are for terminals");
    let found = gateway.said(&["orders", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&found).unwrap(), gateway.asked("/v1/payment_orders").await);
    let paid = gateway.said(&["orders", "--status", "succeeded"]);
    assert_eq!(paid.lines().count(), 2, "{paid}");
    assert!(gateway.said(&["orders", "--limit", "1"]).contains("There are more"));

    let declined = gateway.asked("/v1/payment_orders?limit=1").await["data"][0].clone();
    let told = gateway.said(&["orders", declined["id"].as_str().unwrap()]);
    for part in ["49.99 EUR", "pending", "requires_action", "(", "payment_order.attempt_declined", "Checkout    http://"] {
        assert!(told.contains(part), "{part}\n{told}");
    }
    assert_eq!(gateway.said(&["orders", "--reference", declined["reference"].as_str().unwrap()]), told);
    let one: Value = serde_json::from_str(&gateway.said(&["orders", declined["id"].as_str().unwrap(), "--json"])).unwrap();
    assert_eq!(one["events"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn events_are_shown_newest_last_and_followed_until_ctrl_c() {
    let gateway = Gateway::start().await;
    assert!(gateway.said(&["events"]).starts_with("No such events"));
    gateway.order(wish("one", 500, "EUR")).await;
    let events = gateway.asked("/v1/events").await["data"].clone();
    let (first, last) = (events[0]["id"].as_str().unwrap(), events[1]["id"].as_str().unwrap());
    let shown = gateway.said(&["events"]);
    assert!(shown.find(first).unwrap() < shown.find(last).unwrap(), "{shown}");
    assert!(!gateway.said(&["events", "--limit", "1"]).contains(first));
    assert!(!gateway.said(&["events", "--after", first]).contains(first));
    assert!(!gateway.said(&["events", "--type", "payment_order.created"]).contains(last));
    assert!(gateway.said(&["events", "--type", "payment_order.*"]).contains(last));
    let read: Value = serde_json::from_str(&gateway.said(&["events", "--after", first, "--json"])).unwrap();
    assert_eq!(read, gateway.asked(&format!("/v1/events?after={first}")).await);

    let mut person = gateway.program.start("person", &["events", "--follow"]);
    let mut program = gateway.program.start("program", &["events", "--follow", "--json", "--type", "payment_order.succeeded"]);
    person.until_said(last).await;
    gateway.said(&["trigger", "payment_order.succeeded"]);
    person.until_said("payment_order.succeeded").await;
    program.until_said("\n").await;
    let paid = gateway.asked("/v1/events?types=payment_order.succeeded").await["data"][0].clone();
    let lines: Vec<Value> = program.said().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, [paid]);
    for running in [&mut person, &mut program] {
        running.signal("INT");
        assert!(running.ended().await.success());
    }
}

#[tokio::test]
async fn an_order_is_called_off_and_a_paid_one_is_not() {
    let gateway = Gateway::start().await;
    let order = gateway.order(wish("one", 500, "EUR")).await;
    let id = order["id"].as_str().unwrap();
    assert_eq!(gateway.said(&["cancel", id]), format!("{id} is canceled.\n"));
    let again: Value = serde_json::from_str(&gateway.said(&["cancel", id, "--json"])).unwrap();
    assert_eq!(again["status"], "canceled");
    let paid: Value = serde_json::from_str(&gateway.said(&["trigger", "payment_order.succeeded", "--json"])).unwrap();
    let refused = gateway.program.run(&["cancel", paid["payment_order"].as_str().unwrap()]);
    let said = text(&refused.stderr);
    assert!(refused.status.code() == Some(1) && said.contains("payment_order_not_cancelable, req_"), "{said}");
}

#[tokio::test]
async fn money_is_given_back_in_parts_and_never_more_than_there_is() {
    let gateway = Gateway::start().await;
    let paid: Value = serde_json::from_str(&gateway.said(&["trigger", "payment_order.succeeded", "--json"])).unwrap();
    let id = paid["payment_order"].as_str().unwrap();
    let said = gateway.said(&["refund", id, "--amount", "12.34", "--reason", "broken cup"]);
    assert!(said.starts_with("re_") && said.contains("12.34 EUR") && said.contains("given back"), "{said}");
    let part: Value = serde_json::from_str(&gateway.said(&["refund", id, "--minor", "100", "--json"])).unwrap();
    assert_eq!((&part["amount"], &part["status"]), (&json!(100), &json!("succeeded")));
    for (arguments, told) in [
        (["refund", id, "--amount", "1.234"], "at most 2 decimals"),
        (["refund", id, "--amount", "36.66"], "amount_too_large"),
        (["refund", id, "--minor", "3666"], "amount_too_large"),
    ] {
        let output = gateway.program.run(&arguments);
        assert!(output.status.code() == Some(1) && text(&output.stderr).contains(told), "{output:?}");
    }
    gateway.said(&["refund", id]);
    let told = gateway.said(&["orders", id]);
    for part in ["Refunded    49.99 EUR", "12.34 EUR  broken cup", "36.65 EUR", "refund.succeeded"] {
        assert!(told.contains(part), "{part}\n{told}");
    }
    assert!(gateway.said(&["orders"]).contains("49.99 EUR refunded"));
}

#[tokio::test]
async fn a_refund_that_the_psp_does_not_answer_is_waited_for_until_its_fate_is_known() {
    let gateway = Gateway::start().await;
    let paid: Value = serde_json::from_str(&gateway.said(&["trigger", "payment_order.succeeded", "--json"])).unwrap();
    let silent = json!({"fault": "drop_request", "operation": "refunds.create", "count": 1});
    let faults = format!("{}/_sandbox/faults", gateway.sandbox());
    assert_eq!(gateway.http.post_json(&faults, "sk_test_any", None, &silent).await.unwrap().status, 200);
    let id = paid["payment_order"].as_str().unwrap();
    let said = gateway.said(&["refund", id]);
    assert!(said.contains("49.99 EUR") && said.contains("given back") && !said.contains("not known"), "{said}");
    let events = gateway.said(&["events", "--type", "refund.*"]);
    assert!(events.contains("refund.unknown") && events.contains("refund.succeeded"), "{events}");
    assert_eq!(events.matches("refund.created").count(), 1, "it was given back once: {events}");
}

#[tokio::test]
async fn held_money_is_taken_whole_or_in_part() {
    let gateway = Gateway::start().await;
    let held: Value = serde_json::from_str(&gateway.said(&["trigger", "payment_order.authorized", "--json"])).unwrap();
    let id = held["payment_order"].as_str().unwrap();
    let output = gateway.program.run(&["capture", id, "--amount", "50.00"]);
    assert!(output.status.code() == Some(1) && text(&output.stderr).contains("amount_too_large"), "{output:?}");
    assert_eq!(gateway.said(&["capture", id, "--amount", "10"]), format!("{id} is succeeded: 10.00 EUR are taken.\n"));
    assert_eq!(gateway.asked(&format!("/v1/payment_orders/{id}")).await["amount_captured"], 1000);
}

#[tokio::test]
async fn what_goes_wrong_is_told_in_one_line_that_says_what_to_do() {
    let gateway = Gateway::start().await;
    let read_only: Value = serde_json::from_str(&gateway.said(&["keys", "create", "--scope", "read", "--json"])).unwrap();
    let read_only = read_only["key"].as_str().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let stranger = Program::in_folder(elsewhere.path());
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let wrong = format!("dk_test_{}", "x".repeat(32));
    let order = "po_00000000000000000000000000";
    let cases: [(&Program, &[&str], &str); 9] = [
        (&gateway.program, &["orders", "--api-key", &wrong], "the key came from --api-key"),
        (&gateway.program, &["orders", "--url", &nobody], "Connection refused"),
        (&gateway.program, &["orders", "--url", "https://pay.example.com"], "--api-key or DUCAT_API_KEY"),
        (&gateway.program, &["orders", order], "There is no such payment order (not_found, req_"),
        (&gateway.program, &["orders", "--reference", "none"], "no order with the reference none"),
        (&gateway.program, &["orders", "--status", "paid"], "status must be one of created"),
        (&gateway.program, &["events", "--type", "nothing.*"], "begins with nothing."),
        (&gateway.program, &["cancel", order, "--api-key", read_only], "needs a key of scope payments"),
        (&stranger, &["orders"], "sandbox-api-key is not there"),
    ];
    for (program, arguments, part) in cases {
        let output = program.run(arguments);
        let said = text(&output.stderr);
        assert_eq!((output.status.code(), said.lines().count()), (Some(1), 1), "{arguments:?}: {said}");
        assert!(said.starts_with("ducat: ") && said.contains(part), "{arguments:?}: {part} is missing in {said}");
        assert!(!said.contains(&wrong) && !said.contains(read_only), "a key is shown: {said}");
    }
    let program = stranger.with("DUCAT_API_KEY", &wrong);
    let said = text(&program.run(&["orders", "--url", &gateway.url]).stderr);
    assert!(said.contains("api_key (DUCAT_API_KEY)"), "{said}");
    assert!(program.with("DUCAT_API_KEY", read_only).run(&["orders", "--url", &gateway.url]).status.success());
}

#[test]
fn a_command_that_cannot_be_meant_is_refused_before_anybody_is_called() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::in_folder(folder.path());
    let order = "po_00000000000000000000000000";
    let cases: [&[&str]; 10] = [
        &["orders", "po_x"],
        &["orders", order, "--status", "pending"],
        &["orders", "--limit", "0"],
        &["orders", "--url", "ftp://x"],
        &["refund", order, "--amount", "1.00", "--minor", "100"],
        &["refund", order, "--minor", "0"],
        &["listen"],
        &["listen", "--forward-to", "file:///etc/passwd"],
        &["listen", "--forward-to", "localhost:1", "--secret", "hush"],
        &["trigger"],
    ];
    for arguments in cases {
        let output = program.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
    }
    let help = text(&program.run(&["help"]).stdout);
    for verb in ["orders", "events", "listen", "trigger", "capture", "refund", "cancel"] {
        assert!(help.contains(&format!("\n  {verb}")), "{verb}\n{help}");
    }
}

#[tokio::test]
async fn a_gateway_that_asks_for_patience_is_given_some() {
    let settings = |program: Program| program.with("DUCAT_RATE_LIMIT_PER_SECOND", 1).with("DUCAT_RATE_LIMIT_BURST", 1);
    let gateway = Gateway::start_with(settings).await;
    for _ in 0..3 {
        gateway.said(&["orders"]);
    }
    let refused = gateway.http.get(&format!("{}/v1/events", gateway.url), Some(&gateway.key())).await.unwrap();
    assert_eq!(refused.status, 429, "nothing was limited");
}
