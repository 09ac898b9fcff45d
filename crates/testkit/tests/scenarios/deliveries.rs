//! Telling merchants what happened: every event to every endpoint that wants it, again and again until it arrives or its time is over.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use ducat_domain::{DeliveryId, Timestamp, WebhookEndpointId};
use ducat_engine::deliveries::{self, Dispatcher, schedule};
use ducat_engine::webhook_endpoints::{self, NewReplay, NewWebhookEndpoint, Use, WebhookEndpointPatch};
use ducat_engine::{Answer, Error};
use ducat_store::{DeliveryFilter, PageAnchor};
use ducat_testkit::{Came, Receiver, World};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use std::time::Duration;

const URL: &str = "https://shop.example/hooks";
const OTHER: &str = "https://other.example/hooks";
/// How long receivers may still answer when the node ends.
const PATIENCE: Duration = Duration::from_secs(10);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// An endpoint, as a merchant knows it.
struct Endpoint {
    id: WebhookEndpointId,
    secret: String,
    public_key: String,
}

fn read(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

async fn endpoint(world: &World, url: &str, types: &[&str]) -> Endpoint {
    let types = types.iter().map(|t| (*t).to_owned()).collect();
    let new = NewWebhookEndpoint { url: url.into(), description: "test".into(), types };
    let made = read(&webhook_endpoints::create(&world.engine, world.merchant, new, None).await.unwrap());
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    Endpoint { id: text("id").parse().unwrap(), secret: text("secret"), public_key: text("public_key") }
}

async fn deliver(world: &World) -> usize {
    Dispatcher::new(world.engine.clone()).run_due().await.unwrap()
}

async fn patch(world: &World, id: WebhookEndpointId, patch: WebhookEndpointPatch) -> Value {
    read(&webhook_endpoints::update(&world.engine, world.merchant, id, patch, None).await.unwrap())
}

async fn listed(world: &World, id: WebhookEndpointId) -> Vec<deliveries::DeliveryView> {
    let all = DeliveryFilter::default();
    deliveries::list(&world.engine, world.merchant, id, all, PageAnchor::Newest, 100).await.unwrap().data
}

async fn shown(world: &World, id: WebhookEndpointId, delivery: &str) -> deliveries::DeliveryView {
    deliveries::get(&world.engine, world.merchant, id, delivery.parse().unwrap()).await.unwrap()
}

/// Whether one of the signatures is this secret's.
fn signed_by(came: &Came, secret: &str) -> bool {
    let key = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(&signed(came));
    let wanted = format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()));
    came.header("webhook-signature").split(' ').any(|one| one == wanted)
}

fn signed(came: &Came) -> Vec<u8> {
    [format!("{}.{}.", came.header("webhook-id"), came.header("webhook-timestamp")).as_bytes(), &came.body].concat()
}

fn proved_by(came: &Came, public_key: &str) -> bool {
    let key = BASE64_STANDARD.decode(public_key.strip_prefix("whpk_").unwrap()).unwrap();
    let first = came.header("webhook-signature").split(' ').next().unwrap();
    let signature = BASE64_STANDARD.decode(first.strip_prefix("v1a,").unwrap()).unwrap();
    UnparsedPublicKey::new(&ED25519, key).verify(&signed(came), &signature).is_ok()
}

#[tokio::test]
async fn every_event_after_the_beginning_arrives_once_signed_and_as_the_api_shows_it() {
    let world = World::new(1).await;
    world.created("before", 1000).await;
    let mine = endpoint(&world, URL, &[]).await;
    let order = world.created("after", 1000).await;
    world.pay(order, "pm_card_visa").await;
    world.deliver().await;
    deliver(&world).await;
    let came = world.receivers.came_to(URL);
    let kinds: Vec<Value> = came.iter().map(|c| c.json()["type"].clone()).collect();
    assert_eq!(kinds, ["payment_order.created", "payment_order.pending", "payment_order.succeeded"]);
    for one in &came {
        assert!(signed_by(one, &mine.secret) && proved_by(one, &mine.public_key));
        let body = one.json();
        assert_eq!((&body["id"], &body["timestamp"]), (&json!(one.header("webhook-id")), &body["created_at"]));
        assert_eq!(one.header("webhook-timestamp"), world.clock_seconds().to_string());
        let event = ducat_engine::events::get(&world.engine, world.merchant, body["id"].as_str().unwrap().parse().unwrap());
        let mut event = serde_json::to_value(event.await.unwrap()).unwrap();
        event["timestamp"] = body["timestamp"].clone();
        assert_eq!(body, event);
    }
    assert_eq!(deliver(&world).await, 0);
    assert!(listed(&world, mine.id).await.iter().all(|d| d.state == "succeeded" && d.tries == 1 && d.origin == "event"));
    world.assert_sound().await;
}

