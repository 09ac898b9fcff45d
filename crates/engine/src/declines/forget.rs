//! Forgetting refusals that no limit looks at any more.

use crate::{Engine, Error};
use ducat_store::{Change, ForgetDeclines};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// Longer than the longest window of any limit.
const KEEP: Duration = Duration::from_secs(35 * 24 * 3600);
/// A card that is never to be tried again is known for as long as a card is valid.
const KEEP_FINAL: Duration = Duration::from_secs(5 * 365 * 24 * 3600);
const _: () = assert!(KEEP.as_secs() > ducat_domain::payments::LONGEST_RULE.as_secs() + DAY.as_secs());

/// Forgets a thousand rows of what is old. Whether there was anything.
pub async fn forget(engine: &Engine) -> Result<bool, Error> {
    let now = engine.now();
    let before = ForgetDeclines { ordinary: now.minus(KEEP), is_final: now.minus(KEEP_FINAL) };
    let found = engine.store().has_declines_before(before).await?;
    if found {
        engine.store().commit(Change { forget_declines: Some(before), ..Change::default() }).await?;
    }
    Ok(found)
}
