//! Applying what a PSP says. Messages come twice, late and out of order; what counts is how far the money is, and that only grows.

use super::{AttemptStatus, Fee, Moved, Observation, Observed, OrderStatus, Payment, TransitionError};
use crate::events::EventKind;
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
    /// Moves the order and its attempt a step towards what the PSP says. Nothing once it says nothing new. `check_at` is when the PSP is to be
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
            Observed::Held { authorized, captured } => self.held(authorized, captured, now, check_at, &mut entries)?,
            Observed::Captured(amount) => self.captured(amount, now, &mut entries)?,
            Observed::Failed => self.ended(AttemptStatus::Failed, seen, now, &mut entries)?,
            Observed::Canceled => self.ended(AttemptStatus::Canceled, seen, now, &mut entries)?,
            Observed::Expired => self.ended(AttemptStatus::Expired, seen, now, &mut entries)?,
        };
        // A fee has an event of its own, so that it is told in the same way whether it came with the money or after it. Before the money
        // is taken there is nothing to charge for: what a PSP says then is an estimate.
        let is_taken = self.attempt.status == AttemptStatus::Captured;
        let event = match event {
            None if is_taken && self.book_fees(&seen.fees, now, &mut entries) => Some(EventKind::FeeBooked),
            other => other,
        };
        Ok(event.map(|event| self.moved(now, event, entries)))
    }

    /// What the PSP charged, told by its statement: that is charged, however far the payment is. Nothing where it is known.
    pub fn fees_told(mut self, fees: &[Fee], now: Timestamp) -> Option<Moved> {
        let mut entries = Vec::new();
        self.book_fees(fees, now, &mut entries).then(|| self.moved(now, EventKind::FeeBooked, entries))
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

    /// The money is held, and a part of it may be taken already.
    fn held(
        &mut self,
        authorized: Money,
        captured: Money,
        now: Timestamp,
        check_at: Timestamp,
        entries: &mut Vec<Entry>,
    ) -> Result<Option<EventKind>, TransitionError> {
        self.of_this_order(authorized)?;
        let mut event = None;
        // A hold that was there before and is let go does not come back: that message is late.
        if !self.attempt.status.is_success() && self.attempt.authorized == 0 {
            self.attempt.status = AttemptStatus::Authorized;
            self.attempt.authorized = authorized.minor;
            self.attempt.check_at = Some(check_at);
            self.attempt.redirect_url = None;
            entries.extend(self.entry(EventRef::Authorized(self.attempt.id), now, &[self.receive(authorized, Layer::Pending)]));
            event = Some(self.money_came(OrderStatus::Authorized, EventKind::Authorized, authorized, 0)?);
        }
        let more = Money::new(captured.minor.saturating_sub(self.attempt.captured), captured.currency);
        if self.attempt.status != AttemptStatus::Authorized || more.minor <= 0 {
            return Ok(event);
        }
        let reference = self.capture_ref(captured.minor);
        let grown = self.take(more, captured.minor)?;
        let moves =
            [self.receive(more, Layer::Posted), self.give_back(more, Layer::Pending), self.receive(grown, Layer::Pending)];
        entries.extend(self.entry(reference, now, &moves));
        Ok(Some(event.unwrap_or(EventKind::PartiallyCaptured)))
    }

    /// All that will ever be taken is taken: `amount` in all.
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
        if amount.minor < self.attempt.captured {
            return Err(TransitionError::Amount);
        }
        let currency = amount.currency;
        let held = match self.attempt.status {
            AttemptStatus::Authorized => self.attempt.authorized - self.attempt.captured,
            _ => 0,
        };
        let more = Money::new(amount.minor - self.attempt.captured, currency);
        let known = self.attempt.authorized;
        let reference = if more.minor > 0 { self.capture_ref(amount.minor) } else { EventRef::Voided(self.attempt.id) };
        self.attempt.status = AttemptStatus::Captured;
        self.attempt.captured = amount.minor;
        self.attempt.authorized = known.max(amount.minor);
        self.attempt.capturing = 0;
        self.attempt.check_at = None;
        self.attempt.redirect_url = None;
        // What was held is resolved whole: the part that was taken is posted, the rest is let go.
        let moves = [self.receive(more, Layer::Posted), self.give_back(Money::new(held, currency), Layer::Pending)];
        entries.extend(self.entry(reference, now, &moves));
        // Taking more than was held (where a PSP allows it), or without a hold, authorises the difference at once.
        let newly_authorized = Money::new(self.attempt.authorized - known, currency);
        self.money_came(OrderStatus::Succeeded, EventKind::Succeeded, newly_authorized, more.minor).map(Some)
    }

    /// Notes a part that was taken of what is held. Gives what was taken beyond the hold, which is authorised by that.
    fn take(&mut self, more: Money, total: i64) -> Result<Money, TransitionError> {
        let grown = total.saturating_sub(self.attempt.authorized).max(0);
        self.attempt.captured = total;
        self.attempt.authorized += grown;
        if self.attempt.capturing <= total {
            self.attempt.capturing = 0;
        }
        let add = |sum: i64, more: i64| sum.checked_add(more).ok_or(crate::MoneyError::Overflow);
        self.order.amount_authorized = add(self.order.amount_authorized, grown)?;
        self.order.amount_captured = add(self.order.amount_captured, more.minor)?;
        Ok(Money::new(grown, more.currency))
    }

    /// The first capture of an attempt is known by the attempt, each further one by what it brings the sum to.
    fn capture_ref(&self, total: i64) -> EventRef {
        match self.attempt.captured {
            0 => EventRef::Captured(self.attempt.id),
            _ => EventRef::CapturedMore(self.attempt.id, total),
        }
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
            // The rest of a hold was let go: what was taken before stays taken.
            AttemptStatus::Authorized if self.attempt.captured > 0 => {
                let taken = Money::new(self.attempt.captured, self.order.terms.amount.currency);
                return self.captured(taken, now, entries);
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
        let known = self.attempt.decline.as_ref().is_some_and(|last| last.is_same_try(decline));
        if !known {
            self.attempt.decline = Some(decline.clone());
            self.attempt.declines = self.attempt.declines.saturating_add(1);
        }
        !known
    }

    /// Books the fee lines that are new.
    fn book_fees(&mut self, fees: &[Fee], now: Timestamp, entries: &mut Vec<Entry>) -> bool {
        let mut news = false;
        for fee in fees {
            if self.attempt.fees.iter().any(|known| known.psp_line == fee.psp_line) {
                continue;
            }
            self.attempt.fees.push(fee.clone());
            let line = EventRef::Fee(self.attempt.psp_account, fee.psp_line.clone());
            let receivable = Account::PspReceivable(self.attempt.psp_account);
            // A fee that is given back is a negative one.
            let charge = Transfer::signed(Account::ExpensePspFee, receivable, fee.amount);
            entries.extend(self.entry(line, now, &[charge]));
            news = true;
        }
        news
    }

    fn of_this_order(&self, amount: Money) -> Result<(), TransitionError> {
        let asked = self.order.terms.amount;
        // More than the order's amount comes only where we asked for it.
        let most = asked.minor.max(self.attempt.capturing).max(self.attempt.authorized);
        let fits = amount.currency == asked.currency && amount.minor > 0 && amount.minor <= most;
        if fits { Ok(()) } else { Err(TransitionError::Amount) }
    }

    pub(super) fn entry(&self, event_ref: EventRef, now: Timestamp, moves: &[Transfer]) -> Option<Entry> {
        Entry::transfer(event_ref, Some(self.order.id), now, moves)
    }

    pub(super) fn receive(&self, amount: Money, layer: Layer) -> Transfer {
        let debit = Account::PspReceivable(self.attempt.psp_account);
        Transfer { debit, credit: Account::MerchantPayable(self.order.merchant), amount, layer }
    }

    pub(super) fn give_back(&self, amount: Money, layer: Layer) -> Transfer {
        let credit = Account::PspReceivable(self.attempt.psp_account);
        Transfer { debit: Account::MerchantPayable(self.order.merchant), credit, amount, layer }
    }
}
