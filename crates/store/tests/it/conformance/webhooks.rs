//! Webhook endpoints and deliveries: how far an endpoint has come, claims by lease, what is kept of a try, and what is forgotten.

use crate::builders::*;
use ducat_domain::webhooks::*;
use ducat_domain::*;
use ducat_store::*;
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(60);
const ALL: DeliveryFilter = DeliveryFilter { state: None, event: None };

fn endpoint(w: &World, shop: Shop, types: &[&str]) -> WebhookEndpoint {
    let now = w.now();
    WebhookEndpoint {
        id: WebhookEndpointId::new(now, &w.dice),
        merchant: shop.merchant,
        url: "https://shop.example/hooks".into(),
        description: "till".into(),
        types: types.iter().map(|t| (*t).to_owned()).collect(),
        status: EndpointStatus::Enabled,
        sealed_keys: vec![1, 2, 255],
        failing_since: None,
        failures: 0,
        events: 0,
        version: 1,
        created_at: now,
    }
}

async fn insert(w: &World, shop: Shop, types: &[&str]) -> WebhookEndpoint {
    let endpoint = endpoint(w, shop, types);
    w.commit(endpoints(EndpointWrite::Insert(endpoint.clone()))).await;
    endpoint
}

fn endpoints(write: EndpointWrite) -> Change {
    Change { endpoints: vec![write], ..Change::default() }
}

fn deliveries(write: DeliveryWrite) -> Change {
    Change { deliveries: vec![write], ..Change::default() }
}

fn delivery(w: &World, endpoint: &WebhookEndpoint, event: EventId, due: Timestamp) -> Delivery {
    Delivery {
        id: DeliveryId::new(due, &w.dice),
        endpoint: endpoint.id,
        merchant: endpoint.merchant,
        event,
        kind: "payment_order.created".into(),
        origin: DeliveryOrigin::Event,
        body: None,
        state: DeliveryState::Pending,
        tries: 0,
        step: 0,
        next_at: Some(due),
        created_at: due,
    }
}

fn went(number: u32, status: Option<u16>) -> DeliveryTry {
    DeliveryTry {
        number,
        at: at(5),
        took_ms: 12,
        url: "https://shop.example/hooks".into(),
        request_headers: vec![("webhook-id".into(), "evt_1".into())],
        answer: status.map(|status| TryAnswer {
            status,
            headers: vec![("content-type".into(), "text/plain".into())],
            body: "no \u{1f4a5}".into(),
            truncated: true,
        }),
        error: (status != Some(200)).then(|| "refused".to_owned()),
    }
}

fn tried(claim: &ClaimedDelivery, number: u32, status: Option<u16>, then: DeliveryNext) -> Change {
    let (delivery, lease_until) = (DeliveryKey::from(&claim.delivery), claim.lease_until);
    deliveries(DeliveryWrite::Tried { delivery, lease_until, went: went(number, status), then })
}

/// An endpoint, and the marks of as many events that came after it.
async fn with_events(w: &World, shop: Shop, orders: usize) -> (EndpointAtWork, Vec<EventMark>) {
    let made = insert(w, shop, &[]).await;
    for _ in 0..orders {
        w.order(shop).await;
    }
    let work = at_work(w, made.id).await;
    w.caught_up().await;
    let marks = w.store.events_past(shop.merchant, work.position, 100).await.unwrap();
    (work, marks)
}

async fn at_work(w: &World, id: WebhookEndpointId) -> EndpointAtWork {
    w.caught_up().await;
    w.store.endpoints_at_work().await.unwrap().into_iter().find(|e| e.endpoint.id == id).expect("it is in use")
}

async fn claim(w: &World, endpoint: &WebhookEndpoint, limit: u32, now: Timestamp) -> Vec<ClaimedDelivery> {
    w.store.claim_deliveries(vec![(endpoint.merchant, endpoint.id, limit)], now, LEASE).await.unwrap()
}

