//! The worker: runs what is due. It starts only when told to, and can be run once at a chosen time.

use crate::{Engine, Error, captures, declines, deliveries, disputes, payments, refunds, settlement};
use ducat_domain::Timestamp;
use ducat_store::{Change, ClaimedJob, Job};
use std::future::Future;
use std::time::Duration;
use tokio::task::JoinSet;

/// How many jobs are claimed and run side by side.
const BATCH: u32 = 32;
/// The longest sleep. Another node may have scheduled something without this one hearing of it.
const MAX_SLEEP: Duration = Duration::from_secs(1);
/// How long an answer under an idempotency key is kept.
const KEEP_KEYS: Duration = Duration::from_secs(30 * 24 * 3600);
/// How often old keys are forgotten: a thousand at a time, which is more than come in at a million a day.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// The sleep after the database failed.
const FAILED_SLEEP: Duration = Duration::from_secs(5);

/// Runs everything that is due now, once. Says how many jobs ran.
pub async fn run_due(engine: &Engine) -> Result<usize, Error> {
    let mut ran = 0;
    loop {
        let now = engine.now();
        if engine.store().next_job_at().await?.is_none_or(|at| at > now) {
            return Ok(ran);
        }
        let claimed = engine.store().claim_jobs(now, engine.settings().lease, BATCH).await?;
        if claimed.is_empty() {
            return Ok(ran);
        }
        ran += claimed.len();
        let mut running = JoinSet::new();
        for job in claimed {
            let engine = engine.clone();
            running.spawn(async move { run(&engine, job).await });
        }
        // A job that panics has changed nothing, and comes again when its lease ends.
        while running.join_next().await.is_some() {}
    }
}

async fn run(engine: &Engine, job: ClaimedJob) {
    let outcome = match job.job {
        Job::Attend(order) => payments::attend(engine, order, job).await,
        Job::Capture(capture) => captures::resolve(engine, capture, job).await,
        Job::Refund(refund) => refunds::resolve(engine, refund, job).await,
        Job::Dispute(dispute) => disputes::see_to(engine, dispute, job).await,
        Job::Statement(account) => settlement::read(engine, account, job).await,
    };
    if let Err(error) = outcome {
        tracing::error!(job = job.job.kind(), %error, "a job failed; it comes again when its lease ends");
    }
}

/// Writes down when keys were last used.
async fn keep_uses(engine: &Engine) -> Result<(), Error> {
    let used_keys = engine.keys().take_uses();
    if used_keys.is_empty() {
        return Ok(());
    }
    Ok(engine.store().commit(Change { used_keys, ..Change::default() }).await?)
}

/// Forgets answers that are older than callers were promised. A full batch means that there may be more.
pub async fn forget_old_keys(engine: &Engine) -> Result<(), Error> {
    let before = engine.now().minus(KEEP_KEYS);
    Ok(engine.store().commit(Change { forget_keys_before: Some(before), ..Change::default() }).await?)
}

/// Runs due jobs until `shutdown` ends, sleeping in between. What runs when it ends is finished first.
pub async fn work(engine: Engine, shutdown: impl Future<Output = ()> + Send) {
    tokio::pin!(shutdown);
    let mut swept_at = None;
    loop {
        let sleep = match tick(&engine, &mut swept_at).await {
            Ok(sleep) => sleep,
            Err(error) => {
                tracing::error!(%error, "the worker could not look for jobs");
                FAILED_SLEEP
            }
        };
        tokio::select! {
            () = &mut shutdown => return,
            () = engine.work().notified() => {}
            () = engine.transport().wait(sleep) => {}
        }
    }
}

async fn tick(engine: &Engine, swept_at: &mut Option<Timestamp>) -> Result<Duration, Error> {
    run_due(engine).await?;
    keep_uses(engine).await?;
    let now = engine.now();
    if swept_at.is_none_or(|at| now.since(at) >= SWEEP_EVERY) {
        forget_old_keys(engine).await?;
        deliveries::forget_old(engine).await?;
        declines::forget(engine).await?;
        *swept_at = Some(now);
    }
    let next = engine.store().next_job_at().await?;
    Ok(next.map_or(MAX_SLEEP, |at| at.since(engine.now()).clamp(Duration::from_millis(10), MAX_SLEEP)))
}
