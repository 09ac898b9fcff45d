//! A node that stands still in the middle of a job for longer than its claim is good: another one takes the job over, and what the first
//! does when it goes on changes nothing.

use ducat_domain::PaymentOrderId;
use ducat_engine::jobs;
use ducat_engine::refunds::{self, NewRefund};
use ducat_testkit::{Twin, World};
use serde_json::Value;
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
/// More accesses than any job makes.
const MANY: usize = 60;

/// A job is due. Its node stands still before the access `place`, for two leases, in which another node does what is due. Says how many jobs
/// that one did, where the first came so far.
async fn stand_still(world: &World, place: usize) -> Option<usize> {
    let due = world.engine.store().next_job_at().await.unwrap().expect("a job");
    world.clock.advance(due.since(world.engine.now()));
    let done = Arc::new(AtomicUsize::new(0));
    let (other, clock, count) = (world.engine.clone(), Arc::clone(&world.clock), Arc::clone(&done));
    let lease = world.engine.settings().lease;
    let twin = Arc::new(Twin::after(place, async move {
        clock.advance(2 * lease);
        count.store(jobs::run_due(&other).await.unwrap(), Ordering::Relaxed);
    }));
    let still = world.node(7_000 + place as u64, &twin);
    jobs::run_due(&still).await.unwrap();
    twin.was_there().then(|| done.load(Ordering::Relaxed))
}

/// Plays it at every place. Says at how many of them the other node had something to do.
async fn everywhere(world: &World, prepare: impl AsyncFn(usize), check: impl AsyncFn(usize)) -> usize {
    let mut taken_over = 0;
    for place in 0..MANY {
        prepare(place).await;
        let done = stand_still(world, place).await;
        world.live(SECOND * 200).await;
        check(place).await;
        world.assert_sound().await;
        match done {
            Some(0) => {}
            Some(_) => taken_over += 1,
            None => return taken_over,
        }
    }
    panic!("a job that never ends");
}

async fn paid(world: &World, reference: &str) -> PaymentOrderId {
    let id = world.created(reference, 5_000).await;
    world.pay(id, "pm_card_visa").await;
    world.live(SECOND * 10).await;
    assert_eq!(world.view(id).await.status, "succeeded");
    id
}

/// What the PSP gave back, by its own books.
fn given_back(world: &World) -> Vec<i64> {
    let list = world.stripe("GET", "/v1/refunds?limit=100", &[]);
    list["data"].as_array().unwrap().iter().map(|refund: &Value| refund["amount"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn a_refund_is_made_once_wherever_its_node_stands_still() {
    let world = World::new(821).await;
    let id = paid(&world, "order-1").await;
    let prepare = async |_| {
        // The first try does not reach the PSP, so that it becomes a job.
        world.transport.set_down(true);
        refunds::create(&world.engine, world.merchant, id, NewRefund { amount: Some(10), reason: None }, None).await.unwrap();
        world.transport.set_down(false);
    };
    let check = async |place: usize| {
        assert_eq!(given_back(&world), vec![10; place + 1], "place {place}");
        let view = world.view(id).await;
        assert_eq!((view.amount_refunded, view.amount_refunding), (10 * (place as i64 + 1), 0), "place {place}");
    };
    let taken_over = everywhere(&world, prepare, check).await;
    assert!(taken_over > 3, "the other node had something to do at {taken_over} places only");
}

#[tokio::test]
async fn a_payment_of_which_no_message_came_is_booked_once_wherever_its_node_stands_still() {
    let world = World::new(822).await;
    let newest = Cell::new(None);
    let prepare = async |place: usize| {
        let id = world.created(&format!("order-{place}"), 700).await;
        world.pay(id, "pm_card_visa").await;
        drop(world.take_messages());
        newest.set(Some(id));
    };
    let check = async |place: usize| {
        let id = newest.get().unwrap();
        assert_eq!((world.view(id).await.status, world.view(id).await.amount_captured), ("succeeded", 700), "place {place}");
        world.assert_agrees(id).await;
    };
    let taken_over = everywhere(&world, prepare, check).await;
    assert!(taken_over > 3, "the other node had something to do at {taken_over} places only");
}