async fn stale(w: &World, change: Change) {
    assert_eq!(w.store.commit(change).await, Err(CommitError::Stale));
}

/// The change that delivers these events and moves the endpoint past them.
fn fan_out(w: &World, work: &EndpointAtWork, marks: &[EventMark], due: Timestamp) -> Change {
    let e = &work.endpoint;
    let to = marks.last().map_or(work.position, |m| m.position);
    let advance = EndpointWrite::Advance { merchant: e.merchant, endpoint: e.id, version: e.version, from: work.position, to };
    let deliveries = marks.iter().map(|m| DeliveryWrite::Insert(delivery(w, e, m.id, due))).collect();
    Change { endpoints: vec![advance], deliveries, ..Change::default() }
}

pub async fn an_endpoint_comes_back_as_it_was_written_and_begins_after_the_newest_event(w: World) {
    let shop = w.shop().await;
    w.order(shop).await;
    w.caught_up().await;
    let made = insert(&w, shop, &["payment_order.succeeded", "payment_order.failed"]).await;
    assert_eq!(w.store.webhook_endpoint(shop.merchant, made.id).await.unwrap(), Some(made.clone()));
    assert_eq!(w.store.webhook_endpoints(shop.merchant).await.unwrap(), vec![made.clone()]);
    let work = at_work(&w, made.id).await;
    assert!(!work.behind && !work.replays && work.due_at.is_none());
    w.order(shop).await;
    let work = at_work(&w, made.id).await;
    assert!(work.behind);
    assert_eq!(w.store.events_past(shop.merchant, work.position, 10).await.unwrap().len(), 1);
    // Another merchant's events are none of its business.
    let other = w.shop().await;
    let idle = insert(&w, other, &[]).await;
    w.order(shop).await;
    assert!(!at_work(&w, idle.id).await.behind);
    w.assert_sound().await;
}

pub async fn settings_move_only_from_the_version_that_was_read(w: World) {
    let shop = w.shop().await;
    let made = insert(&w, shop, &[]).await;
    let next = WebhookEndpoint { url: "https://other.example/".into(), version: 2, ..made.clone() };
    w.commit(endpoints(EndpointWrite::Update(next.clone()))).await;
    stale(&w, endpoints(EndpointWrite::Update(next.clone()))).await;
    assert_eq!(w.store.webhook_endpoint(shop.merchant, made.id).await.unwrap(), Some(next.clone()));
    let gone = WebhookEndpoint { status: EndpointStatus::Deleted, version: 3, ..next };
    w.commit(endpoints(EndpointWrite::Update(gone.clone()))).await;
    assert_eq!(w.store.webhook_endpoints(shop.merchant).await.unwrap(), Vec::new());
    assert!(w.store.endpoints_at_work().await.unwrap().is_empty());
    let back = WebhookEndpoint { status: EndpointStatus::Enabled, version: 4, ..gone };
    assert!(matches!(w.store.commit(endpoints(EndpointWrite::Update(back))).await, Err(CommitError::Refused(_))));
}

pub async fn deliveries_and_the_place_in_the_events_move_together_and_once(w: World) {
    let shop = w.shop().await;
    let (work, marks) = with_events(&w, shop, 3).await;
    let change = fan_out(&w, &work, &marks, at(10));
    w.commit(change.clone()).await;
    // Whoever read the same place comes too late, also with ids of its own.
    stale(&w, fan_out(&w, &work, &marks, at(10))).await;
    let after = at_work(&w, work.endpoint.id).await;
    assert_eq!((after.behind, after.due_at), (false, Some(at(10))));
    assert_eq!(w.store.waiting_deliveries(shop.merchant, work.endpoint.id, 2).await.unwrap(), 2);
    assert_eq!(w.store.waiting_deliveries(shop.merchant, work.endpoint.id, 100).await.unwrap(), 3);
    let again = deliveries(DeliveryWrite::Insert(delivery(&w, &work.endpoint, marks[0].id, at(11))));
    assert_eq!(w.store.commit(again).await, Err(CommitError::Taken(Unique::Other)));
    w.assert_sound().await;
}

