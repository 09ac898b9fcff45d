//! The whole web over a temporary database, with a PSP that the test controls.

use ducat_connectors::{HttpMethod, HttpReply, Reply, SendFailure};
use ducat_domain::{Chance, Clock, MerchantId, Scope, Secret, Timestamp};
use ducat_engine::psp::{Outgoing, Transport};
use ducat_engine::psp_accounts::NewPspAccount;
use ducat_engine::{Engine, Parts, Settings, Vault, api_keys, merchants, psp_accounts};
use ducat_store::{Store, WriterMode};
use ducat_web::{DemoShop, Draining, Limits, Web};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Where customers would reach us.
pub const BASE: &str = "http://pay.test";
/// The secret of the PSP account's messages.
pub const MESSAGE_SECRET: &str = "whsec_test";

/// A clock that stands still until it is moved.
pub struct StillClock(AtomicI64);

impl StillClock {
    pub fn advance(&self, span: Duration) {
        self.0.fetch_add(span.as_micros() as i64, Ordering::Relaxed);
    }
}

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Relaxed))
    }
}

/// Bytes from a counter: different every time, the same in every run.
struct Counted(AtomicU64);

impl Chance for Counted {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let n = self.0.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23);
            chunk.copy_from_slice(&n.to_le_bytes()[..chunk.len()]);
        }
    }
}

/// How the PSP behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// It answers.
    Well,
    /// It cannot be reached.
    Down,
    /// It acts, and its answer is lost; who only looks gets an answer.
    Mute,
}

/// As much of Stripe as these tests need.
pub struct FakeStripe {
    pub mood: Mutex<Mood>,
    sessions: Mutex<BTreeMap<String, Value>>,
    keys: Mutex<BTreeMap<String, String>>,
    refunds: Mutex<BTreeMap<String, String>>,
}

impl FakeStripe {
    /// The customer paid on the PSP's page.
    pub fn pay(&self, token: &str) {
        self.change(token, |session| {
            let amount = session["amount_total"].clone();
            session["status"] = json!("complete");
            session["payment_status"] = json!("paid");
            session["url"] = Value::Null;
            session["payment_intent"] = json!({
                "id": format!("pi_{token}"), "object": "payment_intent", "status": "succeeded", "currency": session["currency"],
                "amount": amount, "amount_received": amount, "latest_charge": { "id": "ch_1", "object": "charge", "balance_transaction":
                    { "id": "txn_1", "object": "balance_transaction", "fee": 175, "currency": session["currency"] } },
            });
        });
    }

    /// The customer paid, and the money is held until it is captured.
    pub fn hold(&self, token: &str) {
        self.pay(token);
        self.change(token, |session| {
            session["payment_status"] = json!("unpaid");
            let payment = &mut session["payment_intent"];
            payment["status"] = json!("requires_capture");
            payment["amount_capturable"] = payment["amount"].clone();
            payment["amount_received"] = json!(0);
            payment["latest_charge"]["balance_transaction"] = Value::Null;
        });
    }

    /// The bank said no; the page lets the customer try again.
    pub fn decline(&self, token: &str) {
        self.decline_again(token, 1);
    }

    /// Declines the customer's card, for the so-manieth time.
    pub fn decline_again(&self, token: &str, time: usize) {
        self.change(token, |session| {
            session["payment_intent"] = json!({
                "id": format!("pi_{token}"), "object": "payment_intent", "status": "requires_payment_method", "currency": session["currency"],
                "amount": session["amount_total"], "amount_received": 0, "last_payment_error":
                    { "type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds", "charge": format!("ch_{time}"),
                      "advice_code": "try_again_later", "network_decline_code": "51" },
            });
        });
    }

    /// The customer acted; the outcome is open.
    pub fn process(&self, token: &str) {
        self.change(token, |session| {
            session["status"] = json!("complete");
            session["url"] = Value::Null;
            session["payment_intent"] = json!({
                "id": format!("pi_{token}"), "object": "payment_intent", "status": "processing", "currency": session["currency"],
                "amount": session["amount_total"], "amount_received": 0,
            });
        });
    }

    /// The present state of a session.
    pub fn session(&self, token: &str) -> Value {
        self.sessions.lock().unwrap()[token].clone()
    }

    /// The token of the newest session.
    pub fn newest(&self) -> String {
        self.sessions.lock().unwrap().keys().next_back().cloned().expect("a session")
    }

    fn change(&self, token: &str, change: impl Fn(&mut Value)) {
        change(self.sessions.lock().unwrap().get_mut(token).expect("a session"));
    }

