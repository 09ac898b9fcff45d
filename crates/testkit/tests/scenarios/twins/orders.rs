//! Orders: created, called off, claimed.

use super::{Asked, played};
use ducat_domain::payments::CaptureMode;
use ducat_domain::{MerchantId, PaymentOrderId};
use ducat_engine::captures::{self, NewCapture};
use ducat_engine::payments::{self, NewClaim, NewOrder};
use ducat_engine::{Engine, RequestKey};
use ducat_testkit::World;
use std::time::Duration;

/// An order of which the customer has paid what is to be paid.
pub(super) async fn paid(world: &World, place: usize, capture: CaptureMode) -> PaymentOrderId {
    let order = NewOrder { capture, ..World::order(&format!("order-{place}"), 5_000) };
    let id = World::id_of(&world.create(order).await.unwrap());
    world.pay(id, "pm_card_visa").await;
    world.live(Duration::from_secs(2)).await;
    id
}

#[tokio::test]
async fn an_order_is_created_once() {
    let ask = |node: Engine, merchant, place: usize, key: Option<RequestKey>| -> Asked {
        Box::pin(async move { payments::create(&node, merchant, World::order(&format!("order-{place}"), 4_999), key).await })
    };
    assert!(played(801, async |_, place| place, ask).await > 0);
}

fn cancel(node: Engine, merchant: MerchantId, id: PaymentOrderId, key: Option<RequestKey>) -> Asked {
    Box::pin(async move { payments::cancel(&node, merchant, id, key).await })
}

#[tokio::test]
async fn an_order_that_is_called_off_is_not_too_late_to_be_called_off() {
    assert!(played(802, async |world, place| world.created(&format!("order-{place}"), 4_999).await, cancel).await > 0);
}

#[tokio::test]
async fn a_hold_of_which_a_part_was_taken_is_let_go_and_not_too_late_to_be() {
    let part_taken = async |world: &World, place| {
        let id = paid(world, place, CaptureMode::Manual).await;
        let part = NewCapture { amount: Some(1_000), is_final: Some(false) };
        captures::create(&world.engine, world.merchant, id, part, None).await.unwrap();
        id
    };
    assert!(played(803, part_taken, cancel).await > 0);
}

#[tokio::test]
async fn a_paid_order_is_claimed_and_not_by_somebody_else() {
    let ask = |node: Engine, merchant, id, key| -> Asked {
        let new = NewClaim { by: "the shop".into(), proof: None };
        Box::pin(async move { payments::claim(&node, merchant, id, new, key).await })
    };
    assert_eq!(played(804, async |world, place| paid(world, place, CaptureMode::Automatic).await, ask).await, 0);
}
