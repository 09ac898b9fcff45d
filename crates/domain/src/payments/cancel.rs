//! Calling an order off: asked for first, done once the PSP confirms that nothing can be paid any more.

use super::{Moved, OrderStatus, Payment, TransitionError};
use crate::Timestamp;
use crate::events::EventKind;

impl Payment {
    /// Somebody wants the order called off. With an attempt alive at the PSP this only writes the wish down; without one it is done.
    /// Nothing where the wish is known already.
    pub fn request_cancel(mut self, now: Timestamp) -> Result<Option<Moved>, TransitionError> {
        if self.order.status.is_terminal() {
            return Err(TransitionError::Order { status: self.order.status, action: "be canceled" });
        }
        if self.order.cancel_requested_at.is_some() {
            return Ok(None);
        }
        self.order.cancel_requested_at = Some(now);
        let event = if self.attempt.status.is_live() {
            EventKind::CancelRequested
        } else {
            self.enter(OrderStatus::Canceled, "be canceled")?;
            EventKind::Canceled
        };
        Ok(Some(self.moved(now, event, Vec::new())))
    }
}
