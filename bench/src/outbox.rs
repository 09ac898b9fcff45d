//! The process in which an outbox is drained: store and engine as a gateway has them, but for the way to the receivers, which answer at once and in
//! here. What is measured is committed: an event counts when its try is written down.

use crate::drain::{expect_loaded, per_kilosecond};
use crate::{Failure, processes};
use clap::Args;
use ducat_cache::Cache;
use ducat_connectors::{HttpReply, Reply};
use ducat_domain::webhooks::DeliveryState;
use ducat_domain::{Chance, Clock, MerchantId, Secret, Timestamp, WebhookEndpointId};
use ducat_engine::deliveries::Dispatcher;
use ducat_engine::psp::{Outgoing, Transport};
use ducat_engine::webhook_endpoints::{self, Use, WebhookEndpointPatch};
use ducat_engine::{Engine, Parts, Settings, Vault};
use ducat_store::{DeliveryFilter, PageAnchor, PostgresSettings, Statements, Store, WriterMode};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The connections that a gateway takes when nobody says otherwise.
const READERS: usize = 16;
const WRITERS: usize = 4;
/// The part of the events that is drained before anything is measured: one in so many.
const WARM_UP: u64 = 4;
/// How long it may take until the next event is drained.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// What is drained.
#[derive(Debug, Args)]
pub struct Outbox {
    /// The folder of a gateway that has ended.
    #[arg(long, value_name = "FOLDER")]
    pub folder: PathBuf,
    /// Its database, where that is on a server.
    #[arg(long, value_name = "postgres://…")]
    pub database_url: Option<String>,
    /// The server's process, whose processor time is counted with its children's.
    #[arg(long, value_name = "PROCESS")]
    pub database_process: Option<u32>,
    /// A library that must have been loaded before all others.
    #[arg(long, value_name = "FILE")]
    pub expects: Option<PathBuf>,
}

/// What it has shown.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Drained {
    /// Events in a thousand seconds.
    pub per_kilosecond: u64,
    /// How many were measured.
    pub events: u64,
    /// Processor time of the engine, in nanoseconds for each event,
    pub engine: u64,
    /// what of it was the database inside,
    pub writer: u64,
    /// and that of the database server.
    pub database: u64,
}

/// Drains it with as many threads as a gateway has, and prints what it has shown.
pub fn run(asked: &Outbox) -> Result<(), Failure> {
    asked.expects.as_deref().map_or(Ok(()), expect_loaded)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let drained = runtime.block_on(drain(asked))?;
    println!("{}", serde_json::to_string(&drained)?);
    Ok(())
}

async fn drain(asked: &Outbox) -> Result<Drained, Failure> {
    let engine = engine(open(&asked.folder, asked.database_url.as_deref()).await?);
    let merchant = engine.store().merchants().await?.first().ok_or("nobody sells here")?.id;
    let endpoints = engine.store().webhook_endpoints(merchant).await?;
    let endpoint = endpoints.first().ok_or("there is no endpoint")?.id;
    let all = engine.store().events_past(merchant, 0, u32::MAX).await?.len() as u64;
    let enabled = WebhookEndpointPatch { status: Some(Use::Enabled), ..WebhookEndpointPatch::default() };
    webhook_endpoints::update(&engine, merchant, endpoint, enabled, None).await.map_err(|e| format!("{e:?}"))?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let dispatcher = Dispatcher::new(engine.clone());
    let working = tokio::spawn(async move { dispatcher.work(async { drop(stopped.await) }, PATIENCE).await });
    let begun = (wait_for(&engine, all / WARM_UP).await?, Used::now(asked), Instant::now());
    let ended = (wait_for(&engine, all).await?, Used::now(asked), Instant::now());
    drop(stop);
    working.await?;
    prove(&engine, merchant, endpoint, all).await?;
    let events = ended.0 - begun.0;
    let each = |now: Duration, before: Duration| {
        u64::try_from(now.saturating_sub(before).as_nanos() / u128::from(events.max(1))).unwrap_or(u64::MAX)
    };
    Ok(Drained {
        per_kilosecond: per_kilosecond(events, ended.2 - begun.2)?,
        events,
        engine: each(ended.1.engine, begun.1.engine),
        writer: each(ended.1.writer, begun.1.writer),
        database: each(ended.1.database, begun.1.database),
    })
}

