//! The dispatcher: has carried what is due, every endpoint on its own, and has it written down. It starts only when told to, and can be run
//! once at a chosen time.

use super::attempt::{Pace, attempt};
use super::body::Bodies;
use super::carry::TIMEOUT;
use super::hand::{Hand, Ready};
use super::known::{Endpoints, Known};
use super::look::{Found, Here, look};
use super::settle::{Tried, give_back, settle};
use super::standing::Standings;
use crate::{Engine, Error};
use ducat_domain::{Timestamp, WebhookEndpointId};
use ducat_store::ClaimedDelivery;
use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// The longest sleep. Another node may have committed something without this one hearing of it.
const MAX_SLEEP: Duration = Duration::from_millis(500);
/// The shortest time from one look to the next, so that many small commits are looked at together.
const MIN_SLEEP: Duration = Duration::from_millis(5);
/// The same while no endpoint is in use: no event goes anywhere then, and one that is made begins after those that are there.
const NOBODY_SLEEP: Duration = Duration::from_millis(100);
/// The sleep after the database failed.
const FAILED_SLEEP: Duration = Duration::from_secs(2);
/// How long a claim must be good for a try to begin: it has to be written down before somebody else takes it.
const GOOD_FOR: Duration = Duration::from_secs(TIMEOUT.as_secs() + 3);

/// How many tries may be under way or wait to be written down; beyond it nothing is begun.
const MOST: usize = 1024;
/// How many are written down together at the most, and in how many commits side by side: while one waits for the disk, the next is made.
const TOGETHER: usize = 256;
const COMMITS: usize = 2;

/// What one try leaves behind once the receiver has answered.
struct Over {
    endpoint: WebhookEndpointId,
    counted_quick: bool,
    outcome: Option<(Tried, Pace)>,
}

/// The place that a try takes up at its receiver. It is given back when the receiver has answered, before that is written down; and
/// whatever becomes of the try.
struct Place {
    over: Option<Over>,
    back: mpsc::UnboundedSender<Over>,
}

impl Place {
    /// The receiver has answered.
    fn give_back(mut self, tried: Tried, pace: Pace) {
        if let Some(over) = &mut self.over {
            over.outcome = Some((tried, pace));
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(over) = self.over.take() {
            // Nobody keeps count any more when the dispatcher is gone.
            drop(self.back.send(over));
        }
    }
}

/// The dispatcher of one process.
pub struct Dispatcher {
    engine: Engine,
    endpoints: Endpoints,
    standings: Standings,
    hand: Hand,
    under_way: JoinSet<()>,
    places: (mpsc::UnboundedSender<Over>, mpsc::UnboundedReceiver<Over>),
    over: Vec<Tried>,
    settling: JoinSet<()>,
    /// What is given back: not needed any more here.
    returns: Vec<ClaimedDelivery>,
    hungry: HashSet<WebhookEndpointId>,
    /// Since when replays rest because much waits at their endpoints, and how much of it was begun here since.
    full: HashMap<WebhookEndpointId, (Timestamp, u32)>,
    bodies: Bodies,
}

/// The look that is under way, where there is one, and when to look next, by the time of [`crate::psp::Transport::elapsed`].
struct Looks {
    under_way: JoinSet<Result<Found, Error>>,
    last: Duration,
    next: Duration,
}

impl Looks {
    /// Somebody wants to look: as soon as the last look is so long ago.
    fn hurry(&mut self, pause: Duration) {
        self.next = self.next.min(self.last + pause);
    }
}

impl Dispatcher {
    /// A dispatcher that has not begun.
    pub fn new(engine: Engine) -> Self {
        Self {
            engine,
            endpoints: Endpoints::default(),
            standings: Standings::default(),
            hand: Hand::default(),
            under_way: JoinSet::new(),
            places: mpsc::unbounded_channel(),
            over: Vec::new(),
            settling: JoinSet::new(),
            returns: Vec::new(),
            hungry: HashSet::new(),
            full: HashMap::new(),
            bodies: Bodies::default(),
        }
    }

