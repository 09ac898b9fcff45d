//! Writes full payments, three commits each, as fast as the store takes them, and says how many a second:
//! `cargo run --release -p ducat-store --example payments -- sqlite:FILE|postgres://… [IN_FLIGHT] [SECONDS] [WRITERS]`.

#![allow(missing_docs, clippy::disallowed_methods)]

use ducat_domain::journal::FiledEntry;
use ducat_domain::payments::*;
use ducat_domain::*;
use ducat_store::*;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// Chance enough for ids that nobody has to guess.
struct Dice(AtomicU64);

impl Chance for Dice {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let number = (z ^ (z >> 31)).to_le_bytes();
            chunk.copy_from_slice(&number[..chunk.len()]);
        }
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    Timestamp::from_micros(i64::try_from(since.as_micros()).expect("before 294000"))
}

struct Shop {
    store: Store,
    dice: Arc<Dice>,
    merchant: MerchantId,
    account: PspAccountId,
}

impl Shop {
    async fn open(store: Store, dice: Arc<Dice>) -> Self {
        let at = now();
        let (merchant, account) = (MerchantId::new(at, &*dice), PspAccountId::new(at, &*dice));
        let change = Change {
            merchants: vec![Merchant { id: merchant, name: "shop".into(), sealed_return_secret: vec![1], created_at: at }],
            psp_accounts: vec![PspAccount {
                id: account,
                merchant,
                psp: "stripe".into(),
                name: "main".into(),
                active: true,
                sealed_settings: vec![9; 40],
                version: 1,
                created_at: at,
            }],
            ..Change::default()
        };
        store.commit(change).await.expect("a shop");
        Self { store, dice, merchant, account }
    }

    fn change(&self, moved: Moved, write: fn(Payment) -> PaymentWrite) -> (Payment, Change) {
        let Moved { payment, entries, event, .. } = moved;
        let (at, order) = (payment.order.updated_at, &payment.order);
        let change = Change {
            events: vec![EventRow {
                id: EventId::new(at, &*self.dice),
                merchant: order.merchant,
                subject: Subject::PaymentOrder(order.id),
                sequence: order.version,
                kind: event,
                at,
                snapshot: format!("{{\"status\":\"{}\",\"version\":{}}}", order.status.as_str(), order.version),
            }],
            entries: entries
                .into_iter()
                .map(|entry| FiledEntry { id: EntryId::new(at, &*self.dice), merchant: order.merchant, entry, note: None })
                .collect(),
            jobs: vec![JobWrite {
                merchant: order.merchant,
                job: Job::Attend(order.id),
                then: JobNext::Schedule(at.plus(Duration::from_secs(600))),
            }],
            payments: vec![write(payment.clone())],
            ..Change::default()
        };
        (payment, change)
    }

    async fn pay(&self) {
        let at = now();
        let order = PaymentOrderId::new(at, &*self.dice);
        let terms = Terms {
            reference: order.to_string(),
            amount: Money::new(4999, "EUR".parse().expect("a currency")),
            payment_type: PaymentType::Sale,
            payment_method: PaymentMethod::Apm,
            capture: CaptureMode::Automatic,
            psp: None,
            channel: Channel::Ecommerce,
            expires_at: at.plus(Duration::from_secs(3600)),
            description: None,
            line_items: Vec::new(),
            customer: None,
            success_url: None,
            cancel_url: None,
            metadata: BTreeMap::new(),
        };
        let first = (AttemptId::new(at, &*self.dice), self.account, "stripe".to_owned());
        let moved = open(order, self.merchant, terms, first, at, at.plus(Duration::from_secs(60)));
        let (payment, mut change) = self.change(moved, PaymentWrite::Insert);
        let (merchant, key) = (self.merchant, format!("key-{order}"));
        change.idempotency = Some(IdempotencyWrite::Claim {
            merchant,
            key: key.clone(),
            fingerprint: [7; 32],
            locked_until: at.plus(Duration::from_secs(45)),
            subject: Some(*order.as_bytes()),
            at,
            answer: None,
        });
        self.store.commit(change).await.expect("an order");
        let payment = self
            .told(
                payment,
                Observed::Open,
                Some(IdempotencyWrite::Answer {
                    merchant,
                    key,
                    answer: StoredAnswer { kind: "created".into(), body: vec![b'x'; 700] },
                }),
                None,
            )
            .await;
        let inbox = InboxWrite {
            merchant,
            psp_account: self.account,
            message_id: format!("evt_{order}"),
            kind: "checkout.session.completed".into(),
            state: InboxState::Applied,
            order: Some(order),
            body: None,
            received_at: at,
        };
        let read = self.store.payment(merchant, order).await.expect("an answer").expect("the order");
        assert_eq!(read, payment);
        self.told(read, Observed::Captured(Money::new(4999, "EUR".parse().expect("a currency"))), None, Some(inbox)).await;
    }

