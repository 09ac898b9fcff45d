//! The box itself: one world behind a lock, a clock that can be moved, and one function from request to reply.

use crate::faults::{Fault, Rule};
use crate::http::{Reply, Request};
use crate::stripe::webhooks::{self, Delivery, Outcome};
use crate::stripe::{self, errors::ApiError};
use crate::world::World;
use crate::{control, hosted, ids};
use ducat_domain::{Chance, Clock, Timestamp};
use serde_json::json;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// How the sandbox is reached.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The base of every address it hands out, without a slash at the end, such as `http://127.0.0.1:12111`.
    pub public_url: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { public_url: "http://127.0.0.1:12111".to_owned() }
    }
}

/// A Stripe in a box. Nothing in it runs by itself: time passes when a request or [`Sandbox::due_deliveries`] looks at the clock.
pub struct Sandbox {
    clock: Arc<dyn Clock>,
    pub(crate) chance: Arc<dyn Chance>,
    pub(crate) settings: Settings,
    world: Mutex<World>,
    wake: Notify,
}

/// Saved bytes that are no world of this sandbox.
#[derive(Debug)]
pub struct LoadError(String);

impl std::fmt::Display for LoadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the saved sandbox cannot be read: {}", self.0)
    }
}

impl std::error::Error for LoadError {}

/// A request that was let in: which rules strike it, and how long it waits before anything is done.
pub(crate) struct Admitted {
    operation: Option<&'static str>,
    rules: Vec<Rule>,
    /// Milliseconds to wait before acting.
    pub wait_ms: u64,
    in_flight: Option<(String, String)>,
    refused: bool,
}

impl Sandbox {
    /// An empty world.
    pub fn new(clock: Arc<dyn Clock>, chance: Arc<dyn Chance>, settings: Settings) -> Arc<Self> {
        Arc::new(Self { clock, chance, settings, world: Mutex::default(), wake: Notify::new() })
    }

    /// Answers one request. Whatever the fault script delays is said in [`Reply::delay_ms`]; nothing here sleeps.
    pub fn handle(&self, request: &Request) -> Reply {
        let admitted = self.admit(request);
        let wait_ms = admitted.wait_ms;
        let mut reply = self.finish(request, admitted);
        reply.delay_ms += wait_ms;
        reply
    }

    /// Asks the fault script about a request, and marks its idempotency key as being worked on while it waits.
    pub(crate) fn admit(&self, request: &Request) -> Admitted {
        let operation = stripe::operation_of(request).or_else(|| hosted::operation_of(request));
        let mut world = self.lock();
        let rules = operation.map(|name| world.faults.strike(name)).unwrap_or_default();
        let waits = rules.iter().filter(|r| r.fault == Fault::Delay && !r.after);
        let wait_ms = waits.map(delay_of).sum();
        let key = stripe::idempotency_scope(request);
        let refused = key.as_ref().is_some_and(|k| world.in_flight.contains(k));
        let in_flight = key.filter(|_| wait_ms > 0 && !refused);
        if let Some(key) = &in_flight {
            world.in_flight.insert(key.clone());
        }
        Admitted { operation, rules, wait_ms: if refused { 0 } else { wait_ms }, in_flight, refused }
    }

    /// Acts on an admitted request and answers it, as the rules that strike it allow.
    pub(crate) fn finish(&self, request: &Request, admitted: Admitted) -> Reply {
        let mut world = self.lock();
        if let Some(key) = &admitted.in_flight {
            world.in_flight.remove(key);
        }
        let strikes = |fault: Fault, after: bool| admitted.rules.iter().find(move |r| r.fault == fault && r.after == after);
        if strikes(Fault::DropRequest, false).is_some() || strikes(Fault::DropRequest, true).is_some() {
            return Reply::dropped();
        }
        let request_id = ids::new_id(&*self.chance, "req");
        if admitted.refused {
            let text = "There is currently another in-progress request using this Idempotency-Key. Please try again later.";
            return ApiError::idempotency(text)
                .status(409)
                .code("idempotency_key_in_use")
                .reply(&request_id)
                .header("Request-Id", &request_id);
        }
        if let Some(rule) = strikes(Fault::Status, false) {
            return failed(rule.status, &request_id);
        }
        let mut reply = self.act(&mut world, request, admitted.operation);
        if let Some(rule) = strikes(Fault::Status, true) {
            reply = failed(rule.status, &request_id);
            stripe::overwrite_saved(&mut world, request, rule.status, &reply.body);
        }
        drop(world);
        self.wake.notify_one();
        for rule in &admitted.rules {
            match rule.fault {
                Fault::Delay if rule.after => reply.delay_ms += delay_of(rule),
                Fault::DropResponse => return Reply { delay_ms: reply.delay_ms, ..Reply::dropped() },
                Fault::Garbage => reply.body = b"<html><body>\x00\xff this is not JSON {\"id\": ".to_vec(),
                Fault::Truncate => reply.cut_at = Some(reply.body.len() / 2),
                _ => {}
            }
        }
        reply
    }

