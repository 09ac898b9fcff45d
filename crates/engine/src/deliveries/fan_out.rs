//! From events to deliveries. The events are the outbox: an endpoint knows how far it has come in them, and what it wants of the next ones
//! becomes deliveries in the same commit that moves it on. So nothing is lost, whenever the process dies, and a payment writes nothing
//! more for being told of.

use crate::{Engine, Error};
use ducat_domain::webhooks::{Delivery, DeliveryOrigin, DeliveryState, Replay, WebhookEndpoint};
use ducat_domain::{DeliveryId, Timestamp};
use ducat_store::{Change, ClaimedDelivery, CommitError, DeliveryWrite, EndpointAtWork, EndpointWrite, EventMark, EventRow};

/// How many events are looked at in one step.
const AT_ONCE: u32 = 500;
/// Smaller steps are as long as this many times, or a power of two below it.
const STEP: u32 = 100;
/// While so many deliveries of an endpoint wait, its replays rest.
const REPLAY_ROOM: u32 = 1000;

/// How many of the deliveries that are made belong at once to who makes them, and until when.
#[derive(Clone, Copy)]
pub(super) struct Claim {
    pub most: u32,
    pub lease_until: Timestamp,
    pub reach: Reach,
}

/// How far a step goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Through so many events as are looked at in one step: what is not claimed waits.
    Far,
    /// Only through as many as may be claimed.
    Claimed,
    /// The same, and the events are read whole, because nobody else has them sent at the same time.
    ClaimedAlone,
}

impl Claim {
    /// How many events are read. Only in so many sizes as there may be statements that a connection keeps.
    fn at_once(&self) -> u32 {
        match (self.reach, self.most.min(AT_ONCE)) {
            (Reach::Far, _) => AT_ONCE,
            (_, most) if most >= STEP => most - most % STEP,
            (_, most) => most.checked_ilog2().map_or(1, |log| 1 << log),
        }
    }
}

/// What a step came to.
#[derive(Default)]
pub(super) struct Step {
    /// What belongs to who made the step.
    pub claimed: Vec<ClaimedDelivery>,
    /// Whether it made more than that, which waits for whoever has room.
    pub left: bool,
    /// Whether there may be more to do at once.
    pub more: bool,
    /// The events, where they were read whole.
    pub events: Vec<EventRow>,
}

/// What a step of a replay came to.
pub(super) enum Replayed {
    /// It was made.
    Made(Step),
    /// There is none to move on.
    Nothing,
    /// So much waits at its endpoint that it rests.
    Full,
}

/// Moves an endpoint on in the events.
pub(super) async fn fan_out(engine: &Engine, work: &EndpointAtWork, claim: Claim) -> Result<Step, Error> {
    let endpoint = &work.endpoint;
    let at_once = claim.at_once();
    let (marks, events) = if claim.reach == Reach::ClaimedAlone {
        let whole = engine.store().whole_events_past(endpoint.merchant, work.position, at_once).await?;
        whole.into_iter().unzip()
    } else {
        (engine.store().events_past(endpoint.merchant, work.position, at_once).await?, Vec::new())
    };
    let Some(last) = marks.last() else { return Ok(Step::default()) };
    let advance = EndpointWrite::Advance {
        merchant: endpoint.merchant,
        endpoint: endpoint.id,
        version: endpoint.version,
        from: work.position,
        to: last.position,
    };
    let now = engine.now();
    let wanted = marks.iter().filter(|mark| endpoint.wants(&mark.kind));
    let deliveries = wanted.map(|mark| new(engine, endpoint, mark, DeliveryOrigin::Event, now)).collect();
    let step = commit(engine, advance, in_order(deliveries), claim).await?;
    Ok(Step { more: marks.len() >= at_once as usize, events, ..step })
}

