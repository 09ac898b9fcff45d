//! What there is to do for webhook endpoints.

use ducat_domain::webhooks::{Delivery, DeliveryState, WebhookEndpoint};
use ducat_domain::{EventId, Timestamp};

/// An event, as far as its deliveries are concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventMark {
    /// Its place in the order of commits.
    pub position: i64,
    /// Its id.
    pub id: EventId,
    /// Its kind.
    pub kind: String,
}

/// A webhook endpoint that is in use, with what there is to do for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointAtWork {
    /// Which.
    pub endpoint: WebhookEndpoint,
    /// The place of the last event that was looked at.
    pub position: i64,
    /// Whether there are events after that.
    pub behind: bool,
    /// Whether it has a replay that has not come to its end.
    pub replays: bool,
    /// When the next delivery that waits is due,
    pub due_at: Option<Timestamp>,
    /// and when the next one of those that tell of what just happened.
    pub fresh_due_at: Option<Timestamp>,
}

/// A delivery that this caller may try until the lease ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedDelivery {
    /// Which.
    pub delivery: Delivery,
    /// Until when nobody else takes it.
    pub lease_until: Timestamp,
}

/// Which deliveries of an endpoint are listed.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeliveryFilter {
    /// In this state.
    pub state: Option<DeliveryState>,
    /// Of this event.
    pub event: Option<EventId>,
}
