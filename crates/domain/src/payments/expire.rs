//! Lapsing: an order whose time is over and that has no attempt alive at a PSP.

use super::{Moved, OrderStatus, Payment};
use crate::Timestamp;
use crate::events::EventKind;

impl Payment {
    /// Ends an order whose time is over. Nothing while it has time, while an attempt is alive (the PSP is asked to end that first),
    /// or once it has ended.
    pub fn expire(mut self, now: Timestamp) -> Option<Moved> {
        let due = now >= self.order.terms.expires_at;
        if !due || self.attempt.status.is_live() || self.order.status.is_terminal() {
            return None;
        }
        self.enter(OrderStatus::Expired, "expire").ok()?;
        Some(self.moved(now, EventKind::Expired, Vec::new()))
    }
}
