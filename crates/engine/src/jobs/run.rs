//! Runs everything that is due, once.

use super::under_way::UnderWay;
use crate::{Engine, Error};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// How many jobs are claimed and run side by side.
const BATCH: u32 = 32;

/// The word to end. It is listened to only where nothing is half done: a claim that is under way would be lost.
pub(super) struct Halt<'a, F> {
    said: Pin<&'a mut F>,
    heard: bool,
    /// How long jobs may go on after it.
    pub patience: Duration,
}

impl<'a, F: Future<Output = ()>> Halt<'a, F> {
    pub fn new(said: Pin<&'a mut F>, patience: Duration) -> Self {
        Self { said, heard: false, patience }
    }

    /// Whether it has been heard.
    pub fn is_heard(&self) -> bool {
        self.heard
    }

    /// Ends when it is said, and at once from then on. May be dropped at any time.
    pub async fn heard(&mut self) {
        if !self.heard {
            self.said.as_mut().await;
            self.heard = true;
        }
    }
}

/// Runs everything that is due now, once. Says how many jobs ran.
pub async fn run_due(engine: &Engine) -> Result<usize, Error> {
    let mut never = std::pin::pin!(std::future::pending());
    run_until(engine, &mut Halt::new(never.as_mut(), Duration::ZERO)).await
}

/// The same until the word to end is said: then what runs gets its time, and nothing more is claimed.
pub(super) async fn run_until<F: Future<Output = ()>>(engine: &Engine, halt: &mut Halt<'_, F>) -> Result<usize, Error> {
    let mut ran = 0;
    while !halt.is_heard() {
        let now = engine.now();
        if engine.store().next_job_at().await?.is_none_or(|at| at > now) {
            break;
        }
        let claimed = engine.store().claim_jobs(now, engine.settings().lease, BATCH).await?;
        if claimed.is_empty() {
            break;
        }
        ran += claimed.len();
        let mut under_way = UnderWay::default();
        claimed.into_iter().for_each(|job| under_way.begin(engine, job));
        loop {
            tokio::select! {
                ended = under_way.one_ended() => if !ended { break },
                () = halt.heard() => {
                    under_way.end(engine, halt.patience).await;
                    break;
                }
            }
        }
    }
    Ok(ran)
}
