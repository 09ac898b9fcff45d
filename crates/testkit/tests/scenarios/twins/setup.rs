//! What a merchant sets up: endpoints and their deliveries, API keys, PSP accounts.

use super::{Asked, played};
use ducat_domain::{DeliveryId, MerchantId, Scope, Secret, WebhookEndpointId};
use ducat_engine::api_keys::{self, NewKey};
use ducat_engine::deliveries::{self, Dispatcher};
use ducat_engine::psp_accounts::{self, NewPspAccount, PspAccountPatch};
use ducat_engine::webhook_endpoints::{self, MAX_ENDPOINTS, NewReplay, NewWebhookEndpoint, Use, WebhookEndpointPatch};
use ducat_engine::{Answer, Engine, Error, RequestKey};
use ducat_store::{DeliveryFilter, PageAnchor};
use ducat_testkit::{Receiver, STRIPE_KEY, World};
use serde_json::Value;
use std::time::Duration;

const URL: &str = "https://shop.example/hooks";

async fn make(node: &Engine, merchant: MerchantId, key: Option<RequestKey>) -> Result<Answer, Error> {
    let new = NewWebhookEndpoint { url: URL.into(), description: "twin".into(), types: Vec::new() };
    webhook_endpoints::create(node, merchant, new, key).await
}

