//! Runs what is due: all of it once, or as much as there is room for.

use super::under_way::UnderWay;
use crate::{Engine, Error};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// How many jobs run side by side.
const MOST: usize = 32;

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
    let (mut ran, mut under_way) = (0, UnderWay::default());
    loop {
        let begun = begin_due(engine, &mut under_way).await;
        ran += begun.as_ref().map_or(0, |begun| begun.jobs);
        let ended = under_way.some_ended().await;
        match begun {
            Ok(_) if ended => {}
            Ok(_) => return Ok(ran),
            Err(error) => {
                while under_way.some_ended().await {}
                return Err(error);
            }
        }
    }
}

/// What was begun at a look.
pub(super) struct Begun {
    pub jobs: usize,
    /// Whether that was all: else there was no room for more.
    pub all: bool,
}

/// Begins what is due, as far as there is room beside what runs: a slow job holds up nothing but itself.
pub(super) async fn begin_due(engine: &Engine, under_way: &mut UnderWay) -> Result<Begun, Error> {
    let mut begun = Begun { jobs: 0, all: true };
    loop {
        let room = MOST.saturating_sub(under_way.len());
        let now = engine.now();
        if room == 0 {
            return Ok(Begun { all: false, ..begun });
        }
        // What outlasts its lease here is not begun a second time beside itself.
        let held = under_way.outlasting(now);
        if engine.store().next_job_beside(&held).await?.is_none_or(|at| at > now) {
            return Ok(begun);
        }
        let claimed = engine.store().claim_jobs_beside(now, engine.settings().lease, room as u32, held).await?;
        if claimed.is_empty() {
            return Ok(begun);
        }
        begun.jobs += claimed.len();
        claimed.into_iter().for_each(|job| under_way.begin(engine, job));
    }
}
