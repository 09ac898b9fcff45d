//! Claims: what is due moves to the end of its lease, so that no other node finds it before. Rows that another node is claiming are passed
//! over.

use super::Postgres;
use crate::row::Row;
use crate::value::{Value, values};
use crate::{ClaimedDelivery, ClaimedJob, CommitError, Job, ReadError, codec};
use ducat_domain::webhooks::Delivery;
use ducat_domain::{MerchantId, Timestamp, WebhookEndpointId};

const JOBS: &str = "WITH due AS (SELECT merchant_id, kind, subject_id, run_at FROM jobs WHERE run_at <= $1
       ORDER BY run_at, kind, subject_id LIMIT $2 FOR UPDATE SKIP LOCKED)
     UPDATE jobs j SET run_at = $3, tries = least(j.tries, 2147483646) + 1 FROM due
       WHERE j.merchant_id = due.merchant_id AND j.kind = due.kind AND j.subject_id = due.subject_id
     RETURNING j.merchant_id, j.kind, j.subject_id, j.tries, due.run_at";

const DELIVERIES: &str = "WITH due AS (SELECT d.merchant_id, d.endpoint_id, d.id, d.next_at FROM webhook_deliveries d
       JOIN webhook_endpoints e ON e.merchant_id = d.merchant_id AND e.id = d.endpoint_id AND e.status = 'enabled'
       WHERE d.merchant_id = $1 AND d.endpoint_id = $2 AND d.state = 'pending' AND d.lane = $3 AND d.next_at <= $4
       ORDER BY d.next_at, d.id LIMIT $5 FOR UPDATE OF d SKIP LOCKED)
     UPDATE webhook_deliveries d SET next_at = $6, leased = TRUE FROM due
       WHERE d.merchant_id = due.merchant_id AND d.endpoint_id = due.endpoint_id AND d.id = due.id
     RETURNING d.id, d.merchant_id, d.endpoint_id, d.event_id, d.kind, d.origin, d.body, d.state, d.tries, d.step, d.created_at,
       due.next_at";

impl Postgres {
    /// Takes jobs that are due, the longest due first.
    pub async fn claim_jobs(&self, now: Timestamp, lease_until: Timestamp, limit: u32) -> Result<Vec<ClaimedJob>, CommitError> {
        let read = |row: &Row<'_>| {
            let (kind, subject): (String, [u8; 16]) = (row.get("kind")?, row.get("subject_id")?);
            let due: Timestamp = row.get("run_at")?;
            // A kind that this version does not know stays leased, and is left to one that does.
            let job = Job::from_parts(&kind, subject);
            let (merchant, tries) = (row.get("merchant_id")?, row.get("tries")?);
            Ok(((due, kind, subject), job.map(|job| ClaimedJob { job, merchant, tries, lease_until })))
        };
        let mut claimed = self.claim(JOBS, values![now, limit, lease_until], read).await?;
        claimed.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(claimed.into_iter().filter_map(|(_, job)| job).collect())
    }

    /// Takes deliveries that are due, for each endpoint what just happened first.
    pub async fn claim_deliveries(
        &self,
        wanted: Vec<(MerchantId, WebhookEndpointId, u32)>,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Vec<ClaimedDelivery>, CommitError> {
        let mut all = Vec::new();
        for (merchant, endpoint, limit) in wanted {
            let mut left = limit;
            for lane in [0_u32, 1] {
                if left == 0 {
                    break;
                }
                let values = values![merchant, endpoint, lane, now, left, lease_until];
                let mut claimed: Vec<Delivery> = self.claim(DELIVERIES, values, codec::delivery).await?;
                claimed.sort_by_key(|delivery| (delivery.next_at, delivery.id));
                left = left.saturating_sub(u32::try_from(claimed.len()).unwrap_or(u32::MAX));
                all.extend(claimed.into_iter().map(|delivery| ClaimedDelivery { delivery, lease_until }));
            }
        }
        Ok(all)
    }

    async fn claim<T>(
        &self,
        sql: &str,
        values: Vec<Value>,
        read: impl Fn(&Row<'_>) -> Result<T, ReadError>,
    ) -> Result<Vec<T>, CommitError> {
        let failed = |e: ReadError| CommitError::Unavailable(e.to_string());
        let connection = self.writer.connections().take().await.map_err(CommitError::Unavailable)?;
        let rows = connection.query(sql, &values).await.map_err(failed)?;
        rows.iter().map(|row| read(&Row::Postgres(row))).collect::<Result<_, _>>().map_err(failed)
    }
}
