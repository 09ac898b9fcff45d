//! Reads of jobs.

use crate::value::values;
use crate::{ReadError, Store};
use ducat_domain::Timestamp;

impl Store {
    /// When the next job is due.
    pub async fn next_job_at(&self) -> Result<Option<Timestamp>, ReadError> {
        let sql = "SELECT min(run_at) AS run_at FROM jobs";
        Ok(self.one(sql, values![], |row| row.maybe::<Timestamp>("run_at")).await?.flatten())
    }
}
