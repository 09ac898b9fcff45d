//! What was delivered is kept for a month, to be looked at.

use crate::{Engine, Error};
use ducat_store::Change;
use std::time::Duration;

/// How long deliveries are kept, with their tries.
const KEEP: Duration = Duration::from_secs(30 * 24 * 3600);
/// How many thousands are forgotten at one go; the worker comes again a minute later.
const MOST_BATCHES: usize = 20;

/// Forgets deliveries that are older, a thousand in each commit. Where there are none, nothing is written.
pub async fn forget_old(engine: &Engine) -> Result<(), Error> {
    let before = engine.now().minus(KEEP);
    for _ in 0..MOST_BATCHES {
        if !engine.store().has_deliveries_before(before).await? {
            break;
        }
        engine.store().commit(Change { forget_deliveries_before: Some(before), ..Change::default() }).await?;
    }
    Ok(())
}
