//! One look at the database: endpoints are moved on in the events and in their replays, and what is due is claimed, for each as much as is
//! wanted; with it comes what is sent.

use super::body::Bodies;
use super::carry::TIMEOUT;
use super::fan_out::{Claim, Reach, Replayed, Step, fan_out, replay};
use super::hand::Ready;
use super::standing::Standings;
use crate::{Engine, Error};
use ducat_domain::{MerchantId, Timestamp, WebhookEndpointId};
use ducat_store::{ClaimedDelivery, EndpointAtWork};
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use tokio::task::JoinSet;

/// How long a claimed delivery belongs to who took it: long enough to wait for its turn, to be tried and to be written down.
const LEASE: Duration = Duration::from_secs(2 * TIMEOUT.as_secs());
/// How many tries are begun before a replay that rests is looked at again, and how long that takes at the most.
const REST_TRIES: u32 = 250;
const REST_SPAN: Duration = Duration::from_millis(500);
/// How many claimed deliveries a node holds for all endpoints together; beyond it nothing is claimed ahead.
const MOST_IN_HAND: u32 = 8192;
/// How many endpoints are moved on side by side.
const FAN_OUTS: usize = 64;

/// What a look is told of what goes on here.
pub(super) struct Here {
    /// The endpoints' pace.
    pub standings: Standings,
    /// How many claimed deliveries of each wait here.
    pub in_hand: HashMap<WebhookEndpointId, u32>,
    /// Since when replays rest because much waits at their endpoints, and how much of it was begun here since.
    pub full: HashMap<WebhookEndpointId, (Timestamp, u32)>,
    /// What was sent lately.
    pub bodies: Bodies,
}

/// What a look found.
pub(super) struct Found {
    /// Every endpoint in use.
    pub works: Vec<EndpointAtWork>,
    /// What is claimed.
    pub ready: Vec<Ready>,
    /// Endpoints at which more waits than was claimed.
    pub hungry: HashSet<WebhookEndpointId>,
    /// Whose replays rest from now on.
    pub full: Vec<WebhookEndpointId>,
    /// When something is due next that is not due yet.
    pub next: Option<Timestamp>,
    /// Whether there is more to move on at once.
    pub more: bool,
    /// What was sent lately, and what is about to be.
    pub bodies: Bodies,
}

/// Looks once.
pub(super) async fn look(engine: Engine, mut here: Here) -> Result<Found, Error> {
    let works = engine.store().endpoints_at_work().await?;
    let now = engine.now();
    let mut wants = here.wants(&works, now);
    let mut found = Found {
        works: Vec::new(),
        ready: Vec::new(),
        hungry: HashSet::new(),
        full: Vec::new(),
        next: works.iter().filter_map(|work| work.due_at).filter(|at| *at > now).min(),
        more: false,
        bodies: Bodies::default(),
    };
    let mut claimed = move_on(&engine, &mut here, &works, &mut wants, &mut found).await?;
    claimed.extend(claim(&engine, &works, &wants, &mut found).await?);
    here.bodies.read(&engine, &claimed).await;
    found.ready = claimed.into_iter().map(|claim| Ready { body: here.bodies.of(&claim.delivery), claim }).collect();
    found.bodies = here.bodies;
    found.works = works;
    Ok(found)
}

impl Here {
    /// How many deliveries each endpoint may get now. What was counted for one may be too much for all of them together, so it is shared out.
    /// An endpoint that still has much in hand gets nothing: small claims cost as much as large ones.
    fn wants(&self, works: &[EndpointAtWork], now: Timestamp) -> HashMap<WebhookEndpointId, u32> {
        let mut trial = self.standings.clone();
        let mut wants = HashMap::with_capacity(works.len());
        let mut held: u32 = self.in_hand.values().sum();
        for id in works.iter().map(|work| work.endpoint.id) {
            let (room, in_hand) = (trial.room(id, now), self.in_hand.get(&id).copied().unwrap_or_default());
            let most = if held < MOST_IN_HAND { trial.wants(id, now) } else { room };
            if in_hand > most / 2 {
                continue;
            }
            (0..room).for_each(|_| {
                trial.begin(id);
            });
            held = held.saturating_add(most.saturating_sub(in_hand));
            wants.insert(id, most.saturating_sub(in_hand));
        }
        wants
    }

