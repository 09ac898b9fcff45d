//! Runs due jobs again and again, and sweeps up in between.

use super::run::{Halt, run_until};
use crate::{Engine, Error, declines, deliveries};
use ducat_domain::Timestamp;
use ducat_store::Change;
use std::future::Future;
use std::time::Duration;

/// The longest sleep. Another node may have scheduled something without this one hearing of it.
const MAX_SLEEP: Duration = Duration::from_secs(1);
/// How long an answer under an idempotency key is kept.
const KEEP_KEYS: Duration = Duration::from_secs(30 * 24 * 3600);
/// How often old keys are forgotten: a thousand at a time, which is more than come in at a million a day.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// The sleep after the database failed.
const FAILED_SLEEP: Duration = Duration::from_secs(5);

/// Runs due jobs until `shutdown` ends, sleeping in between. What runs then may go on for `patience`; after that it is cut off and given back,
/// so that another node takes it up at once.
pub async fn work(engine: Engine, shutdown: impl Future<Output = ()> + Send, patience: Duration) {
    tokio::pin!(shutdown);
    let mut halt = Halt::new(shutdown.as_mut(), patience);
    let mut swept_at = None;
    while !halt.is_heard() {
        let sleep = match tick(&engine, &mut halt, &mut swept_at).await {
            Ok(sleep) => sleep,
            Err(error) => {
                tracing::error!(%error, "the worker could not look for jobs");
                FAILED_SLEEP
            }
        };
        tokio::select! {
            () = halt.heard() => {}
            () = engine.work().notified() => {}
            () = engine.transport().wait(sleep) => {}
        }
    }
}

async fn tick<F: Future<Output = ()>>(
    engine: &Engine,
    halt: &mut Halt<'_, F>,
    swept_at: &mut Option<Timestamp>,
) -> Result<Duration, Error> {
    run_until(engine, halt).await?;
    keep_uses(engine).await?;
    let now = engine.now();
    if !halt.is_heard() && swept_at.is_none_or(|at| now.since(at) >= SWEEP_EVERY) {
        forget_old_keys(engine).await?;
        deliveries::forget_old(engine).await?;
        declines::forget(engine).await?;
        engine.store().keep_house(now).await?;
        *swept_at = Some(now);
    }
    let next = engine.store().next_job_at().await?;
    Ok(next.map_or(MAX_SLEEP, |at| at.since(engine.now()).clamp(Duration::from_millis(10), MAX_SLEEP)))
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
