//! The dispatcher: moves endpoints on in the events, claims what is due, and has it carried. Every endpoint goes its own way. It starts only
//! when told to, and can be run once at a chosen time.

use super::attempt::{Pace, attempt};
use super::body::bodies;
use super::carry::TIMEOUT;
use super::fan_out::{Replayed, fan_out, replay};
use super::standing::Standings;
use crate::{Engine, Error};
use ducat_domain::webhooks::WebhookEndpoint;
use ducat_domain::{MerchantId, Timestamp, WebhookEndpointId};
use ducat_store::{ClaimedDelivery, EndpointAtWork};
use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// How long a claimed delivery belongs to who took it: long enough to be tried and written down.
const LEASE: Duration = Duration::from_secs(2 * TIMEOUT.as_secs());
/// The longest sleep. Another node may have committed something without this one hearing of it.
const MAX_SLEEP: Duration = Duration::from_millis(500);
/// The shortest, so that many small commits are looked at together.
const MIN_SLEEP: Duration = Duration::from_millis(5);
/// The sleep after the database failed.
const FAILED_SLEEP: Duration = Duration::from_secs(2);
/// How long receivers may still answer when the program is to end.
const LAST_WAIT: Duration = Duration::from_secs(2);
/// How many tries are begun before a replay that rests is looked at again.
const REST_TRIES: u32 = 250;
/// How many endpoints are moved on side by side.
const FAN_OUTS: usize = 64;

/// How many tries may be under way or being written down; beyond it nothing is claimed.
const MOST: usize = 512;

/// What one try leaves behind once the receiver has answered.
struct Over {
    endpoint: WebhookEndpointId,
    counted_quick: bool,
    pace: Option<Pace>,
}

/// The place that a try takes up at its receiver. It is given back when the receiver has answered, before that is written down; and
/// whatever becomes of the try.
pub(super) struct Place {
    over: Option<Over>,
    back: mpsc::UnboundedSender<Over>,
}

impl Place {
    /// The receiver has answered.
    pub fn give_back(mut self, pace: Pace) {
        if let Some(over) = &mut self.over {
            over.pace = Some(pace);
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
    standings: Standings,
    under_way: JoinSet<()>,
    places: (mpsc::UnboundedSender<Over>, mpsc::UnboundedReceiver<Over>),
    /// Since when replays rest because much waits at their endpoints, and how much of it was begun here since.
    full: HashMap<WebhookEndpointId, (Timestamp, u32)>,
}

/// What a round found.
struct Round {
    /// When there is something to do next.
    next: Option<Timestamp>,
    /// Whether there is something to do at once.
    again: bool,
}

impl Dispatcher {
    /// A dispatcher that has not begun.
    pub fn new(engine: Engine) -> Self {
        Self {
            engine,
            standings: Standings::default(),
            under_way: JoinSet::new(),
            places: mpsc::unbounded_channel(),
            full: HashMap::new(),
        }
    }

    /// Delivers everything that is due now, and waits for it. Says how many tries there were.
    pub async fn run_due(&mut self) -> Result<usize, Error> {
        let mut tries = 0;
        loop {
            let round = self.round().await?;
            if self.under_way.is_empty() && !round.again {
                return Ok(tries);
            }
            while self.under_way.join_next().await.is_some() {
                tries += 1;
            }
            self.take_back_places();
        }
    }

    /// Delivers until `shutdown` ends, sleeping in between. What is under way then is finished first, but a receiver that hangs does not
    /// keep the program: its delivery comes again when its lease ends.
    pub async fn work(mut self, shutdown: impl Future<Output = ()> + Send) {
        tokio::pin!(shutdown);
        loop {
            let sleep = match self.round().await {
                Ok(round) => self.sleep(&round),
                Err(error) => {
                    tracing::error!(%error, "the dispatcher could not look for deliveries");
                    FAILED_SLEEP
                }
            };
            let engine = self.engine.clone();
            tokio::select! {
                () = &mut shutdown => break,
                () = engine.outbox().notified() => {}
                Some(over) = self.places.1.recv() => self.note(&over),
                Some(_) = self.under_way.join_next() => {}
                () = engine.courier().wait(sleep) => {}
            }
            engine.courier().wait(MIN_SLEEP).await;
            while self.under_way.try_join_next().is_some() {}
            self.take_back_places();
        }
        let engine = self.engine.clone();
        let last = async { while self.under_way.join_next().await.is_some() {} };
        tokio::select! {
            () = last => {}
            () = engine.courier().wait(LAST_WAIT) => {}
        }
    }

    fn sleep(&self, round: &Round) -> Duration {
        if round.again {
            return MIN_SLEEP;
        }
        let until = |at: Timestamp| at.since(self.engine.now());
        round.next.map_or(MAX_SLEEP, |at| until(at).clamp(MIN_SLEEP, MAX_SLEEP))
    }

    /// Looks once at every endpoint: moves it on, and begins what there is room for.
    async fn round(&mut self) -> Result<Round, Error> {
        let works = self.engine.store().endpoints_at_work().await?;
        let in_use: HashMap<WebhookEndpointId, &EndpointAtWork> = works.iter().map(|w| (w.endpoint.id, w)).collect();
        self.standings.keep(|id| in_use.contains_key(&id));
        let more = self.move_on(&works).await?;
        let now = self.engine.now();
        let is_due = |w: &&EndpointAtWork| w.behind || w.replays || w.due_at.is_some_and(|at| at <= now);
        let rooms =
            works.iter().filter(is_due).map(|w| (w.endpoint.merchant, w.endpoint.id, self.standings.room(w.endpoint.id, now)));
        let rooms: Vec<_> = rooms.filter(|(.., room)| *room > 0).collect();
        let claimed = if rooms.is_empty() || self.under_way.len() >= MOST { Vec::new() } else { self.claim(rooms, now).await? };
        let began = !claimed.is_empty();
        let bodies = bodies(&self.engine, &claimed).await;
        for claim in claimed {
            if let Some(work) = in_use.get(&claim.delivery.endpoint) {
                let body = bodies.get(&claim.delivery.event).filter(|_| claim.delivery.body.is_none()).cloned();
                self.begin(work.endpoint.clone(), claim, body);
            }
        }
        let later = works.iter().filter_map(|w| w.due_at).filter(|at| *at > now);
        let next = later.chain(self.standings.rest_ends(now)).min();
        Ok(Round { next, again: more || began })
    }

    /// As much as there is room for. What was counted for one endpoint may be too much for all of them together, so it is shared out.
    async fn claim(
        &self,
        rooms: Vec<(MerchantId, WebhookEndpointId, u32)>,
        now: Timestamp,
    ) -> Result<Vec<ClaimedDelivery>, Error> {
        let mut shared = Vec::with_capacity(rooms.len());
        let mut trial = self.standings.clone();
        for (merchant, id, _) in rooms {
            let room = trial.room(id, now);
            (0..room).for_each(|_| {
                trial.begin(id);
            });
            if room > 0 {
                shared.push((merchant, id, room));
            }
        }
        Ok(self.engine.store().claim_deliveries(shared, now, LEASE).await?)
    }

    fn begin(&mut self, endpoint: WebhookEndpoint, claim: ClaimedDelivery, body: Option<Arc<str>>) {
        let engine = self.engine.clone();
        if let Some((_, begun)) = self.full.get_mut(&endpoint.id) {
            *begun += 1;
        }
        let over = Over { endpoint: endpoint.id, counted_quick: self.standings.begin(endpoint.id), pace: None };
        let place = Place { over: Some(over), back: self.places.0.clone() };
        self.under_way.spawn(async move {
            let delivery = claim.delivery.id;
            // On a task of its own: one that panics has changed nothing but its lease.
            match tokio::spawn(async move { attempt(&engine, &endpoint, claim, body, place).await }).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::error!(%delivery, %error, "a delivery failed on our side; it comes again when its lease ends");
                }
                Err(error) => {
                    tracing::error!(%delivery, %error, "a delivery broke down; it comes again when its lease ends");
                }
            }
        });
    }