pub async fn settings_that_changed_meanwhile_make_no_deliveries(w: World) {
    let shop = w.shop().await;
    let (work, marks) = with_events(&w, shop, 2).await;
    let other = WebhookEndpoint { types: vec!["payment_order.failed".into()], version: 2, ..work.endpoint.clone() };
    w.commit(endpoints(EndpointWrite::Update(other))).await;
    stale(&w, fan_out(&w, &work, &marks, at(10))).await;
    assert_eq!(w.store.waiting_deliveries(shop.merchant, work.endpoint.id, 100).await.unwrap(), 0);
}

pub async fn a_claimed_delivery_comes_back_when_its_lease_ends(w: World) {
    let shop = w.shop().await;
    let (work, marks) = with_events(&w, shop, 3).await;
    w.commit(fan_out(&w, &work, &marks, at(10))).await;
    assert_eq!(claim(&w, &work.endpoint, 10, at(9)).await, Vec::new());
    let first = claim(&w, &work.endpoint, 2, at(10)).await;
    assert_eq!(first.len(), 2);
    let second = claim(&w, &work.endpoint, 10, at(10)).await;
    assert_eq!(second.len(), 1);
    assert_eq!(claim(&w, &work.endpoint, 10, at(69)).await, Vec::new());
    assert_eq!(claim(&w, &work.endpoint, 10, at(70)).await.len(), 3);
    // The claim is lost, and so is what comes of it.
    stale(&w, tried(&first[0], 1, Some(200), DeliveryNext::Arrived)).await;
}

pub async fn a_delivery_can_be_made_claimed_and_is_given_back_only_by_who_holds_it(w: World) {
    let shop = w.shop().await;
    let (work, marks) = with_events(&w, shop, 2).await;
    let mut change = fan_out(&w, &work, &marks, at(10));
    let made: Vec<_> = marks.iter().map(|mark| delivery(&w, &work.endpoint, mark.id, at(10))).collect();
    change.deliveries = vec![DeliveryWrite::InsertClaimed(made[0].clone(), at(40)), DeliveryWrite::Insert(made[1].clone())];
    w.commit(change).await;
    let now = at_work(&w, work.endpoint.id).await;
    assert_eq!((now.due_at, now.fresh_due_at), (Some(at(10)), Some(at(10))));
    let due = |claimed: Vec<ClaimedDelivery>| claimed.into_iter().map(|c| c.delivery.id).collect::<Vec<_>>();
    assert_eq!(due(claim(&w, &work.endpoint, 9, at(20)).await), [made[1].id], "the other one belongs to who made it");
    let back = |lease_until| {
        deliveries(DeliveryWrite::GiveBack { delivery: DeliveryKey::from(&made[0]), lease_until, due: at(10) })
    };
    w.commit(back(at(41))).await;
    assert_eq!(due(claim(&w, &work.endpoint, 9, at(20)).await), [], "a claim that is not held gives nothing back");
    w.commit(back(at(40))).await;
    let again = claim(&w, &work.endpoint, 9, at(20)).await;
    assert_eq!((due(again.clone()), again[0].delivery.next_at), (vec![made[0].id], Some(at(10))), "due as it was");
    // A claim that was given back is lost.
    let mine = ClaimedDelivery { delivery: made[0].clone(), lease_until: at(40) };
    stale(&w, tried(&mine, 1, Some(200), DeliveryNext::Arrived)).await;
    w.commit(tried(&again[0], 1, Some(200), DeliveryNext::Arrived)).await;
    w.commit(back(again[0].lease_until)).await;
    w.assert_sound().await;
}

