//! Claims: what is due moves to the end of its lease, so that no other node finds it before. Rows that another node is claiming are passed
//! over.

use super::Postgres;
use super::statement::{Column, Rows, Statement, each};
use crate::row::Row;
use crate::value::values;
use crate::{ClaimedDelivery, ClaimedJob, CommitError, Job, ReadError, codec};
use ducat_domain::webhooks::Delivery;
use ducat_domain::{MerchantId, Timestamp, WebhookEndpointId};
use std::collections::HashMap;

/// An endpoint, and for how many of its deliveries there is room.
type Wanted = (MerchantId, WebhookEndpointId, u32);

const JOBS: &str = "WITH due AS (SELECT merchant_id, kind, subject_id, run_at FROM jobs j
       WHERE run_at <= $1 AND second_of(run_at) <= second_of($1)
         AND NOT EXISTS (SELECT FROM unnest($4::text[], $5::uuid[], $6::timestamptz[]) AS n(kind, subject_id, run_at)
           WHERE n.kind = j.kind AND n.subject_id = j.subject_id AND n.run_at = j.run_at)
       ORDER BY second_of(run_at), run_at, kind, subject_id LIMIT $2 FOR UPDATE SKIP LOCKED)
     UPDATE jobs j SET run_at = $3, tries = least(j.tries, 2147483646) + 1 FROM due
       WHERE j.merchant_id = due.merchant_id AND j.kind = due.kind AND j.subject_id = due.subject_id
     RETURNING j.merchant_id, j.kind, j.subject_id, j.tries, due.run_at";

/// Jobs that the caller holds.
const HELD: &[Column] = &[("kind", "text"), ("subject_id", "uuid"), ("run_at", "timestamptz")];

/// Deliveries of some endpoints that are due, of one lane, as many of each as there is room for. What was found is moved by its id alone: see
/// where tries are written down.
fn due(wanted: &[Wanted], lane: u32, now: Timestamp, lease_until: Timestamp) -> Vec<Statement> {
    let mut out = Vec::with_capacity(1);
    each!(
        out,
        "WITH due AS (SELECT d.merchant_id, d.id, d.next_at FROM {rows}
           JOIN webhook_endpoints e ON e.merchant_id = n.merchant_id AND e.id = n.endpoint_id AND e.status = 'enabled'
           CROSS JOIN LATERAL (SELECT * FROM webhook_deliveries d
             WHERE d.merchant_id = n.merchant_id AND d.endpoint_id = n.endpoint_id AND d.state = 'pending' AND d.lane = $4::bigint
               AND d.next_at <= $5::timestamptz
             ORDER BY d.next_at, d.id LIMIT n.room FOR UPDATE SKIP LOCKED) d)
         UPDATE webhook_deliveries d SET next_at = $6::timestamptz, leased = TRUE FROM due
           WHERE d.merchant_id = due.merchant_id AND d.id = due.id
         RETURNING d.id, d.merchant_id, d.endpoint_id, d.event_id, d.kind, d.origin, d.body, d.state, d.tries, d.step, d.created_at,
           due.next_at",
        wanted.iter().filter(|(.., room)| *room > 0),
        |(merchant, endpoint, room)| { merchant_id: uuid = *merchant, endpoint_id: uuid = *endpoint, room: integer = *room }
    );
    for statement in &mut out {
        statement.also(values![lane, now, lease_until]);
    }
    out
}

impl Postgres {
    /// Takes jobs that are due but for those that the caller holds, the longest due first.
    pub async fn claim_jobs(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
        held: Vec<ClaimedJob>,
    ) -> Result<Vec<ClaimedJob>, CommitError> {
        let mut rows = Rows::of(HELD);
        held.iter()
            .for_each(|claim| rows.push([claim.job.kind().into(), (*claim.job.subject()).into(), claim.lease_until.into()]));
        let read = |row: &Row<'_>| {
            let (kind, subject): (String, [u8; 16]) = (row.get("kind")?, row.get("subject_id")?);
            let due: Timestamp = row.get("run_at")?;
            // A kind that this version does not know stays leased, and is left to one that does.
            let job = Job::from_parts(&kind, subject);
            let (merchant, tries) = (row.get("merchant_id")?, row.get("tries")?);
            Ok(((due, kind, subject), job.map(|job| ClaimedJob { job, merchant, tries, lease_until })))
        };
        let mut claimed = self.claim(&Statement::single(JOBS, values![now, limit, lease_until]).with(rows), read).await?;
        claimed.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(claimed.into_iter().filter_map(|(_, job)| job).collect())
    }

    /// Takes deliveries that are due, for each endpoint what just happened first.
    pub async fn claim_deliveries(
        &self,
        mut wanted: Vec<Wanted>,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Vec<ClaimedDelivery>, CommitError> {
        let mut all: Vec<Delivery> = Vec::new();
        for lane in [0, 1] {
            for statement in due(&wanted, lane, now, lease_until) {
                let mut claimed: Vec<Delivery> = self.claim(&statement, codec::delivery).await?;
                claimed.sort_by_key(|delivery| (delivery.next_at, delivery.id));
                let mut taken: HashMap<WebhookEndpointId, u32> = HashMap::new();
                claimed.iter().for_each(|delivery| *taken.entry(delivery.endpoint).or_default() += 1);
                for (_, endpoint, room) in &mut wanted {
                    *room = room.saturating_sub(taken.get(endpoint).copied().unwrap_or_default());
                }
                all.extend(claimed);
            }
        }
        Ok(all.into_iter().map(|delivery| ClaimedDelivery { delivery, lease_until }).collect())
    }

    async fn claim<T>(
        &self,
        statement: &Statement,
        read: impl Fn(&Row<'_>) -> Result<T, ReadError>,
    ) -> Result<Vec<T>, CommitError> {
        let failed = |e: ReadError| CommitError::Unavailable(e.to_string());
        let connection = self.writer.connections().take().await.map_err(CommitError::Unavailable)?;
        let rows = connection.carry_out(statement).await.map_err(failed)?;
        rows.iter().map(|row| read(&Row::Postgres(row))).collect::<Result<_, _>>().map_err(failed)
    }
}
