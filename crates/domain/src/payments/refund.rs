//! Giving money back: written down first, done once the PSP says so, and undone where the money comes back days later.

use super::{AttemptStatus, Decline, EventKind, Moved, Part, Payment, RefundSeen, RefundState, TransitionError};
use crate::journal::{Entry, EventRef, Layer};
use crate::{AttemptId, Money, MoneyError, PaymentOrderId, PspAccountId, RefundId, Timestamp};
use serde::{Deserialize, Serialize};

/// One call to give money back. Its id is also our key at the PSP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// Its id.
    pub id: RefundId,
    /// Of which order.
    pub order: PaymentOrderId,
    /// Of which attempt.
    pub attempt: AttemptId,
    /// At which PSP account.
    pub psp_account: PspAccountId,
    /// How much, in the order's currency.
    pub amount: Money,
    /// Why, in the merchant's words.
    pub reason: Option<String>,
    /// Who began it.
    pub origin: RefundOrigin,
    /// Where it stands.
    pub status: RefundStatus,
    /// The PSP's id, once it has confirmed the refund.
    pub psp_refund: Option<String>,
    /// Why it failed.
    pub failure: Option<Decline>,
    /// When the PSP is asked again; empty once its last word is said.
    pub check_at: Option<Timestamp>,
    /// When it was written down; the key's lifetime counts from here.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Who began a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundOrigin {
    /// The merchant, through the API.
    Api,
    /// Somebody at the PSP, such as in its dashboard.
    Psp,
    /// We: the order had been paid by another attempt.
    Surplus,
}

impl RefundOrigin {
    /// Every origin there is.
    pub const ALL: &[Self] = &[Self::Api, Self::Psp, Self::Surplus];

    /// The origin as text, as in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Psp => "psp",
            Self::Surplus => "surplus",
        }
    }
}

/// Where a refund stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    /// Written down, or accepted by the PSP, whose last word is to come.
    Pending,
    /// We asked and cannot tell what happened.
    Unknown,
    /// The money is given back.
    Succeeded,
    /// The money did not go back, or came back.
    Failed,
}

impl RefundStatus {
    /// Every status there is.
    pub const ALL: &[Self] = &[Self::Pending, Self::Unknown, Self::Succeeded, Self::Failed];

    /// The status as text, as in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Unknown => "unknown",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }

    /// Whether the PSP's word is still to come.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Unknown)
    }
}

impl Refund {
    /// Whether the PSP has not confirmed it yet.
    pub const fn is_unconfirmed(&self) -> bool {
        self.status.is_open() && self.psp_refund.is_none()
    }
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct NewRefund {
    /// Its id.
    pub id: RefundId,
    /// Minor units; without it, all that is left.
    pub amount: Option<i64>,
    /// Why.
    pub reason: Option<String>,
    /// Who began it.
    pub origin: RefundOrigin,
}

impl Payment {
    /// What can still be given back of this attempt.
    pub fn refundable(&self) -> Money {
        let a = &self.attempt;
        let gone = a.refunded.saturating_add(a.refunding).saturating_add(a.disputed);
        Money::new(a.captured.saturating_sub(gone).max(0), self.order.terms.amount.currency)
    }

    /// Writes a refund down, before the PSP hears of it. From now on nobody else can give this money back.
    pub fn request_refund(mut self, new: NewRefund, now: Timestamp, check_at: Timestamp) -> Result<Moved, TransitionError> {
        if self.attempt.status != AttemptStatus::Captured {
            return Err(TransitionError::NothingCaptured);
        }
        if self.attempt.open_disputes > 0 {
            return Err(TransitionError::Disputed);
        }
        let left = self.refundable();
        let amount = Money::new(new.amount.unwrap_or(left.minor), left.currency);
        if amount.minor <= 0 || amount.minor > left.minor {
            return Err(TransitionError::TooMuch { left, action: "be refunded" });
        }
        let refund = self.refund(new.id, new.origin, amount, now);
        let refund = Refund { reason: new.reason, check_at: Some(check_at), ..refund };
        self.shift_refunding(amount.minor)?;
        let entry = self.entry(EventRef::RefundBegun(refund.id), now, &[self.give_back(amount, Layer::Pending)]);
        Ok(self.moved(now, EventKind::RefundCreated, Vec::from_iter(entry)).with(Part::Refund(refund)))
    }

