//! Deliveries that are claimed here and wait for their turn, each endpoint's by itself. What just happened goes before what waits anyway.

use ducat_domain::webhooks::DeliveryOrigin;
use ducat_domain::{Timestamp, WebhookEndpointId};
use ducat_store::ClaimedDelivery;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// A claimed delivery with what is sent, where that is known already.
pub(super) struct Ready {
    pub claim: ClaimedDelivery,
    pub body: Option<Arc<str>>,
}

/// Those of one endpoint: what just happened, and the rest.
#[derive(Default)]
struct Waiting {
    fresh: VecDeque<Ready>,
    other: VecDeque<Ready>,
}

impl Waiting {
    fn all(self) -> impl Iterator<Item = ClaimedDelivery> {
        self.fresh.into_iter().chain(self.other).map(|ready| ready.claim)
    }
}

/// All of them.
#[derive(Default)]
pub(super) struct Hand(HashMap<WebhookEndpointId, Waiting>);

impl Hand {
    /// One more.
    pub fn put(&mut self, ready: Ready) {
        let delivery = &ready.claim.delivery;
        let is_fresh = delivery.origin == DeliveryOrigin::Event && delivery.step == 0;
        let waiting = self.0.entry(delivery.endpoint).or_default();
        if is_fresh { &mut waiting.fresh } else { &mut waiting.other }.push_back(ready);
    }

    /// The next one of an endpoint whose claim is good for so long. Those whose claim is not come again by themselves.
    pub fn next(&mut self, id: WebhookEndpointId, now: Timestamp, good_for: Duration) -> Option<Ready> {
        let waiting = self.0.get_mut(&id)?;
        loop {
            let next = waiting.fresh.pop_front().or_else(|| waiting.other.pop_front());
            if waiting.fresh.is_empty() && waiting.other.is_empty() {
                self.0.remove(&id);
                return next.filter(|ready| ready.claim.lease_until >= now.plus(good_for));
            }
            if next.as_ref().is_some_and(|ready| ready.claim.lease_until >= now.plus(good_for)) {
                return next;
            }
        }
    }

    /// Endpoints that have some.
    pub fn endpoints(&self) -> Vec<WebhookEndpointId> {
        self.0.keys().copied().collect()
    }

    /// How many each endpoint has.
    pub fn counts(&self) -> HashMap<WebhookEndpointId, u32> {
        self.0.keys().map(|id| (*id, self.count(*id))).collect()
    }

    /// How many an endpoint has.
    pub fn count(&self, id: WebhookEndpointId) -> u32 {
        let count = self.0.get(&id).map_or(0, |waiting| waiting.fresh.len() + waiting.other.len());
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes away those of an endpoint.
    pub fn take(&mut self, id: WebhookEndpointId) -> Vec<ClaimedDelivery> {
        self.0.remove(&id).map(|waiting| waiting.all().collect()).unwrap_or_default()
    }

    /// Takes away all.
    pub fn take_all(&mut self) -> Vec<ClaimedDelivery> {
        self.0.drain().flat_map(|(_, waiting)| waiting.all()).collect()
    }
}
