//! Everything the sandbox remembers: one world of isolated accounts. All of it can be written down and read back.

use crate::faults::Faults;
use crate::stripe::webhooks::Queue;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// An account refuses to hold more objects of one kind than this.
pub(crate) const MAX_OBJECTS: usize = 1_000_000;
/// The oldest events are forgotten beyond this many.
pub(crate) const MAX_EVENTS: usize = 100_000;
/// The oldest idempotency keys are forgotten beyond this many.
pub(crate) const MAX_IDEMPOTENCY_KEYS: usize = 100_000;
/// A new key beyond this many accounts is refused.
pub(crate) const MAX_ACCOUNTS: usize = 10_000;

/// All accounts, the fault script, and how far the clock was moved.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct World {
    pub accounts: BTreeMap<String, Account>,
    pub faults: Faults,
    pub clock_offset_ms: i64,
    /// Account and idempotency key of requests that are being held back right now.
    #[serde(skip)]
    pub in_flight: BTreeSet<(String, String)>,
}

/// What one `sk_test_…` key opens.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Account {
    /// The part of the key after its prefix; secret and publishable key share it.
    pub name: String,
    pub id: String,
    pub created: i64,
    tables: BTreeMap<String, Table>,
    pub idempotency: BTreeMap<String, Saved>,
    pub idempotency_order: VecDeque<String>,
    pub queue: Queue,
    /// What happens later, soonest first.
    pub agenda: VecDeque<Planned>,
    pub requests: BTreeMap<String, u64>,
    /// The currencies in which money is kept, the first for all that comes in another one; none means euros.
    #[serde(default)]
    pub settlement: Vec<String>,
    /// Moments, in seconds, at which what is available is to be paid out.
    #[serde(default)]
    pub payout_times: BTreeSet<i64>,
}

/// The answer kept under an idempotency key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Saved {
    pub fingerprint: String,
    pub status: u16,
    pub body: String,
    pub request_id: String,
    pub at_ms: i64,
}

/// Something that becomes due on the sandbox's clock.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Planned {
    pub due_ms: i64,
    pub task: Task,
}

/// What can become due.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Task {
    ExpireSession(String),
    LapseHold(String),
    SettleDebit(String),
    FailRefund(String),
    PayOut(String),
    SubmitPayout(String),
    PayOutAvailable,
    EndDispute(String),
}

/// Objects of one kind in the order of their creation.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Table {
    rows: BTreeMap<u64, Value>,
    index: BTreeMap<String, u64>,
    next: u64,
}

impl Table {
    pub fn get(&self, id: &str) -> Option<&Value> {
        self.rows.get(self.index.get(id)?)
    }

    /// The place of an object in the order of creation.
    pub fn place(&self, id: &str) -> Option<u64> {
        self.index.get(id).copied()
    }

    /// Adds the object or replaces the one with its id.
    pub fn put(&mut self, object: Value) {
        let id = object["id"].as_str().unwrap_or_default().to_owned();
        let place = *self.index.entry(id).or_insert_with(|| {
            self.next += 1;
            self.next
        });
        self.rows.insert(place, object);
    }

    pub fn remove(&mut self, id: &str) -> Option<Value> {
        self.rows.remove(&self.index.remove(id)?)
    }

    fn remove_oldest(&mut self) {
        if let Some((_, object)) = self.rows.pop_first() {
            self.index.remove(object["id"].as_str().unwrap_or_default());
        }
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Objects below or above a place, newest first.
    pub fn newest_first(&self) -> impl DoubleEndedIterator<Item = (u64, &Value)> {
        self.rows.iter().rev().map(|(n, v)| (*n, v))
    }
}

impl Account {
    pub fn new(name: &str, id: String, created: i64) -> Self {
        Self { name: name.to_owned(), id, created, ..Self::default() }
    }

    /// The objects of one kind; an empty table if there is none yet.
    pub fn table(&self, kind: &str) -> &Table {
        static EMPTY: Table = Table { rows: BTreeMap::new(), index: BTreeMap::new(), next: 0 };
        self.tables.get(kind).unwrap_or(&EMPTY)
    }

    pub fn get(&self, kind: &str, id: &str) -> Option<&Value> {
        self.table(kind).get(id)
    }