    /// Whether an endpoint is moved on only as far as it takes its deliveries: what nobody can begin soon need not be claimed a second time,
    /// nor be made by this node. The pace of one that is not quick is no measure, and what waits for it is to be seen.
    fn is_paced(&self, id: WebhookEndpointId, now: Timestamp) -> bool {
        self.standings.ahead(id, now) > 0
    }

    /// What waits at an endpoint is counted again when a good part of it was begun, when nothing of it is due, and now and then, because
    /// other nodes carry, too.
    fn replays_rest(&self, work: &EndpointAtWork, now: Timestamp) -> bool {
        let is_due = work.due_at.is_some_and(|at| at <= now);
        let rests = |(since, begun): &(Timestamp, u32)| *begun < REST_TRIES && now.since(*since) < REST_SPAN;
        is_due && self.full.get(&work.endpoint.id).is_some_and(rests)
    }

    /// What there is to move on of an endpoint, and how much of what comes of it is claimed at once: only where nothing waits that is older.
    fn moves(&self, work: &EndpointAtWork, wants: Option<u32>, now: Timestamp) -> Moves {
        let id = work.endpoint.id;
        let is_due = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        let (fresh_waits, any_waits) = (is_due(work.fresh_due_at), is_due(work.due_at));
        let may = |waits: bool| !self.is_paced(id, now) || (wants.is_some() && !waits);
        let wants = wants.unwrap_or_default();
        Moves {
            events: work.behind && may(fresh_waits),
            replays: work.replays && !self.replays_rest(work, now) && may(any_waits),
            claims: (if fresh_waits { 0 } else { wants }, if any_waits { 0 } else { wants }),
            reach: if self.is_paced(id, now) { Reach::Claimed } else { Reach::Far },
        }
    }
}

#[derive(Clone, Copy)]
struct Moves {
    events: bool,
    replays: bool,
    /// How much may be claimed of what events make, and of what replays make.
    claims: (u32, u32),
    reach: Reach,
}

/// Moves on those that are behind, side by side, so that their commits share a sync. Gives what is claimed by that.
async fn move_on(
    engine: &Engine,
    here: &mut Here,
    works: &[EndpointAtWork],
    wants: &mut HashMap<WebhookEndpointId, u32>,
    found: &mut Found,
) -> Result<Vec<ClaimedDelivery>, Error> {
    let now = engine.now();
    let mut busy = Vec::new();
    for work in works.iter().filter(|work| work.behind || work.replays) {
        let moves = here.moves(work, wants.get(&work.endpoint.id).copied(), now);
        if work.behind && !moves.events {
            found.hungry.insert(work.endpoint.id);
        }
        if moves.events || moves.replays {
            busy.push((work, moves));
        }
    }
    let mut endpoints: HashMap<MerchantId, usize> = HashMap::new();
    busy.iter().for_each(|(work, _)| *endpoints.entry(work.endpoint.merchant).or_default() += 1);
    for (work, moves) in &mut busy {
        if moves.reach == Reach::Claimed && endpoints.get(&work.endpoint.merchant) == Some(&1) {
            moves.reach = Reach::ClaimedAlone;
        }
    }
    let mut claimed = Vec::new();
    for some in busy.chunks(FAN_OUTS) {
        let mut steps = JoinSet::new();
        for (work, moves) in some {
            steps.spawn(step(engine.clone(), (*work).clone(), *moves, now.plus(LEASE)));
        }
        while let Some(step) = steps.join_next().await {
            let (id, made, is_full) = step.map_err(|e| Error::Internal(e.to_string()))??;
            let count = u32::try_from(made.claimed.len()).unwrap_or(u32::MAX);
            if let Some(wants) = wants.get_mut(&id) {
                *wants = wants.saturating_sub(count);
            }
            if made.left || made.more {
                found.hungry.insert(id);
            }
            if is_full {
                found.full.push(id);
            }
            found.more |= made.more && !here.is_paced(id, now);
            here.bodies.make(engine, made.events).await;
            claimed.extend(made.claimed);
        }
    }
    Ok(claimed)
}

