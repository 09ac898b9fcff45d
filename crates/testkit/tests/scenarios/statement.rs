//! The PSP's statement: every line is booked, whatever it is; payouts leave and come back.

use ducat_domain::settlement::PayoutStatus;
use ducat_engine::jobs;
use ducat_sandbox::Request;
use ducat_store::{Change, Job, JobNext, JobWrite};
use ducat_testkit::{STRIPE_KEY, Twin, World};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tracing::{Event, Level, Metadata, Subscriber, span};

const SECOND: Duration = Duration::from_secs(1);

async fn paid(seed: u64) -> World {
    let world = World::new(seed).await;
    let id = world.created("order-1", 5_000).await;
    world.pay(id, "pm_card_visa").await;
    world.live(SECOND * 10).await;
    assert_eq!(world.view(id).await.status, "succeeded");
    world
}

/// The sandbox's own table of types, which it tells to whoever names another.
fn types(world: &World) -> Vec<String> {
    let mut request = Request::new("POST", "/_sandbox/balance_transactions").header("Content-Type", "application/json");
    request.body = json!({ "account": STRIPE_KEY, "type": "?", "amount": 1, "currency": "eur" }).to_string().into_bytes();
    let refused = world.sandbox.handle(&request).value();
    let text = refused["error"]["message"].as_str().unwrap().to_owned();
    text.rsplit_once("one of ").unwrap().1.split(", ").map(str::to_owned).collect()
}

#[tokio::test]
async fn every_type_of_line_that_stripe_has_is_booked_once() {
    let world = paid(631).await;
    let types = types(&world);
    assert_eq!(types.len(), 52);
    let mut lines = Vec::new();
    for (n, kind) in types.iter().enumerate() {
        let amount = if n % 2 == 0 { 1_000 } else { -700 };
        let line = world
            .control("/_sandbox/balance_transactions", json!({ "type": kind, "amount": amount, "currency": "eur", "fee": 3 }));
        lines.push(line["id"].as_str().unwrap().to_owned());
    }
    world.live(SECOND * 1_000).await;
    let known = world.engine.store().known_psp_lines(world.merchant, world.account, lines.clone()).await.unwrap();
    assert_eq!(known.len(), lines.len(), "none is dropped");
    world.assert_sound().await;
}

#[tokio::test]
async fn a_payout_leaves_arrives_and_comes_back() {
    let world = paid(632).await;
    let payout = world.control("/_sandbox/payouts", json!({ "currency": "eur", "settle_pending": true }));
    let psp_payout = payout["id"].as_str().unwrap().to_owned();
    world.live(SECOND * 1_000).await;
    let ours = || async {
        let found = world.engine.store().payout_by_psp(world.merchant, world.account, &psp_payout).await;
        found.unwrap().expect("the payout")
    };
    let there = ours().await;
    assert_eq!((there.status, there.left, there.came_back), (PayoutStatus::Paid, true, false));
    assert_eq!(Some(there.amount.minor), payout["amount"].as_i64());
    world.assert_sound().await;
    world.control(&format!("/_sandbox/payouts/{psp_payout}/fail"), json!({}));
    world.live(SECOND * 1_000).await;
    let back = ours().await;
    assert_eq!((back.status, back.came_back), (PayoutStatus::Failed, true));
    world.assert_sound().await;
}

#[tokio::test]
async fn a_line_that_is_quicker_than_every_message_finds_its_payment() {
    let world = World::new(697).await;
    let first = world.created("order-1", 5_000).await;
    let second = world.created("order-2", 3_000).await;
    world.pay(first, "pm_card_visa").await;
    world.pay(second, "pm_card_visa").await;
    // The message of the first order arrives and makes us read the statement; those of the second one do not.
    for message in world.take_messages() {
        if message.body.contains(&first.to_string()) {
            world.receive(&message).await.unwrap();
        }
    }
    for _ in 0..10 {
        world.clock.advance(Duration::from_secs(1));
        ducat_engine::jobs::run_due(&world.engine).await.unwrap();
    }
    let view = world.view(second).await;
    assert_eq!((view.status, view.latest_attempt.fees.len()), ("succeeded", 1), "the line told of the payment");
    let balances = world.engine.store().balances(world.merchant).await.unwrap();
    assert!(balances.iter().all(|b| !b.account.starts_with("suspense:")), "nothing of ours lies in suspense");
    world.assert_sound().await;
}

/// Counts what the reading of a statement logs as an error.
#[derive(Clone, Default)]
struct Complaints(Arc<AtomicUsize>);

impl Subscriber for Complaints {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR && metadata.target().starts_with("ducat_engine::settlement")
    }

    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// A payment that comes while a node reads makes the statement be read at once, by whichever node is free.
#[tokio::test]
async fn lines_that_two_nodes_read_at_once_are_booked_by_one_and_no_error_of_the_other() {
    let world = World::new(698).await;
    let complaints = Complaints::default();
    let _heard = tracing::subscriber::set_default(complaints.clone());
    let (merchant, job) = (world.merchant, Job::Statement(world.account));
    let mut met = 0;
    for place in 0..40 {
        let id = world.created(&format!("order-{place}"), 5_000).await;
        world.pay(id, "pm_card_visa").await;
        world.deliver().await;
        world.clock.advance(SECOND * 10);
        let (other, now) = (world.engine.clone(), world.engine.now());
        let twin = Arc::new(Twin::after(place, async move {
            let jobs = vec![JobWrite { merchant, job, then: JobNext::Hurry(now) }];
            other.store().commit(Change { jobs, ..Change::default() }).await.unwrap();
            jobs::run_due(&other).await.unwrap();
        }));
        jobs::run_due(&world.node(1_000 + place as u64, &twin)).await.unwrap();
        met += usize::from(twin.was_there());
        world.live(SECOND * 1_000).await;
    }
    assert!(met > 5, "they met {met} times");
    assert_eq!(complaints.0.load(Ordering::Relaxed), 0);
    world.assert_sound().await;
}
