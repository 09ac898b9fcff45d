//! Everything wired together, and what a test does with it.

use crate::place::Place;
use crate::{Database, Receivers, SandboxTransport, Seeded, TestClock};
use ducat_domain::payments::{CaptureMode, Channel, DeclineGuard, PaymentMethod, PaymentType};
use ducat_domain::{Chance, Clock, MerchantId, PaymentOrderId, PspAccountId, Secret};
use ducat_engine::payments::{Expand, NewOrder, PaymentOrderView};
use ducat_engine::webhooks::{ReceiveError, Received};
use ducat_engine::{Answer, Engine, Error, Parts, Settings, TestCards, Vault, jobs, merchants, payments, psp_accounts, webhooks};
use ducat_sandbox::{Delivery, Outcome, Request, Sandbox};
use ducat_store::{Between, Store};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The key that opens the sandbox account.
pub const STRIPE_KEY: &str = "sk_test_world";

/// A merchant with a Stripe account at the sandbox.
pub struct World {
    /// The engine.
    pub engine: Engine,
    /// The PSP.
    pub sandbox: Arc<Sandbox>,
    /// The way between them.
    pub transport: Arc<SandboxTransport>,
    /// The merchants' own servers.
    pub receivers: Arc<Receivers>,
    /// Their time.
    pub clock: Arc<TestClock>,
    /// Who sells.
    pub merchant: MerchantId,
    /// The merchant's account at the PSP.
    pub account: PspAccountId,
    place: Place,
    seed: u64,
    guard: DeclineGuard,
    test_cards: TestCards,
}

/// What became of the messages that the sandbox sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Stored anew.
    pub stored: usize,
    /// There already.
    pub duplicates: usize,
}

impl World {
    /// A world in which nothing has gone wrong yet. The same seed gives the same world.
    pub async fn new(seed: u64) -> Self {
        Self::on(Database::of_this_run(), seed).await
    }

    /// The same on a database of this kind.
    pub async fn on(database: Database, seed: u64) -> Self {
        let place = Place::new(database);
        let clock = Arc::new(TestClock::new());
        let guard = DeclineGuard::default();
        let settings = ducat_sandbox::Settings { public_url: "http://127.0.0.1:12111".into() };
        let sandbox_chance = Arc::new(Seeded::new(seed ^ 0x5a5a));
        let sandbox = Sandbox::new(Arc::clone(&clock) as Arc<dyn Clock>, sandbox_chance as Arc<dyn Chance>, settings);
        let transport = Arc::new(SandboxTransport::new(Arc::clone(&sandbox), Arc::clone(&clock)));
        let receivers = Arc::new(Receivers::new(Arc::clone(&clock)));
        let store = place.open(seed, clock.now()).await;
        let engine = Self::start(store, &transport, &receivers, &clock, (seed, guard, TestCards::Ignored));
        let merchant = merchants::create(&engine, "Testing & Co").await.expect("a merchant").id;
        let account = Self::wire(&engine, merchant).await;
        Self {
            engine,
            sandbox,
            transport,
            receivers,
            clock,
            merchant,
            account,
            place,
            seed,
            guard,
            test_cards: TestCards::Ignored,
        }
    }

    fn start(
        store: Store,
        transport: &Arc<SandboxTransport>,
        receivers: &Arc<Receivers>,
        clock: &Arc<TestClock>,
        (seed, guard, test_cards): (u64, DeclineGuard, TestCards),
    ) -> Engine {
        Engine::new(Parts {
            store,
            cache: ducat_cache::Cache::in_memory(),
            transport: Arc::clone(transport) as Arc<dyn ducat_engine::psp::Transport>,
            courier: Arc::clone(receivers) as Arc<dyn ducat_engine::psp::Transport>,
            clock: Arc::clone(clock) as Arc<dyn Clock>,
            chance: Arc::new(Seeded::new(seed)),
            vault: Vault::new([7; 32]),
            settings: Settings { guard, test_cards, ..Settings::new("http://127.0.0.1:8080") },
        })
    }