/// Waits until so many are drained, and says how many are.
async fn wait_for(engine: &Engine, wanted: u64) -> Result<u64, Failure> {
    let (mut last, mut since) = (0, Instant::now());
    loop {
        let (arrived, missed) = engine.tries_counted();
        if missed > 0 {
            return Err("the receiver takes everything, and something did not arrive".into());
        }
        if arrived >= wanted {
            return Ok(arrived);
        }
        if arrived > last {
            (last, since) = (arrived, Instant::now());
        }
        if since.elapsed() > PATIENCE {
            return Err(format!("{arrived} of {wanted} events are drained, and no more").into());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Fails unless each event has arrived once, by what the database says.
async fn prove(engine: &Engine, merchant: MerchantId, endpoint: WebhookEndpointId, all: u64) -> Result<(), Failure> {
    let (arrived, _) = engine.tries_counted();
    let waiting = DeliveryFilter { state: Some(DeliveryState::Pending), ..DeliveryFilter::default() };
    let left = engine.store().deliveries(merchant, endpoint, waiting, PageAnchor::Newest, 1).await?;
    if arrived != all || all == 0 || !left.data.is_empty() {
        return Err(format!("{arrived} deliveries arrived of {all} events, and {} wait", left.data.len()).into());
    }
    Ok(())
}

/// Processor time up to a moment.
struct Used {
    engine: Duration,
    writer: Duration,
    database: Duration,
}

impl Used {
    fn now(asked: &Outbox) -> Self {
        let own = std::process::id();
        Self {
            engine: processes::cpu(own),
            writer: processes::cpu_of_threads(own, "ducat-writer"),
            database: asked.database_process.map_or(Duration::ZERO, processes::cpu_of_family),
        }
    }
}

/// The store that a gateway has left behind.
pub async fn open(folder: &Path, database_url: Option<&str>) -> Result<Store, Failure> {
    Ok(match database_url {
        None => Store::open_sqlite(&folder.join("ducat.db"), WriterMode::Thread, SystemClock.now())?,
        Some(url) => {
            let url = Secret::new(url);
            let settings = PostgresSettings { url, readers: READERS, writers: WRITERS, statements: Statements::Kept };
            Store::open_postgres(&settings, Arc::new(SystemChance), SystemClock.now()).await?
        }
    })
}

fn engine(store: Store) -> Engine {
    Engine::new(Parts {
        store,
        cache: Cache::in_memory(),
        transport: Arc::new(AtOnce),
        courier: Arc::new(AtOnce),
        clock: Arc::new(SystemClock),
        chance: Arc::new(SystemChance),
        vault: Vault::new(crate::gateway::MASTER_KEY),
        settings: Settings::new("http://127.0.0.1"),
    })
}

/// Receivers that take everything at once. They answer what the stub answers, so that as much is written down of it.
struct AtOnce;

impl Transport for AtOnce {
    fn send(&self, _: Outgoing) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>> {
        let headers = [("content-type", "application/json"), ("request-id", "req_bench"), ("content-length", "2")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Box::pin(std::future::ready(Ok(HttpReply { status: 200, headers, body: b"{}".to_vec() })))
    }

    fn wait(&self, span: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(span))
    }
}

/// The machine's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "what a gateway has for a clock is part of what is measured")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

/// The system's source of random bytes.
struct SystemChance;

impl Chance for SystemChance {
    #[allow(clippy::disallowed_methods, reason = "what a gateway has for chance is part of what is measured")]
    fn fill(&self, bytes: &mut [u8]) {
        if let Err(why) = getrandom::fill(bytes) {
            eprintln!("bench: the system gives no random bytes: {why}");
            std::process::abort();
        }
    }
}