/// Moves the replays of an endpoint on.
pub(super) async fn replay(engine: &Engine, endpoint: &WebhookEndpoint, claim: Claim) -> Result<Replayed, Error> {
    let (merchant, id) = (endpoint.merchant, endpoint.id);
    let Some(replay) = engine.store().open_replays(merchant, id).await?.into_iter().next() else { return Ok(Replayed::Nothing) };
    if engine.store().waiting_deliveries(merchant, id, REPLAY_ROOM).await? >= REPLAY_ROOM {
        return Ok(Replayed::Full);
    }
    let at_once = claim.at_once();
    let marks = engine.store().events_between(merchant, replay.cursor, replay.from, replay.before, at_once).await?;
    let now = engine.now();
    let wanted = marks.iter().filter(|mark| wants(&replay, endpoint, &mark.kind));
    let deliveries: Vec<_> = wanted.map(|mark| new(engine, endpoint, mark, DeliveryOrigin::Replay, now)).collect();
    let cursor = marks.last().map(|mark| mark.id);
    let made = u32::try_from(deliveries.len()).unwrap_or(u32::MAX);
    let done_at = (marks.len() < at_once as usize).then_some(now);
    let advance = EndpointWrite::AdvanceReplay { replay, cursor, made, done_at };
    let step = commit(engine, advance, in_order(deliveries), claim).await?;
    Ok(Replayed::Made(Step { more: true, ..step }))
}

fn wants(replay: &Replay, endpoint: &WebhookEndpoint, kind: &str) -> bool {
    if replay.types.is_empty() { endpoint.wants(kind) } else { replay.types.iter().any(|wanted| wanted == kind) }
}

/// Ids of one moment are in no order of their own; sorted, they keep the deliveries in the order of their events.
fn in_order(mut deliveries: Vec<Delivery>) -> Vec<Delivery> {
    let mut ids: Vec<DeliveryId> = deliveries.iter().map(|delivery| delivery.id).collect();
    ids.sort();
    deliveries.iter_mut().zip(ids).for_each(|(delivery, id)| delivery.id = id);
    deliveries
}

/// A delivery of an event, due now.
pub(super) fn new(
    engine: &Engine,
    endpoint: &WebhookEndpoint,
    mark: &EventMark,
    origin: DeliveryOrigin,
    now: Timestamp,
) -> Delivery {
    Delivery {
        id: DeliveryId::new(now, engine.chance()),
        endpoint: endpoint.id,
        merchant: endpoint.merchant,
        event: mark.id,
        kind: mark.kind.clone(),
        origin,
        body: None,
        state: DeliveryState::Pending,
        tries: 0,
        step: 0,
        next_at: Some(now),
        created_at: now,
    }
}

/// Makes the deliveries, the first of them claimed already. Whoever was faster, or changed the endpoint meanwhile, has made this step needless:
/// the next look begins anew.
async fn commit(engine: &Engine, advance: EndpointWrite, deliveries: Vec<Delivery>, claim: Claim) -> Result<Step, Error> {
    let most = claim.most as usize;
    let write = |(index, delivery): (usize, &Delivery)| match index < most {
        true => DeliveryWrite::InsertClaimed(delivery.clone(), claim.lease_until),
        false => DeliveryWrite::Insert(delivery.clone()),
    };
    let writes = deliveries.iter().enumerate().map(write).collect();
    match engine.store().commit(Change { endpoints: vec![advance], deliveries: writes, ..Change::default() }).await {
        Ok(()) => {}
        Err(CommitError::Stale) => return Ok(Step::default()),
        Err(e) => return Err(e.into()),
    }
    let left = deliveries.len() > most;
    let claimed = |delivery| ClaimedDelivery { delivery, lease_until: claim.lease_until };
    Ok(Step { claimed: deliveries.into_iter().take(most).map(claimed).collect(), left, ..Step::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_reads_no_more_than_may_be_claimed_and_only_in_a_few_sizes() {
        let at_once = |most, reach| Claim { most, lease_until: Timestamp::from_seconds(1), reach }.at_once();
        let sizes: std::collections::BTreeSet<u32> = (1..2000)
            .map(|most| {
                let size = at_once(most, Reach::Claimed);
                assert!((1..=most).contains(&size) && 2 * size > most.min(AT_ONCE), "{size} of {most}");
                size
            })
            .collect();
        assert_eq!((sizes.len(), sizes.last()), (12, Some(&AT_ONCE)));
        assert_eq!((at_once(0, Reach::Claimed), at_once(0, Reach::Far)), (1, AT_ONCE));
    }
}
