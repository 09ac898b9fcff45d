//! Runs due jobs again and again, and sweeps up in between.

use super::run::{Halt, begin_due};
use super::under_way::UnderWay;
use crate::archive::{self, Place};
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
    let mut under_way = UnderWay::default();
    let mut sweep = Sweep::default();
    let (mut next_look, mut all, mut look) = (Duration::ZERO, true, true);
    while !halt.is_heard() {
        if look {
            let sleep;
            (sleep, all) = match tick(&engine, &mut under_way, &mut sweep).await {
                Ok(found) => found,
                Err(error) => {
                    tracing::error!(%error, "the worker could not look for jobs");
                    (FAILED_SLEEP, true)
                }
            };
            next_look = engine.transport().elapsed() + sleep;
        }
        let sleep = next_look.saturating_sub(engine.transport().elapsed());
        tokio::select! {
            () = halt.heard() => {}
            () = engine.work().notified() => look = true,
            () = engine.transport().wait(sleep) => look = true,
            // What ended may have left something that is due now, or room for what is due already.
            true = under_way.some_ended() => look = !all || under_way.is_empty(),
        }
    }
    under_way.end(&engine, halt.patience).await;
}

/// When this node swept up last, and how far it has come in what is done little by little.
#[derive(Default)]
struct Sweep {
    at: Option<Timestamp>,
    archived: Place,
}

/// Begins what is due, and sweeps up. Says how long nothing more will be due, and whether there was room for all that was.
async fn tick(engine: &Engine, under_way: &mut UnderWay, sweep: &mut Sweep) -> Result<(Duration, bool), Error> {
    let begun = begin_due(engine, under_way).await?;
    keep_uses(engine).await?;
    let now = engine.now();
    if sweep.at.is_none_or(|at| now.since(at) >= SWEEP_EVERY) {
        forget_old_keys(engine).await?;
        deliveries::forget_old(engine).await?;
        declines::forget(engine).await?;
        engine.store().keep_house(now).await?;
        put_away(engine, &mut sweep.archived).await;
        sweep.at = Some(now);
    }
    let next = engine.store().next_job_at().await?;
    let sleep = next.map_or(MAX_SLEEP, |at| at.since(engine.now()).clamp(Duration::from_millis(10), MAX_SLEEP));
    // Where there is no room, looking again is of no use before something has ended.
    Ok((if begun.all { sleep } else { MAX_SLEEP }, begun.all))
}

/// Archives what is over. Nothing waits for it: what cannot be archived now is so a minute later.
async fn put_away(engine: &Engine, place: &mut Place) {
    match archive::archive(engine, place).await {
        Ok(0) => {}
        Ok(archived) => tracing::info!(archived, "orders that are over went to the archive"),
        Err(error) => tracing::warn!(%error, "orders that are over could not be archived"),
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
