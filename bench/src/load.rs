//! Drives payments against a gateway: so many in flight without a rest, or at a fixed rate; and counts what ended while it was measured.

use crate::Failure;
use crate::histogram::{Histogram, Spread};
use crate::pace;
use crate::pay::{Payer, Target, Took};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

/// How payments follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// The next one begins when one has ended.
    FlatOut,
    /// So many a second, whatever becomes of them.
    Fixed {
        /// Payments a second.
        per_second: u64,
    },
}

/// What is driven.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How payments follow each other.
    pub pace: Pace,
    /// How many may be in flight.
    pub in_flight: usize,
    /// How long it runs before anything is counted.
    pub warm_up: Duration,
    /// How long it is measured.
    pub measure: Duration,
    /// After how many payments it ends early.
    pub most: u64,
}

/// What was measured.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Measured {
    /// Payments that ended while it was measured.
    pub payments: u64,
    /// How long that was, in nanoseconds.
    pub window: u64,
    /// All payments of this run, warm-up included.
    pub all: u64,
    /// What all of them paid, in minor units.
    pub amount: u64,
    /// From asking for an order to its answer; at a fixed rate, from the moment at which it should have been asked for.
    pub create: Spread,
    /// The same without what the PSP took.
    pub own_create: Spread,
    /// From sending the PSP's message to its answer.
    pub webhook: Spread,
    /// The whole payment.
    pub whole: Spread,
    /// How late payments began, at a fixed rate.
    pub late: Spread,
}

impl Measured {
    /// Payments in a thousand seconds.
    pub fn per_kilosecond(&self) -> u64 {
        let rate = u128::from(self.payments) * 1_000_000_000_000 / u128::from(self.window.max(1));
        u64::try_from(rate).unwrap_or(u64::MAX)
    }
}

/// How far it is.
#[derive(Clone, Copy)]
pub struct Progress<'a>(&'a Shared);

impl Progress<'_> {
    /// Payments that have begun, warm-up included.
    pub fn payments(self) -> u64 {
        self.0.all.get()
    }

    /// What was measured since this was asked the last time: creates without the PSP, and whole payments.
    pub fn take_interval(self) -> (Spread, Spread) {
        let tally = self.0.interval.take();
        (tally.own_create.spread(), tally.whole.spread())
    }
}

/// What the payers share.
#[derive(Default)]
struct Shared {
    stop: Cell<bool>,
    measuring: Cell<bool>,
    all: Cell<u64>,
    amount: Cell<u64>,
    tally: RefCell<Tally>,
    interval: RefCell<Tally>,
}

#[derive(Default)]
struct Tally {
    create: Histogram,
    own_create: Histogram,
    webhook: Histogram,
    whole: Histogram,
    late: Histogram,
}

impl Tally {
    fn add(&mut self, took: &Took, late: Duration) {
        self.create.add(took.create + late);
        self.own_create.add((took.create + late).saturating_sub(took.psp));
        self.webhook.add(took.webhook);
        self.whole.add(took.create + took.webhook + late);
        self.late.add(late);
    }
}

/// When the next payment begins.
#[derive(Clone)]
enum Turns {
    AtOnce,
    AtTheirTimes(Rc<Mutex<mpsc::Receiver<Instant>>>),
}

impl Turns {
    /// The moment at which it should begin; none after the last.
    async fn next(&self) -> Option<Instant> {
        match self {
            Self::AtOnce => Some(Instant::now()),
            Self::AtTheirTimes(times) => times.lock().await.recv().await,
        }
    }
}

/// Drives the plan. `edge` is called when measuring begins and when it ends, `tick` now and then.
pub async fn drive<Edge>(
    target: Rc<Target>,
    plan: Plan,
    edge: impl Fn() -> Edge,
    tick: impl Fn(Progress<'_>),
) -> Result<(Measured, Edge, Edge), Failure> {
    let shared = Rc::new(Shared::default());
    let turns = match plan.pace {
        Pace::FlatOut => Turns::AtOnce,
        Pace::Fixed { per_second } => Turns::AtTheirTimes(Rc::new(Mutex::new(pace::begin(per_second, plan.most)))),
    };
    let mut payers = JoinSet::new();
    for _ in 0..plan.in_flight {
        let payer = Payer::new(Rc::clone(&target)).await?;
        payers.spawn_local(go_on_paying(payer, Rc::clone(&shared), turns.clone(), plan.most));
    }
    wait(plan.warm_up, &mut payers, &shared, &tick).await?;
    let (before, begun) = (edge(), Instant::now());
    shared.measuring.set(true);
    wait(plan.measure, &mut payers, &shared, &tick).await?;
    shared.measuring.set(false);
    let (window, after) = (begun.elapsed(), edge());
    shared.stop.set(true);
    while let Some(ended) = payers.join_next().await {
        ended.map_err(|e| e.to_string())??;
    }
    let tally = shared.tally.borrow();
    let measured = Measured {
        payments: tally.whole.spread().count,
        window: u64::try_from(window.as_nanos())?,
        all: shared.all.get(),
        amount: shared.amount.get(),
        create: tally.create.spread(),
        own_create: tally.own_create.spread(),
        webhook: tally.webhook.spread(),
        whole: tally.whole.spread(),
        late: tally.late.spread(),
    };
    Ok((measured, before, after))
}

type Ended = Result<(), String>;

async fn go_on_paying(mut payer: Payer, shared: Rc<Shared>, turns: Turns, most: u64) -> Ended {
    while !shared.stop.get() && shared.all.get() < most {
        let Some(due) = turns.next().await else { return Ok(()) };
        if shared.stop.get() {
            return Ok(());
        }
        shared.all.set(shared.all.get() + 1);
        let late = due.elapsed();
        let took = payer.pay().await.map_err(|e| e.to_string())?;
        shared.amount.set(shared.amount.get() + took.amount);
        if shared.measuring.get() {
            shared.tally.borrow_mut().add(&took, late);
            shared.interval.borrow_mut().add(&took, late);
        }
    }
    Ok(())
}

/// How often somebody hears how far it is.
const TICK: Duration = Duration::from_millis(200);

/// Waits so long, or until all payers have ended; the first that fails ends everything.
async fn wait(span: Duration, payers: &mut JoinSet<Ended>, shared: &Shared, tick: &impl Fn(Progress<'_>)) -> Result<(), Failure> {
    let end = tokio::time::Instant::now() + span;
    loop {
        let now = tokio::time::Instant::now();
        if now >= end {
            return Ok(());
        }
        tokio::select! {
            ended = payers.join_next() => match ended {
                Some(ended) => ended.map_err(|e| e.to_string())??,
                None => return Ok(()),
            },
            () = tokio::time::sleep_until(end.min(now + TICK)) => tick(Progress(shared)),
        }
    }
}
