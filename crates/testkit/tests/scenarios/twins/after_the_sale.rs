//! Captures, refunds and disputes.

use super::orders::paid;
use super::{Asked, played};
use ducat_domain::payments::CaptureMode;
use ducat_domain::{DisputeId, MerchantId};
use ducat_engine::captures::{self, NewCapture};
use ducat_engine::disputes::{self, NewEvidence};
use ducat_engine::refunds::{self, NewRefund};
use ducat_engine::{Engine, RequestKey};
use ducat_testkit::World;
use serde_json::json;

#[tokio::test]
async fn a_hold_is_captured_and_not_gone() {
    let ask = |node: Engine, merchant, id, key: Option<RequestKey>| -> Asked {
        Box::pin(async move { captures::create(&node, merchant, id, NewCapture::default(), key).await })
    };
    assert!(played(811, async |world, place| paid(world, place, CaptureMode::Manual).await, ask).await > 0);
}

#[tokio::test]
async fn a_payment_is_refunded_and_not_refunded_already() {
    let ask = |node: Engine, merchant, id, key: Option<RequestKey>| -> Asked {
        Box::pin(async move { refunds::create(&node, merchant, id, NewRefund::default(), key).await })
    };
    assert!(played(812, async |world, place| paid(world, place, CaptureMode::Automatic).await, ask).await > 0);
}

/// A payment that the payer disputes.
async fn disputed(world: &World, place: usize) -> DisputeId {
    let id = paid(world, place, CaptureMode::Automatic).await;
    let token = world.view(id).await.psp_token.unwrap();
    let session = world.sessions().into_iter().find(|s| s["id"] == json!(token)).unwrap();
    world.control("/_sandbox/disputes", json!({ "payment_intent": session["payment_intent"] }));
    world.deliver().await;
    world.view(id).await.disputes.unwrap()[0].id.parse().unwrap()
}

#[tokio::test]
async fn evidence_is_handed_in_and_not_too_late() {
    fn ask(node: Engine, merchant: MerchantId, id: DisputeId, key: Option<RequestKey>) -> Asked {
        let fields = [("uncategorized_text".to_owned(), "it was sent".to_owned())].into();
        Box::pin(async move { disputes::submit(&node, merchant, id, NewEvidence { fields }, key).await })
    }
    assert!(played(813, disputed, ask).await > 0);
}

#[tokio::test]
async fn a_dispute_is_accepted_and_not_decided_before() {
    fn ask(node: Engine, merchant: MerchantId, id: DisputeId, key: Option<RequestKey>) -> Asked {
        Box::pin(async move { disputes::accept(&node, merchant, id, key).await })
    }
    assert!(played(814, disputed, ask).await > 0);
}
