//! Jobs: scheduled, claimed by lease, ended only by whoever holds the claim.

use crate::builders::*;
use crate::later::*;
use ducat_domain::payments::DisputeStatus;
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
    jobs(&w, vec![shop.job(job, JobNext::Schedule(at(10))), shop.job(job, JobNext::Schedule(at(20)))]).await;
    assert_eq!(w.store.next_job_at().await.unwrap(), Some(at(20)));
    assert_eq!(claim(&w, 19).await, Vec::new());
    let claimed = claim(&w, 20).await;
    assert_eq!(claimed, vec![ClaimedJob { job, merchant: shop.merchant, tries: 1, lease_until: at(50) }]);
    assert_eq!(w.store.next_job_at().await.unwrap(), Some(at(50)));
}

pub async fn what_a_change_says_of_one_job_is_meant_in_its_order(w: World) {
    let shop = w.shop().await;
    let job = job(&w, shop).await;
    let (cancel, second) = (shop.job(job, JobNext::Cancel), |n| shop.job(job, JobNext::Schedule(at(n))));
    jobs(&w, vec![second(10), cancel.clone()]).await;
    assert_eq!(w.store.next_job_at().await.unwrap(), None);
    jobs(&w, vec![cancel, second(10)]).await;
    assert_eq!(w.store.next_job_at().await.unwrap(), Some(at(10)));
    // Ended and wanted again, before the claim would end and after it.
    for wanted in [510, 600] {
        let lease_until = claim(&w, 500).await[0].lease_until;
        jobs(&w, vec![shop.job(job, JobNext::Done { lease_until }), shop.job(job, JobNext::Hurry(at(wanted)))]).await;
        assert_eq!(w.store.next_job_at().await.unwrap(), Some(at(wanted)));
        jobs(&w, vec![second(10)]).await;
    }
}

pub async fn a_cancelled_job_is_not_claimed(w: World) {
    let shop = w.shop().await;
    let job = job(&w, shop).await;
    jobs(&w, vec![shop.job(job, JobNext::Cancel)]).await;
    assert_eq!(claim(&w, 1000).await, Vec::new());
    assert_eq!(w.store.next_job_at().await.unwrap(), None);
    // What is not there can be called off as well.
    jobs(&w, vec![shop.job(job, JobNext::Cancel)]).await;
}

pub async fn a_job_that_outlasts_its_lease_is_left_to_who_is_still_at_it_and_free_for_others(w: World) {
    let shop = w.shop().await;
    let (slow, other) = (job(&w, shop).await, job(&w, shop).await);
    jobs(&w, vec![shop.job(slow, JobNext::Schedule(at(1))), shop.job(other, JobNext::Schedule(at(60)))]).await;
    let held = claim(&w, 1).await;
    assert_eq!(held.iter().map(|claim| claim.job).collect::<Vec<_>>(), [slow]);
    let beside = async |held: &[ClaimedJob], second| {
        let claimed = w.store.claim_jobs_beside(at(second), LEASE, 1, held.to_vec()).await.unwrap();
        claimed.into_iter().map(|claim| claim.job).collect::<Vec<_>>()
    };
    assert_eq!(w.store.next_job_beside(&held).await.unwrap(), Some(at(60)));
    assert_eq!(beside(&held, 50).await, [], "its lease ended at 31, and its holder is still at it");
    assert_eq!(beside(&held, 60).await, [other], "which is no reason to hold up another");
    // The claim is good still, for nobody has taken it.
    jobs(&w, vec![held[0].again(at(70))]).await;
    assert_eq!(w.store.next_job_beside(&held).await.unwrap(), Some(at(70)), "planned anew it is no claim any more");
    let held = claim(&w, 70).await;
    // Who does not know of it takes it when the lease ends, and then it is theirs.
    assert_eq!(claim(&w, 100).await.into_iter().map(|claim| claim.job).collect::<Vec<_>>(), [other, slow]);
    jobs(&w, vec![held[0].done()]).await;
    assert_eq!(claim(&w, 130).await.len(), 2, "whose claim is lost ends nothing");
}