/// The one endpoint that there is, and new.
async fn endpoint(world: &World, _: usize) -> WebhookEndpointId {
    for old in world.engine.store().webhook_endpoints(world.merchant).await.unwrap() {
        webhook_endpoints::delete(&world.engine, world.merchant, old.id).await.unwrap();
    }
    let made: Value = serde_json::from_slice(&make(&world.engine, world.merchant, None).await.unwrap().body).unwrap();
    made["id"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn the_last_endpoint_that_there_may_be_is_made_and_not_one_too_many() {
    let room_for_one = async |world: &World, _| {
        let mut there = world.engine.store().webhook_endpoints(world.merchant).await.unwrap();
        assert!(there.len() <= MAX_ENDPOINTS);
        while there.len() >= MAX_ENDPOINTS {
            webhook_endpoints::delete(&world.engine, world.merchant, there.pop().unwrap().id).await.unwrap();
        }
        for _ in there.len() + 1..MAX_ENDPOINTS {
            make(&world.engine, world.merchant, None).await.unwrap();
        }
    };
    let ask = |node: Engine, merchant, (), key: Option<RequestKey>| -> Asked {
        Box::pin(async move { make(&node, merchant, key).await })
    };
    assert_eq!(played(831, room_for_one, ask).await, 0);
}

#[tokio::test]
async fn an_endpoint_is_changed_and_was_not_changed_by_somebody_else() {
    let ask = |node: Engine, merchant, id, key: Option<RequestKey>| -> Asked {
        let patch = WebhookEndpointPatch { status: Some(Use::Disabled), ..WebhookEndpointPatch::default() };
        Box::pin(async move { webhook_endpoints::update(&node, merchant, id, patch, key).await })
    };
    assert_eq!(played(832, endpoint, ask).await, 0);
}

#[tokio::test]
async fn a_secret_is_rotated_once() {
    let ask = |node: Engine, merchant, id, key: Option<RequestKey>| -> Asked {
        Box::pin(async move { webhook_endpoints::rotate_secret(&node, merchant, id, None, key).await })
    };
    assert_eq!(played(833, endpoint, ask).await, 0);
}

#[tokio::test]
async fn a_test_is_sent_and_answered_alike() {
    let ask = |node: Engine, merchant, id, key: Option<RequestKey>| -> Asked {
        Box::pin(async move { webhook_endpoints::test(&node, merchant, id, key).await })
    };
    assert_eq!(played(834, endpoint, ask).await, 0);
}

#[tokio::test]
async fn the_last_replay_that_there_may_be_is_begun_and_not_one_too_many() {
    async fn replay(
        node: &Engine,
        merchant: MerchantId,
        id: WebhookEndpointId,
        key: Option<RequestKey>,
    ) -> Result<Answer, Error> {
        let from = ducat_domain::Timestamp::from_seconds(0);
        webhook_endpoints::replay(node, merchant, id, NewReplay { from, before: None, types: Vec::new() }, key).await
    }
    let four_begun = async |world: &World, place| {
        let id = endpoint(world, place).await;
        for _ in 0..4 {
            replay(&world.engine, world.merchant, id, None).await.unwrap();
        }
        id
    };
    let ask = |node: Engine, merchant, id, key: Option<RequestKey>| -> Asked {
        Box::pin(async move { replay(&node, merchant, id, key).await })
    };
    assert_eq!(played(835, four_begun, ask).await, 0);
}

/// A delivery that was tried once, in vain; the receiver is back.
async fn missed(world: &World, place: usize) -> (WebhookEndpointId, DeliveryId) {
    let id = endpoint(world, place).await;
    world.receivers.set(URL, Receiver::Closed);
    world.created(&format!("order-{place}"), 1_000).await;
    let mut dispatcher = Dispatcher::new(world.engine.clone());
    let delivery = loop {
        dispatcher.run_due().await.unwrap();
        let all = DeliveryFilter::default();
        let page = deliveries::list(&world.engine, world.merchant, id, all, PageAnchor::Newest, 9).await.unwrap();
        // On a server the events become visible when no other transaction is under way there, whosoever it is.
        if let Some(tried) = page.data.iter().find(|d| d.tries == 1) {
            break tried.id.parse().unwrap();
        }
    };
    world.receivers.set(URL, Receiver::Answers(200, Vec::new()));
    (id, delivery)
}

#[tokio::test]
async fn a_delivery_is_tried_again_and_has_not_moved_on() {
    // Whoever asks first also has it carried: then there is no delivery left that waits.
    let ask = |node: Engine, merchant, (endpoint, id), key: Option<RequestKey>| -> Asked {
        Box::pin(async move {
            let answer = deliveries::retry(&node, merchant, endpoint, id, key).await;
            Dispatcher::new(node).run_due().await.unwrap();
            answer
        })
    };
    assert_eq!(played(836, missed, ask).await, 0);
}

#[tokio::test]
async fn an_api_key_is_made_once() {
    let ask = |node: Engine, merchant, place: usize, key: Option<RequestKey>| -> Asked {
        // A key that is good for a second: the answer stays what it was when that is over.
        let expires_at = Some(node.now().plus(Duration::from_secs(1)));
        let new = NewKey { name: format!("key {place}"), scope: Scope::Read, networks: Vec::new(), expires_at };
        Box::pin(async move { api_keys::create(&node, merchant, new, key).await })
    };
    assert_eq!(played(837, async |_, place| place, ask).await, 0);
}

#[tokio::test]
async fn a_psp_account_is_added_once() {
    let ask = |node: Engine, merchant, place: usize, key: Option<RequestKey>| -> Asked {
        let settings = [("api_key", STRIPE_KEY), ("api_base", "http://127.0.0.1:12111")];
        let settings = settings.into_iter().map(|(name, value)| (name.to_owned(), Secret::new(value))).collect();
        let new = NewPspAccount { psp: "stripe".into(), name: format!("account {place}"), settings };
        Box::pin(async move { psp_accounts::create(&node, merchant, new, key).await })
    };
    assert_eq!(played(838, async |_, place| place, ask).await, 0);
}

#[tokio::test]
async fn a_psp_account_is_changed_and_was_not_changed_by_somebody_else() {
    let ask = |node: Engine, merchant, id, key: Option<RequestKey>| -> Asked {
        let patch = PspAccountPatch { name: Some("another name".into()), ..PspAccountPatch::default() };
        Box::pin(async move { psp_accounts::update(&node, merchant, id, patch, key).await })
    };
    assert_eq!(played(839, async |world, _| world.account, ask).await, 0);
}