pub async fn what_just_happened_goes_before_what_waits_anyway(w: World) {
    let shop = w.shop().await;
    let (work, marks) = with_events(&w, shop, 2).await;
    w.commit(fan_out(&w, &work, &marks[..1], at(10))).await;
    let early = claim(&w, &work.endpoint, 1, at(10)).await;
    w.commit(tried(&early[0], 1, Some(500), DeliveryNext::Again(at(11)))).await;
    let late = EndpointAtWork { position: marks[0].position, ..work.clone() };
    w.commit(fan_out(&w, &late, &marks[1..], at(20))).await;
    let order: Vec<_> = claim(&w, &work.endpoint, 9, at(30)).await.into_iter().map(|c| c.delivery.event).collect();
    assert_eq!(order, [marks[1].id, marks[0].id]);
}

pub async fn a_try_is_kept_as_it_went_and_its_delivery_goes_on(w: World) {
    let shop = w.shop().await;
    let (work, marks) = with_events(&w, shop, 1).await;
    w.commit(fan_out(&w, &work, &marks, at(10))).await;
    let find = async || {
        let page = w.store.deliveries(shop.merchant, work.endpoint.id, ALL, PageAnchor::Newest, 5).await.unwrap();
        page.data[0].clone()
    };
    for (number, status, then, state) in [
        (1, None, DeliveryNext::Again(at(20)), DeliveryState::Pending),
        (2, Some(503), DeliveryNext::Dead, DeliveryState::Dead),
        (3, Some(200), DeliveryNext::Arrived, DeliveryState::Succeeded),
    ] {
        let claimed = claim(&w, &work.endpoint, 1, at(40)).await;
        w.commit(tried(&claimed[0], number, status, then)).await;
        let now = find().await;
        assert_eq!((now.state, now.tries), (state, number));
        if state == DeliveryState::Dead {
            w.assert_sound().await;
            assert_eq!(claim(&w, &work.endpoint, 1, at(999)).await, Vec::new());
            w.commit(deliveries(DeliveryWrite::TryNow(DeliveryKey::from(&now), at(30)))).await;
            assert_eq!(find().await.step, 0);
        }
    }
    let arrived = find().await;
    assert_eq!(
        w.store.tries_of(shop.merchant, arrived.id).await.unwrap(),
        vec![went(1, None), went(2, Some(503)), went(3, Some(200))]
    );
    stale(&w, deliveries(DeliveryWrite::TryNow(DeliveryKey::from(&arrived), at(50)))).await;
    w.assert_sound().await;
}

pub async fn the_health_of_an_endpoint_is_counted_and_it_is_paused_once(w: World) {
    let shop = w.shop().await;
    let made = insert(&w, shop, &[]).await;
    w.commit(endpoints(EndpointWrite::Missed(made.merchant, made.id, at(10)))).await;
    w.commit(endpoints(EndpointWrite::Missed(made.merchant, made.id, at(20)))).await;
    let sick = w.store.webhook_endpoint(shop.merchant, made.id).await.unwrap().unwrap();
    assert_eq!((sick.failures, sick.failing_since), (2, Some(at(10))));
    let pause = EndpointWrite::Pause { endpoint: sick.clone(), status: EndpointStatus::Failing };
    w.commit(endpoints(pause.clone())).await;
    stale(&w, endpoints(pause)).await;
    assert!(w.store.endpoints_at_work().await.unwrap().is_empty());
    let paused = w.store.webhook_endpoint(shop.merchant, made.id).await.unwrap().unwrap();
    assert_eq!((paused.status, paused.events, paused.version), (EndpointStatus::Failing, 1, 2));
    let again = WebhookEndpoint { status: EndpointStatus::Enabled, version: 3, ..paused };
    w.commit(endpoints(EndpointWrite::Update(again))).await;
    let well = at_work(&w, made.id).await.endpoint;
    assert_eq!((well.failures, well.failing_since), (0, None));
    w.commit(endpoints(EndpointWrite::Missed(made.merchant, made.id, at(30)))).await;
    w.commit(endpoints(EndpointWrite::Reached(made.merchant, made.id))).await;
    assert_eq!(at_work(&w, made.id).await.endpoint.failing_since, None);
}

