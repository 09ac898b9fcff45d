//! Taking money that is held: asked for first, done once the PSP says so. One capture at a time.

use super::{AttemptStatus, Decline, EventKind, Moved, OrderStatus, Part, Payment, TransitionError};
use crate::{AttemptId, CaptureId, Money, PaymentOrderId, PspAccountId, Timestamp};
use serde::{Deserialize, Serialize};

/// One call to take money that is held. Its id is also our key at the PSP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// Its id.
    pub id: CaptureId,
    /// Of which order.
    pub order: PaymentOrderId,
    /// Of which attempt.
    pub attempt: AttemptId,
    /// At which PSP account.
    pub psp_account: PspAccountId,
    /// How much this call takes.
    pub amount: Money,
    /// What is captured in all once it is done.
    pub total: i64,
    /// Whether the rest of the hold is let go.
    pub is_final: bool,
    /// Where it stands.
    pub status: CaptureStatus,
    /// Why the PSP refused it.
    pub failure: Option<Decline>,
    /// When to find out what became of it; empty once it is known.
    pub check_at: Option<Timestamp>,
    /// When it was written down; the key's lifetime counts from here.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Where a capture stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaptureStatus {
    /// Written down; the PSP is being asked.
    Pending,
    /// We asked and cannot tell what happened.
    Unknown,
    /// The money is taken.
    Succeeded,
    /// The PSP refused.
    Failed,
}

impl CaptureStatus {
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

/// What is asked for.
#[derive(Clone, Debug)]
pub struct NewCapture {
    /// Its id.
    pub id: CaptureId,
    /// Minor units; without it, all that is held.
    pub amount: Option<i64>,
    /// Whether the rest of the hold is let go.
    pub is_final: bool,
    /// The most that may be captured in all, where the PSP takes more than was held.
    pub most: Option<i64>,
}

impl Payment {
    /// Writes a capture down, before the PSP hears of it.
    pub fn request_capture(mut self, new: &NewCapture, now: Timestamp, check_at: Timestamp) -> Result<Moved, TransitionError> {
        if self.order.status != OrderStatus::Authorized || self.attempt.status != AttemptStatus::Authorized {
            return Err(TransitionError::Order { status: self.order.status, action: "be captured" });
        }
        if self.order.cancel_requested_at.is_some() {
            return Err(TransitionError::Order { status: self.order.status, action: "be captured while it is called off" });
        }
        if self.attempt.capturing > 0 {
            return Err(TransitionError::CaptureUnderWay);
        }
        let currency = self.order.terms.amount.currency;
        let held = self.attempt.authorized - self.attempt.captured;
        let most = new.most.unwrap_or(self.attempt.authorized) - self.attempt.captured;
        let amount = new.amount.unwrap_or(held);
        if amount <= 0 || amount > most {
            return Err(TransitionError::TooMuch { left: Money::new(most, currency), action: "be captured" });
        }
        let total = self.attempt.captured + amount;
        self.attempt.capturing = total;
        let capture = Capture {
            id: new.id,
            order: self.order.id,
            attempt: self.attempt.id,
            psp_account: self.attempt.psp_account,
            amount: Money::new(amount, currency),
            total,
            is_final: new.is_final || total >= self.attempt.authorized,
            status: CaptureStatus::Pending,
            failure: None,
            check_at: Some(check_at),
            created_at: now,
            updated_at: now,
        };
        Ok(self.moved(now, EventKind::CaptureRequested, Vec::new()).with(Part::Capture(capture)))
    }

    /// The answer was lost: it may have happened. Nothing where this is known already.
    pub fn capture_unknown(self, mut capture: Capture, now: Timestamp, check_at: Timestamp) -> Option<Moved> {
        if capture.status != CaptureStatus::Pending {
            return None;
        }
        capture.status = CaptureStatus::Unknown;
        capture.check_at = Some(check_at);
        capture.updated_at = now;
        Some(self.moved(now, EventKind::CaptureUnknown, Vec::new()).with(Part::Capture(capture)))
    }

    /// The PSP refused, or surely never heard of it: the money is still held. Nothing where its fate is known already.
    pub fn capture_failed(mut self, mut capture: Capture, failure: Decline, now: Timestamp) -> Option<Moved> {
        if !capture.status.is_open() {
            return None;
        }
        capture.fail(Some(failure), now);
        self.attempt.capturing = 0;
        Some(self.moved(now, EventKind::CaptureFailed, Vec::new()).with(Part::Capture(capture)))
    }
}

impl Capture {
    fn fail(&mut self, failure: Option<Decline>, now: Timestamp) {
        self.status = CaptureStatus::Failed;
        self.failure = failure;
        self.check_at = None;
        self.updated_at = now;
    }
}

impl Moved {
    /// The move with the part that moves along.
    pub(super) fn with(self, part: Part) -> Self {
        Self { part: Some(part), ..self }
    }

    /// Where the move ended the capture that was under way, the capture moves along: it succeeded if the money is there.
    pub fn concluding(self, capture: Option<Capture>) -> Self {
        let Some(mut capture) = capture.filter(|c| c.status.is_open() && self.payment.attempt.capturing == 0) else {
            return self;
        };
        let now = self.payment.order.updated_at;
        if self.payment.attempt.captured >= capture.total {
            capture.status = CaptureStatus::Succeeded;
            capture.check_at = None;
            capture.updated_at = now;
        } else {
            capture.fail(None, now);
        }
        self.with(Part::Capture(capture))
    }
}