    /// Stores an object under its own kind; the oldest event makes room for the newest.
    pub fn put(&mut self, object: Value) {
        let kind = object["object"].as_str().unwrap_or_default().to_owned();
        let limit = if kind == "event" { MAX_EVENTS } else { MAX_OBJECTS };
        let table = self.tables.entry(kind).or_default();
        table.put(object);
        while table.len() > limit {
            table.remove_oldest();
        }
    }

    pub fn remove(&mut self, kind: &str, id: &str) -> Option<Value> {
        self.tables.get_mut(kind)?.remove(id)
    }

    /// The currency in which money of this currency is kept.
    pub fn settles_in(&self, currency: &str) -> &str {
        match self.settlement.as_slice() {
            [] => "eur",
            all => all.iter().find(|c| *c == currency).unwrap_or(&all[0]),
        }
    }

    /// Notes what must happen later.
    pub fn plan(&mut self, due_ms: i64, task: Task) {
        let place = self.agenda.partition_point(|p| p.due_ms <= due_ms);
        self.agenda.insert(place, Planned { due_ms, task });
    }

    /// The next task that is due, taken off the agenda.
    pub fn next_due(&mut self, now_ms: i64) -> Option<Planned> {
        (self.agenda.front()?.due_ms <= now_ms).then(|| self.agenda.pop_front()).flatten()
    }

    /// Keeps an answer, forgetting the oldest beyond the limit.
    pub fn save_answer(&mut self, key: &str, saved: Saved) {
        if self.idempotency.insert(key.to_owned(), saved).is_none() {
            self.idempotency_order.push_back(key.to_owned());
        }
        while self.idempotency_order.len() > MAX_IDEMPOTENCY_KEYS {
            if let Some(oldest) = self.idempotency_order.pop_front() {
                self.idempotency.remove(&oldest);
            }
        }
    }
}

/// Short ways to read JSON objects whose shape this crate itself made.
pub(crate) trait Read {
    /// The text of a field, empty if it is none.
    fn text(&self, field: &str) -> &str;
    /// The whole number of a field, zero if it is none.
    fn int(&self, field: &str) -> i64;
    /// Whether the field is true.
    fn yes(&self, field: &str) -> bool;
    /// The text of a field, unless it is null, absent or empty.
    fn some(&self, field: &str) -> Option<&str>;
    /// Whether the field is there and not null.
    fn has(&self, field: &str) -> bool;
}

impl Read for Value {
    fn text(&self, field: &str) -> &str {
        self[field].as_str().unwrap_or_default()
    }
    fn int(&self, field: &str) -> i64 {
        self[field].as_i64().unwrap_or_default()
    }
    fn yes(&self, field: &str) -> bool {
        self[field].as_bool().unwrap_or_default()
    }
    fn some(&self, field: &str) -> Option<&str> {
        self[field].as_str().filter(|t| !t.is_empty())
    }
    fn has(&self, field: &str) -> bool {
        !self[field].is_null()
    }
}

impl Read for Map<String, Value> {
    fn text(&self, field: &str) -> &str {
        self.get(field).and_then(Value::as_str).unwrap_or_default()
    }
    fn int(&self, field: &str) -> i64 {
        self.get(field).and_then(Value::as_i64).unwrap_or_default()
    }
    fn yes(&self, field: &str) -> bool {
        self.get(field).and_then(Value::as_bool).unwrap_or_default()
    }
    fn some(&self, field: &str) -> Option<&str> {
        self.get(field).and_then(Value::as_str).filter(|t| !t.is_empty())
    }
    fn has(&self, field: &str) -> bool {
        self.get(field).is_some_and(|v| !v.is_null())
    }
}

/// The object as the outside may see it: without the fields whose names begin with an underscore.
pub(crate) fn shown(object: &Value) -> Value {
    match object {
        Value::Object(fields) => {
            fields.iter().filter(|(k, _)| !k.starts_with('_')).map(|(k, v)| (k.clone(), v.clone())).collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

/// A list object around these rows.
pub(crate) fn list(url: &str, data: Vec<Value>, has_more: bool) -> Value {
    json!({ "object": "list", "url": url, "has_more": has_more, "data": data })
}
