//! Starts: what an empty folder gets, what a second start finds, and what a real account changes.

use super::support::process::Program;
use super::{Gateway, text};
use ducat_test_servers::free_port;
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

#[tokio::test]
async fn in_an_empty_folder_the_pasted_command_creates_an_order_that_can_be_paid() {
    let gateway = Gateway::start().await;
    let said = gateway.running.said();
    assert!(said.contains("4242 4242 4242 4242"), "{said}");
    let command = said.lines().find(|line| line.trim_start().starts_with("curl ")).unwrap();
    let output = Command::new("sh").arg("-c").arg(format!("{command} --silent --show-error --fail-with-body")).output().unwrap();
    let order: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"));
    assert_eq!((order["status"].as_str(), order["amount"].as_i64()), (Some("pending"), Some(4999)), "{order}");
    let page = gateway.http.get(order["redirect_url"].as_str().unwrap(), None).await.unwrap();
    assert!(page.status == 200 && page.text().contains("<form"), "{}", page.text());
    let checkout = gateway.http.get(order["checkout_url"].as_str().unwrap(), None).await.unwrap();
    assert_eq!(checkout.status, 200);
    assert_eq!(gateway.http.get(&format!("{}/", gateway.url), None).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_second_start_finds_the_same_merchant_key_orders_and_sandbox() {
    let mut gateway = Gateway::start().await;
    let key = gateway.key();
    let orders = format!("{}/v1/payment_orders", gateway.url);
    let order = gateway
        .http
        .post_json(&orders, &key, None, &json!({"reference": "r1", "amount": 500, "currency": "EUR"}))
        .await
        .unwrap()
        .json();
    gateway.stop().await;
    gateway.running = gateway.program.start("again", &["serve"]);
    gateway.running.until_said("Create an order").await;
    assert_eq!(gateway.key(), key);
    let found = gateway.http.get(&format!("{orders}/{}", order["id"].as_str().unwrap()), Some(&key)).await.unwrap().json();
    assert_eq!(found["redirect_url"], order["redirect_url"]);
    let page = gateway.http.get(order["redirect_url"].as_str().unwrap(), None).await.unwrap();
    assert_eq!(page.status, 200, "the sandbox forgot the session: {}", page.text());
    let accounts = gateway.http.get(&format!("{}/v1/psp_accounts", gateway.url), Some(&key)).await.unwrap().json();
    assert_eq!(accounts["data"].as_array().unwrap().len(), 1, "{accounts}");
}

#[tokio::test]
async fn secrets_lie_in_files_for_their_owner_alone_and_in_no_log() {
    let gateway = Gateway::start_with(|program| program.with("DUCAT_LOG", "trace").with("DUCAT_LOG_FORMAT", "json")).await;
    let data = gateway.program.folder.join("ducat-data");
    for name in ["master.key", "sandbox-api-key"] {
        let mode = std::fs::metadata(data.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let master = std::fs::read_to_string(data.join("master.key")).unwrap();
    let said = gateway.running.said();
    let logs: Vec<&str> = said.lines().filter(|line| line.starts_with('{')).collect();
    assert!(logs.len() > 5 && logs.iter().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{said}");
    for secret in [master.trim(), &gateway.key(), "sk_test_", "whsec_"] {
        assert!(!logs.iter().any(|line| line.contains(secret)), "{secret} is in the log");
    }
}

#[tokio::test]
async fn the_operator_s_own_key_is_taken_when_no_key_exists_yet() {
    let key = format!("dk_test_{}", "k".repeat(32));
    let gateway = Gateway::start_with(|program| program.with("DUCAT_BOOTSTRAP_API_KEY", &key)).await;
    assert_eq!(gateway.key(), key);
    assert_eq!(gateway.http.get(&format!("{}/v1/payment_orders", gateway.url), Some(&key)).await.unwrap().status, 200);
}

#[tokio::test]
async fn with_a_real_account_there_is_no_sandbox_and_no_shop_and_the_key_is_shown_once() {
    let sandbox_port = free_port();
    let settings = |program: Program| {
        program
            .with("DUCAT_STRIPE_API_KEY", "sk_test_mine")
            .with("DUCAT_STRIPE_API_BASE", "http://127.0.0.1:9")
            .with("DUCAT_SANDBOX_PORT", sandbox_port)
    };
    let mut gateway = Gateway::start_with(settings).await;
    assert!(gateway.running.said().contains("shown only now"));
    assert!(gateway.http.get(&format!("http://127.0.0.1:{sandbox_port}/"), None).await.is_err(), "the sandbox runs");
    assert_eq!(gateway.http.get(&format!("{}/shop", gateway.url), None).await.unwrap().status, 404);
    let key = gateway.key();
    let accounts = gateway.http.get(&format!("{}/v1/psp_accounts", gateway.url), Some(&key)).await.unwrap();
    assert!(accounts.text().contains("http://127.0.0.1:9") && !accounts.text().contains("sk_test_mine"), "{}", accounts.text());
    gateway.stop().await;
    gateway.running = gateway.program.start("again", &["serve"]);
    let said = gateway.running.until_said("Create an order").await;
    assert!(!said.contains(&key) && said.contains("one of yours"), "{said}");
}

/// Whoever forgot the key would send everybody's orders to a sandbox, where a test card pays them.
#[tokio::test]
async fn a_start_without_the_key_of_the_account_that_takes_the_orders_is_refused() {
    let mut gateway = Gateway::start().await;
    let key = gateway.key();
    gateway.stop().await;
    let without = gateway.program.clone();
    let with = without.clone().with("DUCAT_STRIPE_API_KEY", "sk_test_mine").with("DUCAT_STRIPE_API_BASE", "http://127.0.0.1:9");
    let mut taking_orders = async |program: &Program, name: &str| {
        gateway.running = program.start(name, &["serve"]);
        gateway.running.until_said("Create an order").await;
        let accounts = gateway.http.get(&format!("{}/v1/psp_accounts", gateway.url), Some(&key)).await.unwrap().json();
        gateway.stop().await;
        let active = accounts["data"].as_array().unwrap().iter().filter(|account| account["active"] == true);
        active.map(|account| account["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(taking_orders(&with, "with").await, ["Stripe (from the configuration)"]);
    for program in [without.clone(), without.clone().with("DUCAT_SANDBOX", "off")] {
        let output = program.run(&["serve"]);
        let said = text(&output.stderr);
        assert!(!output.status.success() && said.contains("there is no stripe_api_key"), "{said}");
    }
    assert_eq!(taking_orders(&with, "with-again").await, ["Stripe (from the configuration)"]);
    assert_eq!(taking_orders(&without.clone().with("DUCAT_SANDBOX", "on"), "on").await, ["Stripe sandbox"]);
    let output = without.run(&["serve"]);
    assert!(text(&output.stderr).contains("there is no stripe_api_key"), "it may take orders again any day");
}

/// A node that was told otherwise would write over what the others read.
#[tokio::test]
async fn a_start_with_balances_that_are_not_those_of_the_database_is_refused_until_it_is_changed_for_all() {
    let mut gateway = Gateway::start().await;
    let key = gateway.key();
    gateway.order(json!({"reference": "paid", "amount": 500, "currency": "EUR"})).await;
    let beside = gateway.program.run(&["migrate", "--balances", "summed"]);
    assert!(!beside.status.success() && text(&beside.stderr).contains("another process"), "{}", text(&beside.stderr));
    gateway.stop().await;
    let (kept, summed) = (gateway.program.clone(), gateway.program.clone().with("DUCAT_BALANCES", "summed"));
    let refused = |program: &Program, how: &str| {
        let output = program.run(&["serve"]);
        let said = text(&output.stderr);
        assert!(!output.status.success() && said.contains(&format!("balances are {how} on this database")), "{said}");
    };
    refused(&summed, "kept");
    assert!(summed.run(&["migrate"]).status.success(), "the schema is the newest, and nothing else was asked for");
    refused(&summed, "kept");
    for (program, other, how) in [(&summed, &kept, "summed"), (&kept, &summed, "kept")] {
        let output = program.run(&["migrate", "--balances", how]);
        let said = text(&output.stdout);
        assert!(output.status.success() && said.contains(&format!("Balances are {how}")), "{said}{}", text(&output.stderr));
        refused(other, how);
        let looked = other.run(&["doctor"]);
        assert!(
            !looked.status.success() && text(&looked.stdout).contains(&format!("balances are {how} on this database")),
            "{}",
            text(&looked.stdout)
        );
        gateway.running = program.start(how, &["serve"]);
        gateway.running.until_said("Create an order").await;
        let balance = gateway.http.get(&format!("{}/v1/ledger/trial_balance", gateway.url), Some(&key)).await.unwrap();
        assert_eq!(balance.status, 200, "{}", balance.told());
        gateway.stop().await;
        assert!(other.run(&["verify"]).status.success(), "whoever only looks goes by the database");
    }
}

#[tokio::test]
async fn a_start_with_another_key_says_that_all_nodes_have_it_now() {
    let mut gateway = Gateway::start().await;
    gateway.stop().await;
    for (name, key, is_another) in
        [("one", "sk_test_of_one", false), ("again", "sk_test_of_one", false), ("two", "sk_test_of_two", true)]
    {
        let program =
            gateway.program.clone().with("DUCAT_STRIPE_API_KEY", key).with("DUCAT_STRIPE_API_BASE", "http://127.0.0.1:9");
        gateway.running = program.start(name, &["serve"]);
        let said = gateway.running.until_said("Create an order").await;
        assert_eq!(said.contains("stripe_api_key is another one than it was"), is_another, "{name}: {said}");
        assert!(!said.contains(key), "{said}");
        gateway.stop().await;
    }
}

#[test]
fn every_mistake_of_the_configuration_is_told_before_anything_is_touched() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ducat.toml"), "listne = \"x\"\nsandbox_port = 1.5\n").unwrap();
    let output = Program::in_folder(folder.path())
        .with("DUCAT_PUBLIC_URL", "ftp://x")
        .with("DUCAT_NONSENSE", "1")
        .with("DUCAT_LOG", "loud")
        .run(&["serve"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(78), "{said}");
    for part in [
        "5 mistakes",
        "ducat.toml:1: listne is no setting; did you mean listen?",
        "ducat.toml:2: sandbox_port",
        "DUCAT_PUBLIC_URL",
        "DUCAT_NONSENSE",
        "DUCAT_LOG: has \"loud\", where a level is missing: it must be error, warn, info, debug, trace or off",
    ] {
        assert!(said.contains(part), "{part} is missing in\n{said}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "something was made");
}

#[tokio::test]
async fn a_lost_or_wrong_master_key_is_told_at_the_start() {
    let mut gateway = Gateway::start().await;
    gateway.stop().await;
    let output = gateway.program.clone().with("DUCAT_MASTER_KEY", "00".repeat(32)).run(&["serve"]);
    assert!(!output.status.success() && text(&output.stderr).contains("not the one"), "{}", text(&output.stderr));
    let path = gateway.program.folder.join("ducat-data/master.key");
    std::fs::remove_file(&path).unwrap();
    let output = gateway.program.run(&["serve"]);
    assert!(!output.status.success() && text(&output.stderr).contains("bring it back"), "{}", text(&output.stderr));
    assert!(!path.exists(), "a new key would hide the loss");
}
