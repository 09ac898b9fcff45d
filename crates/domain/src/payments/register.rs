//! What becomes of a registration when the PSP did not simply confirm it: the answer was lost, the PSP refused, or it never heard of it.

use super::{AttemptStatus, Decline, Moved, OrderStatus, Payment, TransitionError};
use crate::Timestamp;
use crate::events::EventKind;

impl Payment {
    /// The answer was lost: we cannot tell what happened, and ask at `check_at`. Nothing where this is known already.
    pub fn registration_unknown(mut self, now: Timestamp, check_at: Timestamp) -> Option<Moved> {
        if self.attempt.status != AttemptStatus::Registering {
            return None;
        }
        self.attempt.status = AttemptStatus::Unknown;
        self.attempt.check_at = Some(check_at);
        Some(self.moved(now, EventKind::AttemptUnknown, Vec::new()))
    }

    /// The PSP refused the registration for good: nothing happened there and nothing will. The order cannot be paid in this way.
    pub fn registration_refused(mut self, decline: Decline, now: Timestamp) -> Result<Moved, TransitionError> {
        self.unconfirmed("be refused by the PSP")?;
        self.attempt.end(AttemptStatus::Failed);
        self.attempt.decline = Some(decline);
        let event = if self.order.cancel_requested_at.is_some() {
            self.enter(OrderStatus::Canceled, "be canceled")?;
            EventKind::Canceled
        } else {
            self.enter(OrderStatus::Failed, "fail")?;
            EventKind::Failed
        };
        Ok(self.moved(now, event, Vec::new()))
    }

    /// The PSP surely never got the registration: the attempt ends, and the order is free for another.
    pub fn registration_absent(mut self, decline: Decline, now: Timestamp) -> Result<Moved, TransitionError> {
        self.unconfirmed("be found absent at the PSP")?;
        self.attempt.end(AttemptStatus::Failed);
        self.attempt.decline = Some(decline);
        let event = self.ended_without_money(now)?;
        Ok(self.moved(now, event, Vec::new()))
    }

    fn unconfirmed(&self, action: &'static str) -> Result<(), TransitionError> {
        if self.attempt.status.is_unconfirmed() {
            Ok(())
        } else {
            Err(TransitionError::Order { status: self.order.status, action })
        }
    }

    /// Where the order goes when its live attempt ended without money: called off if somebody asked, lapsed if its time is over,
    /// else it waits for another attempt.
    pub(super) fn ended_without_money(&mut self, now: Timestamp) -> Result<EventKind, TransitionError> {
        if self.order.status.is_terminal() {
            return Ok(EventKind::AttemptEnded);
        }
        let hold_let_go = self.order.status == OrderStatus::Authorized;
        let voided = hold_let_go && self.attempt.status == AttemptStatus::Canceled;
        if self.order.cancel_requested_at.is_some() || voided {
            self.enter(OrderStatus::Canceled, "be canceled")?;
            Ok(EventKind::Canceled)
        } else if now >= self.order.terms.expires_at || hold_let_go {
            self.enter(OrderStatus::Expired, "expire")?;
            Ok(EventKind::Expired)
        } else {
            if self.order.status != OrderStatus::Created {
                self.enter(OrderStatus::Pending, "wait for another attempt")?;
            }
            Ok(EventKind::AttemptEnded)
        }
    }
}

impl super::Attempt {
    /// The attempt is over: nothing is to be checked any more.
    pub(super) fn end(&mut self, status: AttemptStatus) {
        self.status = status;
        self.capturing = 0;
        self.check_at = None;
        self.redirect_url = None;
    }
}
