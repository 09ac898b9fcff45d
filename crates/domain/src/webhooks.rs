//! How merchants are told of events: their endpoints, and the deliveries to them.

use crate::{DeliveryId, EventId, MerchantId, ReplayId, Timestamp, WebhookEndpointId};

/// A merchant's address for events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookEndpoint {
    /// Its id.
    pub id: WebhookEndpointId,
    /// Whose.
    pub merchant: MerchantId,
    /// Where deliveries go.
    pub url: String,
    /// What the merchant calls it.
    pub description: String,
    /// The kinds of events that it wants; empty for all.
    pub types: Vec<String>,
    /// Whether it is used.
    pub status: EndpointStatus,
    /// The keys with which its deliveries are signed, encrypted.
    pub sealed_keys: Vec<u8>,
    /// Since when every try has failed.
    pub failing_since: Option<Timestamp>,
    /// How many tries have failed since the last success.
    pub failures: u32,
    /// How many events there are about it.
    pub events: u32,
    /// Counts the changes of its settings.
    pub version: u32,
    /// When it was recorded.
    pub created_at: Timestamp,
}

impl WebhookEndpoint {
    /// Whether it wants events of this kind.
    pub fn wants(&self, kind: &str) -> bool {
        self.types.is_empty() || self.types.iter().any(|wanted| wanted == kind)
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $word:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$word_doc])* $word,)+ }

        impl $name {
            /// Every one there is.
            pub const ALL: &[Self] = &[$(Self::$word),+];

            /// As text, as the store keeps it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$word => $text,)+ }
            }

            /// The one with this text.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == text)
            }
        }
    };
}

words! {
    /// Whether an endpoint is used, and if not, why.
    EndpointStatus {
        /// It is used.
        Enabled = "enabled",
        /// The merchant paused it. What happens meanwhile is delivered when it is used again.
        Disabled = "disabled",
        /// It failed for days, and was paused for that.
        Failing = "failing",
        /// It asked to be left alone (410), and was paused for that.
        Gone = "gone",
        /// The merchant took it away for good.
        Deleted = "deleted",
    }
}

words! {
    /// Where a delivery stands.
    DeliveryState {
        /// It will be tried.
        Pending = "pending",
        /// The endpoint took it.
        Succeeded = "succeeded",
        /// It is tried no more, unless somebody asks for it: the dead-letter list.
        Dead = "dead",
    }
}

words! {
    /// Why there is a delivery.
    DeliveryOrigin {
        /// The event happened.
        Event = "event",
        /// The merchant asked for it again.
        Replay = "replay",
        /// The merchant wanted to see whether it arrives.
        Test = "test",
    }
}

/// One event on its way to one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// Where to.
    pub endpoint: WebhookEndpointId,
    /// Whose.
    pub merchant: MerchantId,
    /// What it tells of; what the receiver knows it by.
    pub event: EventId,
    /// The event's kind.
    pub kind: String,
    /// Why there is this delivery.
    pub origin: DeliveryOrigin,
    /// What is sent, where the event is not in the log.
    pub body: Option<String>,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was tried.
    pub tries: u32,
    /// How many tries of its schedule are used up.
    pub step: u32,
    /// When it is tried next, while it is pending.
    pub next_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// One try of a delivery, as it went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryTry {
    /// 1 for the first.
    pub number: u32,
    /// When it began.
    pub at: Timestamp,
    /// How long it took.
    pub took_ms: u32,
    /// Where it went.
    pub url: String,
    /// What was sent with it, signatures left out.
    pub request_headers: Vec<(String, String)>,
    /// The answer, where there was one.
    pub answer: Option<TryAnswer>,
    /// Why it failed.
    pub error: Option<String>,
}

/// What a receiver answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TryAnswer {
    /// The HTTP status.
    pub status: u16,
    /// A few headers.
    pub headers: Vec<(String, String)>,
    /// Its beginning.
    pub body: String,
    /// Whether there was more.
    pub truncated: bool,
}

/// The wish to have the events of a range delivered again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// Its id.
    pub id: ReplayId,
    /// Where to.
    pub endpoint: WebhookEndpointId,
    /// Whose.
    pub merchant: MerchantId,
    /// Events of this moment or later.
    pub from: Timestamp,
    /// Events before this moment.
    pub before: Timestamp,
    /// The kinds of events; empty for those that the endpoint wants.
    pub types: Vec<String>,
    /// The last event that was looked at.
    pub cursor: Option<EventId>,
    /// How many deliveries it has made.
    pub made: u32,
    /// When the last event of the range was looked at.
    pub done_at: Option<Timestamp>,
    /// When it was asked for.
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back() {
        for status in EndpointStatus::ALL {
            assert_eq!(EndpointStatus::parse(status.as_str()), Some(*status));
        }
        for state in DeliveryState::ALL {
            assert_eq!(DeliveryState::parse(state.as_str()), Some(*state));
        }
        for origin in DeliveryOrigin::ALL {
            assert_eq!(DeliveryOrigin::parse(origin.as_str()), Some(*origin));
        }
        assert_eq!(EndpointStatus::parse("on"), None);
    }
}