    fn answer(&self, request: &Outgoing) -> (u16, Value) {
        let path = request.url.split("/v1/").nth(1).unwrap_or_default();
        let (path, _) = path.split_once('?').unwrap_or((path, ""));
        let form: BTreeMap<String, String> = form_urlencoded::parse(&request.body).into_owned().collect();
        let parts: Vec<&str> = path.split('/').collect();
        match (request.method, parts.as_slice()) {
            (HttpMethod::Post, ["checkout", "sessions"]) => (200, self.create(&form)),
            (HttpMethod::Post, ["checkout", "sessions", token, "expire"]) => {
                self.change(token, |session| {
                    session["status"] = json!("expired");
                    session["url"] = Value::Null;
                });
                (200, self.session(token))
            }
            (HttpMethod::Get, ["checkout", "sessions"]) => {
                let all: Vec<Value> = self.sessions.lock().unwrap().values().rev().cloned().collect();
                (200, json!({ "object": "list", "data": all, "has_more": false, "url": "/v1/checkout/sessions" }))
            }
            (HttpMethod::Get, ["checkout", "sessions", token]) => (200, self.session(token)),
            (HttpMethod::Post, ["payment_intents", payment, "capture"]) => {
                let token = payment.trim_start_matches("pi_");
                self.change(token, |session| {
                    let payment = &mut session["payment_intent"];
                    let taken = form["amount_to_capture"].parse::<i64>().expect("an amount");
                    let received = payment["amount_received"].as_i64().unwrap_or(0) + taken;
                    let more = form.get("final_capture").is_some_and(|last| last == "false");
                    payment["amount_received"] = json!(received);
                    payment["status"] = json!(if more { "requires_capture" } else { "succeeded" });
                    payment["amount_capturable"] = if more { json!(4999 - received) } else { json!(0) };
                });
                (200, self.session(token)["payment_intent"].clone())
            }
            (HttpMethod::Post, ["refunds"]) => (200, self.refund(&form)),
            (HttpMethod::Post, ["webhook_endpoints"]) => {
                (200, json!({ "id": "we_1", "object": "webhook_endpoint", "secret": "whsec_new_1234567890" }))
            }
            _ => (404, json!({ "error": { "type": "invalid_request_error", "message": "no such thing" } })),
        }
    }

    /// A refund; the same of ours is the same of Stripe's.
    fn refund(&self, form: &BTreeMap<String, String>) -> Value {
        let mut refunds = self.refunds.lock().unwrap();
        let next = format!("re_{}", refunds.len() + 1);
        let ours = form["metadata[ducat_refund]"].clone();
        let id = refunds.entry(ours.clone()).or_insert(next).clone();
        let session = self.session(form["payment_intent"].trim_start_matches("pi_"));
        json!({
            "id": id, "object": "refund", "status": "succeeded", "amount": form["amount"].parse::<i64>().expect("an amount"),
            "currency": session["currency"], "metadata": { "ducat_refund": ours, "ducat_attempt": form["metadata[ducat_attempt]"] },
        })
    }

    fn create(&self, form: &BTreeMap<String, String>) -> Value {
        let attempt = form.get("client_reference_id").cloned().unwrap_or_default();
        let mut sessions = self.sessions.lock().unwrap();
        let mut keys = self.keys.lock().unwrap();
        let next = format!("cs_test_{:04}", sessions.len() + 1);
        let token = keys.entry(attempt.clone()).or_insert(next).clone();
        let number = |name: String| form.get(&name).and_then(|text| text.parse::<i64>().ok());
        let lines = (0..100).map_while(|i| {
            Some(number(format!("line_items[{i}][price_data][unit_amount]"))? * number(format!("line_items[{i}][quantity]"))?)
        });
        let note = |name: &str| form.get(&format!("metadata[{name}]")).cloned();
        let session = json!({
            "id": token, "object": "checkout.session", "status": "open", "mode": "payment", "payment_status": "unpaid",
            "amount_total": lines.sum::<i64>(), "currency": form.get("line_items[0][price_data][currency]"),
            "url": format!("https://psp.test/pay/{token}"), "client_reference_id": attempt, "payment_intent": null,
            "metadata": { "ducat_order": note("ducat_order"), "ducat_attempt": note("ducat_attempt"), "reference": note("reference") },
        });
        sessions.entry(token).or_insert(session).clone()
    }
}

