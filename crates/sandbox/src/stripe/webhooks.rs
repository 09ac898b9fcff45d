//! From event to signed delivery: which endpoints want it, when each try is due, and what became of it.

use super::context::Ctx;
use crate::faults::WebhookFate;
use crate::world::{Account, Read, shown};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::Sha256;
use std::collections::BTreeMap;

/// How long after each failed try the next one follows. The first ones are short so that a demonstration heals by itself.
const RETRY_AFTER_MS: [i64; 3] = [1_000, 10_000, 60_000];
/// A delivery handed out and never reported back is handed out again after this time.
const LEASE_MS: i64 = 60_000;
/// Deliveries remembered after they ended, for the truth that tests read.
const MAX_FINISHED: usize = 10_000;

/// One signed request to make.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Names this delivery to [`crate::Sandbox::delivered`].
    pub id: String,
    /// Where to post.
    pub url: String,
    /// The raw body; the signature covers these bytes.
    pub body: String,
    /// The value of `Stripe-Signature`.
    pub signature: String,
    /// The id of the event inside.
    pub event_id: String,
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The endpoint answered with this status.
    Answered(u16),
    /// No answer came.
    Unreachable,
}

/// The deliveries of one account.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Queue {
    waiting: BTreeMap<u64, Entry>,
    finished: Vec<Entry>,
    serial: u64,
}

/// One event on its way to one endpoint.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry {
    serial: u64,
    event_id: String,
    event_type: String,
    endpoint_id: String,
    tries: u32,
    due_ms: i64,
    last_status: Option<u16>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum State {
    Waiting,
    Delivered,
    GivenUp,
    Lost,
}

/// Keeps the event and queues it for every endpoint that wants its type, as the fault script allows.
pub(crate) fn enqueue(ctx: &mut Ctx<'_>, mut event: Value) {
    let kind = event.text("type").to_owned();
    let id = event.text("id").to_owned();
    let wants: Vec<String> = ctx
        .account
        .table("webhook_endpoint")
        .newest_first()
        .filter(|(_, e)| listens(e, &kind))
        .map(|(_, e)| e.text("id").to_owned())
        .collect();
    event["pending_webhooks"] = json!(wants.len());
    ctx.account.put(event);
    for endpoint in wants.iter().rev() {
        let fate = ctx.faults.webhook(&kind);
        ctx.account.queue.add(&id, &kind, endpoint, ctx.now_ms, fate);
    }
}

fn listens(endpoint: &Value, kind: &str) -> bool {
    let wanted = endpoint["enabled_events"].as_array();
    endpoint.text("status") == "enabled" && wanted.is_some_and(|list| list.iter().any(|e| e == "*" || e == kind))
}

impl Queue {
    fn add(&mut self, event_id: &str, event_type: &str, endpoint_id: &str, now_ms: i64, fate: WebhookFate) {
        let (event_id, event_type, endpoint_id) = (event_id.to_owned(), event_type.to_owned(), endpoint_id.to_owned());
        let due_ms = now_ms.saturating_add(fate.delay_ms);
        let entry =
            Entry { serial: 0, event_id, event_type, endpoint_id, tries: 0, due_ms, last_status: None, state: State::Waiting };
        if fate.lost {
            self.finish(Entry { state: State::Lost, ..entry });
            return;
        }
        for _ in 0..=fate.duplicates {
            self.serial += 1;
            self.waiting.insert(self.serial, Entry { serial: self.serial, ..entry.clone() });
        }
    }

    fn finish(&mut self, entry: Entry) {
        if self.finished.len() >= MAX_FINISHED {
            self.finished.drain(..MAX_FINISHED / 10);
        }
        self.finished.push(entry);
    }

    /// Every delivery, oldest first, as tests read it.
    pub fn report(&self) -> Vec<Value> {
        let mut all: Vec<&Entry> = self.finished.iter().chain(self.waiting.values()).collect();
        all.sort_by_key(|e| e.serial);
        all.into_iter()
            .map(|e| {
                let state = match e.state {
                    State::Waiting => "waiting",
                    State::Delivered => "delivered",
                    State::GivenUp => "given_up",
                    State::Lost => "lost",
                };
                json!({ "event": e.event_id, "type": e.event_type, "endpoint": e.endpoint_id, "tries": e.tries, "last_status": e.last_status, "state": state })
            })
            .collect()
    }
}

