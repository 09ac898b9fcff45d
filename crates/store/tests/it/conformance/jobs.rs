//! Jobs: scheduled, claimed by lease, ended only by whoever holds the claim.

use crate::builders::*;
use ducat_domain::*;
use ducat_store::*;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(30);

async fn jobs(w: &World, jobs: Vec<JobWrite>) {
    w.commit(Change { jobs, ..Change::default() }).await;
}

async fn claim(w: &World, second: i64) -> Vec<ClaimedJob> {
    w.store.claim_jobs(at(second), LEASE, 100).await.unwrap()
}

async fn job(w: &World, shop: Shop) -> Job {
    attend(w.order(shop).await.order.id)
}

pub async fn a_job_is_scheduled_once_per_order_and_the_last_time_counts(w: World) {
    let shop = w.shop().await;
    let job = job(&w, shop).await;
    jobs(&w, vec![JobWrite::Schedule(job, at(10)), JobWrite::Schedule(job, at(20))]).await;
    assert_eq!(w.store.next_job_at().await.unwrap(), Some(at(20)));
    assert_eq!(claim(&w, 19).await, Vec::new());
    let claimed = claim(&w, 20).await;
    assert_eq!(claimed, vec![ClaimedJob { job, merchant: shop.merchant, tries: 1, lease_until: at(50) }]);
    assert_eq!(w.store.next_job_at().await.unwrap(), Some(at(50)));
}

pub async fn a_cancelled_job_is_not_claimed(w: World) {
    let shop = w.shop().await;
    let job = job(&w, shop).await;
    jobs(&w, vec![JobWrite::Cancel(job)]).await;
    assert_eq!(claim(&w, 1000).await, Vec::new());
    assert_eq!(w.store.next_job_at().await.unwrap(), None);
    // What is not there can be called off as well.
    jobs(&w, vec![JobWrite::Cancel(job)]).await;
}

pub async fn what_is_longest_due_is_claimed_first_and_no_more_than_asked(w: World) {
    let shop = w.shop().await;
    let mut planned = Vec::new();
    for second in [5, 3, 9, 1, 7] {
        let job = job(&w, shop).await;
        jobs(&w, vec![JobWrite::Schedule(job, at(second))]).await;
        planned.push((second, job));
    }
    planned.sort_by_key(|(second, _)| *second);
    let mut claimed = Vec::new();
    for _ in 0..3 {
        let some = w.store.claim_jobs(at(8), LEASE, 2).await.unwrap();
        assert!(some.len() <= 2);
        claimed.extend(some.into_iter().map(|c| c.job));
    }
    let due: Vec<Job> = planned.iter().take(4).map(|(_, job)| *job).collect();
    assert_eq!(claimed, due);
    assert_eq!(w.store.claim_jobs(at(9), LEASE, 0).await.unwrap(), Vec::new());
}

pub async fn a_claimed_job_comes_back_when_its_lease_ends(w: World) {
    let shop = w.shop().await;
    let job = job(&w, shop).await;
    jobs(&w, vec![JobWrite::Schedule(job, at(10))]).await;
    assert_eq!(claim(&w, 10).await.len(), 1);
    assert_eq!(claim(&w, 39).await, Vec::new());
    let again = claim(&w, 40).await;
    assert_eq!((again[0].tries, again[0].lease_until), (2, at(70)));
    // Scheduling anew forgets the tries.
    jobs(&w, vec![JobWrite::Schedule(job, at(45))]).await;
    assert_eq!(claim(&w, 45).await[0].tries, 1);
}

pub async fn only_the_claim_that_is_held_ends_a_job(w: World) {
    let shop = w.shop().await;
    let job = job(&w, shop).await;
    jobs(&w, vec![JobWrite::Schedule(job, at(10))]).await;
    let lost = claim(&w, 10).await[0].lease_until;
    let held = claim(&w, 40).await[0].lease_until;
    jobs(&w, vec![JobWrite::Done { job, lease_until: lost }]).await;
    assert_eq!(w.store.next_job_at().await.unwrap(), Some(held));
    jobs(&w, vec![JobWrite::Done { job, lease_until: held }]).await;
    assert_eq!(w.store.next_job_at().await.unwrap(), None);
}

pub async fn only_the_claim_that_is_held_puts_a_job_off(w: World) {
    let shop = w.shop().await;
    let job = job(&w, shop).await;
    jobs(&w, vec![JobWrite::Schedule(job, at(10))]).await;
    let lost = claim(&w, 10).await[0].lease_until;
    let held = claim(&w, 40).await[0].lease_until;
    jobs(&w, vec![JobWrite::Again { job, lease_until: lost, run_at: at(500) }]).await;
    assert_eq!(w.store.next_job_at().await.unwrap(), Some(held));
    jobs(&w, vec![JobWrite::Again { job, lease_until: held, run_at: at(500) }]).await;
    assert_eq!(w.store.next_job_at().await.unwrap(), Some(at(500)));
    assert_eq!(claim(&w, 500).await[0].tries, 3);
}

pub async fn a_job_scheduled_anew_while_it_runs_stays(w: World) {
    let shop = w.shop().await;
    let job = job(&w, shop).await;
    jobs(&w, vec![JobWrite::Schedule(job, at(10))]).await;
    let lease_until = claim(&w, 10).await[0].lease_until;
    jobs(&w, vec![JobWrite::Schedule(job, at(12))]).await;
    jobs(&w, vec![JobWrite::Done { job, lease_until }]).await;
    jobs(&w, vec![JobWrite::Again { job, lease_until, run_at: at(99) }]).await;
    assert_eq!(w.store.next_job_at().await.unwrap(), Some(at(12)));
}

/// A clock that stands still while a job runs makes the two moments the same.
pub async fn a_job_scheduled_for_the_end_of_the_lease_stays(w: World) {
    let shop = w.shop().await;
    let job = job(&w, shop).await;
    jobs(&w, vec![JobWrite::Schedule(job, at(10))]).await;
    let lease_until = claim(&w, 10).await[0].lease_until;
    jobs(&w, vec![JobWrite::Schedule(job, lease_until)]).await;
    jobs(&w, vec![JobWrite::Done { job, lease_until }]).await;
    jobs(&w, vec![JobWrite::Again { job, lease_until, run_at: at(99) }]).await;
    assert_eq!(w.store.next_job_at().await.unwrap(), Some(lease_until));
}

pub async fn many_workers_share_the_jobs_without_doubles(w: World) {
    let shop = w.shop().await;
    let w = Arc::new(w);
    for _ in 0..60 {
        let job = job(&w, shop).await;
        jobs(&w, vec![JobWrite::Schedule(job, at(1))]).await;
    }
    let workers: Vec<_> = (0..20)
        .map(|_| {
            let w = Arc::clone(&w);
            tokio::spawn(async move { w.store.claim_jobs(at(2), LEASE, 4).await.unwrap() })
        })
        .collect();
    let mut seen = HashSet::new();
    for worker in workers {
        for claimed in worker.await.unwrap() {
            assert!(seen.insert(claimed.job), "claimed twice");
        }
    }
    assert_eq!(seen.len(), 60);
}

pub async fn a_job_for_an_unknown_order_is_refused(w: World) {
    let job = attend(PaymentOrderId::new(w.now(), &w.dice));
    let change = Change { jobs: vec![JobWrite::Schedule(job, at(1))], ..Change::default() };
    assert!(matches!(w.store.commit(change).await, Err(CommitError::Refused(_))));
}
