//! A running gateway, as the verbs of the command line call it: over HTTP, with a key, like any program of the merchant.
//!
//! - `target`: which gateway, and with which key. `failure`: what went wrong, as one sentence. `answer`: what came back.
//! - `log`: the event log, read and followed.

mod answer;
mod failure;
mod log;
mod target;

pub use answer::Answer;
pub use failure::{TalkError, cause};
pub use log::{Event, Log, types_meant};

use crate::Failure;
use crate::cli::Target;
use crate::config::Config;
use crate::system::SystemChance;
use ducat_connectors::{HttpMethod, HttpReply, SendFailure};
use ducat_domain::{Secret, random_bytes};
use ducat_engine::psp::{HttpTransport, Outgoing, Transport};
use failure::read_refusal;
use std::time::Duration;

/// A gateway may ask a PSP before it answers; this is longer than a PSP may take by default.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often one request is sent when the gateway asks to come again.
const TRIES: u32 = 4;
/// How long it may ask us to wait before that counts as a refusal.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// How long we wait when it does not say.
const SHORT_WAIT: Duration = Duration::from_secs(1);

/// A gateway and the key to it.
pub struct Gateway {
    transport: HttpTransport,
    url: String,
    key: Secret,
    /// Where the key came from, for the message that it does not open.
    key_source: String,
}

impl Gateway {
    /// The gateway that the command line, else the configuration means.
    pub fn open(config: &Config, target: &Target) -> Result<Self, Failure> {
        let url = target::url(config, target);
        let (key, key_source) = target::key(config, target, &url)?;
        let transport = HttpTransport::new().map_err(|e| format!("TLS cannot be set up: {e}"))?;
        Ok(Self { transport, url, key, key_source })
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The way to other addresses, such as the program that events are forwarded to.
    pub fn transport(&self) -> &HttpTransport {
        &self.transport
    }

    /// Reads something. `path` begins with a slash.
    pub async fn get(&self, path: &str) -> Result<Answer, TalkError> {
        self.talk(HttpMethod::Get, path, None).await
    }

    /// Asks for something to be done, under a key of its own, so that sending it twice does it once.
    pub async fn post(&self, path: &str, body: &serde_json::Value) -> Result<Answer, TalkError> {
        self.talk(HttpMethod::Post, path, Some(body)).await
    }

    async fn talk(&self, method: HttpMethod, path: &str, body: Option<&serde_json::Value>) -> Result<Answer, TalkError> {
        let random: [u8; 16] = random_bytes(&SystemChance);
        let idempotency = format!("ducat-cli-{}", hex::encode(random));
        let mut tries = 1;
        loop {
            let (wait, failed) = match self.transport.send(self.request(method, path, body, &idempotency)).await {
                Ok(reply) if (200..300).contains(&reply.status) => return Ok(Answer::of(reply)),
                Ok(reply) => (wait_asked(&reply), self.refused(&reply)),
                // What was lost on its way back is asked for again under the same key.
                Err(SendFailure::Lost(why)) => (body.map(|_| SHORT_WAIT), TalkError::lost(&self.url, &why)),
                Err(SendFailure::NotSent(why)) => (None, TalkError::unreachable(&self.url, &why)),
            };
            match wait.filter(|wait| tries < TRIES && *wait <= LONGEST_WAIT) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(failed),
            }
            tries += 1;
        }
    }

    fn request(&self, method: HttpMethod, path: &str, body: Option<&serde_json::Value>, idempotency: &str) -> Outgoing {
        let mut headers = vec![("authorization".to_owned(), Secret::new(format!("Bearer {}", self.key.expose())))];
        if body.is_some() {
            headers.push(("content-type".to_owned(), Secret::new("application/json")));
            headers.push(("idempotency-key".to_owned(), Secret::new(idempotency)));
        }
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        Outgoing { method, url: format!("{}{path}", self.url), headers, body, timeout: PATIENCE }
    }

    fn refused(&self, reply: &HttpReply) -> TalkError {
        match read_refusal(reply) {
            Some(refusal) if reply.status == 401 => TalkError::WrongKey { refusal, key_source: self.key_source.clone() },
            Some(refusal) => TalkError::Refused(refusal),
            None => TalkError::strange(&self.url, reply.status),
        }
    }
}

/// How long the gateway asks us to wait before the same request; nothing where that would not help.
fn wait_asked(reply: &HttpReply) -> Option<Duration> {
    let running = || read_refusal(reply).is_some_and(|refusal| refusal.code == "idempotency_in_progress");
    if !matches!(reply.status, 429 | 503) && !running() {
        return None;
    }
    let asked = reply.header("retry-after").and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
    Some(asked.unwrap_or(SHORT_WAIT))
}
