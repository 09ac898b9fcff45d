//! Small makers of test data: merchants, orders, moves and the changes that commit them.

use ducat_domain::journal::FiledEntry;
use ducat_domain::payments::*;
use ducat_domain::*;
use ducat_store::*;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Chance that is the same in every run.
#[derive(Clone)]
pub struct Dice(Arc<AtomicU64>);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(AtomicU64::new(seed)))
    }

    /// The next number below `end`.
    pub fn below(&self, end: u64) -> u64 {
        self.next() % end
    }

    fn next(&self) -> u64 {
        let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Chance for Dice {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let number = self.next().to_le_bytes();
            chunk.copy_from_slice(&number[..chunk.len()]);
        }
    }
}

/// A store with nothing in it, and what makes data for it.
pub struct World {
    pub store: Store,
    pub dice: Dice,
    /// The file, where it is one.
    pub path: PathBuf,
    /// The address, where it is a server.
    pub url: String,
    raw: tokio::sync::OnceCell<tokio_postgres::Client>,
    seed: u64,
    clock: AtomicI64,
    pub _folder: Option<tempfile::TempDir>,
}

/// A merchant with an account at a PSP.
#[derive(Clone, Copy, Debug)]
pub struct Shop {
    pub merchant: MerchantId,
    pub account: PspAccountId,
}

impl Shop {
    /// What is written of a job of this shop's.
    pub fn job(self, job: Job, then: JobNext) -> JobWrite {
        JobWrite { merchant: self.merchant, job, then }
    }
}

/// How a payment is written.
pub type Write = fn(Payment) -> PaymentWrite;

pub const HOUR: i64 = 3600;

pub fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(1_795_000_000 + second)
}

pub fn eur(minor: i64) -> Money {
    Money::new(minor, "EUR".parse().unwrap())
}

