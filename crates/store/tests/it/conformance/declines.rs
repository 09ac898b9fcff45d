//! Refusals are counted under their keys, told of by events, and forgotten when they are old.

use crate::builders::*;
use ducat_domain::payments::*;
use ducat_domain::*;
use ducat_store::*;

const CUSTOMER: DeclineKey = DeclineKey::Customer([1; 32]);
const CARD: DeclineKey = DeclineKey::Card([2; 32]);

/// A refusal under each of the keys, in the change with its event.
async fn refuse(w: &World, shop: Shop, keys: &[DeclineKey], at: Timestamp) -> Payment {
    let moved = w.opened(shop, w.terms());
    let payment = moved.payment.clone();
    let mut change = w.change(moved, PaymentWrite::Insert);
    change.declines = keys.iter().map(|key| row(shop, *key, change.events[0].id, at)).collect();
    w.commit(change).await;
    payment
}

fn row(shop: Shop, key: DeclineKey, event: EventId, at: Timestamp) -> DeclineRow {
    let network = Some(CardNetwork::Visa);
    DeclineRow { merchant: shop.merchant, key, at, event, network, initiator: Initiator::Merchant, is_final: key == CARD }
}

async fn seen_at(w: &World, shop: Shop, key: DeclineKey, since: i64, limit: u32) -> Vec<i64> {
    let asked = vec![DeclinesAsked { key, since: at(since), limit }];
    let found = w.store.declines(shop.merchant, asked).await.unwrap().remove(0);
    found.iter().map(|refused| refused.at.as_seconds() - at(0).as_seconds()).collect()
}

pub async fn refusals_are_counted_by_key_in_a_window_newest_first(w: World) {
    let shop = w.shop().await;
    for second in [5, 1, 9, 3] {
        refuse(&w, shop, &[CUSTOMER, CARD], at(second)).await;
    }
    assert_eq!(seen_at(&w, shop, CUSTOMER, 0, 10).await, [9, 5, 3, 1]);
    assert_eq!(seen_at(&w, shop, CUSTOMER, 3, 10).await, [9, 5], "after the moment, not at it");
    assert_eq!(seen_at(&w, shop, CUSTOMER, 0, 2).await, [9, 5]);
    assert!(seen_at(&w, shop, DeclineKey::Customer([9; 32]), 0, 10).await.is_empty());
    // The same digest of another kind is another key.
    assert!(seen_at(&w, shop, DeclineKey::Address([1; 32]), 0, 10).await.is_empty());
    let asked = [CARD, CUSTOMER].map(|key| DeclinesAsked { key, since: at(8), limit: 9 });
    let both = w.store.declines(shop.merchant, asked.to_vec()).await.unwrap();
    let at_nine = |is_final| Refused { at: at(9), network: CardNetwork::Visa, initiator: Initiator::Merchant, is_final };
    assert_eq!(both, [vec![at_nine(true)], vec![at_nine(false)]]);
    w.assert_sound().await;
}

pub async fn refusals_stay_with_their_merchant_and_their_event(w: World) {
    let (shop, other) = (w.shop().await, w.shop().await);
    refuse(&w, shop, &[CUSTOMER, CARD], at(1)).await;
    assert!(seen_at(&w, other, CUSTOMER, 0, 10).await.is_empty());
    assert!(w.store.was_refused_for_good(shop.merchant, CARD).await.unwrap());
    assert!(!w.store.was_refused_for_good(other.merchant, CARD).await.unwrap());
    assert!(!w.store.was_refused_for_good(shop.merchant, CUSTOMER).await.unwrap());
    w.caught_up().await;
    let theirs = w.store.events(shop.merchant, EventCursor::Start, Vec::new(), 1).await.unwrap().unwrap().data[0].id;
    for (of, event) in [(other, theirs), (shop, EventId::new(w.now(), &w.dice))] {
        let change = Change { declines: vec![row(of, CUSTOMER, event, at(2))], ..Change::default() };
        assert!(matches!(w.store.commit(change).await, Err(CommitError::Refused(_))), "{event}");
    }
    let again = Change { declines: vec![row(shop, CUSTOMER, theirs, at(1))], ..Change::default() };
    assert_eq!(w.store.commit(again).await, Err(CommitError::Taken(Unique::Other)));
}

pub async fn the_cards_of_an_order_are_found_by_the_order_s_key(w: World) {
    let shop = w.shop().await;
    let (one, two) = (DeclineKey::Order([7; 32]), DeclineKey::Order([8; 32]));
    refuse(&w, shop, &[one, CARD, DeclineKey::Card([3; 32])], at(1)).await;
    refuse(&w, shop, &[one, CARD], at(2)).await;
    refuse(&w, shop, &[two, CUSTOMER], at(3)).await;
    let mut cards = w.store.refused_cards(shop.merchant, one).await.unwrap();
    cards.sort_by_key(|card| *card.digest());
    assert_eq!(cards, [CARD, DeclineKey::Card([3; 32])]);
    assert_eq!(w.store.refused_cards(shop.merchant, two).await.unwrap(), []);
}

pub async fn where_a_customer_came_from_last_is_known(w: World) {
    let shop = w.shop().await;
    let order = w.order(shop).await.order.id;
    assert_eq!(w.store.visit(shop.merchant, order).await.unwrap(), None);
    for byte in [1, 2] {
        let visit = Some(Visit { merchant: shop.merchant, order, address: [byte; 32], at: w.now() });
        w.commit(Change { visit, ..Change::default() }).await;
        assert_eq!(w.store.visit(shop.merchant, order).await.unwrap(), Some(DeclineKey::Address([byte; 32])));
    }
}

pub async fn what_is_old_is_forgotten_and_what_was_final_is_kept_longer(w: World) {
    let shop = w.shop().await;
    let order = refuse(&w, shop, &[CUSTOMER, CARD], at(1)).await.order.id;
    refuse(&w, shop, &[CUSTOMER, CARD], at(10)).await;
    w.commit(Change { visit: Some(Visit { merchant: shop.merchant, order, address: [1; 32], at: at(1) }), ..Change::default() })
        .await;
    let forget = async |ordinary, is_final| {
        let before = ForgetDeclines { ordinary: at(ordinary), is_final: at(is_final) };
        w.commit(Change { forget_declines: Some(before), ..Change::default() }).await;
    };
    forget(10, 0).await;
    assert_eq!((seen_at(&w, shop, CUSTOMER, 0, 9).await, seen_at(&w, shop, CARD, 0, 9).await), (vec![10], vec![10, 1]));
    assert_eq!(w.store.visit(shop.merchant, order).await.unwrap(), None);
    forget(10, 11).await;
    assert_eq!((seen_at(&w, shop, CUSTOMER, 0, 9).await, seen_at(&w, shop, CARD, 0, 9).await), (vec![10], vec![]));
    w.assert_sound().await;
}
