//! Reads of jobs.

use crate::value::values;
use crate::{ClaimedJob, ReadError, Store};
use ducat_domain::Timestamp;

impl Store {
    /// When the next job is due.
    pub async fn next_job_at(&self) -> Result<Option<Timestamp>, ReadError> {
        // On a server the index is of seconds.
        let sql = if self.is_postgres() {
            "SELECT run_at FROM jobs WHERE second_of(run_at) IS NOT NULL ORDER BY second_of(run_at), run_at LIMIT 1"
        } else {
            "SELECT min(run_at) AS run_at FROM jobs"
        };
        Ok(self.one(sql, values![], |row| row.maybe::<Timestamp>("run_at")).await?.flatten())
    }

    /// When the next job is due beside these, whose claims have run out while somebody is still at them.
    pub async fn next_job_beside(&self, held: &[ClaimedJob]) -> Result<Option<Timestamp>, ReadError> {
        if held.is_empty() {
            return self.next_job_at().await;
        }
        // The first ones by time: of more than are held, one is not.
        let sql = format!("SELECT kind, subject_id, run_at FROM jobs ORDER BY run_at LIMIT {}", held.len() + 1);
        let held = held.to_vec();
        let read = move |row: &crate::row::Row<'_>| {
            let (kind, subject, run_at) = (row.get::<String>("kind")?, row.get("subject_id")?, row.get("run_at")?);
            Ok((!held.iter().any(|claim| claim.is_of(&kind, subject, run_at))).then_some(run_at))
        };
        Ok(self.many(sql, values![], read).await?.into_iter().flatten().next())
    }
}