impl World {
    pub fn sqlite(mode: WriterMode) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ducat.db");
        Self { _folder: Some(folder), ..Self::open(path, mode, 1) }
    }

    /// A world in a file that is kept; `seed` so that two of them make different ids.
    pub fn open(path: PathBuf, mode: WriterMode, seed: u64) -> Self {
        let store = Store::open_sqlite(&path, mode, at(0)).unwrap();
        let dice = Dice::new(seed);
        Self {
            store,
            dice,
            path,
            url: String::new(),
            raw: tokio::sync::OnceCell::new(),
            seed,
            clock: AtomicI64::new(0),
            _folder: None,
        }
    }

    /// A world in a database of its own on a server.
    pub async fn postgres(statements: Statements) -> Self {
        // Each database is a copy of one that is migrated once.
        let migrate = |url: &str| {
            let url = url.to_owned();
            // On a thread of its own: this one waits within a runtime already.
            let migrated = std::thread::spawn(move || run(async move { drop(Self::at_server(url, Statements::Kept, 1).await) }));
            migrated.join().unwrap();
        };
        Self::at_server(ducat_test_servers::database_like(migrate), statements, 1).await
    }

    /// A world in a database that is there; `seed` so that two of them make different ids.
    pub async fn at_server(url: String, statements: Statements, seed: u64) -> Self {
        Self::with_writers(url, statements, seed, 3).await
    }

    /// The same, with so many writers.
    pub async fn with_writers(url: String, statements: Statements, seed: u64, writers: usize) -> Self {
        let dice = Dice::new(seed);
        let settings = PostgresSettings { url: Secret::new(url.clone()), readers: 8, writers, statements };
        let store = Store::open_postgres(&settings, Arc::new(dice.clone()), at(0)).await.unwrap();
        Self {
            store,
            dice,
            path: PathBuf::new(),
            url,
            raw: tokio::sync::OnceCell::new(),
            seed,
            clock: AtomicI64::new(0),
            _folder: None,
        }
    }

    /// A moment that is later than all before.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_micros(at(1).as_micros() + self.clock.fetch_add(1_000, Ordering::Relaxed))
    }

    /// So many days pass.
    pub fn days_pass(&self, days: i64) {
        self.clock.fetch_add(days * 24 * HOUR * 1_000_000, Ordering::Relaxed);
    }

    pub async fn commit(&self, change: Change) {
        self.store.commit(change).await.unwrap();
    }

    /// A merchant and its PSP account, committed.
    pub async fn shop(&self) -> Shop {
        let now = self.now();
        let (merchant, account) = (self.merchant(now), PspAccountId::new(now, &self.dice));
        let shop = Shop { merchant: merchant.id, account };
        let psp_accounts = vec![self.psp_account(shop, now)];
        self.commit(Change { merchants: vec![merchant], psp_accounts, ..Change::default() }).await;
        shop
    }

    pub fn merchant(&self, now: Timestamp) -> Merchant {
        let id = MerchantId::new(now, &self.dice);
        Merchant { id, name: "Käse & Söhne 奶酪".into(), sealed_return_secret: vec![0, 1, 255], created_at: now }
    }

    pub fn psp_account(&self, shop: Shop, now: Timestamp) -> PspAccount {
        PspAccount {
            id: shop.account,
            merchant: shop.merchant,
            psp: "stripe".into(),
            name: "main".into(),
            active: true,
            sealed_settings: vec![9; 40],
            version: 1,
            created_at: now,
        }
    }

    pub fn api_key(&self, shop: Shop) -> ApiKey {
        let now = self.now();
        ApiKey {
            id: ApiKeyId::new(now, &self.dice),
            merchant: shop.merchant,
            hash: random_bytes(&self.dice),
            hint: "dk_…ab".into(),
            name: "till".into(),
            scope: Scope::Payments,
            networks: vec!["10.0.0.0/8".into(), "2001:db8::/32".into()],
            expires_at: Some(at(HOUR)),
            revoked_at: None,
            last_used_at: None,
            created_at: now,
        }
    }

    /// Terms with a reference of their own.
    pub fn terms(&self) -> Terms {
        let reference = format!("order-{}-{}", self.seed, self.clock.fetch_add(1_000, Ordering::Relaxed));
        Terms {
            reference,
            amount: eur(4999),
            payment_type: PaymentType::Sale,
            payment_method: PaymentMethod::Apm,
            capture: CaptureMode::Automatic,
            psp: None,
            channel: Channel::Ecommerce,
            expires_at: at(HOUR),
            description: None,
            line_items: Vec::new(),
            customer: None,
            success_url: None,
            cancel_url: None,
            metadata: BTreeMap::new(),
        }
    }

    /// A new order with its first attempt; not committed.
    pub fn opened(&self, shop: Shop, terms: impl Into<Arc<Terms>>) -> Moved {
        let now = self.now();
        let first = (AttemptId::new(now, &self.dice), shop.account, "stripe".to_owned());
        open(PaymentOrderId::new(now, &self.dice), shop.merchant, terms, first, now, at(60))
    }

    /// The change that makes a move true, with its event, its entries and a job.
    pub fn change(&self, moved: Moved, write: Write) -> Change {
        let Moved { payment, part, entries, event } = moved;
        let (now, order) = (payment.order.updated_at, &payment.order);
        let whose = Shop { merchant: order.merchant, account: payment.attempt.psp_account };
        let event = EventRow {
            id: EventId::new(now, &self.dice),
            merchant: order.merchant,
            subject: Subject::PaymentOrder(order.id),
            sequence: order.version,
            kind: event,
            at: now,
            snapshot: format!("{{\"status\":\"{}\"}}", order.status.as_str()),
        };
        let file = |entry| FiledEntry { id: EntryId::new(now, &self.dice), merchant: order.merchant, entry, note: None };
        Change {
            entries: entries.into_iter().map(file).collect(),
            events: vec![event],
            jobs: std::iter::once(whose.job(attend(order.id), JobNext::Schedule(at(60))))
                .chain(part.iter().map(|part| part_job(whose, part)))
                .collect(),
            parts: part.into_iter().map(|part| PartWrite { merchant: order.merchant, part }).collect(),
            payments: vec![write(payment)],
            ..Change::default()
        }
    }

    /// Commits a new order.
    pub async fn order(&self, shop: Shop) -> Payment {
        self.order_with(shop, self.terms()).await
    }

    pub async fn order_with(&self, shop: Shop, terms: impl Into<Arc<Terms>>) -> Payment {
        let moved = self.opened(shop, terms);
        let payment = moved.payment.clone();
        self.commit(self.change(moved, PaymentWrite::Insert)).await;
        payment
    }

    /// Commits what the PSP says of the payment.
    pub async fn see(&self, payment: Payment, state: Observed) -> Payment {
        self.see_all(payment, state, Vec::new()).await
    }

    /// A PSP tells much at once; each step of it is a move of its own.
    pub async fn see_all(&self, mut payment: Payment, state: Observed, fees: Vec<Fee>) -> Payment {
        let word = Observation { fees, ..seen(&payment, state) };
        while let Some(moved) = payment.clone().observe(&word, self.now(), at(90)).unwrap() {
            payment = self.settle(moved).await;
        }
        assert!(payment.order.version > 1, "the PSP's word moved nothing");
        payment
    }

    /// The move that the PSP's word leads to; not committed.
    pub fn told(&self, payment: &Payment, state: Observed) -> Moved {
        payment.clone().observe(&seen(payment, state), self.now(), at(90)).unwrap().unwrap()
    }

    /// Commits a move of what is there.
    pub async fn settle(&self, moved: Moved) -> Payment {
        let after = moved.payment.clone();
        self.commit(self.change(moved, PaymentWrite::Move)).await;
        after
    }

    /// Commits an order and everything up to its capture.
    pub async fn paid(&self, shop: Shop) -> Payment {
        let pending = self.see(self.order(shop).await, Observed::Open).await;
        self.see(pending, Observed::Captured(eur(4999))).await
    }

    /// Commits a further attempt, registered nowhere yet.
    pub async fn try_again(&self, payment: Payment) -> Payment {
        let now = self.now();
        let next = (AttemptId::new(now, &self.dice), payment.attempt.psp_account, "stripe".to_owned());
        let moved = payment.start_attempt(next, now, at(60)).unwrap();
        let after = moved.payment.clone();
        self.commit(self.change(moved, PaymentWrite::AddAttempt)).await;
        after
    }

    /// A connection of the database's owner to the server.
    pub async fn raw(&self) -> &tokio_postgres::Client {
        self.raw.get_or_init(|| connect(&self.url)).await
    }

    /// Waits until whoever reads events sees all that is committed. On a server an event is held back as long as any transaction that
    /// began before its own is under way, in whichever database.
    pub async fn caught_up(&self) {
        if self.url.is_empty() {
            return;
        }
        let sql = "SELECT coalesce((SELECT max(position) FROM events) < settled_position(), TRUE)";
        let still = patience("all that is committed is seen");
        while !self.raw().await.query_one(sql, &[]).await.unwrap().get::<_, bool>(0) {
            still();
            tokio::task::yield_now().await;
        }
    }

    pub async fn assert_sound(&self) {
        let report = self.store.verify().await.unwrap();
        assert_eq!(report.findings, Vec::new());
    }
}

