//! What was delivered is kept for a month, to be looked at.

use crate::{Engine, Error};
use ducat_store::Change;
use std::time::Duration;

/// How long deliveries are kept, with their tries.
const KEEP: Duration = Duration::from_secs(30 * 24 * 3600);

/// Forgets a thousand of the deliveries that are older. Whether there were any.
pub async fn forget(engine: &Engine) -> Result<bool, Error> {
    let before = engine.now().minus(KEEP);
    let found = engine.store().has_deliveries_before(before).await?;
    if found {
        engine.store().commit(Change { forget_deliveries_before: Some(before), ..Change::default() }).await?;
    }
    Ok(found)
}
