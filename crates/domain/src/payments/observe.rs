//! Applying what a PSP says. Messages come twice, late and out of order; what counts is how far the money is, and that only grows.

use super::{AttemptStatus, EventKind, Fee, Moved, Observation, Observed, OrderStatus, Payment, TransitionError};
use crate::journal::{Account, Entry, EventRef, Layer, Transfer};
use crate::{Money, Timestamp};

/// How far an observation is, compared with where the attempt stands.
fn rank(status: AttemptStatus) -> u8 {
    match status {
        AttemptStatus::Registering | AttemptStatus::Unknown => 0,
        AttemptStatus::RequiresAction => 1,
        AttemptStatus::Processing => 2,
        AttemptStatus::Failed | AttemptStatus::Canceled | AttemptStatus::Expired => 3,
        AttemptStatus::Authorized => 4,
        AttemptStatus::Captured => 5,
    }
}

impl Payment {
    /// Moves the order and its attempt to what the PSP says. Nothing where it says nothing new. `check_at` is when the PSP is to be
    /// asked again if the matter stays open.
    pub fn observe(mut self, seen: &Observation, now: Timestamp, check_at: Timestamp) -> Result<Option<Moved>, TransitionError> {
        match &self.attempt.token {
            Some(token) if *token != seen.token => return Err(TransitionError::Token),
            _ => self.attempt.token = Some(seen.token.clone()),
        }
        if self.attempt.psp_payment.is_none() {
            self.attempt.psp_payment.clone_from(&seen.psp_payment);
        }
        let mut entries = Vec::new();
        let event = match seen.state {
            Observed::Open => self.opened(seen, check_at)?,
            Observed::Processing => self.processing(check_at)?,
            Observed::Authorized(amount) => self.authorized(amount, now, check_at, &mut entries)?,
            Observed::Captured(amount) => self.captured(amount, now, &mut entries)?,
            Observed::Failed => self.ended(AttemptStatus::Failed, seen, now, &mut entries)?,
            Observed::Canceled => self.ended(AttemptStatus::Canceled, seen, now, &mut entries)?,
            Observed::Expired => self.ended(AttemptStatus::Expired, seen, now, &mut entries)?,
        };
        let fees = self.book_fees(&seen.fees, now, &mut entries);
        let event = event.or(fees.then_some(EventKind::FeeBooked));
        Ok(event.map(|event| self.moved(now, event, entries)))
    }

    fn opened(&mut self, seen: &Observation, check_at: Timestamp) -> Result<Option<EventKind>, TransitionError> {
        let before = self.attempt.status;
        if rank(before) > rank(AttemptStatus::Processing) {
            return Ok(None);
        }
        let declined = self.note_decline(seen);
        if before == AttemptStatus::RequiresAction {
            return Ok(declined.then_some(EventKind::AttemptDeclined));
        }
        // A registration confirmed at last, or a payment that went back to the customer.
        if before == AttemptStatus::Processing && !declined {
            return Ok(None);
        }
        self.attempt.status = AttemptStatus::RequiresAction;
        self.attempt.redirect_url.clone_from(&seen.redirect_url);
        self.attempt.check_at = Some(check_at);
        if !self.order.status.is_terminal() {
            self.enter(OrderStatus::Pending, "be registered")?;
        }
        Ok(Some(if declined { EventKind::AttemptDeclined } else { EventKind::Pending }))
    }

    fn processing(&mut self, check_at: Timestamp) -> Result<Option<EventKind>, TransitionError> {
        if rank(self.attempt.status) >= rank(AttemptStatus::Processing) {
            return Ok(None);
        }
        self.attempt.status = AttemptStatus::Processing;
        self.attempt.check_at = Some(check_at);
        self.attempt.redirect_url = None;
        if !self.order.status.is_terminal() {
            self.enter(OrderStatus::Processing, "be processed")?;
        }
        Ok(Some(EventKind::Processing))
    }

    fn authorized(
        &mut self,
        amount: Money,
        now: Timestamp,
        check_at: Timestamp,
        entries: &mut Vec<Entry>,
    ) -> Result<Option<EventKind>, TransitionError> {
        self.of_this_order(amount)?;
        // A hold that was there before and is let go does not come back: that message is late.
        if self.attempt.status.is_success() || self.attempt.authorized > 0 {
            return Ok(None);
        }
        self.attempt.status = AttemptStatus::Authorized;
        self.attempt.authorized = amount.minor;
        self.attempt.check_at = Some(check_at);
        self.attempt.redirect_url = None;
        entries.extend(self.entry(EventRef::Authorized(self.attempt.id), now, &[self.receive(amount, Layer::Pending)]));
        self.money_came(OrderStatus::Authorized, EventKind::Authorized, amount, 0).map(Some)
    }