pub async fn what_is_longest_due_is_claimed_first_and_no_more_than_asked(w: World) {
    let shop = w.shop().await;
    let mut planned = Vec::new();
    for second in [5, 3, 9, 1, 7] {
        let job = job(&w, shop).await;
        jobs(&w, vec![shop.job(job, JobNext::Schedule(at(second)))]).await;
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
    jobs(&w, vec![shop.job(job, JobNext::Schedule(at(10)))]).await;
    assert_eq!(claim(&w, 10).await.len(), 1);
    assert_eq!(claim(&w, 39).await, Vec::new());
    let again = claim(&w, 40).await;
    assert_eq!((again[0].tries, again[0].lease_until), (2, at(70)));
    // Scheduling anew forgets the tries.
    jobs(&w, vec![shop.job(job, JobNext::Schedule(at(45)))]).await;
    assert_eq!(claim(&w, 45).await[0].tries, 1);
}

pub async fn only_the_claim_that_is_held_ends_a_job(w: World) {
    let shop = w.shop().await;
    let job = job(&w, shop).await;
    jobs(&w, vec![shop.job(job, JobNext::Schedule(at(10)))]).await;
    let lost = claim(&w, 10).await[0].lease_until;
    let held = claim(&w, 40).await[0].lease_until;
    jobs(&w, vec![shop.job(job, JobNext::Done { lease_until: lost })]).await;
    assert_eq!(w.store.next_job_at().await.unwrap(), Some(held));
    jobs(&w, vec![shop.job(job, JobNext::Done { lease_until: held })]).await;
    assert_eq!(w.store.next_job_at().await.unwrap(), None);
}

pub async fn only_the_claim_that_is_held_puts_a_job_off(w: World) {
    let shop = w.shop().await;
    let job = job(&w, shop).await;
    jobs(&w, vec![shop.job(job, JobNext::Schedule(at(10)))]).await;
    let lost = claim(&w, 10).await[0].lease_until;
    let held = claim(&w, 40).await[0].lease_until;
    jobs(&w, vec![shop.job(job, JobNext::Again { lease_until: lost, run_at: at(500) })]).await;
    assert_eq!(w.store.next_job_at().await.unwrap(), Some(held));
    jobs(&w, vec![shop.job(job, JobNext::Again { lease_until: held, run_at: at(500) })]).await;
    assert_eq!(w.store.next_job_at().await.unwrap(), Some(at(500)));
    assert_eq!(claim(&w, 500).await[0].tries, 3);
}

pub async fn a_job_scheduled_anew_while_it_runs_stays(w: World) {
    let shop = w.shop().await;
    let job = job(&w, shop).await;
    jobs(&w, vec![shop.job(job, JobNext::Schedule(at(10)))]).await;
    let lease_until = claim(&w, 10).await[0].lease_until;
    jobs(&w, vec![shop.job(job, JobNext::Schedule(at(12)))]).await;
    jobs(&w, vec![shop.job(job, JobNext::Done { lease_until })]).await;
    jobs(&w, vec![shop.job(job, JobNext::Again { lease_until, run_at: at(99) })]).await;
    assert_eq!(w.store.next_job_at().await.unwrap(), Some(at(12)));
}

/// A clock that stands still while a job runs makes the two moments the same.
pub async fn a_job_scheduled_for_the_end_of_the_lease_stays(w: World) {
    let shop = w.shop().await;
    let job = job(&w, shop).await;
    jobs(&w, vec![shop.job(job, JobNext::Schedule(at(10)))]).await;
    let lease_until = claim(&w, 10).await[0].lease_until;
    jobs(&w, vec![shop.job(job, JobNext::Schedule(lease_until))]).await;
    jobs(&w, vec![shop.job(job, JobNext::Done { lease_until })]).await;
    jobs(&w, vec![shop.job(job, JobNext::Again { lease_until, run_at: at(99) })]).await;
    assert_eq!(w.store.next_job_at().await.unwrap(), Some(lease_until));
}

pub async fn many_workers_share_the_jobs_without_doubles(w: World) {
    let shop = w.shop().await;
    let w = Arc::new(w);
    for _ in 0..60 {
        let job = job(&w, shop).await;
        jobs(&w, vec![shop.job(job, JobNext::Schedule(at(1)))]).await;
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

/// One job of each kind, about things of this shop.
async fn one_of_each(w: &World, shop: Shop) -> Vec<Job> {
    let (held, capture) = w.capturing(w.held(shop).await, 100, false).await;
    let (_, refund) = w.refunding(w.paid(shop).await, 100).await;
    let word = dispute_seen("dp_1", DisputeStatus::NeedsResponse, true, false);
    let (_, dispute) = w.disputed(w.paid(shop).await, &word).await;
    w.store.claim_jobs(at(1000), LEASE, 100).await.unwrap();
    let order = held.order.id;
    vec![
        Job::Attend(order),
        Job::Capture(capture.id),
        Job::Refund(refund.id),
        Job::Dispute(dispute.id),
        Job::Statement(shop.account),
    ]
}

pub async fn each_kind_of_job_finds_its_merchant_and_stands_alone(w: World) {
    let (_, shop) = (w.shop().await, w.shop().await);
    let all = one_of_each(&w, shop).await;
    for (second, job) in all.iter().enumerate() {
        jobs(&w, vec![shop.job(*job, JobNext::Schedule(at(second as i64)))]).await;
    }
    let claimed = claim(&w, 10).await;
    let told: Vec<_> = claimed.iter().map(|c| (c.job, c.merchant)).collect();
    assert_eq!(told, all.iter().map(|job| (*job, shop.merchant)).collect::<Vec<_>>());
    let Some(ClaimedJob { job, lease_until, .. }) = claimed.first().copied() else { panic!() };
    jobs(&w, vec![shop.job(job, JobNext::Done { lease_until })]).await;
    let again = claim(&w, 10 + 30).await;
    assert_eq!(again.iter().filter(|c| all.contains(&c.job)).count(), all.len() - 1, "one is done, the others come back");
}

pub async fn hurry_only_brings_a_job_forward(w: World) {
    let shop = w.shop().await;
    let job = Job::Statement(shop.account);
    jobs(&w, vec![shop.job(job, JobNext::Hurry(at(50)))]).await;
    assert_eq!(w.store.next_job_at().await.unwrap(), Some(at(50)), "one that is not there begins");
    jobs(&w, vec![shop.job(job, JobNext::Hurry(at(70)))]).await;
    assert_eq!(w.store.next_job_at().await.unwrap(), Some(at(50)));
    jobs(&w, vec![shop.job(job, JobNext::Hurry(at(20)))]).await;
    let lease_until = claim(&w, 20).await[0].lease_until;
    // A job that runs is run again, as soon as it may be wanted; the claim that is held does not end that.
    jobs(&w, vec![shop.job(job, JobNext::Hurry(at(25)))]).await;
    jobs(&w, vec![shop.job(job, JobNext::Done { lease_until })]).await;
    assert_eq!(w.store.next_job_at().await.unwrap(), Some(at(25)));
    assert_eq!(claim(&w, 25).await[0].tries, 1);
    // One that waits for its next try keeps its tries where it is not hurried.
    let lease_until = at(55);
    jobs(&w, vec![shop.job(job, JobNext::Hurry(at(60))), shop.job(job, JobNext::Again { lease_until, run_at: at(90) })]).await;
    assert_eq!(claim(&w, 90).await[0].tries, 2);
}

pub async fn a_job_for_something_unknown_is_refused(w: World) {
    let shop = w.shop().await;
    let (now, dice) = (w.now(), &w.dice);
    let unknown = [
        attend(PaymentOrderId::new(now, dice)),
        Job::Capture(CaptureId::new(now, dice)),
        Job::Refund(RefundId::new(now, dice)),
        Job::Dispute(DisputeId::new(now, dice)),
        Job::Statement(PspAccountId::new(now, dice)),
    ];
    for job in unknown {
        for write in [shop.job(job, JobNext::Schedule(at(1))), shop.job(job, JobNext::Hurry(at(1)))] {
            let refused = w.store.commit(Change { jobs: vec![write], ..Change::default() }).await;
            assert!(matches!(refused, Err(CommitError::Refused(_))), "{job:?}: {refused:?}");
        }
    }
    assert_eq!(w.store.next_job_at().await.unwrap(), None);
}
