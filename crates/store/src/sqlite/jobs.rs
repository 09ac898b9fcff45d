//! Jobs: scheduled, claimed by lease, finished by whoever holds the claim.

use super::apply::{Applied, run};
use super::col::Col;
use super::refusal::refused;
use crate::{ClaimedJob, CommitError, Job, JobNext, JobWrite};
use ducat_domain::{MerchantId, Timestamp};
use rusqlite::{Connection, params};

/// Writes what a change says about a job. A claim is known by the end of its lease; `tries` is 0 until the first claim, so that a job
/// scheduled anew for the very moment at which a lease ends is not taken for the claim.
pub(super) fn write(db: &Connection, write: &JobWrite) -> Applied {
    let JobWrite { merchant, job, then } = write;
    match then {
        JobNext::Schedule(run_at) => schedule(db, *merchant, job, *run_at, "run_at = excluded.run_at, tries = 0"),
        JobNext::Hurry(run_at) => {
            let sooner = "run_at = min(run_at, excluded.run_at), tries = iif(excluded.run_at < run_at, 0, tries)";
            schedule(db, *merchant, job, *run_at, sooner)
        }
        JobNext::Cancel => {
            run(db, "DELETE FROM jobs WHERE kind = ?1 AND subject_id = ?2", params![job.kind(), job.subject()]).map(drop)
        }
        JobNext::Done { lease_until } => {
            let sql = "DELETE FROM jobs WHERE kind = ?1 AND subject_id = ?2 AND run_at = ?3 AND tries > 0";
            run(db, sql, params![job.kind(), job.subject(), Col(*lease_until)]).map(drop)
        }
        JobNext::Again { lease_until, run_at } => {
            let sql = "UPDATE jobs SET run_at = ?4 WHERE kind = ?1 AND subject_id = ?2 AND run_at = ?3 AND tries > 0";
            run(db, sql, params![job.kind(), job.subject(), Col(*lease_until), Col(*run_at)]).map(drop)
        }
    }
}

fn schedule(db: &Connection, merchant: MerchantId, job: &Job, run_at: Timestamp, otherwise: &str) -> Applied {
    let sql = format!(
        "INSERT INTO jobs (kind, subject_id, merchant_id, run_at, tries)
           SELECT ?1, ?2, ?4, ?3, 0 FROM {} WHERE id = ?2 AND merchant_id = ?4
         ON CONFLICT DO UPDATE SET {otherwise}",
        job.table()
    );
    let rows = run(db, &sql, params![job.kind(), job.subject(), Col(run_at), Col(merchant)])?;
    if rows == 0 { Err(CommitError::Refused(format!("a job for something that is not there: {}", job.kind()))) } else { Ok(()) }
}

/// Takes what is due but for what the caller holds, the longest due first: moves `run_at` to the end of the lease, so that nobody else finds
/// it before.
pub(super) fn claim(
    db: &Connection,
    now: Timestamp,
    lease_until: Timestamp,
    limit: u32,
    held: &[ClaimedJob],
) -> Result<Vec<ClaimedJob>, CommitError> {
    let mut due = db
        .prepare_cached(
            "SELECT kind, subject_id, merchant_id, tries, run_at FROM jobs WHERE run_at <= ?1 ORDER BY run_at, kind, subject_id LIMIT ?2",
        )
        .map_err(refused)?;
    let most = i64::try_from(held.len()).unwrap_or(i64::MAX).saturating_add(limit.into());
    let rows = due
        .query_map(params![Col(now), most], |row| {
            let (merchant, run_at): (Col<MerchantId>, Col<Timestamp>) = (row.get(2)?, row.get(4)?);
            Ok((row.get::<_, String>(0)?, row.get::<_, [u8; 16]>(1)?, merchant.0, row.get::<_, u32>(3)?, run_at.0))
        })
        .map_err(refused)?;
    let rows: Vec<_> = rows.collect::<Result<_, _>>().map_err(refused)?;
    let mut claimed = Vec::with_capacity(rows.len());
    let is_free = |(kind, subject, _, _, run_at): &(String, [u8; 16], MerchantId, u32, Timestamp)| {
        !held.iter().any(|claim| claim.is_of(kind, *subject, *run_at))
    };
    for (kind, subject, merchant, tries, _) in rows.into_iter().filter(is_free).take(limit as usize) {
        let tries = tries.saturating_add(1);
        let sql = "UPDATE jobs SET run_at = ?3, tries = ?4 WHERE kind = ?1 AND subject_id = ?2";
        run(db, sql, params![kind, subject, Col(lease_until), tries])?;
        // A kind that this version does not know stays leased, and is left to one that does.
        if let Some(job) = Job::from_parts(&kind, subject) {
            claimed.push(ClaimedJob { job, merchant, tries, lease_until });
        }
    }
    Ok(claimed)
}
