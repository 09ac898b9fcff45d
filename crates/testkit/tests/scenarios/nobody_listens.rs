//! Where no endpoint is in use, the dispatcher does not look for one after every commit; and the first one that is there is not kept waiting.

use ducat_domain::{Clock, Timestamp};
use ducat_engine::deliveries::Dispatcher;
use ducat_engine::webhook_endpoints::{self, NewWebhookEndpoint};
use ducat_engine::{Engine, payments};
use ducat_store::Between;
use ducat_testkit::{Database, TestClock, World};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const URL: &str = "https://shop.example/hooks";

/// How long receivers may still answer when the node ends.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long there is from one look to the next at the least while nobody listens, and how long once somebody does.
const NOBODY: Duration = Duration::from_millis(100);
const SOMEBODY: Duration = Duration::from_millis(5);

/// Orders that are made in one go, and how often.
const BURST: usize = 10;
const BURSTS: usize = 20;

/// When the dispatcher asked the database for anything. It does so in tasks of its own; the test itself is none.
#[derive(Debug)]
struct Looks {
    clock: Arc<TestClock>,
    at: Mutex<Vec<Timestamp>>,
}

impl Between for Looks {
    fn before(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        if tokio::task::try_id().is_some() {
            self.at.lock().unwrap().push(self.clock.now());
        }
        Box::pin(std::future::ready(()))
    }
}

impl Looks {
    fn count(&self) -> usize {
        self.at.lock().unwrap().len()
    }

    /// The times from one look to the next.
    fn pauses(&self) -> Vec<Duration> {
        self.at.lock().unwrap().windows(2).map(|pair| pair[1].since(pair[0])).collect()
    }
}

/// Lets the others run until this is true.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(30), "waited in vain until {what}");
        tokio::task::yield_now().await;
    }
}

async fn create(world: &World, engine: &Engine, reference: &str) {
    payments::create(engine, world.merchant, World::order(reference, 1000), None).await.unwrap();
}

#[tokio::test]
async fn commits_that_nobody_listens_to_are_looked_at_ten_times_a_second_and_the_first_listener_hears_at_once() {
    // In a file: on a server, time goes on by itself while the server works.
    let world = World::on(Database::Sqlite, 23).await;
    let looks = Arc::new(Looks { clock: Arc::clone(&world.clock), at: Mutex::default() });
    let engine = world.node(24, &looks);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let dispatcher = Dispatcher::new(engine.clone());
    let working = tokio::spawn(async move { dispatcher.work(async { drop(stopped.await) }, PATIENCE).await });

    until("the dispatcher has looked", || looks.count() > 0).await;
    for burst in 0..BURSTS {
        for n in 0..BURST {
            create(&world, &engine, &format!("unheard-{burst}-{n}")).await;
        }
        let before = looks.count();
        until("it has looked again", || looks.count() > before).await;
    }
    let pauses = looks.pauses();
    assert!(pauses.len() >= BURSTS, "{pauses:?}");
    assert!(pauses.iter().all(|pause| *pause >= NOBODY), "{pauses:?}");

    let new = NewWebhookEndpoint { url: URL.into(), description: "late".into(), types: Vec::new() };
    webhook_endpoints::create(&engine, world.merchant, new, None).await.unwrap();
    let (since, unheard) = (world.clock.now(), looks.count());
    create(&world, &engine, "heard").await;
    until("the endpoint has heard of it", || !world.receivers.came_to(URL).is_empty()).await;
    let heard = world.receivers.came_to(URL)[0].at.since(since);
    assert!(heard <= NOBODY + SOMEBODY, "{heard:?}");

    // From now on every commit is worth a look.
    create(&world, &engine, "heard sooner").await;
    until("the endpoint has heard of both", || world.receivers.came_to(URL).len() == 4).await;
    assert!(looks.pauses()[unheard..].iter().any(|pause| *pause < NOBODY), "{:?}", looks.pauses());
    stop.send(()).unwrap();
    working.await.unwrap();
    world.assert_sound().await;
}
