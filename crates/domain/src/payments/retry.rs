//! Another attempt on the same order, once the one before has surely ended without money.

use super::{Attempt, MAX_ATTEMPTS, Moved, Payment, PspName, TransitionError};
use crate::events::EventKind;
use crate::{AttemptId, PspAccountId, Timestamp};

impl Payment {
    /// Begins a new attempt. Refused while the last one may still bring money.
    pub fn start_attempt(
        mut self,
        next: (AttemptId, PspAccountId, PspName),
        now: Timestamp,
        check_at: Timestamp,
    ) -> Result<Moved, TransitionError> {
        let refused = |action| TransitionError::Order { status: self.order.status, action };
        if self.order.status.is_terminal() || self.order.cancel_requested_at.is_some() || now >= self.order.terms.expires_at {
            return Err(refused("be tried again"));
        }
        if self.attempt.status.is_live() || self.attempt.status.is_success() {
            return Err(refused("be tried again while an attempt is under way"));
        }
        if self.attempt.number >= MAX_ATTEMPTS {
            return Err(TransitionError::TooManyAttempts);
        }
        self.attempt = Attempt::new(next, self.attempt.number + 1, now, check_at);
        Ok(self.moved(now, EventKind::AttemptStarted, Vec::new()))
    }
}