pub fn attend(order: PaymentOrderId) -> Job {
    Job::Attend(order)
}

/// The PSP's word on an attempt, under a token that follows from the attempt.
pub fn seen(payment: &Payment, state: Observed) -> Observation {
    Observation {
        token: PspToken(format!("cs_{}", payment.attempt.id)),
        psp_payment: Some(format!("pi_{}", payment.attempt.number)),
        redirect_url: Some("https://psp.example/pay".into()),
        state,
        decline: None,
        fees: Vec::new(),
        refunds: Vec::new(),
        card: None,
        disputes: Vec::new(),
    }
}

/// The money is held, and nothing of it taken.
pub fn held(minor: i64) -> Observed {
    Observed::Held { authorized: eur(minor), captured: eur(0) }
}

/// What is to be done about a part: the job that sees to it, as the engine would plan it.
fn part_job(shop: Shop, part: &Part) -> JobWrite {
    let (job, is_open) = match part {
        Part::Capture(c) => (Job::Capture(c.id), c.status.is_open()),
        Part::Refund(r) => (Job::Refund(r.id), r.status.is_open()),
        Part::Dispute(d) => (Job::Dispute(d.id), d.answer.is_some()),
    };
    if is_open { shop.job(job, JobNext::Schedule(at(60))) } else { shop.job(job, JobNext::Cancel) }
}

pub fn answer(body: &str) -> StoredAnswer {
    StoredAnswer { kind: "created".into(), body: body.into() }
}

/// Tries a property on many values, the same ones in every run.
pub fn for_all<S: Strategy>(cases: u32, values: &S, check: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let seed = RngSeed::Fixed(2026);
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 300, rng_seed: seed, ..Config::default() };
    if let Err(e) = TestRunner::new(config).run(values, check) {
        panic!("{e}");
    }
}

/// Waits for a future from inside a closure that cannot.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(future))
}

/// Ends the test when whoever waits for this has waited for a minute.
pub fn patience(what: &'static str) -> impl Fn() {
    let begun = Instant::now();
    move || assert!(begun.elapsed() < Duration::from_secs(60), "waited in vain until {what}")
}

/// A connection of its own to the server.
pub async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Runs a test on a runtime with two threads.
pub fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(test);
}
