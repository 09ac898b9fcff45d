//! Whether the database still takes something. After a failed commit a file takes nothing until a restart has looked at it: then the
//! program must end, so that whoever keeps it running starts it anew. A server comes back by itself, or another takes its place.

use crate::config::Database;
use ducat_store::Store;
use std::time::Duration;

/// How often it is asked.
const EVERY: Duration = Duration::from_secs(2);
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
                tracing::info!(refused, "the database answers again");
                refused = 0;
            }
            Ok(()) => refused = 0,
            Err(error) => {
                refused = refused.saturating_add(1);
                tracing::error!(%error, refused, "the database does not answer");
                if refused == PATIENCE && matches!(database, Database::Sqlite(_)) {
                    return format!("the database takes nothing any more: {error}");
                }
            }
        }
    }
}