    async fn told(
        &self,
        payment: Payment,
        state: Observed,
        idempotency: Option<IdempotencyWrite>,
        inbox: Option<InboxWrite>,
    ) -> Payment {
        let at = now();
        let seen = Observation {
            token: PspToken(format!("cs_{}", payment.attempt.id)),
            psp_payment: Some(format!("pi_{}", payment.attempt.id)),
            redirect_url: Some("https://psp.example/pay".into()),
            state,
            decline: None,
            fees: Vec::new(),
            refunds: Vec::new(),
            card: None,
            disputes: Vec::new(),
        };
        let moved = payment.observe(&seen, at, at.plus(Duration::from_secs(90))).expect("a move").expect("news");
        let (payment, mut change) = self.change(moved, PaymentWrite::Move);
        change.idempotency = idempotency;
        change.inbox = inbox;
        self.store.commit(change).await.expect("a move");
        payment
    }
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let database = arguments.next().expect("sqlite:FILE or postgres://…");
    let mut number = |otherwise: u64| arguments.next().map_or(otherwise, |n| n.parse().expect("a number"));
    let (in_flight, seconds, writers) = (number(32), number(5), number(4));
    let seed = now().as_micros().unsigned_abs();
    let dice = Arc::new(Dice(AtomicU64::new(seed)));
    let store = match database.strip_prefix("sqlite:") {
        Some(path) => Store::open_sqlite(Path::new(path), WriterMode::Thread, now()).expect("a file"),
        None => {
            let settings = PostgresSettings {
                url: Secret::new(database),
                readers: 8,
                writers: usize::try_from(writers).expect("a number"),
                statements: if std::env::var_os("READ_ANEW").is_some() { Statements::ReadAnew } else { Statements::Kept },
            };
            Store::open_postgres(&settings, dice.clone(), now()).await.expect("a server")
        }
    };
    let shop = Arc::new(Shop::open(store.clone(), dice).await);
    let (begun, made) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let before = store.stats();
    let payers: Vec<_> = (0..in_flight)
        .map(|_| {
            let (shop, made) = (Arc::clone(&shop), Arc::clone(&made));
            tokio::spawn(async move {
                while begun.elapsed() < Duration::from_secs(seconds) {
                    shop.pay().await;
                    made.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for payer in payers {
        payer.await.expect("a payer");
    }
    let (made, stats) = (made.load(Ordering::Relaxed), store.stats());
    let millis = u64::try_from(begun.elapsed().as_millis()).expect("soon").max(1);
    println!(
        "{} payments/s, {} changes in {} commits",
        made * 1000 / millis,
        stats.changes - before.changes,
        stats.commits - before.commits
    );
    if std::env::var_os("VERIFY").is_some() {
        let report = store.verify().await.expect("a report");
        println!("{:?}", report.checked);
        println!("{} invariants, {:?}", report.invariants, report.by_invariant());
        println!("{:?}", report.findings.iter().take(5).collect::<Vec<_>>());
    }
}
