//! Whether somebody stands between here and the server who drops what a connection is told at its start. Who does that may also give each transaction
//! another connection, and there a statement that was kept by one is unknown, or is another program's statement of the same name.

use super::connect::{Connection, Statements};
use crate::OpenError;
use tokio_postgres::SimpleQueryMessage;

/// What connections are told at their start that keep statements: a word that nobody else sets.
pub(super) const MARK: &str = "-c ducat.statements=kept";

/// What a pooler says that takes no settings at the start.
const NO_SETTINGS: &str = "unsupported startup parameter";

/// Why there is no connection.
pub(super) fn no_connection(why: String) -> OpenError {
    if why.contains(NO_SETTINGS) { OpenError::Pooler } else { OpenError::Database(why) }
}

/// Says no where statements are to be kept and the mark did not arrive. Asks without a statement that would be kept.
pub(super) async fn prove_none(connection: &Connection) -> Result<(), OpenError> {
    if connection.statements == Statements::ReadAnew {
        return Ok(());
    }
    let told = connection.client.simple_query("SELECT current_setting('ducat.statements', true)").await?;
    let arrived = told.iter().any(|message| matches!(message, SimpleQueryMessage::Row(row) if row.get(0) == Some("kept")));
    if arrived { Ok(()) } else { Err(OpenError::Pooler) }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Steps, settings};
    use super::super::{Postgres, PostgresSettings};
    use super::*;
    use ducat_domain::Timestamp;
    use ducat_test_servers::Pooler;
    use std::sync::Arc;
    use std::sync::atomic::AtomicU64;

    async fn opened(settings: &PostgresSettings) -> Result<(), OpenError> {
        let chance = Arc::new(Steps(AtomicU64::new(1)));
        Postgres::open(settings, chance, Timestamp::from_seconds(1_795_000_000)).await.map(drop)
    }

    #[tokio::test]
    async fn no_statement_is_kept_behind_a_pooler_whether_it_refuses_settings_or_drops_them() {
        let url = ducat_test_servers::database();
        for pooler in [Pooler::before(&url), Pooler::dropping_options(&url)] {
            let kept = settings(&pooler.url(&url));
            let looked = Postgres::is_empty(&kept).await.map(drop);
            for refused in [looked.unwrap_err(), opened(&kept).await.unwrap_err()] {
                assert!(matches!(refused, OpenError::Pooler), "{refused}");
                assert!(refused.to_string().contains("database_statements = \"read_anew\""), "{refused}");
            }
            opened(&PostgresSettings { statements: Statements::ReadAnew, ..kept }).await.unwrap();
        }
    }
}