    fn act(&self, world: &mut World, request: &Request, operation: Option<&'static str>) -> Reply {
        let now_ms = self.now_ms(world);
        stripe::pass_time(self, world, now_ms);
        if request.path.starts_with("/_sandbox/") && operation.is_none() {
            return control::answer(self, world, request, now_ms);
        }
        if request.path.starts_with("/v1/") || request.path.starts_with("/v2/") {
            return stripe::answer(self, world, request, now_ms);
        }
        hosted::answer(self, world, request, now_ms)
    }

    /// The webhook requests to make now, each signed for this moment of the clock that is not moved. Each must be reported to [`Sandbox::delivered`].
    pub fn due_deliveries(&self) -> Vec<Delivery> {
        const AT_ONCE: usize = 256;
        let mut world = self.lock();
        let (now_ms, sent_ms) = (self.now_ms(&world), self.base_ms());
        stripe::pass_time(self, &mut world, now_ms);
        let mut due = Vec::new();
        for (key, account) in &mut world.accounts {
            due.extend(webhooks::take_due(key, account, now_ms, sent_ms, AT_ONCE.saturating_sub(due.len())));
        }
        due
    }

    /// What became of a delivery.
    pub fn delivered(&self, delivery_id: &str, outcome: Outcome) {
        let Some((key, serial)) = delivery_id.rsplit_once('/') else { return };
        let Ok(serial) = serial.parse() else { return };
        let mut world = self.lock();
        let now_ms = self.now_ms(&world);
        if let Some(account) = world.accounts.get_mut(key) {
            webhooks::settle(account, serial, outcome, now_ms);
        }
    }

    /// Returns when something may have become due: a request was answered, or a little time has passed.
    pub async fn due_soon(&self) {
        const LOOK_AGAIN: Duration = Duration::from_millis(200);
        // A timeout only means that it is time to look again.
        let _ = tokio::time::timeout(LOOK_AGAIN, self.wake.notified()).await;
    }

    /// The whole world as bytes, for [`Sandbox::load`].
    pub fn save(&self) -> Vec<u8> {
        serde_json::to_vec(&*self.lock()).unwrap_or_default()
    }

    /// Replaces the world by one that was saved.
    pub fn load(&self, bytes: &[u8]) -> Result<(), LoadError> {
        let world = serde_json::from_slice(bytes).map_err(|e| LoadError(e.to_string()))?;
        *self.lock() = world;
        Ok(())
    }

    /// The world as JSON, for tests that look inside.
    pub fn snapshot(&self) -> serde_json::Value {
        serde_json::to_value(&*self.lock()).unwrap_or_default()
    }

    /// The present moment on the sandbox's own clock.
    pub fn now(&self) -> Timestamp {
        let offset = self.lock().clock_offset_ms;
        Timestamp::from_micros(self.clock.now().as_micros().saturating_add(offset.saturating_mul(1_000)))
    }

    pub(crate) fn now_ms(&self, world: &World) -> i64 {
        self.base_ms().saturating_add(world.clock_offset_ms)
    }

    pub(crate) fn base_ms(&self) -> i64 {
        self.clock.now().as_micros().div_euclid(1_000)
    }

    /// A panic elsewhere does not make the world unreadable: every change is stored whole.
    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn delay_of(rule: &Rule) -> u64 {
    u64::try_from(rule.delay_ms.unwrap_or(30_000)).unwrap_or(0)
}

fn failed(status: u16, request_id: &str) -> Reply {
    let error = match status {
        429 => ApiError::invalid("Request rate limit exceeded.").status(429).code("rate_limit"),
        400..=499 => ApiError::invalid("The fault script refused this request.").status(status),
        _ => ApiError::api(status),
    };
    let retry = json!(status >= 500).to_string();
    error.reply(request_id).header("Request-Id", request_id).header("Stripe-Should-Retry", &retry)
}