#[tokio::test]
async fn each_endpoint_gets_what_it_wants_and_nothing_of_another_merchant() {
    let world = World::new(2).await;
    endpoint(&world, URL, &["payment_order.pending"]).await;
    endpoint(&world, OTHER, &["payment_order.created", "payment_order.pending", "payment_order.created"]).await;
    let stranger = ducat_engine::merchants::create(&world.engine, "Somebody else").await.unwrap().id;
    let theirs = NewWebhookEndpoint { url: "https://x.example/".into(), description: String::new(), types: Vec::new() };
    webhook_endpoints::create(&world.engine, stranger, theirs, None).await.unwrap();
    world.created("o", 1000).await;
    deliver(&world).await;
    let count = |url| world.receivers.came_to(url).len();
    assert_eq!((count(URL), count(OTHER), count("https://x.example/")), (1, 2, 0));
    world.assert_sound().await;
}

#[tokio::test]
async fn a_receiver_that_fails_is_tried_by_the_schedule_for_three_days_and_then_it_is_a_dead_letter() {
    let world = World::new(3).await;
    let mine = endpoint(&world, URL, &["payment_order.created"]).await;
    world.receivers.set(URL, Receiver::Answers(500, vec![("content-type", "text/plain")]));
    world.created("o", 1000).await;
    let begun = world.clock_seconds();
    let mut dispatcher = Dispatcher::new(world.engine.clone());
    let mut tries = 0;
    while tries < schedule::TRIES as usize {
        tries += dispatcher.run_due().await.unwrap();
        world.clock.advance(Duration::from_secs(1));
        let next = listed(&world, mine.id).await[0].next_try_at.clone();
        if let Some(next) = next.and_then(|at| Timestamp::parse(&at)) {
            world.clock.advance(next.since(world.engine.now()));
        }
    }
    let came = world.receivers.came_to(URL);
    assert_eq!(came.len(), 10);
    // The same event under the same id, at another time, signed anew.
    assert!(came.iter().all(|c| c.header("webhook-id") == came[0].header("webhook-id") && c.body == came[0].body));
    assert!(came.windows(2).all(|w| w[0].header("webhook-signature") != w[1].header("webhook-signature")));
    let waits: Vec<u64> = came.windows(2).map(|w| w[1].at.since(w[0].at).as_secs()).collect();
    for (wait, planned) in waits.iter().zip([5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 72_000]) {
        assert!((planned * 9 / 10..=planned * 11 / 10 + 2).contains(wait), "{wait} instead of {planned}");
    }
    let took = came[9].at.as_seconds() - begun;
    assert!((64 * 3600..79 * 3600).contains(&took), "{took}");
    let dead = &listed(&world, mine.id).await[0];
    assert_eq!((dead.state, dead.tries, &dead.next_try_at), ("dead", 10, &None));
    world.clock.advance(10 * DAY);
    assert_eq!(dispatcher.run_due().await.unwrap(), 0);
    let whole = shown(&world, mine.id, &dead.id).await;
    let log = whole.log.unwrap();
    let answer = log[9].response.as_ref().unwrap();
    assert_eq!((answer.status, answer.body.as_str(), answer.truncated), (500, "as you say", false));
    assert_eq!(answer.headers["content-type"], "text/plain");
    assert_eq!(log[9].request_headers["webhook-signature"], "v1a,[redacted] v1,[redacted]");
    assert_eq!(whole.request_body.unwrap().as_bytes(), came[0].body);
    world.assert_sound().await;
}

