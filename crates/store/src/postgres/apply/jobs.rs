//! Jobs: scheduled, put off, finished by whoever holds the claim.

use super::all;
use crate::postgres::statement::{Statement, each};
use crate::{Change, JobNext, JobWrite};
use ducat_domain::{MerchantId, Timestamp};
use std::collections::BTreeMap;

/// A job for something that is not there is an error of ours, and so is one that is filed under another merchant. Each is
/// looked up by itself: what is asked as EXISTS is answered, in a plan from when the table was small, by reading the whole of it.
macro_rules! schedule {
    ($otherwise:literal) => {
        concat!(
            "INSERT INTO jobs (merchant_id, kind, subject_id, run_at, tries)
               SELECT n.merchant_id, n.kind, n.subject_id, n.run_at, 0 FROM {rows} WHERE CASE n.kind
                 WHEN 'attend' THEN (SELECT s.id FROM payment_orders s WHERE s.merchant_id = n.merchant_id AND s.id = n.subject_id) IS NOT NULL
                 WHEN 'capture' THEN (SELECT s.id FROM captures s WHERE s.merchant_id = n.merchant_id AND s.id = n.subject_id) IS NOT NULL
                 WHEN 'refund' THEN (SELECT s.id FROM refunds s WHERE s.merchant_id = n.merchant_id AND s.id = n.subject_id) IS NOT NULL
                 WHEN 'dispute' THEN (SELECT s.id FROM disputes s WHERE s.merchant_id = n.merchant_id AND s.id = n.subject_id) IS NOT NULL
                 WHEN 'statement' THEN (SELECT s.id FROM psp_accounts s WHERE s.merchant_id = n.merchant_id AND s.id = n.subject_id) IS NOT NULL
               END
             ON CONFLICT (merchant_id, kind, subject_id) DO UPDATE SET ",
            $otherwise
        )
    };
}

/// Round by round: a change that says several things of one job means them one after the other.
pub(super) fn rounds(changes: &[&Change]) -> Vec<Vec<Statement>> {
    let mut of_each: BTreeMap<(MerchantId, &str, [u8; 16]), Vec<JobWrite>> = BTreeMap::new();
    for write in all(changes, |c| &c.jobs) {
        let writes = of_each.entry((write.merchant, write.job.kind(), *write.job.subject())).or_default();
        match (write.then, writes.last_mut()) {
            // Whatever was planned before.
            (JobNext::Schedule(_) | JobNext::Cancel, _) => writes.clear(),
            // Many want it sooner: the soonest counts.
            (JobNext::Hurry(at), Some(JobWrite { then: JobNext::Hurry(sooner), .. })) => {
                *sooner = at.min(*sooner);
                continue;
            }
            _ => {}
        }
        writes.push(write.clone());
    }
    let rounds = of_each.values().map(Vec::len).max().unwrap_or(0);
    (0..rounds).map(|round| said(&of_each.values().filter_map(|writes| writes.get(round)).collect::<Vec<_>>())).collect()
}

/// At most one thing of each job, sorted by key.
fn said(writes: &[&JobWrite]) -> Vec<Statement> {
    let mut statements = Vec::with_capacity(2);
    let out = &mut statements;
    let at = |of: fn(&JobNext) -> Option<Timestamp>| {
        writes.iter().filter_map(move |write| of(&write.then).map(|at| (*write, at))).collect::<Vec<(&JobWrite, Timestamp)>>()
    };
    let scheduled = at(|then| if let JobNext::Schedule(at) = then { Some(*at) } else { None });
    each!(out, schedule!("run_at = excluded.run_at, tries = 0"), scheduled, |(write, run_at)| {
        merchant_id: uuid = write.merchant,
        kind: text = write.job.kind(),
        subject_id: uuid = write.job.subject(),
        run_at: timestamptz = run_at,
    }, or "a job for something that is not there");
    let hurried = at(|then| if let JobNext::Hurry(at) = then { Some(*at) } else { None });
    each!(
        out,
        schedule!("run_at = least(jobs.run_at, excluded.run_at), tries = CASE WHEN excluded.run_at < jobs.run_at THEN 0 ELSE jobs.tries END"),
        hurried,
        |(write, run_at)| {
            merchant_id: uuid = write.merchant,
            kind: text = write.job.kind(),
            subject_id: uuid = write.job.subject(),
            run_at: timestamptz = run_at,
        },
        or "a job for something that is not there"
    );
    each!(
        out,
        "DELETE FROM jobs t USING {rows} WHERE t.merchant_id = n.merchant_id AND t.kind = n.kind AND t.subject_id = n.subject_id",
        writes.iter().filter(|write| write.then == JobNext::Cancel),
        |write| { merchant_id: uuid = write.merchant, kind: text = write.job.kind(), subject_id: uuid = write.job.subject() }
    );
    let done = at(|then| if let JobNext::Done { lease_until } = then { Some(*lease_until) } else { None });
    each!(
        out,
        "DELETE FROM jobs t USING {rows} WHERE t.merchant_id = n.merchant_id AND t.kind = n.kind AND t.subject_id = n.subject_id
           AND t.run_at = n.lease_until AND t.tries > 0",
        done,
        |(write, lease_until)| {
            merchant_id: uuid = write.merchant,
            kind: text = write.job.kind(),
            subject_id: uuid = write.job.subject(),
            lease_until: timestamptz = lease_until,
        }
    );
    again(out, writes);
    statements
}

fn again(out: &mut Vec<Statement>, writes: &[&JobWrite]) {
    each!(
        out,
        "UPDATE jobs t SET run_at = n.run_at FROM {rows} WHERE t.merchant_id = n.merchant_id AND t.kind = n.kind
           AND t.subject_id = n.subject_id AND t.run_at = n.lease_until AND t.tries > 0",
        writes.iter().filter_map(|write| match write.then {
            JobNext::Again { lease_until, run_at } => Some((write, lease_until, run_at)),
            _ => None,
        }),
        |(write, lease_until, run_at)| {
            merchant_id: uuid = write.merchant,
            kind: text = write.job.kind(),
            subject_id: uuid = write.job.subject(),
            lease_until: timestamptz = lease_until,
            run_at: timestamptz = run_at,
        }
    );
}
