//! A node that has to end while jobs run: what can be waited for ends, the rest is given back at once.

use ducat_engine::jobs;
use ducat_testkit::World;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_job_that_hangs_is_given_back_when_the_node_ends_and_the_next_node_runs_it_at_once() {
    let world = World::new(1).await;
    world.created("order-1", 500).await;
    let due = world.engine.store().next_job_at().await.unwrap().expect("a job sees to the order");
    world.clock.advance(due.since(world.engine.now()));
    world.transport.set_hanging(true);

    let transport = world.transport.clone();
    let told_while_it_hangs = async move { transport.hung().await };
    jobs::work(world.engine.clone(), told_while_it_hangs, PATIENCE).await;

    let now = world.engine.now();
    let next = world.engine.store().next_job_at().await.unwrap().expect("the job is there still");
    assert!(next <= now, "it is due now, and not when the lease ends");
    world.transport.set_hanging(false);
    assert!(jobs::run_due(&world.engine).await.unwrap() >= 1);
}
