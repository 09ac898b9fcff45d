//! Random courses of a merchant's life with webhooks: receivers come and go, endpoints are changed, paused and deleted, the process dies. What
//! must hold in the end holds whatever happened.

use ducat_domain::webhooks::DeliveryState;
use ducat_domain::{Chance, Timestamp, WebhookEndpointId, random_bytes};
use ducat_engine::deliveries::{self, Dispatcher};
use ducat_engine::webhook_endpoints::{self, NewReplay, NewWebhookEndpoint, Use, WebhookEndpointPatch};
use ducat_store::{DeliveryFilter, EventCursor, PageAnchor};
use ducat_testkit::{Receiver, Seeded, World};
use serde_json::Value;
use std::collections::HashSet;
use std::time::Duration;

const COURSES: u64 = 12;
const ACTS: usize = 60;

/// An endpoint that exists, and after which event it began.
struct Known {
    id: WebhookEndpointId,
    url: String,
    since: usize,
}

struct Course {
    world: World,
    dice: Seeded,
    known: Vec<Known>,
    made: usize,
}

impl Course {
    fn below(&self, end: usize) -> usize {
        usize::from_le_bytes(random_bytes(&self.dice as &dyn Chance)) % end
    }

    /// The ids of all events so far, in order.
    async fn events(&self) -> Vec<String> {
        let (mut ids, mut cursor) = (Vec::new(), EventCursor::Start);
        loop {
            let page = self.world.engine.store().events(self.world.merchant, cursor, Vec::new(), 500).await.unwrap().unwrap();
            ids.extend(page.data.iter().map(|event| event.id.to_string()));
            match page.data.last() {
                Some(last) if page.has_more => cursor = EventCursor::After(last.id),
                _ => return ids,
            }
        }
    }

    async fn add(&mut self) {
        let url = format!("https://shop.example/{}", self.made);
        self.made += 1;
        let since = self.events().await.len();
        let new = NewWebhookEndpoint { url: url.clone(), description: String::new(), types: Vec::new() };
        let answer = webhook_endpoints::create(&self.world.engine, self.world.merchant, new, None).await.unwrap();
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        self.known.push(Known { id: body["id"].as_str().unwrap().parse().unwrap(), url, since });
    }

    async fn patch(&self, id: WebhookEndpointId, status: Use) {
        let patch = WebhookEndpointPatch { status: Some(status), ..WebhookEndpointPatch::default() };
        webhook_endpoints::update(&self.world.engine, self.world.merchant, id, patch, None).await.unwrap();
    }

    /// The dispatcher dies in the middle of its work.
    async fn cut_off(&mut self) {
        let mut dispatcher = Dispatcher::new(self.world.engine.clone());
        let yields = self.below(30);
        tokio::select! {
            biased;
            _ = dispatcher.run_due() => {}
            () = async { for _ in 0..yields { tokio::task::yield_now().await } } => {}
        }
        self.world.restart().await;
    }

    async fn act(&mut self) {
        let any = if self.known.is_empty() { None } else { Some(self.below(self.known.len())) };
        match (self.below(12), any) {
            (0, _) if self.known.len() < 6 => self.add().await,
            (1, Some(n)) => {
                let statuses = [200, 204, 302, 410, 429, 500, 503];
                let status = statuses[self.below(statuses.len())];
                self.world.receivers.set(&self.known[n].url, Receiver::Answers(status, vec![]));
            }
            (2, Some(n)) => self.world.receivers.set(&self.known[n].url, Receiver::Closed),
            (3, Some(n)) => self.patch(self.known[n].id, Use::Disabled).await,
            (4, Some(n)) => self.patch(self.known[n].id, Use::Enabled).await,
            (5, Some(n)) if self.below(4) == 0 => {
                let gone = self.known.swap_remove(n);
                webhook_endpoints::delete(&self.world.engine, self.world.merchant, gone.id).await.unwrap();
            }
            (6, Some(n)) => {
                let new = NewReplay { from: Timestamp::from_seconds(0), before: None, types: Vec::new() };
                // There may be too many under way already.
                let _ = webhook_endpoints::replay(&self.world.engine, self.world.merchant, self.known[n].id, new, None).await;
            }
            (7, _) => self.cut_off().await,
            (8, _) => self.world.clock.advance(Duration::from_secs(self.below(40_000) as u64)),
            (9, _) => {
                Dispatcher::new(self.world.engine.clone()).run_due().await.unwrap();
            }
            (n, _) => {
                let reference = format!("o-{}-{n}", self.made);
                self.made += 1;
                self.world.created(&reference, 1000).await;
            }
        }
    }

    /// Everything is mended, and time passes until nothing is left to do.
    async fn end_well(&mut self) {
        for known in &self.known {
            self.world.receivers.set(&known.url, Receiver::Answers(200, vec![]));
            self.patch(known.id, Use::Enabled).await;
        }
        let mut dispatcher = Dispatcher::new(self.world.engine.clone());
        for _ in 0..8 {
            dispatcher.run_due().await.unwrap();
            self.world.clock.advance(Duration::from_secs(22 * 3600));
        }
    }

    /// Each event after an endpoint's beginning came at least once or is a dead letter, and nothing waits any more.
    async fn check(&self, seed: u64) {
        let events = self.events().await;
        for known in &self.known {
            let came: HashSet<String> =
                self.world.receivers.came_to(&known.url).iter().map(|c| c.header("webhook-id").to_owned()).collect();
            let list = async |state| {
                let filter = DeliveryFilter { state: Some(state), event: None };
                let (engine, merchant) = (&self.world.engine, self.world.merchant);
                deliveries::list(engine, merchant, known.id, filter, PageAnchor::Newest, 100).await.unwrap().data
            };
            assert_eq!(list(DeliveryState::Pending).await.len(), 0, "course {seed}");
            let dead: HashSet<String> = list(DeliveryState::Dead).await.into_iter().map(|d| d.event).collect();
            let lost: Vec<_> = events[known.since..].iter().filter(|id| !came.contains(*id) && !dead.contains(*id)).collect();
            assert!(lost.is_empty(), "course {seed}: {lost:?} never came to {}", known.url);
        }
        self.world.assert_sound().await;
    }
}

#[tokio::test]
async fn no_course_of_events_loses_a_delivery() {
    let mut came = 0;
    for seed in 0..COURSES {
        let mut course = Course { world: World::new(seed).await, dice: Seeded::new(seed * 7 + 1), known: Vec::new(), made: 0 };
        course.add().await;
        for _ in 0..ACTS {
            course.act().await;
        }
        course.end_well().await;
        course.check(seed).await;
        came += course.known.iter().map(|k| course.world.receivers.came_to(&k.url).len()).sum::<usize>();
    }
    assert!(came > 500, "only {came} deliveries came: the courses are too tame");
}