pub async fn a_paused_endpoint_gets_nothing_and_goes_on_where_it_stopped(w: World) {
    let shop = w.shop().await;
    let (work, marks) = with_events(&w, shop, 2).await;
    w.commit(fan_out(&w, &work, &marks[..1], at(10))).await;
    let off = WebhookEndpoint { status: EndpointStatus::Disabled, version: 2, ..work.endpoint.clone() };
    w.commit(endpoints(EndpointWrite::Update(off.clone()))).await;
    assert_eq!(claim(&w, &work.endpoint, 9, at(99)).await, Vec::new());
    w.commit(endpoints(EndpointWrite::Update(WebhookEndpoint { status: EndpointStatus::Enabled, version: 3, ..off }))).await;
    let back = at_work(&w, work.endpoint.id).await;
    assert_eq!((back.position, back.behind), (marks[0].position, true));
    assert_eq!(claim(&w, &work.endpoint, 9, at(99)).await.len(), 1);
}

pub async fn a_range_of_events_is_read_on_and_a_replay_moves_once(w: World) {
    let shop = w.shop().await;
    let (work, marks) = with_events(&w, shop, 5).await;
    let times: Vec<Timestamp> = {
        let page = w.store.events(shop.merchant, EventCursor::Start, Vec::new(), 100).await.unwrap().unwrap();
        page.data.iter().map(|e| e.at).collect()
    };
    let read = async |cursor, limit| w.store.events_between(shop.merchant, cursor, times[1], times[4], limit).await.unwrap();
    assert_eq!(read(None, 100).await, marks[1..4]);
    assert_eq!(read(Some(marks[1].id), 1).await, marks[2..3]);
    assert_eq!(read(Some(marks[3].id), 9).await, []);
    let replay = Replay {
        id: ReplayId::new(at(1), &w.dice),
        endpoint: work.endpoint.id,
        merchant: shop.merchant,
        from: times[1],
        before: times[4],
        types: vec!["payment_order.created".into()],
        cursor: None,
        made: 0,
        done_at: None,
        created_at: at(1),
    };
    w.commit(Change { replays: vec![replay.clone()], ..Change::default() }).await;
    assert_eq!(w.store.open_replays(shop.merchant, work.endpoint.id).await.unwrap(), vec![replay.clone()]);
    assert!(at_work(&w, work.endpoint.id).await.replays);
    let step = EndpointWrite::AdvanceReplay { replay: replay.clone(), cursor: Some(marks[2].id), made: 2, done_at: None };
    w.commit(endpoints(step.clone())).await;
    stale(&w, endpoints(step)).await;
    let now = w.store.open_replays(shop.merchant, work.endpoint.id).await.unwrap().remove(0);
    assert_eq!((now.cursor, now.made), (Some(marks[2].id), 2));
    let last = EndpointWrite::AdvanceReplay { replay: now, cursor: None, made: 1, done_at: Some(at(2)) };
    w.commit(endpoints(last)).await;
    assert_eq!(w.store.open_replays(shop.merchant, work.endpoint.id).await.unwrap(), Vec::new());
}