#[tokio::test]
async fn a_dead_letter_is_tried_again_by_hand_and_arrives() {
    let world = World::new(4).await;
    let mine = endpoint(&world, URL, &["payment_order.created"]).await;
    world.receivers.set(URL, Receiver::Closed);
    world.created("o", 1000).await;
    let mut dispatcher = Dispatcher::new(world.engine.clone());
    for _ in 0..20 {
        dispatcher.run_due().await.unwrap();
        world.clock.advance(22 * HOUR);
    }
    // Failing for days has paused the endpoint; the letter is dead or waits.
    patch(&world, mine.id, WebhookEndpointPatch { status: Some(Use::Enabled), ..WebhookEndpointPatch::default() }).await;
    for _ in 0..20 {
        dispatcher.run_due().await.unwrap();
        world.clock.advance(22 * HOUR);
    }
    let letter = listed(&world, mine.id).await.remove(0);
    assert_eq!((letter.state, letter.tries), ("dead", 10));
    world.receivers.set(URL, Receiver::Answers(204, vec![]));
    let id: DeliveryId = letter.id.parse().unwrap();
    let retry = async || deliveries::retry(&world.engine, world.merchant, mine.id, id, None).await;
    assert_eq!(read(&retry().await.unwrap())["state"], "pending");
    assert_eq!(dispatcher.run_due().await.unwrap(), 1);
    assert_eq!(shown(&world, mine.id, &letter.id).await.state, "succeeded");
    // What has arrived stays what it is; the event goes out in a new delivery.
    let again = read(&retry().await.unwrap());
    assert_eq!((&again["origin"], &again["event"]), (&json!("replay"), &json!(letter.event)));
    assert_ne!(again["id"], json!(letter.id));
    assert_eq!(dispatcher.run_due().await.unwrap(), 1);
    world.assert_sound().await;
}

#[tokio::test]
async fn a_receiver_that_hangs_delays_no_other() {
    let world = World::new(5).await;
    endpoint(&world, URL, &[]).await;
    endpoint(&world, OTHER, &[]).await;
    world.receivers.set(URL, Receiver::Hangs);
    for n in 0..30 {
        world.created(&format!("o-{n}"), 1000).await;
    }
    let dispatcher = Dispatcher::new(world.engine.clone());
    let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
    let working = tokio::spawn(async move {
        dispatcher.work(async { drop(receiver.await) }, PATIENCE).await;
    });
    // No time passes but what the dispatcher sleeps through: it goes on while the first receiver holds its connections.
    while world.receivers.came_to(OTHER).len() < 60 {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.receivers.came_to(URL).len(), 8, "no more than its share hangs");
    world.receivers.release();
    while world.receivers.came_to(URL).len() < 60 {
        tokio::task::yield_now().await;
    }
    sender.send(()).unwrap();
    working.await.unwrap();
    world.assert_sound().await;
}

#[tokio::test]
async fn a_node_that_ends_gives_back_what_it_has_not_begun_and_the_next_sends_it_at_once() {
    let world = World::new(19).await;
    endpoint(&world, URL, &[]).await;
    world.created("quick", 1000).await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let dispatcher = Dispatcher::new(world.engine.clone());
    let working = tokio::spawn(async move { dispatcher.work(async { drop(stopped.await) }, PATIENCE).await });
    let came = async |count| {
        while world.receivers.came_to(URL).len() < count {
            tokio::task::yield_now().await;
        }
    };
    // A receiver that has proved to be quick gets its deliveries claimed ahead. Now it hangs.
    came(2).await;
    world.receivers.set(URL, Receiver::Hangs);
    for n in 0..30 {
        world.created(&format!("o-{n}"), 1000).await;
    }
    came(10).await;
    stop.send(()).unwrap();
    working.await.unwrap();
    world.receivers.set(URL, Receiver::Answers(200, vec![]));
    let before = world.clock_seconds();
    assert_eq!(deliver(&world).await, 52, "all but the eight that were sent and not answered");
    assert_eq!(world.clock_seconds(), before, "without waiting for a lease to end");
    world.clock.advance(Duration::from_secs(31));
    assert_eq!(deliver(&world).await, 8);
    world.assert_sound().await;
}

