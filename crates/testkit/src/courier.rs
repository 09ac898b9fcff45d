//! Merchants' servers, in a box: each address answers as a test says, and everything that came is kept.

use crate::TestClock;
use ducat_connectors::{HttpReply, Reply, SendFailure};
use ducat_domain::Clock;
use ducat_engine::psp::{Outgoing, Transport};
use serde_json::Value;
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

/// How a receiver behaves.
#[derive(Clone, Debug)]
pub enum Receiver {
    /// It answers with this status and these headers.
    Answers(u16, Vec<(&'static str, &'static str)>),
    /// It refuses connections.
    Closed,
    /// It answers only when [`Receivers::release`] is called.
    Hangs,
}

/// What came to a receiver.
#[derive(Clone, Debug)]
pub struct Came {
    /// Where.
    pub url: String,
    /// When, by the clock of the test.
    pub at: ducat_domain::Timestamp,
    /// With which headers.
    pub headers: HashMap<String, String>,
    /// With which body.
    pub body: Vec<u8>,
}

impl Came {
    /// One header; empty where it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The body, read.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

/// All receivers there are.
pub struct Receivers {
    clock: Arc<TestClock>,
    behaviour: Mutex<HashMap<String, Receiver>>,
    came: Mutex<Vec<Came>>,
    gate: Semaphore,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Receivers {
    /// Receivers that take everything.
    pub fn new(clock: Arc<TestClock>) -> Self {
        Self { clock, behaviour: Mutex::default(), came: Mutex::default(), gate: Semaphore::new(0) }
    }

    /// How the receiver at this address behaves from now on.
    pub fn set(&self, url: &str, receiver: Receiver) {
        lock(&self.behaviour).insert(url.to_owned(), receiver);
    }

    /// Everything that came to an address, in order.
    pub fn came_to(&self, url: &str) -> Vec<Came> {
        lock(&self.came).iter().filter(|came| came.url == url).cloned().collect()
    }

    /// Lets everything that hangs, and will hang, answer 200.
    pub fn release(&self) {
        self.gate.close();
    }

    async fn receive(&self, request: Outgoing) -> Reply {
        let headers = request.headers.iter().map(|(name, value)| (name.clone(), value.expose().to_owned())).collect();
        lock(&self.came).push(Came { url: request.url.clone(), at: self.clock.now(), headers, body: request.body });
        let behaviour = lock(&self.behaviour).get(&request.url).cloned();
        let answer = |status, headers: Vec<(&str, &str)>| {
            let headers = headers.into_iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
            Ok(HttpReply { status, headers, body: b"as you say".to_vec() })
        };
        match behaviour {
            None => answer(200, Vec::new()),
            Some(Receiver::Answers(status, headers)) => answer(status, headers),
            Some(Receiver::Closed) => Err(SendFailure::NotSent("connection refused".into())),
            Some(Receiver::Hangs) => {
                // Ends when the gate is closed, which is when it lets everybody through.
                let _ = self.gate.acquire().await;
                answer(200, Vec::new())
            }
        }
    }
}

impl Transport for Receivers {
    fn send(&self, request: Outgoing) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>> {
        Box::pin(self.receive(request))
    }

    fn wait(&self, span: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            self.clock.advance(span);
            // Whoever waits lets the others run.
            tokio::task::yield_now().await;
        })
    }

    fn elapsed(&self) -> Duration {
        Duration::from_micros(self.clock.now().as_micros().unsigned_abs())
    }
}
