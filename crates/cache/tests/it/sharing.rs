//! What nodes count together, and what they hear of each other.

use super::*;

#[tokio::test]
async fn two_nodes_share_one_limit() {
    let valkey = Valkey::start();
    let begun = Instant::now();
    // So slow that next to nothing comes back while the test runs.
    let (a, b) = (limiter(&node(&valkey).await, 1, 400), limiter(&node(&valkey).await, 1, 400));
    let mut admitted = [0; 2];
    for _ in 0..400 {
        admitted[0] += u32::from(a.take(NAME, Instant::now()).await.admitted);
        admitted[1] += u32::from(b.take(NAME, Instant::now()).await.admitted);
    }
    let sum = admitted[0] + admitted[1];
    assert!((400..=400 + came_back(begun, 1)).contains(&sum), "{admitted:?}");
    assert!(admitted[0] > 150 && admitted[1] > 150, "both came to their share: {admitted:?}");
    let mut refused = a.take(NAME, Instant::now()).await;
    while refused.admitted {
        assert!(begun.elapsed() < PATIENCE, "nobody is refused");
        refused = a.take(NAME, Instant::now()).await;
    }
    assert!(refused.standing.remaining == 0 && refused.wait <= Duration::from_secs(1), "{refused:?}");
}

#[tokio::test]
async fn what_one_node_took_beforehand_is_all_that_it_admits_beyond_the_limit() {
    let valkey = Valkey::start();
    let rate = Rate::new(200, 200);
    let nodes = [
        limiter(&node(&valkey).await, 200, 200),
        limiter(&node(&valkey).await, 200, 200),
        limiter(&node(&valkey).await, 200, 200),
    ];
    let (mut sum, begun) = (0u32, Instant::now());
    for limiter in nodes.iter().cycle().take(1500) {
        sum += u32::from(limiter.take(NAME, Instant::now()).await.admitted);
    }
    let most = 200 + 3 * rate.allowance() + came_back(begun, 200);
    assert!((200..=most).contains(&sum), "{sum} of at most {most}");
}

#[tokio::test]
async fn names_and_kinds_do_not_touch_each_other() {
    let valkey = Valkey::start();
    let cache = node(&valkey).await;
    let (keys, addresses) = (limiter(&cache, 1, 1), Limiter::new(cache.clone(), "address", Rate::new(1, 1)));
    let begun = Instant::now();
    assert!(keys.take(NAME, Instant::now()).await.admitted);
    assert!(!keys.take(NAME, Instant::now()).await.admitted || begun.elapsed() >= Duration::from_secs(1));
    assert!(keys.take([8; 16], Instant::now()).await.admitted && addresses.take(NAME, Instant::now()).await.admitted);
}

#[tokio::test]
async fn calls_at_the_same_moment_ask_the_server_once_and_lose_nothing() {
    let valkey = Valkey::start();
    let (limiter, begun) = (std::sync::Arc::new(limiter(&node(&valkey).await, 1, 100)), Instant::now());
    let calls: Vec<_> = (0..300)
        .map(|_| {
            let limiter = limiter.clone();
            tokio::spawn(async move { limiter.take(NAME, Instant::now()).await.admitted })
        })
        .collect();
    let mut admitted = 0;
    for call in calls {
        admitted += u32::from(call.await.unwrap());
    }
    assert!((100..=100 + came_back(begun, 1)).contains(&admitted), "{admitted}");
}

#[tokio::test]
async fn what_a_node_tells_before_it_has_looked_is_news_on_the_other() {
    let valkey = Valkey::start();
    let (new, other) = (Cache::waiting(&Address::read(&valkey.url()).unwrap(), PATIENT), node(&valkey).await);
    let before = other.generation();
    new.outdate([1; 16]).await;
    assert_eq!((new.state(), new.failures()), (State::Shared, 0));
    other.look().await.unwrap();
    assert_ne!(other.generation(), before, "it was not told");
}

#[tokio::test]
async fn a_key_taken_back_on_one_node_is_news_on_the_other() {
    let valkey = Valkey::start();
    let (a, b) = (node(&valkey).await, node(&valkey).await);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let watching = tokio::spawn(b.clone().watch(async { drop(stopped.await) }));
    let (before_a, before_b) = (a.generation(), b.generation());
    a.outdate([1; 16]).await;
    assert_ne!(a.generation(), before_a, "at once where it happened");
    let begun = Instant::now();
    while b.generation() == before_b {
        assert!(begun.elapsed() < PATIENCE, "the other node hears nothing of it");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    drop(stop);
    watching.await.unwrap();
    let quiet = b.generation();
    b.look().await.unwrap();
    assert_eq!(b.generation(), quiet, "no news is no news");
}