impl Transport for FakeStripe {
    fn send(&self, request: Outgoing) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>> {
        Box::pin(async move {
            let mood = *self.mood.lock().unwrap();
            if mood == Mood::Down {
                return Err(SendFailure::NotSent("connection refused".into()));
            }
            let acts = request.method == HttpMethod::Post;
            let (status, body) = self.answer(&request);
            if mood == Mood::Mute && acts {
                return Err(SendFailure::Lost("no answer in time".into()));
            }
            let headers = vec![("request-id".into(), "req_stripe".into()), ("content-type".into(), "application/json".into())];
            Ok(HttpReply { status, headers, body: body.to_string().into_bytes() })
        })
    }

    fn wait(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::task::yield_now())
    }
}

/// Merchants' servers, which take everything.
struct TakesAll;

impl Transport for TakesAll {
    fn send(&self, _: Outgoing) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>> {
        let headers = vec![("content-type".into(), "text/plain".into()), ("set-cookie".into(), "a=b".into())];
        Box::pin(async { Ok(HttpReply { status: 200, headers, body: b"thanks".to_vec() }) })
    }

    fn wait(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::task::yield_now())
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

/// Everything wired together: a merchant with a key of each scope and a PSP account.
pub struct World {
    pub engine: Engine,
    pub psp: Arc<FakeStripe>,
    pub clock: Arc<StillClock>,
    pub router: axum::Router,
    pub draining: Draining,
    pub merchant: MerchantId,
    pub account: String,
    pub admin: String,
    pub payments: String,
    pub read: String,
    _folder: tempfile::TempDir,
}

impl World {
    pub async fn new() -> Self {
        Self::with(BASE, Limits::default()).await
    }

    pub async fn with(base: &str, limits: Limits) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(StillClock(AtomicI64::new(1_795_255_200_000_000)));
        let psp = Arc::new(FakeStripe {
            mood: Mutex::new(Mood::Well),
            sessions: Mutex::default(),
            keys: Mutex::default(),
            refunds: Mutex::default(),
        });
        let store = Store::open_sqlite(&folder.path().join("ducat.db"), WriterMode::Caller, clock.now()).expect("a store");
        let engine = Engine::new(Parts {
            store,
            cache: ducat_cache::Cache::in_memory(),
            transport: psp.clone(),
            courier: Arc::new(TakesAll),
            clock: clock.clone(),
            chance: Arc::new(Counted(AtomicU64::new(1))),
            vault: Vault::new([7; 32]),
            settings: Settings::new(base),
        });
        let merchant = merchants::first(&engine, "Florin Coffee").await.expect("a merchant").id;
        let settings = [("api_key", "sk_test_world"), ("webhook_secret", MESSAGE_SECRET)];
        let settings = settings.map(|(name, value)| (name.to_owned(), Secret::new(value))).into();
        let new = NewPspAccount { psp: "stripe".into(), name: "Stripe".into(), settings };
        let account = psp_accounts::create(&engine, merchant, new, None).await.expect("an account");
        let draining = Draining::default();
        let shop = DemoShop { merchant, currency: "EUR".parse().expect("a currency"), psp: None };
        let settings = ducat_web::Settings { demo_shop: Some(shop), limits, ..ducat_web::Settings::default() };
        let router = ducat_web::router(Web { engine: engine.clone(), settings, draining: draining.clone() });
        Self {
            admin: key(&engine, merchant, Scope::Admin, &[]).await,
            payments: key(&engine, merchant, Scope::Payments, &[]).await,
            read: key(&engine, merchant, Scope::Read, &[]).await,
            account: text(&account.body, "id"),
            engine,
            psp,
            clock,
            router,
            draining,
            merchant,
            _folder: folder,
        }
    }

    /// Another merchant, with a key of scope admin.
    pub async fn stranger(&self) -> String {
        let merchant = merchants::create(&self.engine, "Somebody else").await.expect("a merchant").id;
        key(&self.engine, merchant, Scope::Admin, &[]).await
    }

    /// A key that is bound to networks.
    pub async fn bound_key(&self, networks: &[&str]) -> String {
        key(&self.engine, self.merchant, Scope::Admin, networks).await
    }
}

async fn key(engine: &Engine, merchant: MerchantId, scope: Scope, networks: &[&str]) -> String {
    let networks = networks.iter().map(|n| (*n).to_owned()).collect();
    let new = api_keys::NewKey { name: scope.as_str().into(), scope, networks, expires_at: None };
    text(&api_keys::create(engine, merchant, new, None).await.expect("a key").body, "key")
}

fn text(body: &[u8], name: &str) -> String {
    let value: Value = serde_json::from_slice(body).expect("JSON");
    value[name].as_str().expect("a text").to_owned()
}
