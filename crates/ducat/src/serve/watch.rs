//! Whether the database still takes something. After a failed commit it takes nothing until a restart has looked at it: then the
//! program must end, so that whoever keeps it running starts it anew.

use ducat_store::Store;
use std::time::Duration;

/// How often it is asked.
const EVERY: Duration = Duration::from_secs(2);
/// How many noes in a row are no accident.
const PATIENCE: u32 = 3;

/// Ends when the database has refused several times in a row, with what it said.
pub async fn database(store: Store) -> String {
    let mut refused = 0;
    loop {
        tokio::time::sleep(EVERY).await;
        match store.ready().await {
            Ok(()) => refused = 0,
            Err(error) => {
                refused += 1;
                tracing::error!(%error, refused, "the database does not answer");
                if refused == PATIENCE {
                    return format!("the database takes nothing any more: {error}");
                }
            }
        }
    }
}