    fn captured(
        &mut self,
        amount: Money,
        now: Timestamp,
        entries: &mut Vec<Entry>,
    ) -> Result<Option<EventKind>, TransitionError> {
        self.of_this_order(amount)?;
        if self.attempt.status == AttemptStatus::Captured {
            return Ok(None);
        }
        let known = Money::new(self.attempt.authorized, amount.currency);
        let held = if self.attempt.status == AttemptStatus::Authorized { known } else { Money::new(0, amount.currency) };
        // Taking more than was held (where a PSP allows it), or without a hold, authorises the difference at once.
        let newly_authorized = Money::new(amount.minor.saturating_sub(known.minor).max(0), amount.currency);
        self.attempt.status = AttemptStatus::Captured;
        self.attempt.captured = amount.minor;
        self.attempt.authorized = self.attempt.authorized.max(amount.minor);
        self.attempt.check_at = None;
        self.attempt.redirect_url = None;
        // What was held is resolved whole: the part that was taken is posted, the rest is let go.
        let moves = [self.receive(amount, Layer::Posted), self.give_back(held, Layer::Pending)];
        entries.extend(self.entry(EventRef::Captured(self.attempt.id), now, &moves));
        self.money_came(OrderStatus::Succeeded, EventKind::Succeeded, newly_authorized, amount.minor).map(Some)
    }

    /// Books money on the order: by the attempt that pays it, or as a surplus when another one has.
    fn money_came(
        &mut self,
        status: OrderStatus,
        event: EventKind,
        authorized: Money,
        captured: i64,
    ) -> Result<EventKind, TransitionError> {
        let add = |sum: i64, more: i64| sum.checked_add(more).ok_or(crate::MoneyError::Overflow);
        self.order.amount_authorized = add(self.order.amount_authorized, authorized.minor)?;
        self.order.amount_captured = add(self.order.amount_captured, captured)?;
        if self.order.paid_by.is_some_and(|paid_by| paid_by != self.attempt.id) {
            self.attempt.surplus = true;
            return Ok(EventKind::PaidTwice);
        }
        if self.order.status.is_terminal() && self.order.status != status {
            self.order.paid_late = true;
        }
        self.order.paid_by = Some(self.attempt.id);
        // It may have been held as a surplus until the attempt before it let go.
        self.attempt.surplus = false;
        self.enter(status, "be paid")?;
        Ok(event)
    }

    fn ended(
        &mut self,
        status: AttemptStatus,
        seen: &Observation,
        now: Timestamp,
        entries: &mut Vec<Entry>,
    ) -> Result<Option<EventKind>, TransitionError> {
        match self.attempt.status {
            AttemptStatus::Captured | AttemptStatus::Failed | AttemptStatus::Canceled | AttemptStatus::Expired => {
                return Ok(None);
            }
            AttemptStatus::Authorized => {
                let held = Money::new(self.attempt.authorized, self.order.terms.amount.currency);
                entries.extend(self.entry(EventRef::Voided(self.attempt.id), now, &[self.give_back(held, Layer::Pending)]));
                if self.order.paid_by == Some(self.attempt.id) {
                    self.order.paid_by = None;
                }
            }
            _ => {}
        }
        self.note_decline(seen);
        self.attempt.end(status);
        self.ended_without_money(now).map(Some)
    }

    /// Writes a refusal down; says whether it was news.
    fn note_decline(&mut self, seen: &Observation) -> bool {
        let Some(decline) = &seen.decline else { return false };
        let known = self.attempt.decline.as_ref().is_some_and(|last| last == decline);
        if !known {
            self.attempt.decline = Some(decline.clone());
            self.attempt.declines = self.attempt.declines.saturating_add(1);
        }
        !known
    }

    /// Books the fee lines that are new; only once the money is taken, because before that there is nothing to charge for.
    fn book_fees(&mut self, fees: &[Fee], now: Timestamp, entries: &mut Vec<Entry>) -> bool {
        if self.attempt.status != AttemptStatus::Captured {
            return false;
        }
        let mut news = false;
        for fee in fees {
            if self.attempt.fees.iter().any(|known| known.psp_line == fee.psp_line) {
                continue;
            }
            self.attempt.fees.push(fee.clone());
            let line = EventRef::Fee(self.attempt.psp_account, fee.psp_line.clone());
            let charge = Transfer {
                debit: Account::ExpensePspFee,
                credit: Account::PspReceivable(self.attempt.psp_account),
                amount: fee.amount,
                layer: Layer::Posted,
            };
            entries.extend(self.entry(line, now, &[charge]));
            news = true;
        }
        news
    }

    fn of_this_order(&self, amount: Money) -> Result<(), TransitionError> {
        let asked = self.order.terms.amount;
        let fits = amount.currency == asked.currency && amount.minor > 0 && amount.minor <= asked.minor;
        if fits { Ok(()) } else { Err(TransitionError::Amount) }
    }

    fn entry(&self, event_ref: EventRef, now: Timestamp, moves: &[Transfer]) -> Option<Entry> {
        Entry::transfer(event_ref, Some(self.order.id), now, moves)
    }

    fn receive(&self, amount: Money, layer: Layer) -> Transfer {
        let debit = Account::PspReceivable(self.attempt.psp_account);
        Transfer { debit, credit: Account::MerchantPayable(self.order.merchant), amount, layer }
    }

    fn give_back(&self, amount: Money, layer: Layer) -> Transfer {
        let credit = Account::PspReceivable(self.attempt.psp_account);
        Transfer { debit: Account::MerchantPayable(self.order.merchant), credit, amount, layer }
    }
}
