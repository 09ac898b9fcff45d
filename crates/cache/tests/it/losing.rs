//! A server that dies, hangs, comes back, or is of no use: calls go on, within their time.

use super::*;

/// How long a node waits for an answer that does not come.
const LIMIT: Duration = Duration::from_millis(100);

/// One call. It waits at most for a turn and for an answer; whoever waits for a server that hangs does so for ever.
async fn timed(limiter: &Limiter) -> bool {
    let taken = tokio::time::timeout(PATIENCE, limiter.take(NAME, Instant::now())).await;
    taken.expect("a call waits for a server that does not answer").admitted
}

#[tokio::test]
async fn without_the_server_a_node_counts_for_itself_and_with_it_again_together() {
    let mut valkey = Valkey::start();
    let (cache, other) = (node(&valkey).await, node(&valkey).await);
    let (_stop, stopped) = tokio::sync::oneshot::channel::<()>();
    tokio::spawn(cache.clone().watch(async { drop(stopped.await) }));
    let limiter = limiter(&cache, 1, 20);
    assert!(timed(&limiter).await);
    valkey.kill();
    let (mut admitted, begun) = (0, Instant::now());
    for _ in 0..100 {
        admitted += u32::from(timed(&limiter).await);
    }
    let own = 20..=20 + came_back(begun, 1);
    assert!(own.contains(&admitted), "this node's own bucket, no more and no less: {admitted}");
    until(&cache, State::Degraded).await;
    assert!(cache.failures() > 0);

    valkey.start_again();
    until(&cache, State::Shared).await;
    other.look().await.unwrap_err();
    other.look().await.unwrap();
    let (others, begun) = (super::limiter(&other, 1, 20), Instant::now());
    let mut admitted = 0;
    for _ in 0..30 {
        admitted += u32::from(timed(&limiter).await) + u32::from(timed(&others).await);
    }
    assert!((20..=20 + came_back(begun, 1)).contains(&admitted), "counted together again: {admitted}");
}

#[tokio::test]
async fn a_server_that_hangs_costs_the_time_limit_once_and_is_left_alone() {
    let valkey = Valkey::start();
    let cache = node_waiting(&valkey, LIMIT).await;
    let limiter = limiter(&cache, 1, 2_000);
    let before = cache.failures();
    valkey.freeze();
    let begun = Instant::now();
    for _ in 0..1_000 {
        assert!(timed(&limiter).await);
    }
    assert!(begun.elapsed() >= LIMIT, "nobody waited for it");
    assert_eq!((cache.state(), cache.failures() - before), (State::Degraded, 1), "it was asked once, and not again");
    valkey.thaw();
    let begun = Instant::now();
    while let Err(why) = cache.look().await {
        assert!(begun.elapsed() < PATIENCE, "it is not asked again: {why}");
    }
    assert_eq!(cache.state(), State::Shared);
}

#[tokio::test]
async fn many_calls_that_wait_for_a_server_that_hangs_all_go_on() {
    let valkey = Valkey::start();
    let cache = node_waiting(&valkey, LIMIT).await;
    let (limiter, before) = (std::sync::Arc::new(limiter(&cache, 1, 10_000)), cache.failures());
    valkey.freeze();
    let calls: Vec<_> = (0..500u16)
        .map(|number| {
            let (limiter, mut name) = (limiter.clone(), [0; 16]);
            name[14..].copy_from_slice(&number.to_be_bytes());
            tokio::spawn(async move { limiter.take(name, Instant::now()).await.admitted })
        })
        .collect();
    for call in calls {
        assert!(tokio::time::timeout(PATIENCE, call).await.expect("a call waits for the server").unwrap());
    }
    // Those who have their turn ask; who waits behind them hears of it.
    let asked = cache.failures() - before;
    assert!((1..=64).contains(&asked), "{asked}");
    valkey.thaw();
}

#[tokio::test]
async fn a_server_that_cannot_be_written_to_is_of_no_use() {
    let closed = Valkey::start_with(&["--requirepass", "open sesame"]);
    let copy = Valkey::start_with(&["--replicaof", "127.0.0.1", "1"]);
    let at = |url: &str| Cache::waiting(&Address::read(url).unwrap(), PATIENT);
    for valkey in [&closed, &copy] {
        let cache = at(&valkey.url());
        let why = cache.look().await.unwrap_err();
        assert!(!why.is_empty() && cache.state() == State::Degraded);
        assert!(timed(&limiter(&cache, 1, 1)).await);
    }
    let cache = at(&closed.url().replace("redis://", "redis://:open%20sesame@"));
    cache.look().await.unwrap();
    assert!(cache.version().await.unwrap().contains(' '));
}

#[tokio::test]
async fn who_has_something_to_tell_tries_a_server_that_is_not_there_once() {
    let mut valkey = Valkey::start();
    valkey.kill();
    let cache = Cache::waiting(&Address::read(&valkey.url()).unwrap(), PATIENT);
    for mark in [[1; 16], [2; 16]] {
        let before = cache.generation();
        cache.outdate(mark).await;
        assert_eq!((cache.state(), cache.failures()), (State::Degraded, 1));
        assert_ne!(cache.generation(), before, "this node knows all the same");
    }
}

#[tokio::test]
async fn nobody_is_asked_where_nothing_is_shared() {
    let cache = Cache::in_memory();
    cache.look().await.unwrap();
    cache.clone().watch(std::future::pending()).await;
    let limiter = limiter(&cache, 10, 2);
    let now = Instant::now();
    let takes = [limiter.take(NAME, now).await, limiter.take(NAME, now).await, limiter.take(NAME, now).await];
    assert_eq!(takes.map(|taken| taken.admitted), [true, true, false]);
    assert!(limiter.take(NAME, now + Duration::from_millis(100)).await.admitted, "the clock moved on");
    let before = cache.generation();
    cache.outdate([1; 16]).await;
    assert_eq!((cache.state(), cache.generation()), (State::Memory, before + 1));
}
