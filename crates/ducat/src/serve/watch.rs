//! Whether the database still takes something, and has the same time. After a failed commit a file takes nothing until a restart has looked at it: then the
//! program must end, so that whoever keeps it running starts it anew. A server comes back by itself, or another takes its place.

use crate::config::Database;
use crate::system::SystemClock;
use ducat_domain::{Clock, Timestamp};
use ducat_store::{Link, Store};
use std::convert::Infallible;
use std::time::Duration;

/// How often it is asked.
const EVERY: Duration = Duration::from_secs(2);
/// How often the clocks are compared.
const CLOCKS_EVERY: Duration = Duration::from_secs(60);
/// Nodes must agree within this; each is compared with the server that they share.
pub const DRIFT: Duration = Duration::from_secs(1);
/// How many noes in a row are no accident.
const PATIENCE: u32 = 3;

/// Ends when a file has refused several times in a row, with what it said. For a server it is waited, however long that takes: `/readyz`
/// says meanwhile that nobody should be sent here.
pub async fn database(store: Store, database: Database) -> String {
    let mut refused = 0_u32;
    loop {
        tokio::time::sleep(EVERY).await;
        match store.ready().await {
            Ok(()) if refused >= PATIENCE => {
                tracing::info!(refused, "the database can be used again");
                refused = 0;
            }
            Ok(()) => refused = 0,
            Err(error) => {
                refused = refused.saturating_add(1);
                tracing::error!(refused, "{error}");
                if refused == PATIENCE && matches!(database, Database::Sqlite(_)) {
                    return format!("the database takes nothing any more: {error}");
                }
            }
        }
    }
}

/// Warns for as long as this machine's clock is not that of the database server.
pub async fn clocks(store: Store) -> Infallible {
    loop {
        let before = SystemClock.now();
        // Who does not answer is told of above.
        if let Ok(Some(link)) = store.link().await
            && let Some(seconds) = apart(&link, before, SystemClock.now())
        {
            let advice = "leases, expiry and signatures go by the clock: let a time service set it";
            tracing::warn!(seconds, "the clocks of this machine and of the database server are apart; {advice}");
        }
        tokio::time::sleep(CLOCKS_EVERY).await;
    }
}

/// By how many whole seconds, where that is too many.
fn apart(link: &Link, before: Timestamp, after: Timestamp) -> Option<u64> {
    let drift = link.drift(before, after);
    (drift >= DRIFT).then_some(drift.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_apart_in_either_direction_is_told_and_an_answer_that_took_long_is_not() {
        let second = Timestamp::from_seconds;
        let link = |clock| Link {
            user: "ducat".into(),
            is_encrypted: true,
            is_local: false,
            has_role: true,
            unlimited: None,
            answer: Duration::from_secs(7),
            clock: second(clock),
        };
        for (theirs, told) in [(93, Some(7)), (99, Some(1)), (100, None), (103, None), (105, None), (7305, Some(7200))] {
            assert_eq!(apart(&link(theirs), second(100), second(105)), told, "{theirs}");
        }
    }
}
