//! A sandbox with a clock that is moved by hand, and short ways to ask it.

use ducat_domain::{Chance, Clock, Timestamp};
use ducat_sandbox::{Request, Sandbox, Settings};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

pub const DAY: i64 = 86_400;

/// It begins at noon, so that no midnight is near.
#[derive(Default)]
struct Hands(AtomicI64);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_760_011_200_000_000 + self.0.load(Ordering::SeqCst) * 1_000_000)
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

pub struct Shop {
    pub sandbox: Arc<Sandbox>,
    hands: Arc<Hands>,
    chance: Arc<Count>,
}

impl Shop {
    pub fn new() -> Self {
        let (hands, chance) = (Arc::new(Hands::default()), Arc::new(Count::default()));
        Self { sandbox: Sandbox::new(hands.clone(), chance.clone(), Settings::default()), hands, chance }
    }

    /// The program ends and starts again from what was written down.
    pub fn restart(&mut self) {
        let kept = self.sandbox.save();
        self.sandbox = Sandbox::new(self.hands.clone(), self.chance.clone(), Settings::default());
        self.sandbox.load(&kept).unwrap();
    }

    pub fn pass(&self, seconds: i64) {
        self.hands.0.fetch_add(seconds, Ordering::SeqCst);
    }

    pub fn ask(&self, method: &str, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
        let request = Request::new(method, path).header("Authorization", "Bearer sk_test_shop");
        let reply = self.sandbox.handle(&if form.is_empty() { request } else { request.form(form) });
        (reply.status, reply.value())
    }

    pub fn post(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let (status, value) = self.ask("POST", path, form);
        assert_eq!(status, 200, "{path}: {value:#}");
        value
    }

    pub fn get(&self, path: &str) -> Value {
        let (status, value) = self.ask("GET", path, &[]);
        assert_eq!(status, 200, "{path}: {value:#}");
        value
    }

    /// The rows of a list.
    pub fn rows(&self, path: &str) -> Vec<Value> {
        self.get(path)["data"].as_array().cloned().unwrap_or_default()
    }

    /// What is refused, and the parameter it is refused for.
    pub fn refused(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let (status, value) = self.ask("POST", path, form);
        assert_eq!(status, 400, "{path}: {value:#}");
        value["error"].clone()
    }

    /// Asks the control interface.
    pub fn control(&self, path: &str, body: &Value) -> (u16, Value) {
        let mut request = Request::new("POST", &format!("/_sandbox/{path}"));
        request.body = body.to_string().into_bytes();
        let reply = self.sandbox.handle(&request);
        (reply.status, reply.value())
    }

    pub fn do_control(&self, path: &str, body: &Value) -> Value {
        let (status, value) = self.control(path, body);
        assert_eq!(status, 200, "{path}: {value:#}");
        value
    }

    /// A payment of 20.00 by this method.
    pub fn pay(&self, method: &str, more: &[(&str, &str)]) -> Value {
        let mut form = vec![("confirm", "true"), ("payment_method", method)];
        for (name, usual) in [("amount", "2000"), ("currency", "eur"), ("payment_method_types[]", "card")] {
            if !more.iter().any(|(n, _)| *n == name) {
                form.push((name, usual));
            }
        }
        form.extend_from_slice(more);
        self.post("/v1/payment_intents", &form)
    }

    /// Money that is held, with these options of the card.
    pub fn hold(&self, options: &[&str]) -> Value {
        let names: Vec<String> = options.iter().map(|o| format!("payment_method_options[card][{o}]")).collect();
        let mut form = vec![("capture_method", "manual")];
        form.extend(names.iter().map(|name| (name.as_str(), "if_available")));
        self.pay("pm_card_visa", &form)
    }

    pub fn charge_of(&self, intent: &Value) -> Value {
        self.get(&format!("/v1/charges/{}", intent["latest_charge"].as_str().unwrap()))
    }

    /// Types of all events but the first few of a payment, oldest first.
    pub fn events(&self) -> Vec<String> {
        let mut kinds: Vec<String> =
            self.rows("/v1/events?limit=100").iter().map(|e| e["type"].as_str().unwrap().to_owned()).collect();
        kinds.reverse();
        kinds
    }
}

/// The text of a field.
pub fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}
