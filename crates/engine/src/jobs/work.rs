//! Runs due jobs again and again.

use super::run::{Halt, begin_due};
use super::under_way::UnderWay;
use crate::{Engine, Error};
use ducat_store::Change;
use std::future::Future;
use std::time::Duration;

/// The longest sleep. Another node may have scheduled something without this one hearing of it.
const MAX_SLEEP: Duration = Duration::from_secs(1);
/// The sleep after the database failed.
const FAILED_SLEEP: Duration = Duration::from_secs(5);

/// Runs due jobs until `shutdown` ends, sleeping in between. What runs then may go on for `patience`; after that it is cut off and given back,
/// so that another node takes it up at once.
pub async fn work(engine: Engine, shutdown: impl Future<Output = ()> + Send, patience: Duration) {
    tokio::pin!(shutdown);
    let mut halt = Halt::new(shutdown.as_mut(), patience);
    let mut under_way = UnderWay::default();
    let (mut next_look, mut all, mut look) = (Duration::ZERO, true, true);
    while !halt.is_heard() {
        if look {
            let sleep;
            (sleep, all) = match tick(&engine, &mut under_way).await {
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

/// Begins what is due. Says how long nothing more will be due, and whether there was room for all that was.
async fn tick(engine: &Engine, under_way: &mut UnderWay) -> Result<(Duration, bool), Error> {
    let begun = begin_due(engine, under_way).await?;
    keep_uses(engine).await?;
    let next = engine.store().next_job_beside(&under_way.outlasting(engine.now())).await?;
    let sleep = next.map_or(MAX_SLEEP, |at| at.since(engine.now()).clamp(Duration::from_millis(10), MAX_SLEEP));
    // Where there is no room, looking again is of no use before something has ended.
    Ok((if begun.all { sleep } else { MAX_SLEEP }, begun.all))
}

/// Writes down when keys were last used.
async fn keep_uses(engine: &Engine) -> Result<(), Error> {
    let used_keys = engine.keys().take_uses();
    if used_keys.is_empty() {
        return Ok(());
    }
    Ok(engine.store().commit(Change { used_keys, ..Change::default() }).await?)
}
