//! Taking a paid order on, once: whoever comes second is told who was first, so that no order is fulfilled twice.

use super::{EventKind, Moved, OrderStatus, Payment, TransitionError};
use crate::Timestamp;
use serde::{Deserialize, Serialize};

/// Who took an order on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// In the merchant's own words: `redirect`, `webhook`, the number of an order in the shop.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

impl Payment {
    /// Takes the order on. Refused for an order without money, and for one that somebody has.
    pub fn claim(mut self, by: String, now: Timestamp) -> Result<Moved, TransitionError> {
        if let Some(Claim { by, at }) = self.order.claim {
            return Err(TransitionError::Claimed { by, at });
        }
        if !matches!(self.order.status, OrderStatus::Authorized | OrderStatus::Succeeded) {
            return Err(TransitionError::Order { status: self.order.status, action: "be claimed" });
        }
        self.order.claim = Some(Claim { by, at: now });
        Ok(self.moved(now, EventKind::Claimed, Vec::new()))
    }
}
