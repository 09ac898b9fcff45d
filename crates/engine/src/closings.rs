//! Merchants' books are closed while they grow, so that what lay on accounts at a moment of the past is soon added up.

use crate::{Engine, Error};
use ducat_domain::{MerchantId, Timestamp};
use ducat_store::CommitError;
use std::time::Duration;

/// Entries that are younger are not closed: what is on its way to the database comes late then only from a clock that is so much slow.
const QUIET: Duration = Duration::from_secs(300);
/// How many merchants are looked at in one step.
const MOST: usize = 4;
/// How long after all merchants were looked at they are looked at anew, and how long where somebody was in the way.
const REST: Duration = Duration::from_secs(600);
const SHORT_REST: Duration = Duration::from_secs(60);

/// Whose turn it is in this process.
#[derive(Debug, Default)]
pub struct Turn {
    left: Vec<MerchantId>,
    is_delayed: bool,
    rests_until: Option<Timestamp>,
}

/// Goes on, a few merchants, and says whether some are left. Several nodes may do so at once.
pub async fn close(engine: &Engine, turn: &mut Turn) -> Result<bool, Error> {
    let now = engine.now();
    if turn.rests_until.is_some_and(|until| now < until) {
        return Ok(false);
    }
    if turn.left.is_empty() {
        turn.left = engine.store().merchants().await?.iter().map(|merchant| merchant.id).collect();
    }
    for _ in 0..MOST {
        let Some(merchant) = turn.left.pop() else { break };
        match engine.store().close_books(merchant, now.minus(QUIET)).await {
            Ok(true) => turn.left.push(merchant),
            // Whoever cannot be served now does not keep the others waiting.
            Ok(false) => {}
            Err(CommitError::Busy) => turn.is_delayed = true,
            Err(e) => return Err(e.into()),
        }
    }
    if turn.left.is_empty() {
        let rest = if turn.is_delayed { SHORT_REST } else { REST };
        *turn = Turn { rests_until: Some(now.plus(rest)), ..Turn::default() };
    }
    Ok(!turn.left.is_empty())
}