#[tokio::test]
async fn a_receiver_that_stops_answering_leaves_what_it_has_not_got_to_others() {
    let world = World::new(20).await;
    let mine = endpoint(&world, URL, &["payment_order.created"]).await;
    world.created("quick", 1000).await;
    let mut dispatcher = Dispatcher::new(world.engine.clone());
    assert_eq!(dispatcher.run_due().await.unwrap(), 1);
    world.receivers.set(URL, Receiver::Answers(500, vec![]));
    for n in 0..40 {
        world.created(&format!("o-{n}"), 1000).await;
    }
    // Each is tried once and planned anew, whoever claimed it first.
    assert_eq!(dispatcher.run_due().await.unwrap(), 40);
    assert!(listed(&world, mine.id).await.iter().filter(|d| d.state == "pending").all(|d| d.tries == 1));
    world.assert_sound().await;
}

#[tokio::test]
async fn a_process_that_dies_anywhere_loses_nothing() {
    let mut world = World::new(6).await;
    let mine = endpoint(&world, URL, &[]).await;
    for n in 0..5 {
        world.created(&format!("o-{n}"), 1000).await;
    }
    // Dies before anything was looked at.
    world.restart().await;
    // Dies while two of them are under way: claimed, sent, and not written down.
    let work = world.engine.store().endpoints_at_work().await.unwrap().remove(0);
    assert!(work.behind);
    world.receivers.set(URL, Receiver::Hangs);
    let cut_off = async {
        let mut dispatcher = Dispatcher::new(world.engine.clone());
        tokio::select! {
            _ = dispatcher.run_due() => unreachable!("it hangs"),
            () = async { while world.receivers.came_to(URL).len() < 8 { tokio::task::yield_now().await } } => {}
        }
    };
    cut_off.await;
    world.restart().await;
    world.receivers.set(URL, Receiver::Answers(200, vec![]));
    assert_eq!(deliver(&world).await, 2, "what nobody had claimed");
    world.clock.advance(Duration::from_secs(31));
    assert_eq!(deliver(&world).await, 8, "what somebody had claimed comes again when the lease ends");
    assert!(listed(&world, mine.id).await.iter().all(|d| d.state == "succeeded"));
    let mut ids: Vec<String> = world.receivers.came_to(URL).iter().map(|c| c.header("webhook-id").to_owned()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 10);
    world.assert_sound().await;
}

#[tokio::test]
async fn both_secrets_sign_while_they_rotate_and_then_only_the_new_one() {
    let world = World::new(7).await;
    let mine = endpoint(&world, URL, &["payment_order.created"]).await;
    let rotate = async |expires_in| {
        let answer = webhook_endpoints::rotate_secret(&world.engine, world.merchant, mine.id, expires_in, None).await;
        answer.map(|answer| read(&answer))
    };
    let send = async |name: &str| {
        world.created(name, 1000).await;
        deliver(&world).await;
        world.receivers.came_to(URL).pop().unwrap()
    };
    let rotated = rotate(None).await.unwrap();
    let second = rotated["secret"].as_str().unwrap().to_owned();
    assert_eq!(rotated["secrets"].as_array().unwrap().len(), 2);
    let both = send("a").await;
    assert!(signed_by(&both, &mine.secret) && signed_by(&both, &second) && proved_by(&both, &mine.public_key));
    assert_eq!(both.header("webhook-signature").split(' ').count(), 3);
    world.clock.advance(DAY - Duration::from_secs(1));
    assert!(signed_by(&send("b").await, &mine.secret));
    world.clock.advance(Duration::from_secs(1));
    let one = send("c").await;
    assert!(!signed_by(&one, &mine.secret) && signed_by(&one, &second));
    // Never more than two, and a leaked one can be put out of use at once.
    rotate(Some(3600)).await.unwrap();
    let third = rotate(Some(3600)).await.unwrap()["secret"].as_str().unwrap().to_owned();
    assert!(!signed_by(&send("d").await, &second));
    rotate(Some(0)).await.unwrap();
    let last = send("e").await;
    assert!(!signed_by(&last, &third) && last.header("webhook-signature").split(' ').count() == 2);
    for wrong in [-1, 7 * 86_400 + 1] {
        assert!(matches!(rotate(Some(wrong)).await, Err(Error::Invalid(p)) if p.param.as_deref() == Some("/expires_in")));
    }
}

