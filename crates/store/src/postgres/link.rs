//! What lies between a node and its server: who can read along, which limits hold, and what time it is at the other end.

use super::Postgres;
use super::connect::ANSWER;
use crate::row::Row;
use crate::{Link, ReadError};
use std::time::Duration;

const LOOK: &str = "SELECT CAST(current_user AS text) AS who,
    coalesce((SELECT s.ssl FROM pg_stat_ssl s WHERE s.pid = pg_backend_pid()), false) AS encrypted,
    coalesce(host(inet_client_addr()) IN ('127.0.0.1', '::1'), true) AS local,
    EXISTS (SELECT FROM pg_roles WHERE rolname = 'ducat_app') AS has_role,
    (SELECT string_agg(name, ', ' ORDER BY name) FROM pg_settings
      WHERE name IN ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout')
        AND (CAST(setting AS bigint) = 0 OR name = 'statement_timeout' AND CAST(setting AS bigint) > $1)) AS unlimited,
    clock_timestamp() AS clock";

impl Postgres {
    /// Looks at it, as a connection that writes has it.
    pub async fn link(&self) -> Result<Link, ReadError> {
        let connection = self.writer.connections().take_patiently().await.map_err(ReadError)?;
        let most = i64::try_from(ANSWER.as_millis()).unwrap_or(i64::MAX);
        let rows = connection.query(LOOK, &[most.into()]).await?;
        let row = Row::Postgres(rows.first().ok_or_else(|| ReadError("the server does not tell of the connection".into()))?);
        Ok(Link {
            user: row.get("who")?,
            is_encrypted: row.get("encrypted")?,
            is_local: row.get("local")?,
            has_role: row.get("has_role")?,
            unlimited: row.maybe("unlimited")?,
            answer: Duration::from_millis(most.unsigned_abs()),
            clock: row.get("clock")?,
        })
    }
}
