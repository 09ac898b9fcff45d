//! What a database has held at some time: for each migration that made tables, rows of all of them, in shops of their own.

use crate::builders::*;
use crate::conformance::{claim, close, message};
use crate::later::dispute_seen;
use crate::{outbox, tampering};
use ducat_domain::payments::*;
use ducat_domain::webhooks::*;
use ducat_domain::*;
use ducat_store::*;

/// What the requests were called that [`first`] makes.
pub const KEYS: [&str; 3] = ["a", "b", "c"];

/// Orders in every status and on every way to it, with what was kept beside them.
pub async fn first(w: &World) -> Shop {
    let (shop, other) = (w.shop().await, w.shop().await);
    let decline = Decline::of(DeclineCode::InsufficientFunds);
    w.order(shop).await;
    let lost = w.order(shop).await;
    w.settle(lost.registration_unknown(w.now(), at(90)).unwrap()).await;
    let pending = w.see(w.order(shop).await, Observed::Open).await;
    // Back to the status it had before: that came with the later event.
    let processing = w.see(w.see(w.order(shop).await, Observed::Open).await, Observed::Processing).await;
    let word = Observation { decline: Some(decline.clone()), ..seen(&processing, Observed::Open) };
    w.settle(processing.observe(&word, w.now(), at(90)).unwrap().unwrap()).await;
    w.see(w.order(other).await, Observed::Processing).await;
    w.see(w.order(shop).await, held(4999)).await;
    let fees = vec![Fee { psp_line: "txn_1".into(), amount: eur(30) }];
    let paid = w.see_all(w.see(w.order(shop).await, Observed::Open).await, Observed::Captured(eur(4999)), fees).await;
    w.see(w.see(w.order(other).await, held(4999)).await, Observed::Captured(eur(4000))).await;
    let refused = w.order(shop).await;
    w.settle(refused.registration_refused(decline, w.now()).unwrap()).await;
    w.see(w.see(w.order(shop).await, held(4999)).await, Observed::Canceled).await;
    w.see(w.see(w.order(shop).await, held(100)).await, Observed::Expired).await;
    // Called off while the customer pays; paid after that; paid twice.
    w.settle(pending.request_cancel(w.now()).unwrap().unwrap()).await;
    let first = w.see(w.see(w.order(shop).await, Observed::Open).await, Observed::Failed).await;
    w.see(w.try_again(first.clone()).await, Observed::Captured(eur(4999))).await;
    let first = w.store.payment_by_attempt(shop.merchant, first.attempt.id).await.unwrap().unwrap();
    w.see(first, Observed::Captured(eur(4999))).await;
    let late = w.order(shop).await;
    let failed = w.settle(late.registration_refused(Decline::of(DeclineCode::GenericDecline), w.now()).unwrap()).await;
    w.see(failed, Observed::Captured(eur(4999))).await;

    w.commit(Change { api_keys: vec![w.api_key(shop)], inbox: Some(message(shop, "evt_1", w.now())), ..Change::default() }).await;
    for (key, order, answer) in
        [("a", Some(paid.order.id), Some(answer("{}"))), ("b", Some(paid.order.id), None), ("c", None, None)]
    {
        w.commit(Change { idempotency: Some(claim(shop, key, order, answer)), ..Change::default() }).await;
    }
    shop
}

/// The second migration's: what comes after the sale, and evidence of one who disputes it.
pub async fn after_the_sale(w: &World) {
    let shop = w.shop().await;
    tampering::sold(w, shop).await;
    tampering::paid_out(w, shop).await;
    let (_, dispute) = w.disputed(w.paid(shop).await, &dispute_seen("dp_9", DisputeStatus::NeedsResponse, true, false)).await;
    let receipt = (shop.merchant, w.evidence(&dispute, "receipt", &[0, 255, 0]));
    w.commit(Change { dispute_files: vec![receipt], ..Change::default() }).await;
}

/// The third migration's: deliveries that arrived, died and wait, with their tries; a replay under way; an endpoint that was paused, of
/// which an event tells.
pub async fn webhooks(w: &World) {
    let [shop, other] = outbox::scene_in(w).await;
    let endpoint = w.store.webhook_endpoints(shop.merchant).await.unwrap().remove(0);
    let replay = Replay {
        id: ReplayId::new(w.now(), &w.dice),
        endpoint: endpoint.id,
        merchant: shop.merchant,
        from: at(0),
        before: at(HOUR),
        types: vec!["payment_order.created".into()],
        cursor: None,
        made: 0,
        done_at: None,
        created_at: w.now(),
    };
    w.commit(Change { replays: vec![replay], ..Change::default() }).await;
    paused(w, other).await;
}

async fn paused(w: &World, shop: Shop) {
    let id = w.store.webhook_endpoints(shop.merchant).await.unwrap().remove(0).id;
    w.commit(Change { endpoints: vec![EndpointWrite::Missed(shop.merchant, id, w.now())], ..Change::default() }).await;
    let endpoint = w.store.webhook_endpoint(shop.merchant, id).await.unwrap().unwrap();
    let now = w.now();
    let event = EventRow {
        id: EventId::new(now, &w.dice),
        merchant: shop.merchant,
        subject: Subject::WebhookEndpoint(id),
        sequence: 1,
        kind: EventKind::WebhookEndpointDisabled,
        at: now,
        snapshot: r#"{"status":"failing"}"#.into(),
    };
    let pause = EndpointWrite::Pause { endpoint, status: EndpointStatus::Failing };
    w.commit(Change { endpoints: vec![pause], events: vec![event], ..Change::default() }).await;
}

/// The fourth migration's: a refusal under each kind of key, and where a customer came from.
pub async fn declines(w: &World) {
    let shop = w.shop().await;
    let moved = w.opened(shop, w.terms());
    let order = moved.payment.order.id;
    let mut change = w.change(moved, PaymentWrite::Insert);
    let event = change.events[0].id;
    let row = |key| DeclineRow {
        merchant: shop.merchant,
        key,
        at: at(3),
        event,
        network: Some(CardNetwork::Visa),
        initiator: Initiator::Merchant,
        is_final: true,
    };
    let digest = [3; 32];
    change.declines =
        [DeclineKey::Order(digest), DeclineKey::Customer(digest), DeclineKey::Address(digest), DeclineKey::Card(digest)]
            .map(row)
            .into();
    change.visit = Some(Visit { merchant: shop.merchant, order, address: digest, at: at(4) });
    w.commit(change).await;
}

/// The seventh migration's: an order in the archive.
pub async fn archive(w: &World) {
    tampering::archived(w, w.shop().await).await;
}

/// The eleventh migration's: books that are closed.
pub async fn closings(w: &World) {
    let shop = w.shop().await;
    for _ in 0..4 {
        w.paid(shop).await;
    }
    let closed =
        close(&w.store.clone().with_entries_at_once(2), shop.merchant, w.now().plus(std::time::Duration::from_secs(60))).await;
    assert!(closed > 0);
}