    /// Another node on the same database, which lets somebody in between two accesses, such as a [`crate::Twin`].
    pub fn node<B: Between + 'static>(&self, seed: u64, between: &Arc<B>) -> Engine {
        let store = self.engine.store().clone().letting_in(Arc::clone(between) as Arc<dyn Between>);
        Self::start(store, &self.transport, &self.receivers, &self.clock, (seed, self.guard, self.test_cards))
    }

    /// A Stripe account at the sandbox, with its webhook endpoint.
    pub async fn wire(engine: &Engine, merchant: MerchantId) -> PspAccountId {
        let settings = [("api_key", STRIPE_KEY), ("api_base", "http://127.0.0.1:12111")];
        let settings = settings.into_iter().map(|(name, value)| (name.to_owned(), Secret::new(value))).collect();
        let new = psp_accounts::NewPspAccount { psp: "stripe".into(), name: "Sandbox".into(), settings };
        let answer = psp_accounts::create(engine, merchant, new, None).await.expect("an account");
        let body: Value = serde_json::from_slice(&answer.body).expect("JSON");
        let account = body["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
        psp_accounts::subscribe(engine, merchant, account).await.expect("a subscription");
        account
    }

    /// The process dies and starts again on the same data: everything that was only in memory is gone.
    pub async fn restart(&mut self) {
        self.seed = self.seed.wrapping_add(1);
        self.engine = Self::start(
            self.place.open(self.seed, self.clock.now()).await,
            &self.transport,
            &self.receivers,
            &self.clock,
            (self.seed, self.guard, self.test_cards),
        );
    }

    /// The same, with other limits against card testing in its configuration.
    pub async fn restart_guarded_by(&mut self, guard: DeclineGuard) {
        self.guard = guard;
        self.restart().await;
    }

    /// The same world once more, from this moment on: its own database and its own time, beside the same PSP. What happens in one does not
    /// happen in the other. Only of a world in a file.
    pub fn fork(&self, seed: u64) -> Self {
        let place = self.place.copied();
        let clock = Arc::new(TestClock::at(self.clock.now()));
        let transport = Arc::new(SandboxTransport::new(Arc::clone(&self.sandbox), Arc::clone(&clock)));
        let receivers = Arc::new(Receivers::new(Arc::clone(&clock)));
        let store = place.open_file(clock.now());
        let engine = Self::start(store, &transport, &receivers, &clock, (seed, self.guard, self.test_cards));
        let (sandbox, merchant, account) = (Arc::clone(&self.sandbox), self.merchant, self.account);
        Self {
            engine,
            sandbox,
            transport,
            receivers,
            clock,
            merchant,
            account,
            place,
            seed,
            guard: self.guard,
            test_cards: self.test_cards,
        }
    }

    /// The same, and from now on test cards come to the networks' limits as if they were somebody's.
    pub async fn restart_counting_test_cards(&mut self) {
        self.test_cards = TestCards::Counted;
        self.restart().await;
    }

    /// An order as a shop would ask for it.
    pub fn order(reference: &str, amount: i64) -> NewOrder {
        NewOrder {
            reference: reference.into(),
            amount,
            currency: "EUR".into(),
            payment_type: PaymentType::Sale,
            payment_method: PaymentMethod::Apm,
            psp: None,
            capture: CaptureMode::Automatic,
            channel: Channel::Ecommerce,
            description: None,
            line_items: Vec::new(),
            customer: None,
            success_url: Some("https://shop.example/thanks?order={PAYMENT_ORDER_ID}".into()),
            cancel_url: Some("https://shop.example/cart".into()),
            expires_in: None,
            metadata: BTreeMap::new(),
        }
    }

    /// Creates an order.
    pub async fn create(&self, order: NewOrder) -> Result<Answer, Error> {
        payments::create(&self.engine, self.merchant, order, None).await
    }

    /// Creates an order that must come to be, and gives its id.
    pub async fn created(&self, reference: &str, amount: i64) -> PaymentOrderId {
        let answer = self.create(Self::order(reference, amount)).await.expect("an order");
        Self::id_of(&answer)
    }

    /// The id in an answer.
    pub fn id_of(answer: &Answer) -> PaymentOrderId {
        let body: Value = serde_json::from_slice(&answer.body).expect("JSON");
        body["id"].as_str().and_then(|id| id.parse().ok()).expect("an id")
    }

    /// The order as the API shows it.
    pub async fn view(&self, id: PaymentOrderId) -> PaymentOrderView {
        let expand = Expand { attempts: true, captures: true, refunds: true, disputes: true, events: true };
        payments::get(&self.engine, self.merchant, id, expand).await.expect("the order")
    }

    /// Asks the sandbox as Stripe's own client would.
    pub fn stripe(&self, method: &str, target: &str, fields: &[(&str, &str)]) -> Value {
        let request = Request::new(method, target).header("Authorization", &format!("Bearer {STRIPE_KEY}"));
        self.sandbox.handle(&if fields.is_empty() { request } else { request.form(fields) }).value()
    }

    /// The customer pays on the PSP's page with a test payment method such as `pm_card_visa`.
    pub async fn pay(&self, id: PaymentOrderId, method: &str) -> Value {
        let token = self.view(id).await.psp_token.expect("a registration");
        self.stripe("POST", &format!("/v1/payment_pages/{token}/confirm"), &[("payment_method", method)])
    }

    /// Scripts something that goes wrong at the sandbox.
    pub fn fault(&self, rule: Value) {
        let mut request = Request::new("POST", "/_sandbox/faults").header("Content-Type", "application/json");
        request.body = rule.to_string().into_bytes();
        let reply = self.sandbox.handle(&request);
        assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    }

    /// Does something at the sandbox that its control interface offers.
    pub fn control(&self, path: &str, body: Value) -> Value {
        let mut request = Request::new("POST", path).header("Content-Type", "application/json");
        let mut body = body;
        body["account"] = json!(STRIPE_KEY);
        request.body = body.to_string().into_bytes();
        let reply = self.sandbox.handle(&request);
        assert_eq!(reply.status, 200, "{path}: {}", String::from_utf8_lossy(&reply.body));
        reply.value()
    }

    /// The sandbox's truth about this merchant's account.
    pub fn truth(&self) -> Value {
        let reply = self.sandbox.handle(&Request::new("GET", &format!("/_sandbox/state?account={STRIPE_KEY}")));
        reply.value()
    }

    /// The PSP forgets everything about this merchant.
    pub fn forget(&self) {
        let request = Request::new("POST", &format!("/_sandbox/reset?account={STRIPE_KEY}"));
        assert_eq!(self.sandbox.handle(&request).status, 200);
    }

    /// How many sessions the PSP holds.
    pub fn sessions(&self) -> Vec<Value> {
        self.stripe("GET", "/v1/checkout/sessions?limit=100", &[])["data"].as_array().cloned().unwrap_or_default()
    }

    /// The present moment in whole seconds.
    pub fn clock_seconds(&self) -> i64 {
        self.clock.now().as_seconds()
    }

    /// What the sandbox wants delivered now, without delivering it: a test may lose, double or reorder it.
    pub fn take_messages(&self) -> Vec<Delivery> {
        let messages = self.sandbox.due_deliveries();
        for message in &messages {
            self.sandbox.delivered(&message.id, Outcome::Answered(200));
        }
        messages
    }

    /// Delivers what the sandbox wants delivered now.
    pub async fn deliver(&self) -> Delivered {
        let mut done = Delivered::default();
        for delivery in self.sandbox.due_deliveries() {
            let received = self.receive(&delivery).await;
            let status = if received.is_ok() { 200 } else { 400 };
            match received {
                Ok(Received::Stored) => done.stored += 1,
                Ok(Received::Duplicate) => done.duplicates += 1,
                Err(_) => {}
            }
            self.sandbox.delivered(&delivery.id, Outcome::Answered(status));
        }
        done
    }

    /// Hands one message to the engine, as the web would.
    pub async fn receive(&self, delivery: &Delivery) -> Result<Received, ReceiveError> {
        let header = |name: &str| (name == "stripe-signature").then(|| delivery.signature.clone());
        webhooks::receive(&self.engine, "stripe", self.account, header, delivery.body.as_bytes()).await
    }

    /// Lets time pass in steps, with jobs and messages, until nothing has happened for a while or `span` is over.
    pub async fn live(&self, span: Duration) {
        let step = Duration::from_secs(1);
        let mut left = span;
        loop {
            jobs::run_due(&self.engine).await.expect("jobs run");
            self.deliver().await;
            if left.is_zero() {
                return;
            }
            let now = step.min(left);
            self.clock.advance(now);
            left -= now;
        }
    }

    /// Everything that must hold of the database holds.
    pub async fn assert_sound(&self) {
        let report = self.engine.store().verify().await.expect("a report");
        assert_eq!(report.findings, [], "the database is sound");
    }

    /// Captured at the PSP is captured in our orders, per order.
    pub async fn assert_agrees(&self, id: PaymentOrderId) {
        let view = self.view(id).await;
        let ours: i64 = view.amount_captured;
        let charged: i64 = self
            .sessions()
            .iter()
            .filter(|s| s["metadata"]["ducat_order"] == json!(view.id) && s["payment_status"] == "paid")
            .filter_map(|s| s["amount_total"].as_i64())
            .sum();
        assert_eq!(ours, charged, "captured here and at the PSP");
    }
}
