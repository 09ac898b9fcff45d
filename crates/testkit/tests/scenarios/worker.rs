//! The worker beside a PSP that hangs.

use ducat_engine::jobs;
use ducat_engine::psp::Transport;
use ducat_testkit::World;
use std::time::Duration;

/// After how long, by a real clock, a worker counts as held up.
const HELD_UP: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_call_that_hangs_holds_up_no_job_but_its_own() {
    let world = World::new(3).await;
    world.created("order-1", 500).await;
    world.clock.advance(Duration::from_secs(30));
    world.created("order-2", 500).await;
    let due = world.engine.store().next_job_at().await.unwrap().expect("a job sees to the first order");
    world.clock.advance(due.since(world.engine.now()));
    world.transport.set_hanging(true);

    let transport = world.transport.clone();
    let told_once_the_second_is_asked_about = async move {
        transport.hung().await;
        transport.set_hanging(false);
        let asked = transport.sent();
        // Each look lets time go on, until the second is due. On a server that has little of the machine, much of it goes on meanwhile.
        while transport.sent() == asked {
            tokio::task::yield_now().await;
        }
    };
    let work = jobs::work(world.engine.clone(), told_once_the_second_is_asked_about, Duration::from_secs(1));
    tokio::time::timeout(HELD_UP, work).await.expect("the worker goes on beside a call that hangs");
}

#[tokio::test]
async fn a_job_that_outlasts_its_lease_is_not_begun_a_second_time_by_the_node_that_is_at_it() {
    let world = World::new(4).await;
    world.created("order-1", 500).await;
    let due = world.engine.store().next_job_at().await.unwrap().expect("a job sees to the order");
    world.clock.advance(due.since(world.engine.now()));
    world.transport.set_hanging(true);

    let (transport, clock, lease) = (world.transport.clone(), world.clock.clone(), world.engine.settings().lease);
    let told_long_after_the_lease = async move {
        transport.hung().await;
        let asked = transport.sent();
        clock.advance(2 * lease);
        // The worker looks again and again meanwhile: each look lets time go on.
        let end = transport.elapsed() + 20 * lease;
        while transport.elapsed() < end {
            tokio::task::yield_now().await;
        }
        assert_eq!(transport.sent(), asked, "nobody has begun it again");
    };
    jobs::work(world.engine.clone(), told_long_after_the_lease, Duration::from_secs(1)).await;

    // It was given back, so its claim was good to the end.
    let next = world.engine.store().next_job_at().await.unwrap().expect("the job is there still");
    assert!(next <= world.engine.now());
    world.transport.set_hanging(false);
    assert_eq!(jobs::run_due(&world.engine).await.unwrap(), 1);
}
