//! Claiming a paid order: the returning customer and the event carry the same proof, and one of them wins.

use ducat_engine::payments::{self, EventView, NewClaim};
use ducat_engine::{Answer, Error};
use ducat_testkit::World;
use serde_json::Value;
use url::Url;

async fn claim(world: &World, id: ducat_domain::PaymentOrderId, by: &str, proof: Option<&str>) -> Result<Answer, Error> {
    let new = NewClaim { by: by.into(), proof: proof.map(str::to_owned) };
    payments::claim(&world.engine, world.merchant, id, new, None).await
}

fn paid_event(events: &[EventView]) -> &EventView {
    events.iter().find(|e| e.kind == "payment_order.succeeded").expect("the event of the payment")
}

#[tokio::test]
async fn redirect_and_event_carry_the_same_proof_and_sequence() {
    let world = World::new(401).await;
    let id = world.created("order-1", 4999).await;
    world.pay(id, "pm_card_visa").await;
    let page = payments::come_back(&world.engine, id).await.unwrap();
    world.live(std::time::Duration::from_secs(10)).await;
    let events = world.view(id).await.events.unwrap();
    let event = paid_event(&events);
    let proof = event.proof.as_ref().unwrap();
    assert_eq!(proof.sequence, event.sequence);
    let onward = Url::parse(&page.onward_url.unwrap()).unwrap();
    let of = |name: &str| onward.query_pairs().find(|(n, _)| n == name).map(|(_, v)| v.into_owned());
    assert_eq!((of("sequence"), of("proof")), (Some(proof.sequence.to_string()), Some(proof.proof.clone())));
    // What happens to the order later does not change what its status is proved by.
    let later = payments::come_back(&world.engine, id).await.unwrap().onward_url.unwrap();
    assert!(later.contains(&proof.proof), "{later}");
}

#[tokio::test]
async fn a_claim_succeeds_once_and_everybody_later_is_told_who_has_it() {
    let world = World::new(402).await;
    let id = world.created("order-1", 4999).await;
    assert!(matches!(claim(&world, id, "early", None).await, Err(Error::Conflict(p)) if p.code == "payment_order_state"));
    world.pay(id, "pm_card_visa").await;
    world.deliver().await;
    let events = world.view(id).await.events.unwrap();
    let proof = paid_event(&events).proof.clone().unwrap().proof;
    assert!(matches!(claim(&world, id, "forger", Some("00ff")).await, Err(Error::Invalid(p)) if p.code == "proof_wrong"));
    let answer = claim(&world, id, "webhook", Some(&proof)).await.unwrap();
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((body["claimed_by"].as_str(), body["sequence"].as_u64()), (Some("webhook"), Some(3)));
    for late in ["redirect", "webhook"] {
        let refused = claim(&world, id, late, Some(&proof)).await;
        assert!(
            matches!(refused, Err(Error::Conflict(p)) if p.code == "already_claimed" && p.detail.contains("webhook")),
            "{late}"
        );
    }
    assert_eq!(world.view(id).await.claim.unwrap().claimed_by, "webhook");
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_hundred_callers_one_gets_the_claim() {
    let world = std::sync::Arc::new(World::new(403).await);
    let id = world.created("order-1", 4999).await;
    world.pay(id, "pm_card_visa").await;
    world.deliver().await;
    let callers = (0..100).map(|n| {
        let world = std::sync::Arc::clone(&world);
        tokio::spawn(async move { claim(&world, id, &format!("caller {n}"), None).await.is_ok() })
    });
    let mut won = 0;
    for caller in callers {
        won += usize::from(caller.await.unwrap());
    }
    assert_eq!(won, 1);
    let events = world.view(id).await.events.unwrap();
    assert_eq!(events.iter().filter(|e| e.kind == "payment_order.claimed").count(), 1);
    world.assert_sound().await;
}
