//! Orders that are over go to the archive after a while, and nobody notices: neither who reads them nor who has late news of them.

use ducat_domain::PaymentOrderId;
use ducat_engine::archive::{Place, archive};
use ducat_engine::payments;
use ducat_engine::refunds::{self, NewRefund};
use ducat_testkit::World;
use serde_json::json;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 3600);

async fn put_away(world: &World) -> u64 {
    archive(&world.engine, &mut Place::default()).await.unwrap()
}

/// What the API shows of an order, as text.
async fn shown(world: &World, id: PaymentOrderId) -> String {
    serde_json::to_string(&world.view(id).await).unwrap()
}

async fn back(world: &World, id: PaymentOrderId, amount: i64) {
    let new = NewRefund { amount: Some(amount), reason: None };
    refunds::create(&world.engine, world.merchant, id, new, None).await.unwrap();
    world.live(SECOND * 10).await;
}

async fn archived(world: &World) -> u64 {
    let report = world.engine.store().verify().await.unwrap();
    assert_eq!(report.findings, []);
    report.checked.iter().find(|(table, _)| *table == "archived_orders").unwrap().1
}

#[tokio::test]
async fn a_payment_is_archived_and_given_back_and_disputed_months_later() {
    let world = World::new(941).await;
    let id = world.created("order-1", 5_000).await;
    world.pay(id, "pm_card_visa").await;
    let open = world.created("order-2", 700).await;
    world.live(SECOND * 30).await;
    assert_eq!(put_away(&world).await, 0, "it may still be looked at any day");
    let again = world.create(World::order("order-1", 5_000)).await.map(|_| ()).map_err(|e| e.to_string());
    let before = shown(&world, id).await;

    world.clock.advance(DAY * 91);
    world.live(SECOND * 10).await;
    assert_eq!((put_away(&world).await, archived(&world).await), (1, 1));
    assert_eq!(shown(&world, id).await, before);
    assert_eq!(world.view(open).await.status, "expired");
    assert_eq!(world.create(World::order("order-1", 5_000)).await.map(|_| ()).map_err(|e| e.to_string()), again);
    assert_eq!(archived(&world).await, 1, "who only reads brings nothing back");

    back(&world, id, 1_000).await;
    assert_eq!((world.view(id).await.amount_refunded, archived(&world).await), (1_000, 0));
    world.assert_agrees(id).await;
    world.clock.advance(DAY * 91);
    world.live(SECOND * 10).await;
    assert_eq!((put_away(&world).await, archived(&world).await), (2, 2), "this one and the one that lapsed");
    let paid = world.sessions().into_iter().find(|session| session["payment_status"] == "paid").unwrap();
    world.control("/_sandbox/disputes", json!({ "payment_intent": paid["payment_intent"] }));
    world.live(SECOND * 10).await;
    let view = world.view(id).await;
    assert_eq!((view.disputes.unwrap().len(), archived(&world).await), (1, 1));
    world.assert_sound().await;
}

#[tokio::test]
async fn a_place_goes_on_where_it_stood_and_rests_when_it_is_through() {
    let world = World::new(942).await;
    let mut ids = Vec::new();
    for number in 0..3 {
        let id = world.created(&format!("order-{number}"), 5_000).await;
        world.pay(id, "pm_card_visa").await;
        ids.push(id);
    }
    world.live(SECOND * 30).await;
    world.clock.advance(DAY * 91);
    let mut place = Place::default();
    assert_eq!(archive(&world.engine, &mut place).await.unwrap(), 3);
    back(&world, ids[0], 500).await;
    world.clock.advance(DAY * 91);
    assert_eq!(archive(&world.engine, &mut place).await.unwrap(), 1, "what came back goes again");
    back(&world, ids[1], 500).await;
    assert_eq!(archive(&world.engine, &mut place).await.unwrap(), 0);
    assert_eq!(archived(&world).await, 2);
    let list = payments::list(&world.engine, world.merchant, Default::default(), Default::default(), 10).await.unwrap();
    assert_eq!(list.data.len(), 3);
}