    /// The answer was lost: it may have happened. Nothing where this is known already.
    pub fn refund_unknown(self, mut refund: Refund, now: Timestamp, check_at: Timestamp) -> Option<Moved> {
        if refund.status != RefundStatus::Pending || refund.psp_refund.is_some() {
            return None;
        }
        refund.status = RefundStatus::Unknown;
        refund.check_at = Some(check_at);
        refund.updated_at = now;
        Some(self.moved(now, EventKind::RefundUnknown, Vec::new()).with(Part::Refund(refund)))
    }

    /// The PSP refused, or surely never heard of it. Nothing where its fate is known already.
    pub fn refund_refused(
        mut self,
        mut refund: Refund,
        failure: Decline,
        now: Timestamp,
    ) -> Result<Option<Moved>, TransitionError> {
        if !refund.is_unconfirmed() {
            return Ok(None);
        }
        let entry = self.refund_fails(&mut refund, Some(failure), now)?;
        Ok(Some(self.moved(now, EventKind::RefundFailed, Vec::from_iter(entry)).with(Part::Refund(refund))))
    }

    /// A refund that was made at the PSP and not by us: it begins like every other, and is moved on by what the PSP says. Nothing where
    /// nothing moved and nothing will.
    pub fn refund_found(
        mut self,
        id: RefundId,
        seen: &RefundSeen,
        now: Timestamp,
        check_at: Timestamp,
    ) -> Result<Option<Moved>, TransitionError> {
        self.of_this_currency(seen.amount)?;
        if seen.state == RefundState::Failed {
            return Ok(None);
        }
        let refund = self.refund(id, RefundOrigin::Psp, seen.amount, now);
        let refund = Refund { psp_refund: Some(seen.psp_refund.clone()), check_at: Some(check_at), ..refund };
        self.shift_refunding(seen.amount.minor)?;
        let entry = self.entry(EventRef::RefundBegun(id), now, &[self.give_back(seen.amount, Layer::Pending)]);
        Ok(Some(self.moved(now, EventKind::RefundCreated, Vec::from_iter(entry)).with(Part::Refund(refund))))
    }

    /// Moves a refund to what the PSP says of it. Nothing where it says nothing new.
    pub fn refund_heard(
        mut self,
        mut refund: Refund,
        seen: &RefundSeen,
        now: Timestamp,
        check_at: Timestamp,
    ) -> Result<Option<Moved>, TransitionError> {
        if refund.psp_refund.as_ref().is_some_and(|known| *known != seen.psp_refund) {
            return Err(TransitionError::Token);
        }
        if seen.amount != refund.amount {
            return Err(TransitionError::Amount);
        }
        let confirmed = refund.psp_refund.is_some();
        refund.psp_refund = Some(seen.psp_refund.clone());
        match (refund.status, seen.state) {
            // We had given it up, and the PSP did it all the same.
            (RefundStatus::Failed, RefundState::Succeeded) if !confirmed => {
                refund.failure = None;
                self.refund_succeeds(refund, now, Layer::Posted).map(Some)
            }
            (RefundStatus::Failed, _) => Ok(None),
            (RefundStatus::Succeeded, RefundState::Failed)
            | (RefundStatus::Pending | RefundStatus::Unknown, RefundState::Failed) => {
                let entry = self.refund_fails(&mut refund, seen.failure.clone(), now)?;
                Ok(Some(self.moved(now, EventKind::RefundFailed, Vec::from_iter(entry)).with(Part::Refund(refund))))
            }
            (RefundStatus::Succeeded, _) => Ok(None),
            (_, RefundState::Succeeded) => {
                self.shift_refunding(-refund.amount.minor)?;
                self.refund_succeeds(refund, now, Layer::Pending).map(Some)
            }
            (_, RefundState::Pending) if confirmed => Ok(None),
            (_, RefundState::Pending) => {
                refund.status = RefundStatus::Pending;
                refund.check_at = Some(check_at);
                refund.updated_at = now;
                Ok(Some(self.moved(now, EventKind::RefundPending, Vec::new()).with(Part::Refund(refund))))
            }
        }
    }