#[tokio::test]
async fn a_range_of_events_is_delivered_again_under_the_same_ids() {
    let world = World::new(8).await;
    let mine = endpoint(&world, URL, &["payment_order.created", "payment_order.pending"]).await;
    let mut moments = Vec::new();
    for n in 0..6 {
        moments.push(world.engine.now());
        world.created(&format!("o-{n}"), 1000).await;
        world.clock.advance(Duration::from_secs(10));
    }
    deliver(&world).await;
    let first: Vec<Came> = world.receivers.came_to(URL);
    assert_eq!(first.len(), 12);
    let replay = async |from, before, types: &[&str]| {
        let types = types.iter().map(|t| (*t).to_owned()).collect();
        let new = NewReplay { from, before, types };
        webhook_endpoints::replay(&world.engine, world.merchant, mine.id, new, None).await
    };
    let answer = read(&replay(moments[2], Some(moments[4]), &[]).await.unwrap());
    assert_eq!(answer["object"], "webhook_replay");
    assert_eq!(deliver(&world).await, 4);
    let again = world.receivers.came_to(URL).split_off(12);
    let ids = |came: &[Came]| {
        let mut ids: Vec<String> = came.iter().map(|c| c.header("webhook-id").to_owned()).collect();
        ids.sort();
        ids
    };
    let (from, before) = (moments[2].to_string(), moments[4].to_string());
    let in_range = |came: &&Came| (from.as_str()..before.as_str()).contains(&came.json()["created_at"].as_str().unwrap());
    let wanted: Vec<Came> = first.iter().filter(in_range).cloned().collect();
    assert_eq!((ids(&again), wanted.len()), (ids(&wanted), 4));
    // The end is open, and types narrow it down.
    replay(moments[5], None, &["payment_order.pending"]).await.unwrap();
    assert_eq!(deliver(&world).await, 1);
    assert_eq!(listed(&world, mine.id).await.iter().filter(|d| d.origin == "replay").count(), 5);
    for (from, before) in [(moments[3], Some(moments[3])), (moments[3], Some(moments[2])), (world.engine.now(), None)] {
        assert!(matches!(replay(from, before, &[]).await, Err(Error::Invalid(p)) if p.code == "out_of_range"));
    }
    world.assert_sound().await;
}

#[tokio::test]
async fn a_long_replay_goes_in_parts_and_does_not_hold_up_what_just_happened() {
    let world = World::new(9).await;
    let mine = endpoint(&world, URL, &[]).await;
    for n in 0..300 {
        world.created(&format!("o-{n}"), 1000).await;
    }
    let begin = Timestamp::from_seconds(0);
    deliver(&world).await;
    world.clock.advance(Duration::from_secs(1));
    let new = NewReplay { from: begin, before: None, types: Vec::new() };
    webhook_endpoints::replay(&world.engine, world.merchant, mine.id, new, None).await.unwrap();
    world.created("news", 1000).await;
    deliver(&world).await;
    let came = world.receivers.came_to(URL).split_off(600);
    assert_eq!(came.len(), 602);
    let news = came.iter().position(|c| c.json()["data"]["reference"] == "news").unwrap();
    assert!(news < 16, "it came as number {news}");
    world.assert_sound().await;
}

#[tokio::test]
async fn a_test_is_sent_at_once_and_its_answer_shown() {
    let world = World::new(10).await;
    let mine = endpoint(&world, URL, &[]).await;
    let send = async || read(&webhook_endpoints::test(&world.engine, world.merchant, mine.id, None).await.unwrap());
    let answer = send().await;
    assert_eq!(
        (&answer["state"], &answer["origin"], &answer["type"]),
        (&json!("succeeded"), &json!("test"), &json!("webhook_endpoint.test"))
    );
    assert_eq!(answer["log"][0]["response"]["status"], 200);
    let came = world.receivers.came_to(URL).remove(0);
    assert!(signed_by(&came, &mine.secret));
    assert_eq!(
        (&came.json()["type"], &came.json()["data"]["id"]),
        (&json!("webhook_endpoint.test"), &json!(mine.id.to_string()))
    );
    assert!(came.json()["data"].get("secret").is_none());
    world.receivers.set(URL, Receiver::Answers(302, vec![("location", "http://169.254.169.254/")]));
    let failed = send().await;
    assert_eq!((&failed["state"], &failed["log"][0]["response"]["status"]), (&json!("dead"), &json!(302)));
    assert!(failed["log"][0]["error"].as_str().unwrap().contains("redirects"));
    // It is in the log, is not an event, and is not tried again.
    assert_eq!(listed(&world, mine.id).await.len(), 2);
    let id = failed["id"].as_str().unwrap();
    assert_eq!(shown(&world, mine.id, id).await.request_body.unwrap().as_bytes(), world.receivers.came_to(URL)[1].body);
    let retry = deliveries::retry(&world.engine, world.merchant, mine.id, id.parse().unwrap(), None).await;
    assert!(matches!(retry, Err(Error::Conflict(p)) if p.code == "delivery_is_a_test"));
    assert_eq!(deliver(&world).await, 0);
    world.assert_sound().await;
}

