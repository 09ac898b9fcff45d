//! The PSP's messages: twice, late, out of order, before the answer, forged, stale.

use ducat_engine::webhooks::{ReceiveError, Received, receive};
use ducat_testkit::{Database, World};
use hmac::{Hmac, KeyInit, Mac};
use proptest::prelude::*;
use serde_json::json;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn the_same_message_twice_is_applied_once() {
    let world = World::new(61).await;
    let id = world.created("order-1", 4999).await;
    world.pay(id, "pm_card_visa").await;
    let messages = world.take_messages();
    for message in messages.iter().chain(&messages) {
        world.receive(message).await.unwrap();
    }
    assert_eq!(world.receive(&messages[0]).await.unwrap(), Received::Duplicate);
    let view = world.view(id).await;
    assert_eq!((view.status, view.amount_captured), ("succeeded", 4999));
    world.assert_sound().await;
}

#[tokio::test]
async fn a_message_before_the_psp_s_answer_is_believed_and_the_answer_changes_nothing() {
    let world = World::new(62).await;
    world.fault(json!({ "operation": "checkout.sessions.create", "fault": "drop_response", "count": 1 }));
    let id = World::id_of(&world.create(World::order("order-1", 4999)).await.unwrap());
    let token = world.sessions()[0]["id"].as_str().unwrap().to_owned();
    world.stripe("POST", &format!("/v1/payment_pages/{token}/confirm"), &[("payment_method", "pm_card_visa")]);
    world.deliver().await;
    let view = world.view(id).await;
    assert_eq!((view.status, view.psp_token.as_deref()), ("succeeded", Some(token.as_str())));
    world.live(SECOND * 120).await;
    assert_eq!(world.view(id).await.status, "succeeded");
    assert_eq!(world.sessions().len(), 1);
    world.assert_sound().await;
}

#[tokio::test]
async fn forged_stale_and_foreign_messages_are_turned_away_and_leave_nothing() {
    let world = World::new(63).await;
    let id = world.created("order-1", 4999).await;
    world.pay(id, "pm_card_visa").await;
    let message = world.take_messages().remove(0);
    let send = |signature: String, body: Vec<u8>| {
        let world = &world;
        async move {
            let header = move |name: &str| (name == "stripe-signature").then(|| signature.clone());
            receive(&world.engine, "stripe", world.account, header, &body).await
        }
    };
    let body = message.body.as_bytes().to_vec();
    let mut tampered = body.clone();
    let at = tampered.len() / 2;
    tampered[at] ^= 1;
    let now = world.clock_seconds();
    let forged = sign("whsec_guessed", now, &body);
    for (signature, body) in [
        (message.signature.clone(), tampered),
        (forged, body.clone()),
        (String::new(), body.clone()),
        ("t=,v1=".into(), body.clone()),
        (message.signature.replace("v1=", "v0="), body.clone()),
    ] {
        assert!(matches!(send(signature.clone(), body).await, Err(ReceiveError::Untrusted(_))), "{signature}");
    }
    world.clock.advance(SECOND * 301);
    assert!(matches!(send(message.signature.clone(), body.clone()).await, Err(ReceiveError::Untrusted(_))), "stale");
    let header = |name: &str| (name == "stripe-signature").then(|| message.signature.clone());
    assert!(matches!(receive(&world.engine, "paypal", world.account, header, &body).await, Err(ReceiveError::NoAccount)));
    let view = world.view(id).await;
    assert_eq!((view.status, view.version), ("pending", 2));
}

fn sign(secret: &str, seconds: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{seconds}.").as_bytes());
    mac.update(body);
    format!("t={seconds},v1={}", hex::encode(mac.finalize().into_bytes()))
}

#[tokio::test]
async fn a_payment_after_the_order_was_called_off_here_is_booked_and_flagged() {
    let world = World::new(64).await;
    let id = world.created("order-1", 4999).await;
    // The customer pays; before we hear of it the order is called off, and the PSP's answer to that is lost for a while.
    world.pay(id, "pm_card_visa").await;
    let cancel = ducat_engine::payments::cancel(&world.engine, world.merchant, id, None).await;
    assert!(matches!(cancel, Err(ducat_engine::Error::Conflict(_))), "the customer was faster: {cancel:?}");
    world.live(SECOND * 10).await;
    let view = world.view(id).await;
    assert_eq!((view.status, view.amount_captured), ("succeeded", 4999));
    world.assert_sound().await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn any_order_and_number_of_messages_ends_alike(
        seed in 0u64..1000,
        decline_first: bool,
        order in proptest::collection::vec(0usize..64, 0..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            // In a file wherever the others are: sixty worlds that live for two minutes take too long on a server.
            let world = World::on(Database::Sqlite, 1000 + seed).await;
            let id = world.created("order-1", 4999).await;
            if decline_first {
                world.pay(id, "pm_card_visa_chargeDeclined").await;
            }
            world.pay(id, "pm_card_visa").await;
            let messages = world.take_messages();
            for index in order {
                world.receive(&messages[index % messages.len()]).await.unwrap();
                ducat_engine::jobs::run_due(&world.engine).await.unwrap();
            }
            world.live(SECOND * 130).await;
            let view = world.view(id).await;
            assert_eq!((view.status, view.amount_captured, view.paid_late), ("succeeded", 4999, false));
            world.assert_agrees(id).await;
            world.assert_sound().await;
        });
    }
}