    fn refund(&self, id: RefundId, origin: RefundOrigin, amount: Money, now: Timestamp) -> Refund {
        Refund {
            id,
            order: self.order.id,
            attempt: self.attempt.id,
            psp_account: self.attempt.psp_account,
            amount,
            reason: None,
            origin,
            status: RefundStatus::Pending,
            psp_refund: None,
            failure: None,
            check_at: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// The money is gone. `from` says where it lay: held for this refund, or with the merchant.
    fn refund_succeeds(mut self, mut refund: Refund, now: Timestamp, from: Layer) -> Result<Moved, TransitionError> {
        let amount = refund.amount;
        self.shift_refunded(amount.minor)?;
        refund.status = RefundStatus::Succeeded;
        refund.check_at = None;
        refund.updated_at = now;
        let held = Money::new(if from == Layer::Pending { amount.minor } else { 0 }, amount.currency);
        let moves = [self.give_back(amount, Layer::Posted), self.receive(held, Layer::Pending)];
        let entry = self.entry(EventRef::RefundSucceeded(refund.id), now, &moves);
        Ok(self.moved(now, EventKind::RefundSucceeded, Vec::from_iter(entry)).with(Part::Refund(refund)))
    }

    /// The money is still with us, or is back.
    fn refund_fails(
        &mut self,
        refund: &mut Refund,
        failure: Option<Decline>,
        now: Timestamp,
    ) -> Result<Option<Entry>, TransitionError> {
        let (event_ref, layer) = if refund.status == RefundStatus::Succeeded {
            self.shift_refunded(-refund.amount.minor)?;
            (EventRef::RefundFailed(refund.id), Layer::Posted)
        } else {
            self.shift_refunding(-refund.amount.minor)?;
            (EventRef::RefundReleased(refund.id), Layer::Pending)
        };
        refund.status = RefundStatus::Failed;
        refund.failure = failure;
        refund.check_at = None;
        refund.updated_at = now;
        Ok(self.entry(event_ref, now, &[self.receive(refund.amount, layer)]))
    }

    fn shift_refunding(&mut self, by: i64) -> Result<(), TransitionError> {
        shift(&mut self.attempt.refunding, by)?;
        shift(&mut self.order.amount_refunding, by)?;
        self.covered()
    }

    fn shift_refunded(&mut self, by: i64) -> Result<(), TransitionError> {
        shift(&mut self.attempt.refunded, by)?;
        shift(&mut self.order.amount_refunded, by)?;
        self.covered()
    }

    /// What goes back was taken before. A PSP that says otherwise knows of money that we have not heard of yet.
    fn covered(&self) -> Result<(), TransitionError> {
        let back = self.attempt.refunded.checked_add(self.attempt.refunding).ok_or(MoneyError::Overflow)?;
        if back <= self.attempt.captured { Ok(()) } else { Err(TransitionError::Amount) }
    }

    pub(super) fn of_this_currency(&self, amount: Money) -> Result<(), TransitionError> {
        let fits = amount.currency == self.order.terms.amount.currency && amount.minor > 0;
        if fits { Ok(()) } else { Err(TransitionError::Amount) }
    }
}

/// Adds to a sum that never goes below zero.
pub(super) fn shift(sum: &mut i64, by: i64) -> Result<(), TransitionError> {
    *sum = sum.checked_add(by).filter(|sum| *sum >= 0).ok_or(MoneyError::Overflow)?;
    Ok(())
}