    /// Delivers everything that is due now, and waits for it. Says how many tries there were.
    pub async fn run_due(&mut self) -> Result<usize, Error> {
        let mut tries = 0;
        loop {
            let here = self.here();
            let found = look(self.engine.clone(), here).await?;
            let more = self.take(found);
            let before = tries;
            loop {
                tries += self.begin();
                self.write_down();
                let is_idle = self.under_way.is_empty() && self.over.is_empty() && self.settling.is_empty();
                if is_idle && self.hand.is_empty() {
                    break;
                }
                if is_idle {
                    // What there is no room for, with nothing under way, is nothing for now.
                    self.returns.extend(self.hand.take_all());
                    continue;
                }
                self.something_ends().await;
            }
            if tries == before && !more {
                return Ok(tries);
            }
        }
    }

    /// Delivers until `shutdown` ends, sleeping in between. What is under way then may go on for `patience`, but a receiver that hangs does
    /// not keep the program: its delivery comes again when its lease ends. What is claimed and not begun is given back, for others to take at once.
    pub async fn work(mut self, shutdown: impl Future<Output = ()> + Send, patience: Duration) {
        tokio::pin!(shutdown);
        let engine = self.engine.clone();
        let mut looks = Looks { under_way: JoinSet::new(), last: Duration::ZERO, next: Duration::ZERO };
        loop {
            self.begin();
            self.write_down();
            let now = engine.courier().elapsed();
            let is_idle = looks.under_way.is_empty();
            if is_idle && self.is_hungry() {
                looks.hurry(MIN_SLEEP);
            }
            if is_idle && looks.next <= now {
                (looks.last, looks.next) = (now, now + MAX_SLEEP);
                let here = self.here();
                looks.under_way.spawn(look(engine.clone(), here));
                continue;
            }
            let sleep = looks.next.saturating_sub(now);
            // In this order: what has ended makes room, and sleeping is for whoever has nothing else to do.
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                () = self.something_ends() => {}
                Some(found) = looks.under_way.join_next() => {
                    let next = self.note(found);
                    // Somebody may have asked for it meanwhile.
                    looks.next = looks.next.min(next);
                }
                () = engine.outbox().notified() => looks.hurry(if self.endpoints.is_empty() { NOBODY_SLEEP } else { MIN_SLEEP }),
                () = engine.courier().wait(sleep), if is_idle => {}
            }
        }
        self.end(looks.under_way, patience).await;
    }

    /// Notes what a look found. Says when to look again.
    fn note(&mut self, found: Result<Result<Found, Error>, tokio::task::JoinError>) -> Duration {
        let elapsed = self.engine.courier().elapsed();
        match found.map_err(|e| Error::Internal(e.to_string())).and_then(|found| found) {
            Ok(found) => {
                let now = self.engine.now();
                let next = found.next.into_iter().chain(self.standings.rest_ends(now)).min();
                let until = next.map_or(MAX_SLEEP, |at| at.since(now).clamp(MIN_SLEEP, MAX_SLEEP));
                if self.take(found) { elapsed } else { elapsed + until }
            }
            Err(error) => {
                tracing::error!(%error, "the dispatcher could not look for deliveries");
                elapsed + FAILED_SLEEP
            }
        }
    }

    /// What a look is told.
    fn here(&mut self) -> Here {
        self.hungry.clear();
        Here {
            standings: self.standings.clone(),
            in_hand: self.hand.counts(),
            full: self.full.clone(),
            bodies: std::mem::take(&mut self.bodies),
        }
    }

    /// Takes over what a look found. Says whether to look again at once.
    fn take(&mut self, found: Found) -> bool {
        let now = self.engine.now();
        let Found { works, ready, hungry, full, more, bodies, .. } = found;
        self.endpoints.replace(works);
        let endpoints = &self.endpoints;
        self.standings.keep(|id| endpoints.get(id).is_some());
        self.full.retain(|id, _| endpoints.get(*id).is_some());
        self.full.extend(full.into_iter().map(|id| (id, (now, 0))));
        ready.into_iter().for_each(|ready| self.hand.put(ready));
        (self.hungry, self.bodies) = (hungry, bodies);
        more
    }

    /// Whether there is room for something that waits in the database.
    fn is_hungry(&self) -> bool {
        let now = self.engine.now();
        self.hungry.iter().any(|id| {
            let wants = self.standings.wants(*id, now);
            wants > 0 && self.hand.count(*id) <= wants / 2
        })
    }

