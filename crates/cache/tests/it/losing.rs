//! A server that dies, hangs, comes back, or is of no use: calls go on, within their time.

use super::*;

/// A call waits at most for a turn and for an answer, 50 ms each; the rest is the machine's.
const LONGEST_CALL: Duration = Duration::from_millis(400);

async fn timed(limiter: &Limiter) -> bool {
    let begun = Instant::now();
    let taken = limiter.take(NAME, Instant::now()).await;
    assert!(begun.elapsed() < LONGEST_CALL, "{:?}", begun.elapsed());
    taken.admitted
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
    let mut admitted = 0;
    for _ in 0..100 {
        admitted += u32::from(timed(&limiter).await);
    }
    assert!((20..=22).contains(&admitted), "this node's own bucket, no more and no less: {admitted}");
    until(&cache, State::Degraded).await;
    assert!(cache.failures() > 0);

    valkey.start_again();
    until(&cache, State::Shared).await;
    other.look().await.unwrap_err();
    other.look().await.unwrap();
    let others = super::limiter(&other, 1, 20);
    let mut admitted = 0;
    for _ in 0..30 {
        admitted += u32::from(timed(&limiter).await) + u32::from(timed(&others).await);
    }
    assert!((20..=23).contains(&admitted), "counted together again: {admitted}");
}

#[tokio::test]
async fn a_server_that_hangs_costs_the_time_limit_once_and_is_left_alone() {
    let valkey = Valkey::start();
    let cache = node(&valkey).await;
    let limiter = limiter(&cache, 1, 2_000);
    valkey.freeze();
    let begun = Instant::now();
    for _ in 0..1_000 {
        assert!(timed(&limiter).await);
    }
    assert!(begun.elapsed() < 2 * LONGEST_CALL, "it was asked again and again: {:?}", begun.elapsed());
    assert_eq!((cache.state(), cache.failures()), (State::Degraded, 1));
    valkey.thaw();
    cache.look().await.unwrap();
    assert_eq!(cache.state(), State::Shared);
}

#[tokio::test]
async fn many_calls_that_wait_for_a_server_that_hangs_all_go_on() {
    let valkey = Valkey::start();
    let limiter = std::sync::Arc::new(limiter(&node(&valkey).await, 1, 10_000));
    valkey.freeze();
    let calls: Vec<_> = (0..500u16)
        .map(|number| {
            let (limiter, mut name) = (limiter.clone(), [0; 16]);
            name[14..].copy_from_slice(&number.to_be_bytes());
            tokio::spawn(async move { limiter.take(name, Instant::now()).await.admitted })
        })
        .collect();
    let begun = Instant::now();
    for call in calls {
        assert!(call.await.unwrap());
    }
    assert!(begun.elapsed() < 2 * LONGEST_CALL, "{:?}", begun.elapsed());
    valkey.thaw();
}

#[tokio::test]
async fn a_server_that_cannot_be_written_to_is_of_no_use() {
    let closed = Valkey::start_with(&["--requirepass", "open sesame"]);
    let copy = Valkey::start_with(&["--replicaof", "127.0.0.1", "1"]);
    for valkey in [&closed, &copy] {
        let cache = Cache::at(&Address::read(&valkey.url()).unwrap());
        let why = cache.look().await.unwrap_err();
        assert!(!why.is_empty() && cache.state() == State::Degraded);
        assert!(timed(&limiter(&cache, 1, 1)).await);
    }
    let cache = Cache::at(&Address::read(&closed.url().replace("redis://", "redis://:open%20sesame@")).unwrap());
    cache.look().await.unwrap();
    assert!(cache.version().await.unwrap().contains(' '));
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
