//! Stopping an order on which too much was refused: it ends with the attempt that was closed because of it.

use super::{AttemptStatus, Decline, DeclineCode, Moved, OrderStatus};
use crate::events::EventKind;

impl Moved {
    /// The same move, where the attempt ended without money because we closed it for its refusals: the order fails, and nobody can try
    /// it again. Anything else stays as it is, such as money that was faster, or an order that has ended for a reason of its own.
    pub fn stopping(mut self) -> Self {
        if self.event != EventKind::AttemptEnded || self.payment.order.status.is_terminal() {
            return self;
        }
        let order = &mut self.payment.order;
        order.status = OrderStatus::Failed;
        order.status_version = order.version;
        self.payment.attempt.status = AttemptStatus::Failed;
        self.payment.attempt.decline = Some(Decline::of(DeclineCode::TooManyDeclines));
        self.event = EventKind::Failed;
        self
    }
}
