//! Jobs that run now, side by side, each with its claim. When the node has to end, those that cannot be waited for are cut off and given
//! back at once, so that another node need not wait for their leases to end.

use crate::{Engine, captures, disputes, payments, refunds, settlement};
use ducat_domain::Timestamp;
use ducat_store::{Change, ClaimedJob, Job};
use std::collections::HashMap;
use std::time::Duration;
use tokio::task::{Id, JoinError, JoinSet};

/// The jobs, by the task that runs each.
#[derive(Default)]
pub(super) struct UnderWay {
    tasks: JoinSet<()>,
    claims: HashMap<Id, ClaimedJob>,
}

impl UnderWay {
    /// Runs one more.
    pub fn begin(&mut self, engine: &Engine, job: ClaimedJob) {
        let engine = engine.clone();
        let task = self.tasks.spawn(async move { run(&engine, job).await });
        self.claims.insert(task.id(), job);
    }

    /// The claims that have run out while their jobs still run.
    pub fn outlasting(&self, now: Timestamp) -> Vec<ClaimedJob> {
        self.claims.values().filter(|claim| claim.lease_until <= now).copied().collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Waits until one has ended, and notes all that have ended by then. False where there is none. May be dropped at any time.
    pub async fn some_ended(&mut self) -> bool {
        let mut next = self.tasks.join_next_with_id().await;
        let any = next.is_some();
        while let Some(ended) = next {
            self.note(ended);
            next = self.tasks.try_join_next_with_id();
        }
        any
    }

    fn note(&mut self, ended: Result<(Id, ()), JoinError>) {
        match ended {
            Ok((id, ())) => drop(self.claims.remove(&id)),
            // One that was cut off is given back. One that panics has changed nothing, and comes again when its lease ends: not at
            // once, for it would panic again.
            Err(error) if !error.is_cancelled() => drop(self.claims.remove(&error.id())),
            Err(_) => {}
        }
    }

    /// Waits for all of them, but not longer than this; cuts off what still runs then, and gives it back.
    pub async fn end(&mut self, engine: &Engine, patience: Duration) {
        let all = async { while self.some_ended().await {} };
        tokio::select! {
            () = all => return,
            () = engine.transport().wait(patience) => {}
        }
        self.tasks.abort_all();
        while self.some_ended().await {}
        self.give_back(engine).await;
    }

    /// A job that was cut off stands where a crash would have left it. Where it had come to its end after all, its claim is gone, and
    /// giving it back changes nothing.
    async fn give_back(&mut self, engine: &Engine) {
        let now = engine.now();
        let jobs: Vec<_> = self.claims.drain().map(|(_, claimed)| claimed.again(now)).collect();
        let count = jobs.len();
        match engine.store().commit(Change { jobs, ..Change::default() }).await {
            Ok(()) => tracing::warn!(jobs = count, "jobs did not end in time; they are given back"),
            Err(error) => {
                tracing::error!(jobs = count, %error, "jobs did not end in time; they come again when their leases end")
            }
        }
    }
}

async fn run(engine: &Engine, job: ClaimedJob) {
    let outcome = match job.job {
        Job::Attend(order) => payments::attend(engine, order, job).await,
        Job::Capture(capture) => captures::resolve(engine, capture, job).await,
        Job::Refund(refund) => refunds::resolve(engine, refund, job).await,
        Job::Dispute(dispute) => disputes::see_to(engine, dispute, job).await,
        Job::Statement(account) => settlement::read(engine, account, job).await,
    };
    if let Err(error) = outcome {
        tracing::error!(job = job.job.kind(), %error, "a job failed; it comes again when its lease ends");
    }
}