/// Moves one endpoint on. Says what came of it, and whether its replays are to rest.
async fn step(
    engine: Engine,
    work: EndpointAtWork,
    moves: Moves,
    lease_until: Timestamp,
) -> Result<(WebhookEndpointId, Step, bool), Error> {
    let (mut made, mut is_full) = (Step::default(), false);
    if moves.events {
        made = fan_out(&engine, &work, Claim { most: moves.claims.0, lease_until, reach: moves.reach }).await?;
    }
    if moves.replays {
        let taken = u32::try_from(made.claimed.len()).unwrap_or(u32::MAX);
        let most = moves.claims.1.saturating_sub(taken);
        if most == 0 && moves.reach != Reach::Far {
            // What just happened has taken all the room. The replay is looked at when there is some again.
            return Ok((work.endpoint.id, Step { more: true, ..made }, false));
        }
        match replay(&engine, &work.endpoint, Claim { most, lease_until, reach: moves.reach }).await? {
            Replayed::Made(step) => {
                made.claimed.extend(step.claimed);
                made.left |= step.left;
                made.more |= step.more;
            }
            Replayed::Full => is_full = true,
            Replayed::Nothing => {}
        }
    }
    Ok((work.endpoint.id, made, is_full))
}

/// Claims what is due, as much as is wanted.
async fn claim(
    engine: &Engine,
    works: &[EndpointAtWork],
    wants: &HashMap<WebhookEndpointId, u32>,
    found: &mut Found,
) -> Result<Vec<ClaimedDelivery>, Error> {
    let now = engine.now();
    let is_due = |work: &&EndpointAtWork| found.hungry.contains(&work.endpoint.id) || work.due_at.is_some_and(|at| at <= now);
    let wanted = works.iter().filter(is_due).filter_map(|work| {
        let wants = wants.get(&work.endpoint.id).copied().filter(|wants| *wants > 0)?;
        Some((work.endpoint.merchant, work.endpoint.id, wants))
    });
    let wanted: Vec<_> = wanted.collect();
    let waits = |work: &&EndpointAtWork| {
        let wants = wants.get(&work.endpoint.id).copied().unwrap_or_default();
        wants == 0 && work.due_at.is_some_and(|at| at <= now)
    };
    let waiting: Vec<_> = works.iter().filter(waits).map(|work| work.endpoint.id).collect();
    found.hungry.extend(waiting);
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let claimed = engine.store().claim_deliveries(wanted.clone(), now, LEASE).await?;
    let mut counts: HashMap<WebhookEndpointId, u32> = HashMap::new();
    claimed.iter().for_each(|claim| *counts.entry(claim.delivery.endpoint).or_default() += 1);
    found.hungry.extend(wanted.iter().filter(|(_, id, wants)| counts.get(id) == Some(wants)).map(|(_, id, _)| *id));
    Ok(claimed)
}

#[cfg(test)]
mod tests {
    use super::super::attempt::Pace;
    use super::*;
    use ducat_domain::webhooks::{EndpointStatus, WebhookEndpoint};

    const NOW: Timestamp = Timestamp::from_seconds(1_795_000_000);

    fn work(n: u8) -> EndpointAtWork {
        let endpoint = WebhookEndpoint {
            id: WebhookEndpointId::from_bytes([n; 16]),
            merchant: MerchantId::from_bytes([1; 16]),
            url: String::new(),
            description: String::new(),
            types: Vec::new(),
            status: EndpointStatus::Enabled,
            sealed_keys: Vec::new(),
            failing_since: None,
            failures: 0,
            events: 0,
            version: 1,
            created_at: NOW,
        };
        EndpointAtWork { endpoint, position: 0, behind: true, replays: false, due_at: None, fresh_due_at: None }
    }

    #[test]
    fn no_number_of_quick_endpoints_makes_a_node_hold_more_than_it_should() {
        let works: Vec<_> = (0..100).map(work).collect();
        let mut standings = Standings::default();
        for work in &works {
            let counted = standings.begin(work.endpoint.id);
            let pace = Pace { arrived_in: Some(Duration::ZERO), rest_until: None };
            standings.end(work.endpoint.id, counted, Some(pace), NOW);
        }
        let here = |in_hand| Here { standings: standings.clone(), in_hand, full: HashMap::new(), bodies: Bodies::default() };
        let sum = |wants: &HashMap<_, u32>| wants.values().sum::<u32>();
        let wants = here(HashMap::new()).wants(&works, NOW);
        assert!(sum(&wants) >= MOST_IN_HAND && sum(&wants) < MOST_IN_HAND + 2 * MOST_IN_HAND / 10, "{}", sum(&wants));
        let full = works[..16].iter().map(|work| (work.endpoint.id, 512)).collect();
        let wants = here(full).wants(&works, NOW);
        assert!(sum(&wants) <= 256, "what can be begun at once is claimed still, and no more: {}", sum(&wants));
        assert!(works[..16].iter().all(|work| !wants.contains_key(&work.endpoint.id)));
    }
}
