//! Two nodes on one database: what one of them keeps in memory of what the other changes.

use ducat_domain::Secret;
use ducat_engine::psp_accounts::{self, PspAccountPatch};
use ducat_engine::webhooks::{self, ReceiveError, Received};
use ducat_engine::{Engine, payments};
use ducat_testkit::World;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::time::Duration;

/// Longer than a node believes what it has read of an account.
const A_WHILE: Duration = Duration::from_secs(6);

async fn change(node: &Engine, world: &World, patch: PspAccountPatch) {
    psp_accounts::update(node, world.merchant, world.account, patch, None).await.expect("a change");
}

async fn set_secret(node: &Engine, world: &World, secret: &str) {
    let settings = [("webhook_secret".to_owned(), Secret::new(secret))].into();
    change(node, world, PspAccountPatch { settings, ..PspAccountPatch::default() }).await;
}

/// A message that means nothing, signed with this secret.
async fn send(node: &Engine, world: &World, id: &str, secret: &str) -> Result<Received, ReceiveError> {
    let body = format!(r#"{{"id":"{id}","object":"event","type":"customer.created","data":{{"object":{{}}}}}}"#);
    let at = world.clock_seconds();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length");
    mac.update(format!("{at}.{body}").as_bytes());
    let header = format!("t={at},v1={}", hex::encode(mac.finalize().into_bytes()));
    let look = move |name: &str| (name == "stripe-signature").then(|| header.clone());
    webhooks::receive(node, "stripe", world.account, look, body.as_bytes()).await
}

#[tokio::test]
async fn a_message_signed_with_a_secret_that_only_the_other_node_was_told_is_believed() {
    let mut world = World::new(301).await;
    let here = world.engine.clone();
    set_secret(&here, &world, "whsec_first").await;
    assert_eq!(send(&here, &world, "evt_1", "whsec_first").await.expect("believed"), Received::Stored);
    world.restart().await;
    set_secret(&world.engine, &world, "whsec_second").await;
    assert_eq!(send(&here, &world, "evt_2", "whsec_second").await.expect("believed at once"), Received::Stored);
    let old = send(&here, &world, "evt_3", "whsec_first").await;
    assert!(matches!(old, Err(ReceiveError::Untrusted(_))), "{old:?}");
}

#[tokio::test]
async fn an_account_that_was_closed_takes_no_orders_here_at_once_and_on_the_other_node_soon() {
    let mut world = World::new(302).await;
    let here = world.engine.clone();
    let merchant = world.merchant;
    let create = async |node: &Engine, reference| payments::create(node, merchant, World::order(reference, 4999), None).await;
    create(&here, "order-1").await.expect("an order");
    world.restart().await;
    let there = world.engine.clone();
    change(&there, &world, PspAccountPatch { active: Some(false), ..PspAccountPatch::default() }).await;
    assert!(create(&there, "order-2").await.is_err(), "the node that closed it knows");
    world.clock.advance(A_WHILE);
    assert!(create(&here, "order-3").await.is_err(), "the other has looked again");
}