pub async fn old_deliveries_go_with_their_tries_and_the_rest_stays_sound(w: World) {
    let shop = w.shop().await;
    let (work, marks) = with_events(&w, shop, 4).await;
    w.commit(fan_out(&w, &work, &marks[..2], at(10))).await;
    let claimed = claim(&w, &work.endpoint, 1, at(10)).await;
    w.commit(tried(&claimed[0], 1, Some(200), DeliveryNext::Arrived)).await;
    let later = EndpointAtWork { position: marks[1].position, ..work.clone() };
    w.commit(fan_out(&w, &later, &marks[2..], at(HOUR))).await;
    let forget = |second| Change { forget_deliveries_before: Some(at(second)), ..Change::default() };
    assert!(!w.store.has_deliveries_before(at(9)).await.unwrap() && w.store.has_deliveries_before(at(HOUR)).await.unwrap());
    w.commit(forget(9)).await;
    assert_eq!(w.store.tries_of(shop.merchant, claimed[0].delivery.id).await.unwrap().len(), 1);
    w.commit(forget(HOUR)).await;
    assert!(!w.store.has_deliveries_before(at(HOUR)).await.unwrap());
    assert_eq!(w.store.tries_of(shop.merchant, claimed[0].delivery.id).await.unwrap(), Vec::new());
    let left = w.store.deliveries(shop.merchant, work.endpoint.id, ALL, PageAnchor::Newest, 9).await.unwrap();
    assert_eq!(left.data.len(), 2);
    w.assert_sound().await;
    // What is under way is left alone.
    assert_eq!(claim(&w, &work.endpoint, 1, at(HOUR)).await.len(), 1);
    w.commit(forget(2 * HOUR)).await;
    assert_eq!(w.store.waiting_deliveries(shop.merchant, work.endpoint.id, 9).await.unwrap(), 1);
    w.assert_sound().await;
}

pub async fn deliveries_are_listed_by_pages_and_filters_and_within_their_merchant(w: World) {
    let shop = w.shop().await;
    let (work, marks) = with_events(&w, shop, 5).await;
    w.commit(fan_out(&w, &work, &marks, at(10))).await;
    let list =
        async |filter, anchor, limit| w.store.deliveries(shop.merchant, work.endpoint.id, filter, anchor, limit).await.unwrap();
    let whole = list(ALL, PageAnchor::Newest, 9).await;
    assert!(whole.data.len() == 5 && !whole.has_more && whole.data.is_sorted_by(|a, b| a.id > b.id));
    let page = list(ALL, PageAnchor::After(whole.data[1].id), 2).await;
    assert!(page.has_more && page.data == whole.data[2..4]);
    assert_eq!(list(ALL, PageAnchor::Before(whole.data[2].id), 9).await.data, whole.data[..2]);
    let of_event = DeliveryFilter { event: Some(marks[3].id), state: Some(DeliveryState::Pending) };
    assert_eq!(list(of_event, PageAnchor::Newest, 9).await.data.len(), 1);
    let dead = DeliveryFilter { state: Some(DeliveryState::Dead), event: None };
    assert_eq!(list(dead, PageAnchor::Newest, 9).await.data, []);
    let stranger = w.shop().await;
    let theirs = w.store.deliveries(stranger.merchant, work.endpoint.id, ALL, PageAnchor::Newest, 9).await.unwrap();
    assert_eq!(theirs.data, []);
    assert_eq!(w.store.delivery(stranger.merchant, work.endpoint.id, whole.data[0].id).await.unwrap(), None);
    let found = w.store.delivery(shop.merchant, work.endpoint.id, whole.data[0].id).await.unwrap();
    assert_eq!(found.as_ref(), whole.data.first());
    let foreign = Delivery {
        merchant: stranger.merchant,
        origin: DeliveryOrigin::Replay,
        ..delivery(&w, &work.endpoint, marks[0].id, at(10))
    };
    assert!(matches!(w.store.commit(deliveries(DeliveryWrite::Insert(foreign))).await, Err(CommitError::Refused(_))));
}

pub async fn a_test_is_kept_with_its_answer(w: World) {
    let shop = w.shop().await;
    let made = insert(&w, shop, &[]).await;
    let test = Delivery {
        kind: "webhook_endpoint.test".into(),
        origin: DeliveryOrigin::Test,
        body: Some("{}".into()),
        state: DeliveryState::Succeeded,
        tries: 1,
        step: 1,
        next_at: None,
        ..delivery(&w, &made, EventId::new(at(1), &w.dice), at(1))
    };
    w.commit(deliveries(DeliveryWrite::InsertTried(test.clone(), went(1, Some(200))))).await;
    assert_eq!(w.store.delivery(shop.merchant, made.id, test.id).await.unwrap(), Some(test));
    w.assert_sound().await;
}
