//! What was delivered is kept for a month, to be looked at.

use crate::{Engine, Error};
use ducat_store::Change;
use std::time::Duration;

/// How long deliveries are kept, with their tries.
const KEEP: Duration = Duration::from_secs(30 * 24 * 3600);

/// Forgets deliveries that are older, a thousand at a time.
pub async fn forget_old(engine: &Engine) -> Result<(), Error> {
    let before = engine.now().minus(KEEP);
    Ok(engine.store().commit(Change { forget_deliveries_before: Some(before), ..Change::default() }).await?)
}
