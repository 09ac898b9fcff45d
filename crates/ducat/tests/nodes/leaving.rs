//! Nodes leave and come back while shops go on calling: every call gets its answer. `DUCAT_TEST_NODES_ROUNDS` says how
//! often each of them does.

use crate::balancer::Balancer;
use crate::traffic::Traffic;
use crate::world::World;

/// How many call at once.
const CALLERS: u64 = 8;

#[tokio::test]
async fn each_node_is_stopped_and_started_again_and_no_request_is_lost() {
    let world = World::begin().await;
    let (mut a, mut b) = (world.node("a", |program| program).await, world.node("b", |program| program).await);
    let balancer = Balancer::start(world.folder(), [&a.url, &b.url], &world.http).await;
    let traffic = Traffic::begin(&balancer.url, CALLERS);
    let rounds = std::env::var("DUCAT_TEST_NODES_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    for node in std::iter::repeat_n((), rounds).flat_map(|()| [0, 1]) {
        let node = if node == 0 { &mut a } else { &mut b };
        traffic.until_answered(50).await;
        node.leave().await;
        traffic.until_answered(50).await;
        node.come_back(&world.http).await;
        // It has its part of the calls again before the other one leaves.
        while world.figure(node, "ducat_http_requests_total", "/v1/").await < 20 {
            traffic.until_answered(10).await;
        }
    }
    let answered = traffic.answered();
    let wrong = traffic.end().await;
    assert!(wrong.is_empty(), "{} of {} went wrong:\n{}\n{}", wrong.len(), answered, wrong.join("\n"), balancer.said());
    println!("{answered} calls answered, none lost");
}