    fn take_back_places(&mut self) {
        while let Ok(over) = self.places.1.try_recv() {
            self.note(&over);
        }
    }

    fn note(&mut self, over: &Over) {
        self.standings.end(over.endpoint, over.counted_quick, over.pace, self.engine.now());
    }

    /// Moves on those that are behind, side by side, so that their commits share a sync. Whether some have more to do.
    async fn move_on(&mut self, works: &[EndpointAtWork]) -> Result<bool, Error> {
        let now = self.engine.now();
        self.full.retain(|id, _| works.iter().any(|work| work.endpoint.id == *id));
        let mut more = false;
        let busy: Vec<(&EndpointAtWork, bool)> = works
            .iter()
            .map(|work| (work, work.replays && !self.replays_rest(work, now)))
            .filter(|(work, replays)| work.behind || *replays)
            .collect();
        for some in busy.chunks(FAN_OUTS) {
            let mut steps = JoinSet::new();
            for (work, replays) in some {
                let (engine, work, replays) = (self.engine.clone(), (*work).clone(), *replays);
                steps.spawn(async move {
                    let more = work.behind && fan_out(&engine, &work).await?;
                    let replayed = if replays { replay(&engine, &work.endpoint).await? } else { Replayed::Nothing };
                    Ok::<_, Error>((work.endpoint.id, more, replayed))
                });
            }
            while let Some(step) = steps.join_next().await {
                let (id, fanned_out, replayed) = step.map_err(|e| Error::Internal(e.to_string()))??;
                more |= fanned_out || matches!(replayed, Replayed::More);
                if matches!(replayed, Replayed::Full) {
                    self.full.insert(id, (now, 0));
                }
            }
        }
        Ok(more)
    }

    /// What waits at an endpoint is counted again when a good part of it was begun, when nothing of it is due, and now and then, because
    /// other nodes carry, too.
    fn replays_rest(&self, work: &EndpointAtWork, now: Timestamp) -> bool {
        let is_due = work.due_at.is_some_and(|at| at <= now);
        let rests = |(since, begun): &(Timestamp, u32)| *begun < REST_TRIES && now.since(*since) < MAX_SLEEP;
        is_due && self.full.get(&work.endpoint.id).is_some_and(rests)
    }
}
