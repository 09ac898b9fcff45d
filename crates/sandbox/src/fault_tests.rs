//! Every kind of fault, asked for through the sandbox's own front door.

use crate::stripe::webhooks::Outcome;
use crate::{Reply, Request, Sandbox, Settings};
use ducat_domain::{Chance, Clock, Timestamp};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

#[derive(Default)]
struct Hands(AtomicI64);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_760_000_000_000_000 + self.0.load(Ordering::SeqCst) * 1_000)
    }
}

#[derive(Default)]
struct Count(AtomicU64);

impl Chance for Count {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            let n = self.0.fetch_add(1, Ordering::SeqCst);
            *byte = u8::try_from((n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) & 0xff).unwrap();
        }
    }
}

struct World(Arc<Sandbox>, Arc<Hands>);

impl World {
    /// A sandbox in which this rule lies in wait, with one endpoint that hears of new products.
    fn with(rule: &Value) -> Self {
        let hands = Arc::new(Hands::default());
        let world = Self(Sandbox::new(hands.clone(), Arc::new(Count::default()), Settings::default()), hands);
        let form = [("url", "http://shop.example/hook"), ("enabled_events[]", "product.created")];
        assert_eq!(world.post("/v1/webhook_endpoints", "hook", &form).status, 200);
        let body = rule.to_string().into_bytes();
        let reply = world.0.handle(&Request { body, ..Request::new("POST", "/_sandbox/faults") });
        assert_eq!(reply.status, 200, "{}", reply.value());
        world
    }

    fn post(&self, path: &str, key: &str, form: &[(&str, &str)]) -> Reply {
        let request = Request::new("POST", path).header("Authorization", "Bearer sk_test_faults");
        self.0.handle(&request.header("Idempotency-Key", key).form(form))
    }

    fn customer(&self) -> Reply {
        self.post("/v1/customers", "once", &[("name", "Ada")])
    }

    fn customers(&self) -> usize {
        let reply = self.0.handle(&Request::new("GET", "/v1/customers").header("Authorization", "Bearer sk_test_faults"));
        reply.value()["data"].as_array().map_or(0, Vec::len)
    }

    /// Makes two products, and tells in which order their webhooks are handed out: now, and after ten seconds.
    fn told(&self) -> (Vec<String>, Vec<String>) {
        for name in ["first", "second"] {
            assert_eq!(self.post("/v1/products", name, &[("name", name)]).status, 200);
        }
        let hear = || {
            let due = self.0.due_deliveries();
            due.iter().for_each(|d| self.0.delivered(&d.id, Outcome::Answered(200)));
            due.iter()
                .map(|d| {
                    let event: Value = serde_json::from_str(&d.body).unwrap();
                    event["data"]["object"]["name"].as_str().unwrap().to_owned()
                })
                .collect::<Vec<_>>()
        };
        let now = hear();
        self.1.0.fetch_add(10_000, Ordering::SeqCst);
        (now, hear())
    }
}

fn on_customers(fault: &str, more: &Value) -> Value {
    let mut rule = json!({ "fault": fault, "operation": "customers.create" });
    for (name, value) in more.as_object().unwrap() {
        rule[name] = value.clone();
    }
    rule
}

fn on_webhooks(fault: &str) -> Value {
    json!({ "fault": fault, "event_types": ["product.created"], "delay_ms": 5_000 })
}

#[test]
fn a_delay_waits_before_or_after_the_deed() {
    for after in [false, true] {
        let world = World::with(&on_customers("delay", &json!({ "delay_ms": 700, "after": after })));
        let reply = world.customer();
        assert_eq!((reply.status, reply.delay_ms, world.customers()), (200, 700, 1));
    }
}

#[test]
fn a_dropped_request_does_nothing_and_a_dropped_answer_did_it_all() {
    for (fault, made) in [("drop_request", 0), ("drop_response", 1)] {
        let world = World::with(&on_customers(fault, &json!({})));
        assert!(world.customer().dropped, "{fault}");
        assert_eq!(world.customers(), made, "{fault}");
        assert_eq!((world.customer().status, world.customers()), (200, 1), "{fault}");
    }
}

#[test]
fn a_status_comes_before_the_deed_or_is_kept_after_it() {
    let world = World::with(&on_customers("status", &json!({ "status": 503 })));
    assert_eq!((world.customer().status, world.customers()), (503, 0));
    assert_eq!((world.customer().status, world.customers()), (200, 1));
    let world = World::with(&on_customers("status", &json!({ "status": 500, "after": true })));
    assert_eq!((world.customer().status, world.customers()), (500, 1));
    assert_eq!((world.customer().status, world.customers()), (500, 1), "the failed answer is kept under its key");
}

#[test]
fn garbage_is_no_json_and_a_truncated_answer_breaks_off() {
    let world = World::with(&on_customers("garbage", &json!({})));
    let reply = world.customer();
    assert_eq!((reply.status, reply.value(), world.customers()), (200, Value::Null, 1));
    let world = World::with(&on_customers("truncate", &json!({})));
    let reply = world.customer();
    assert_eq!((reply.cut_at, world.customers()), (Some(reply.body.len() / 2), 1));
}

#[test]
fn a_webhook_is_sent_twice_lost_late_or_overtaken() {
    let told = |fault: &str| World::with(&on_webhooks(fault)).told();
    let names = |all: &[&str]| all.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
    assert_eq!(told("duplicate_webhook"), (names(&["first", "first", "second"]), names(&[])));
    assert_eq!(told("lose_webhook"), (names(&["second"]), names(&[])));
    assert_eq!(told("delay_webhook"), (names(&["second"]), names(&["first"])));
    assert_eq!(told("reorder_webhooks"), (names(&["second"]), names(&["first"])));
}