#[tokio::test]
async fn what_happens_while_an_endpoint_is_disabled_is_delivered_when_it_is_enabled() {
    let world = World::new(11).await;
    let mine = endpoint(&world, URL, &["payment_order.created"]).await;
    let set = async |status| {
        patch(&world, mine.id, WebhookEndpointPatch { status: Some(status), ..WebhookEndpointPatch::default() }).await
    };
    assert_eq!(set(Use::Disabled).await["disabled_reason"], "merchant");
    world.created("meanwhile", 1000).await;
    assert_eq!(deliver(&world).await, 0);
    assert_eq!(set(Use::Enabled).await["disabled_reason"], Value::Null);
    assert_eq!(deliver(&world).await, 1);
    world.assert_sound().await;
}

#[tokio::test]
async fn a_deleted_endpoint_gets_nothing_and_is_unknown() {
    let world = World::new(12).await;
    let mine = endpoint(&world, URL, &[]).await;
    world.created("o", 1000).await;
    webhook_endpoints::delete(&world.engine, world.merchant, mine.id).await.unwrap();
    assert_eq!(deliver(&world).await, 0);
    assert!(matches!(webhook_endpoints::get(&world.engine, world.merchant, mine.id).await, Err(Error::NotFound(_))));
    assert!(matches!(webhook_endpoints::delete(&world.engine, world.merchant, mine.id).await, Err(Error::NotFound(_))));
    world.assert_sound().await;
}

#[tokio::test]
async fn an_overloaded_receiver_is_left_alone_for_as_long_as_it_asks() {
    let world = World::new(13).await;
    endpoint(&world, URL, &["payment_order.created"]).await;
    world.receivers.set(URL, Receiver::Answers(429, vec![("retry-after", "600")]));
    world.created("a", 1000).await;
    let mut dispatcher = Dispatcher::new(world.engine.clone());
    assert_eq!(dispatcher.run_due().await.unwrap(), 1);
    world.receivers.set(URL, Receiver::Answers(200, vec![]));
    // Neither the failed one nor a new one: the receiver asked for ten minutes.
    world.created("b", 1000).await;
    world.clock.advance(Duration::from_secs(599));
    assert_eq!(dispatcher.run_due().await.unwrap(), 0);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(dispatcher.run_due().await.unwrap(), 2);
}

#[tokio::test]
async fn old_deliveries_are_forgotten_and_the_events_are_not() {
    let world = World::new(14).await;
    let mine = endpoint(&world, URL, &[]).await;
    world.created("o", 1000).await;
    deliver(&world).await;
    world.clock.advance(29 * DAY);
    deliveries::forget(&world.engine).await.unwrap();
    assert_eq!(listed(&world, mine.id).await.len(), 2);
    world.clock.advance(2 * DAY);
    deliveries::forget(&world.engine).await.unwrap();
    assert_eq!(listed(&world, mine.id).await.len(), 0);
    world.assert_sound().await;
    // They can still be delivered again.
    let new = NewReplay { from: Timestamp::from_seconds(0), before: None, types: Vec::new() };
    webhook_endpoints::replay(&world.engine, world.merchant, mine.id, new, None).await.unwrap();
    assert_eq!(deliver(&world).await, 2);
}