    /// Begins what is in hand as far as there is room. Says how much.
    fn begin(&mut self) -> usize {
        let now = self.engine.now();
        let mut begun = 0;
        for id in self.hand.endpoints() {
            let Some(known) = self.endpoints.get(id).cloned() else {
                self.returns.extend(self.hand.take(id));
                continue;
            };
            let room = self.standings.room(id, now);
            for _ in 0..room {
                if self.under_way.len() + self.over.len() + self.settling.len() * TOGETHER >= MOST {
                    return begun;
                }
                let Some(ready) = self.hand.next(id, now, GOOD_FOR) else { break };
                self.carry(Arc::clone(&known), ready);
                begun += 1;
            }
        }
        begun
    }

    fn carry(&mut self, known: Arc<Known>, ready: Ready) {
        let engine = self.engine.clone();
        let endpoint = known.endpoint.id;
        if let Some((_, begun)) = self.full.get_mut(&endpoint) {
            *begun += 1;
        }
        let over = Over { endpoint, counted_quick: self.standings.begin(endpoint), outcome: None };
        let place = Place { over: Some(over), back: self.places.0.clone() };
        self.under_way.spawn(async move {
            let delivery = ready.claim.delivery.id;
            match attempt(&engine, known, ready).await {
                Ok((tried, pace)) => place.give_back(tried, pace),
                Err(error) => {
                    tracing::error!(%delivery, %error, "a delivery failed on our side; it comes again when its lease ends");
                }
            }
        });
    }

    /// Waits until something that is under way has ended, and notes all that has ended by then. For ever where nothing is under way. May be
    /// dropped at any time.
    async fn something_ends(&mut self) {
        tokio::select! {
            Some(over) = self.places.1.recv() => self.end_one(over),
            Some(ended) = self.under_way.join_next(), if !self.under_way.is_empty() => broken(ended),
            Some(ended) = self.settling.join_next(), if !self.settling.is_empty() => broken(ended),
        }
        while let Ok(over) = self.places.1.try_recv() {
            self.end_one(over);
        }
        while let Some(ended) = self.under_way.try_join_next() {
            broken(ended);
        }
    }

    fn end_one(&mut self, over: Over) {
        let now = self.engine.now();
        let (tried, pace) = over.outcome.unzip();
        self.over.extend(tried);
        self.standings.end(over.endpoint, over.counted_quick, pace, now);
        // Who fails, slows down or wants to rest gets nothing ahead, and what it had may wait for others.
        if self.standings.ahead(over.endpoint, now) == 0 {
            self.returns.extend(self.hand.take(over.endpoint));
        }
    }

    /// Has written down what is over, as far as not enough commits are under way, and gives back what is not needed.
    fn write_down(&mut self) {
        if !self.returns.is_empty() {
            let (engine, returns) = (self.engine.clone(), std::mem::take(&mut self.returns));
            self.settling.spawn(async move { give_back(&engine, returns).await });
        }
        while !self.over.is_empty() && self.settling.len() < COMMITS {
            let rest = self.over.split_off(self.over.len().min(TOGETHER));
            let (engine, some) = (self.engine.clone(), std::mem::replace(&mut self.over, rest));
            self.settling.spawn(async move { settle(&engine, some).await });
        }
    }

    /// Gives back what is not begun, and lets what is under way come to its end, within `patience`.
    async fn end(mut self, mut looks: JoinSet<Result<Found, Error>>, patience: Duration) {
        let engine = self.engine.clone();
        self.returns.extend(self.hand.take_all());
        self.write_down();
        // A look that is under way may claim something still.
        while let Some(found) = looks.join_next().await {
            if let Ok(Ok(found)) = found {
                self.returns.extend(found.ready.into_iter().map(|ready| ready.claim));
            }
        }
        let last = async {
            while !self.under_way.is_empty() {
                self.write_down();
                self.something_ends().await;
            }
        };
        tokio::select! {
            biased;
            () = last => {}
            () = engine.courier().wait(patience) => {}
        }
        loop {
            self.write_down();
            if self.settling.join_next().await.is_none() {
                break;
            }
        }
    }
}

fn broken(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a delivery broke down; it comes again when its lease ends");
    }
}