/// Takes the deliveries that are due at `now_ms` of the sandbox's time, earliest first, signing each anew. The signature says when it is
/// sent, not what the moved clock shows: a receiver compares it with a clock that was not moved.
pub(crate) fn take_due(key: &str, account: &mut Account, now_ms: i64, sent_ms: i64, limit: usize) -> Vec<Delivery> {
    let mut due: Vec<(i64, u64)> =
        account.queue.waiting.values().filter(|e| e.due_ms <= now_ms).map(|e| (e.due_ms, e.serial)).collect();
    due.sort_unstable();
    let mut out = Vec::new();
    for (_, serial) in due.into_iter().take(limit) {
        let Some(entry) = account.queue.waiting.get(&serial) else { continue };
        match prepared(key, account, entry, sent_ms) {
            Some(delivery) => {
                out.push(delivery);
                if let Some(entry) = account.queue.waiting.get_mut(&serial) {
                    entry.tries += 1;
                    entry.due_ms = now_ms.saturating_add(LEASE_MS);
                }
            }
            // The endpoint was deleted or disabled meanwhile, or the event forgotten.
            None => {
                if let Some(entry) = account.queue.waiting.remove(&serial) {
                    account.queue.finish(Entry { state: State::GivenUp, ..entry });
                }
            }
        }
    }
    out
}

fn prepared(key: &str, account: &Account, entry: &Entry, sent_ms: i64) -> Option<Delivery> {
    let endpoint = account.get("webhook_endpoint", &entry.endpoint_id).filter(|e| e.text("status") == "enabled")?;
    let mut event = shown(account.get("event", &entry.event_id)?);
    if let Some(version) = endpoint.some("api_version") {
        event["api_version"] = json!(version);
    }
    let body = serde_json::to_string_pretty(&event).ok()?;
    let signature = signature(endpoint.text("_secret"), sent_ms.div_euclid(1_000), &body);
    let id = format!("{key}/{}", entry.serial);
    Some(Delivery { id, url: endpoint.text("url").to_owned(), body, signature, event_id: entry.event_id.clone() })
}

/// `t=…,v1=…`: HMAC-SHA-256 over the second and the raw body, with the whole secret as key.
pub(crate) fn signature(secret: &str, at: i64, body: &str) -> String {
    // HMAC takes keys of any length, so making one from a slice cannot fail; an empty signature would simply be refused.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(format!("{at}.{body}").as_bytes());
    format!("t={at},v1={}", hex::encode(mac.finalize().into_bytes()))
}

/// Notes the outcome of one try and plans the next if it failed.
pub(crate) fn settle(account: &mut Account, serial: u64, outcome: Outcome, now_ms: i64) {
    let Some(mut entry) = account.queue.waiting.remove(&serial) else { return };
    entry.last_status = match outcome {
        Outcome::Answered(status) => Some(status),
        Outcome::Unreachable => None,
    };
    if matches!(outcome, Outcome::Answered(200..=299)) {
        delivered(account, &entry.event_id);
        account.queue.finish(Entry { state: State::Delivered, ..entry });
        return;
    }
    match RETRY_AFTER_MS.get(entry.tries.saturating_sub(1) as usize) {
        Some(wait) => {
            entry.due_ms = now_ms.saturating_add(*wait);
            account.queue.waiting.insert(serial, entry);
        }
        None => account.queue.finish(Entry { state: State::GivenUp, ..entry }),
    }
}

/// One delivery fewer is pending for the event.
fn delivered(account: &mut Account, event_id: &str) {
    let Some(mut event) = account.get("event", event_id).cloned() else { return };
    event["pending_webhooks"] = json!((event.int("pending_webhooks") - 1).max(0));
    account.put(event);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_known_answer() {
        // Computed with Python's hmac module.
        let expected = "t=1700000000,v1=35495024f4ef3f94e5a93e22221544c4b75e9a42300cd965ab81cb85cd994e91";
        assert_eq!(signature("whsec_test", 1_700_000_000, "{}"), expected);
    }
}
