//! A merchant's program that takes webhooks, as a merchant would write it: it checks the signature before it believes anything.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};
use tokio::task::JoinHandle;

/// One message as it arrived.
#[derive(Clone, Debug)]
pub struct Message {
    pub id: String,
    timestamp: String,
    signature: String,
    pub body: String,
}

impl Message {
    pub fn event(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Verifies as the specification of Standard Webhooks says, with none of the gateway's code.
    #[allow(clippy::disallowed_methods, reason = "a merchant's program looks at its own clock")]
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let key = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(format!("{}.{}.{}", self.id, self.timestamp, self.body).as_bytes());
        let signed = BASE64_STANDARD.decode(self.signature.strip_prefix("v1,").unwrap()).unwrap();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        mac.verify_slice(&signed).is_ok() && now.abs_diff(self.timestamp.parse().unwrap()) < 300
    }
}

/// The program while it runs.
pub struct Receiver {
    pub url: String,
    seen: Arc<Mutex<Vec<Message>>>,
    status: Arc<AtomicU16>,
    takes: Arc<Mutex<Duration>>,
    task: JoinHandle<()>,
}

#[derive(Clone)]
struct Desk {
    seen: Arc<Mutex<Vec<Message>>>,
    status: Arc<AtomicU16>,
    takes: Arc<Mutex<Duration>>,
}

impl Receiver {
    pub async fn start(port: u16) -> Self {
        let (seen, status, takes) = (Arc::default(), Arc::new(AtomicU16::new(200)), Arc::default());
        let desk = Desk { seen: Arc::clone(&seen), status: Arc::clone(&status), takes: Arc::clone(&takes) };
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let app = Router::new().route("/webhook", post(take)).with_state(desk);
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url: address(port), seen, status, takes, task }
    }

    /// From now on it answers with this status.
    pub fn answers(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    /// From now on it takes so long over each answer.
    pub fn takes(&self, time: Duration) {
        *self.takes.lock().unwrap() = time;
    }

    pub fn seen(&self) -> Vec<Message> {
        self.seen.lock().unwrap().clone()
    }

    /// Waits for the message of this event: an endpoint's messages may overtake each other.
    pub async fn until_with(&self, id: &str) -> Message {
        let begun = Instant::now();
        loop {
            if let Some(message) = self.seen().into_iter().find(|message| message.id == id) {
                return message;
            }
            assert!(begun.elapsed() < super::support::process::PATIENCE, "{id} did not come: {:?}", self.seen());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until so many messages have come.
    pub async fn until(&self, count: usize) -> Vec<Message> {
        let begun = Instant::now();
        loop {
            let seen = self.seen();
            if seen.len() >= count {
                return seen;
            }
            assert!(
                begun.elapsed() < super::support::process::PATIENCE,
                "only {} of {count} messages came: {seen:?}",
                seen.len()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Where a receiver on this port is.
pub fn address(port: u16) -> String {
    format!("http://127.0.0.1:{port}/webhook")
}

async fn take(State(desk): State<Desk>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let header = |name: &str| headers.get(name).unwrap().to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "application/json");
    let message = Message {
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp"),
        signature: header("webhook-signature"),
        body: String::from_utf8(body.to_vec()).unwrap(),
    };
    desk.seen.lock().unwrap().push(message);
    let takes = *desk.takes.lock().unwrap();
    tokio::time::sleep(takes).await;
    StatusCode::from_u16(desk.status.load(Ordering::SeqCst)).unwrap()
}
