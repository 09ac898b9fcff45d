//! Jobs: scheduled, claimed by lease, finished by whoever holds the claim.

use super::apply::{Applied, run};
use super::codec::Col;
use super::refusal::refused;
use crate::{ClaimedJob, CommitError, Job, JobKind, JobWrite};
use ducat_domain::{MerchantId, PaymentOrderId, Timestamp};
use rusqlite::{Connection, params};

/// Writes what a change says about a job. A claim is known by the end of its lease; `tries` is 0 until the first claim, so that a job
/// scheduled anew for the very moment at which a lease ends is not taken for the claim.
pub(super) fn write(db: &Connection, write: &JobWrite) -> Applied {
    let key = |job: &Job| (job.kind.as_str(), Col(job.order));
    match write {
        JobWrite::Schedule(job, run_at) => {
            let (kind, order) = key(job);
            // The merchant is looked up here, so that no caller can file a job under the wrong one.
            let rows = run(
                db,
                "INSERT INTO jobs (kind, order_id, merchant_id, run_at, tries)
                 SELECT ?1, ?2, merchant_id, ?3, 0 FROM payment_orders WHERE id = ?2
                 ON CONFLICT DO UPDATE SET run_at = excluded.run_at, tries = 0",
                params![kind, order, Col(*run_at)],
            )?;
            if rows == 0 {
                return Err(CommitError::Refused("a job for an order that is not there".into()));
            }
        }
        JobWrite::Cancel(job) => {
            let (kind, order) = key(job);
            run(db, "DELETE FROM jobs WHERE kind = ?1 AND order_id = ?2", params![kind, order])?;
        }
        JobWrite::Done { job, lease_until } => {
            let (kind, order) = key(job);
            let sql = "DELETE FROM jobs WHERE kind = ?1 AND order_id = ?2 AND run_at = ?3 AND tries > 0";
            run(db, sql, params![kind, order, Col(*lease_until)])?;
        }
        JobWrite::Again { job, lease_until, run_at } => {
            let (kind, order) = key(job);
            let sql = "UPDATE jobs SET run_at = ?4 WHERE kind = ?1 AND order_id = ?2 AND run_at = ?3 AND tries > 0";
            run(db, sql, params![kind, order, Col(*lease_until), Col(*run_at)])?;
        }
    }
    Ok(())
}

/// Takes what is due, the longest due first: moves `run_at` to the end of the lease, so that nobody else finds it before.
pub(super) fn claim(db: &Connection, now: Timestamp, lease_until: Timestamp, limit: u32) -> Result<Vec<ClaimedJob>, CommitError> {
    let mut due = db
        .prepare_cached(
            "SELECT kind, order_id, merchant_id, tries FROM jobs WHERE run_at <= ?1 ORDER BY run_at, kind, order_id LIMIT ?2",
        )
        .map_err(refused)?;
    let rows = due
        .query_map(params![Col(now), limit], |row| {
            let order: Col<PaymentOrderId> = row.get(1)?;
            let merchant: Col<MerchantId> = row.get(2)?;
            Ok((row.get::<_, String>(0)?, order.0, merchant.0, row.get::<_, u32>(3)?))
        })
        .map_err(refused)?;
    let rows: Vec<_> = rows.collect::<Result<_, _>>().map_err(refused)?;
    let mut claimed = Vec::with_capacity(rows.len());
    for (kind, order, merchant, tries) in rows {
        let tries = tries.saturating_add(1);
        let sql = "UPDATE jobs SET run_at = ?3, tries = ?4 WHERE kind = ?1 AND order_id = ?2";
        run(db, sql, params![kind, Col(order), Col(lease_until), tries])?;
        // A kind that this version does not know stays leased, and is left to one that does.
        if let Some(kind) = JobKind::parse(&kind) {
            claimed.push(ClaimedJob { job: Job { kind, order }, merchant, tries, lease_until });
        }
    }
    Ok(claimed)
}
