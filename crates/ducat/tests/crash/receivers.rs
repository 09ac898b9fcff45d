//! Programs of the shop that take webhooks: a good one, one that fails and dawdles, and an address where nobody listens. They live through
//! everything, and remember which events they have accepted.

use crate::support::dice::Dice;
use crate::world::World;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use ducat_test_servers::free_port;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// How long after the last kill every event must have been accepted. A receiver that failed is tried again after five seconds, and once
/// more after five minutes; the flaky one fails each event once at the most.
const HEALING: Duration = Duration::from_secs(120);

/// The receivers while they run.
pub struct Receivers {
    good: Receiver,
    flaky: Receiver,
}

struct Receiver {
    port: u16,
    desk: Arc<Desk>,
    task: JoinHandle<()>,
}

struct Desk {
    is_flaky: bool,
    accepted: Mutex<HashSet<String>>,
    refused: Mutex<HashSet<String>>,
    dice: Mutex<Dice>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Receiver {
    async fn start(is_flaky: bool, dice: Dice) -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let desk = Arc::new(Desk { is_flaky, accepted: Mutex::default(), refused: Mutex::default(), dice: Mutex::new(dice) });
        let app = Router::new().route("/hooks", post(take)).with_state(Arc::clone(&desk));
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { port, desk, task }
    }

    fn accepted(&self) -> HashSet<String> {
        self.desk.accepted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn take(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> StatusCode {
    let id = headers["webhook-id"].to_str().unwrap().to_owned();
    if desk.is_flaky {
        let (fails, dawdles) = {
            let mut dice = desk.dice.lock().unwrap_or_else(PoisonError::into_inner);
            (dice.in_a_hundred(5), dice.between(0, 120))
        };
        tokio::time::sleep(Duration::from_millis(dawdles)).await;
        if fails && desk.refused.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone()) {
            return StatusCode::SERVICE_UNAVAILABLE;
        }
    }
    desk.accepted.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
    StatusCode::OK
}

impl Receivers {
    /// Starts them, and tells the gateway their addresses.
    pub async fn begin(world: &World, dice: &mut Dice) -> Self {
        let (good, flaky) = (Receiver::start(false, dice.split()).await, Receiver::start(true, dice.split()).await);
        for port in [good.port, flaky.port, free_port()] {
            let places = world.places();
            let body = json!({ "url": format!("http://127.0.0.1:{port}/hooks") });
            let answer = places
                .http
                .post_json(&format!("{}/v1/webhook_endpoints", places.gateway), &places.key, None, &body)
                .await
                .unwrap();
            assert_eq!(answer.status, 201, "{}", answer.text());
        }
        Self { good, flaky }
    }

    /// Waits until both have accepted every event that was committed since they were told of; gives how many there are.
    pub async fn have_everything(&self, world: &World) -> usize {
        let begun = Instant::now();
        loop {
            let events = events(world).await;
            let missing = |receiver: &Receiver| {
                let accepted = receiver.accepted();
                events.iter().filter(|id| !accepted.contains(*id)).cloned().collect::<Vec<_>>()
            };
            let (good, flaky) = (missing(&self.good), missing(&self.flaky));
            if good.is_empty() && flaky.is_empty() {
                return events.len();
            }
            let lacking =
                format!("{} of {} events did not reach the good one, {} the flaky one", good.len(), events.len(), flaky.len());
            let some: Vec<_> = good.iter().chain(&flaky).take(5).collect();
            assert!(begun.elapsed() < HEALING, "{lacking}: {some:?}\n{}", world.logs());
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }
}

/// Every event of the gateway's log, by its id.
async fn events(world: &World) -> Vec<String> {
    let places = world.places();
    let mut ids: Vec<String> = Vec::new();
    loop {
        let after = ids.last().map(|id| format!("&after={id}")).unwrap_or_default();
        let url = format!("{}/v1/events?limit=100{after}", places.gateway);
        let page: Value = places.http.get(&url, Some(&places.key)).await.unwrap().json();
        ids.extend(page["data"].as_array().unwrap().iter().map(|e| e["id"].as_str().unwrap().to_owned()));
        if page["has_more"] != true {
            return ids;
        }
    }
}