#[tokio::test]
async fn an_endpoint_that_only_fails_for_three_days_is_disabled_and_an_event_tells_the_others() {
    let world = World::new(15).await;
    let mine = endpoint(&world, URL, &[]).await;
    let watch = endpoint(&world, OTHER, &["webhook_endpoint.disabled"]).await;
    world.receivers.set(URL, Receiver::Answers(503, vec![]));
    let mut dispatcher = Dispatcher::new(world.engine.clone());
    let begun = world.clock_seconds();
    let mut n = 0;
    while world.receivers.came_to(OTHER).is_empty() {
        world.created(&format!("o-{n}"), 1000).await;
        dispatcher.run_due().await.unwrap();
        world.clock.advance(HOUR);
        n += 1;
        assert!(n < 100, "it is never disabled");
    }
    let after = world.clock_seconds() - begun;
    assert!((72 * 3600..75 * 3600).contains(&after), "{after}");
    let told = world.receivers.came_to(OTHER);
    let body = told[0].json();
    assert_eq!(
        (told.len(), &body["type"], &body["subject"]),
        (1, &json!("webhook_endpoint.disabled"), &json!(mine.id.to_string()))
    );
    assert_eq!((&body["data"]["status"], &body["data"]["disabled_reason"]), (&json!("disabled"), &json!("failing")));
    assert!(body["data"].get("secret").is_none() && proved_by(&told[0], &watch.public_key));
    let tries = world.receivers.came_to(URL).len();
    world.clock.advance(10 * HOUR);
    assert_eq!((dispatcher.run_due().await.unwrap(), world.receivers.came_to(URL).len()), (0, tries));
    world.assert_sound().await;
    // Mended and enabled again, it goes on where it stopped.
    world.receivers.set(URL, Receiver::Answers(200, vec![]));
    patch(&world, mine.id, WebhookEndpointPatch { status: Some(Use::Enabled), ..WebhookEndpointPatch::default() }).await;
    dispatcher.run_due().await.unwrap();
    let waiting = DeliveryFilter { state: Some(ducat_domain::webhooks::DeliveryState::Pending), event: None };
    let left = deliveries::list(&world.engine, world.merchant, mine.id, waiting, PageAnchor::Newest, 100).await.unwrap();
    let overdue = left.data.iter().filter(|d| Timestamp::parse(d.next_try_at.as_ref().unwrap()) <= Some(world.engine.now()));
    assert_eq!(overdue.count(), 0);
    world.assert_sound().await;
}

#[tokio::test]
async fn one_success_in_between_keeps_an_endpoint_in_use() {
    let world = World::new(16).await;
    let mine = endpoint(&world, URL, &["payment_order.created"]).await;
    let mut dispatcher = Dispatcher::new(world.engine.clone());
    for n in 0..100 {
        let status = if n == 50 { 200 } else { 500 };
        world.receivers.set(URL, Receiver::Answers(status, vec![]));
        world.created(&format!("o-{n}"), 1000).await;
        dispatcher.run_due().await.unwrap();
        world.clock.advance(HOUR);
    }
    let view = webhook_endpoints::get(&world.engine, world.merchant, mine.id).await.unwrap();
    assert_eq!((view.status, view.failing_since.is_some()), ("enabled", true));
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_disabled_at_once() {
    let world = World::new(17).await;
    let mine = endpoint(&world, URL, &["payment_order.created"]).await;
    world.receivers.set(URL, Receiver::Answers(410, vec![]));
    world.created("o", 1000).await;
    deliver(&world).await;
    let view = webhook_endpoints::get(&world.engine, world.merchant, mine.id).await.unwrap();
    assert_eq!((view.status, view.disabled_reason), ("disabled", Some("gone")));
    world.clock.advance(HOUR);
    world.created("p", 1000).await;
    assert_eq!(deliver(&world).await, 0);
    world.assert_sound().await;
}

#[tokio::test]
async fn a_secret_is_shown_once_also_where_the_request_comes_twice() {
    let world = World::new(18).await;
    let key = || Some(ducat_engine::RequestKey { key: "k".into(), fingerprint: [1; 32] });
    let new = || NewWebhookEndpoint { url: URL.into(), description: String::new(), types: Vec::new() };
    let first = webhook_endpoints::create(&world.engine, world.merchant, new(), key()).await.unwrap();
    let again = webhook_endpoints::create(&world.engine, world.merchant, new(), key()).await.unwrap();
    assert!(read(&first)["secret"].as_str().unwrap().starts_with("whsec_"));
    assert!(again.replayed && read(&again).get("secret").is_none());
    assert_eq!(read(&first)["id"], read(&again)["id"]);
    let shown = webhook_endpoints::list(&world.engine, world.merchant).await.unwrap();
    assert!(shown.len() == 1 && shown[0].secret.is_none());
}
