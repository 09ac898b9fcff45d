//! A payer who disputes a payment, or asks about it. What the PSP says is applied as far as it is news; the money moves with it.

use super::refund::shift;
use super::{Decline, DisputeSeen, EventKind, Fee, Moved, Part, Payment, TransitionError};
use crate::journal::{Account, Entry, EventRef, Layer, Transfer};
use crate::{AttemptId, DisputeId, Money, PaymentOrderId, PspAccountId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A dispute, or an inquiry that may become one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispute {
    /// Its id.
    pub id: DisputeId,
    /// Of which order.
    pub order: PaymentOrderId,
    /// Of which attempt.
    pub attempt: AttemptId,
    /// At which PSP account.
    pub psp_account: PspAccountId,
    /// The PSP's id.
    pub psp_dispute: String,
    /// How much is disputed, in the order's currency.
    pub amount: Money,
    /// Why, in our words.
    pub reason: DisputeReason,
    /// Where it stands.
    pub status: DisputeStatus,
    /// Until when evidence is taken.
    pub evidence_due_at: Option<Timestamp>,
    /// The PSP took the disputed money.
    pub withdrawn: bool,
    /// The PSP gave it back.
    pub returned: bool,
    /// What the PSP charged for it.
    pub fees: Vec<Fee>,
    /// What was said in the merchant's defence, by the name of the field.
    pub evidence: BTreeMap<String, String>,
    /// What the PSP is being told.
    pub answer: Option<DisputeAnswer>,
    /// How often the PSP was told something: makes each answer's key.
    pub answers: u16,
    /// Why the PSP refused the last answer.
    pub refusal: Option<Decline>,
    /// When evidence was handed in last.
    pub submitted_at: Option<Timestamp>,
    /// The merchant gave in.
    pub accepted_at: Option<Timestamp>,
    /// When the merchant was reminded.
    pub reminded_at: Option<Timestamp>,
    /// When it was opened at the PSP.
    pub opened_at: Timestamp,
    /// When we heard of it.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What the PSP is told about a dispute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisputeAnswer {
    /// Here is our evidence.
    Evidence,
    /// The payer is right.
    Acceptance,
}

impl DisputeAnswer {
    /// The answer as text, as it is kept.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Evidence => "evidence",
            Self::Acceptance => "acceptance",
        }
    }
}

/// Where a dispute stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisputeStatus {
    /// The payer's bank asks; no money has moved, and an answer is awaited.
    InquiryNeedsResponse,
    /// The bank looks at the answer to its question.
    InquiryUnderReview,
    /// The payer disputes; evidence is awaited.
    NeedsResponse,
    /// The bank looks at the evidence.
    UnderReview,
    /// The inquiry ended without a dispute.
    Closed,
    /// The money comes back.
    Won,
    /// The money is gone.
    Lost,
}

impl DisputeStatus {
    /// Every status there is.
    pub const ALL: &[Self] = &[
        Self::InquiryNeedsResponse,
        Self::InquiryUnderReview,
        Self::NeedsResponse,
        Self::UnderReview,
        Self::Closed,
        Self::Won,
        Self::Lost,
    ];

    /// The status as text, as in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InquiryNeedsResponse => "inquiry_needs_response",
            Self::InquiryUnderReview => "inquiry_under_review",
            Self::NeedsResponse => "needs_response",
            Self::UnderReview => "under_review",
            Self::Closed => "closed",
            Self::Won => "won",
            Self::Lost => "lost",
        }
    }

    /// Whether it is decided.
    pub const fn is_decided(self) -> bool {
        matches!(self, Self::Closed | Self::Won | Self::Lost)
    }

    /// Whether an answer is awaited from the merchant.
    pub const fn awaits_answer(self) -> bool {
        matches!(self, Self::InquiryNeedsResponse | Self::NeedsResponse)
    }

    /// Whether money is at stake now: then a refund could pay the customer twice.
    pub const fn blocks_refunds(self) -> bool {
        matches!(self, Self::NeedsResponse | Self::UnderReview)
    }

    /// How far it is: what a PSP says of an earlier stage is late.
    const fn stage(self) -> u8 {
        match self {
            Self::InquiryNeedsResponse => 0,
            Self::InquiryUnderReview => 1,
            Self::NeedsResponse => 2,
            Self::UnderReview => 3,
            Self::Closed | Self::Won | Self::Lost => 4,
        }
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// Why a payer disputes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum DisputeReason { $($(#[$doc])* $name,)* }

        impl DisputeReason {
            /// Every reason there is.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The reason as text, as in the API.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

reasons! {
    /// The payer did not make the payment.
    Fraudulent = "fraudulent";
    /// The goods or services did not come.
    NotReceived = "not_received";
    /// They are not what was promised.
    NotAsDescribed = "not_as_described";
    /// The payer was charged twice.
    Duplicate = "duplicate";
    /// A credit that was promised did not come.
    CreditNotProcessed = "credit_not_processed";
    /// A subscription was charged after it had been called off.
    SubscriptionCanceled = "subscription_canceled";
    /// The payer does not recognise the payment.
    Unrecognized = "unrecognized";
    /// The bank refused a debit after the fact.
    BankReturned = "bank_returned";
    /// Anything else, or nothing said.
    Other = "other";
}

impl Payment {
    /// Moves a dispute to what the PSP says of it; one that is not known begins with the id `new`. Nothing where it says nothing new.
    pub fn dispute_heard(
        mut self,
        known: Result<Dispute, DisputeId>,
        seen: &DisputeSeen,
        now: Timestamp,
    ) -> Result<Option<Moved>, TransitionError> {
        self.of_this_currency(seen.amount)?;
        if seen.withdrawn && self.attempt.captured == 0 {
            return Err(TransitionError::Amount);
        }
        let (before, is_new) = match known {
            Ok(dispute) => (dispute, false),
            Err(id) => (self.dispute_opened(id, seen, now), true),
        };
        let mut after = before.clone();
        if seen.status.stage() > before.status.stage() {
            after.status = seen.status;
        }
        // The due date of a stage that is over is of no interest; within a stage it may be put off.
        if seen.status == after.status {
            after.evidence_due_at = seen.evidence_due_at;
        }
        after.withdrawn |= seen.withdrawn;
        after.returned |= seen.returned;
        if seen.evidence_submitted && before.submitted_at.is_none() {
            after.submitted_at = Some(now);
        }
        if after.status.is_decided() || (seen.evidence_submitted && before.answer == Some(DisputeAnswer::Evidence)) {
            after.answer = None;
        }
        if after.status == DisputeStatus::Lost && before.answer == Some(DisputeAnswer::Acceptance) {
            after.accepted_at = Some(now);
        }
        let entries = self.book_dispute(&before, &mut after, seen, now, is_new)?;
        if after == before && !is_new {
            return Ok(None);
        }
        after.updated_at = now;
        let event = told(is_new, &before, &after);
        Ok(Some(self.moved(now, event, entries).with(Part::Dispute(after))))
    }

    /// Writes an answer down, before the PSP hears of it.
    pub fn answer_dispute(
        self,
        mut dispute: Dispute,
        answer: DisputeAnswer,
        evidence: BTreeMap<String, String>,
        now: Timestamp,
    ) -> Result<Moved, TransitionError> {
        let action = match answer {
            DisputeAnswer::Evidence => "take evidence",
            DisputeAnswer::Acceptance => "be accepted",
        };
        let late = dispute.evidence_due_at.is_some_and(|due| now > due);
        if !dispute.status.awaits_answer() || (late && answer == DisputeAnswer::Evidence) || dispute.answer.is_some() {
            return Err(TransitionError::Dispute { status: dispute.status, action });
        }
        dispute.evidence.extend(evidence);
        dispute.answer = Some(answer);
        dispute.answers = dispute.answers.saturating_add(1);
        dispute.refusal = None;
        dispute.updated_at = now;
        Ok(self.moved(now, EventKind::DisputeUpdated, Vec::new()).with(Part::Dispute(dispute)))
    }

    /// The PSP refused the answer. Nothing where none is under way.
    pub fn answer_refused(self, mut dispute: Dispute, refusal: Decline, now: Timestamp) -> Option<Moved> {
        dispute.answer.take()?;
        dispute.refusal = Some(refusal);
        dispute.updated_at = now;
        Some(self.moved(now, EventKind::DisputeUpdated, Vec::new()).with(Part::Dispute(dispute)))
    }

    /// Tells the merchant that an answer is due soon, once. Nothing where none is awaited any more.
    pub fn remind_of_dispute(self, mut dispute: Dispute, now: Timestamp) -> Option<Moved> {
        if !dispute.awaits_reminder() {
            return None;
        }
        dispute.reminded_at = Some(now);
        dispute.updated_at = now;
        Some(self.moved(now, EventKind::DisputeEvidenceDue, Vec::new()).with(Part::Dispute(dispute)))
    }

    fn dispute_opened(&self, id: DisputeId, seen: &DisputeSeen, now: Timestamp) -> Dispute {
        Dispute {
            id,
            order: self.order.id,
            attempt: self.attempt.id,
            psp_account: self.attempt.psp_account,
            psp_dispute: seen.psp_dispute.clone(),
            amount: seen.amount,
            reason: seen.reason,
            status: seen.status,
            evidence_due_at: seen.evidence_due_at,
            withdrawn: false,
            returned: false,
            fees: Vec::new(),
            evidence: BTreeMap::new(),
            answer: None,
            answers: 0,
            refusal: None,
            submitted_at: None,
            accepted_at: None,
            reminded_at: None,
            opened_at: seen.opened_at,
            created_at: now,
            updated_at: now,
        }
    }

    /// Books what moved, and keeps the sums and the count of undecided disputes.
    fn book_dispute(
        &mut self,
        before: &Dispute,
        after: &mut Dispute,
        seen: &DisputeSeen,
        now: Timestamp,
        is_new: bool,
    ) -> Result<Vec<Entry>, TransitionError> {
        let blocked = i32::from(!is_new && before.status.blocks_refunds());
        let blocks = i32::from(after.status.blocks_refunds());
        let open = i32::from(self.attempt.open_disputes) + blocks - blocked;
        self.attempt.open_disputes = u16::try_from(open.max(0)).unwrap_or(u16::MAX);

        let mut entries = Vec::new();
        let held = Account::PspDisputeHeld(after.psp_account);
        let reserve = Account::MerchantReserve(self.order.merchant);
        let payable = Account::MerchantPayable(self.order.merchant);
        let receivable = Account::PspReceivable(after.psp_account);
        let posted = |debit: &Account, credit: &Account, amount: Money| Transfer {
            debit: debit.clone(),
            credit: credit.clone(),
            amount,
            layer: Layer::Posted,
        };
        if after.withdrawn && !before.withdrawn {
            shift(&mut self.attempt.disputed, after.amount.minor)?;
            shift(&mut self.order.amount_disputed, after.amount.minor)?;
            let moves = [posted(&held, &receivable, after.amount), posted(&payable, &reserve, after.amount)];
            entries.extend(self.entry(EventRef::DisputeOpened(after.id), now, &moves));
        }
        for fee in &seen.fees {
            if after.fees.iter().all(|known| known.psp_line != fee.psp_line) {
                after.fees.push(fee.clone());
                let charge = posted(&Account::ExpenseDisputeFee, &receivable, fee.amount);
                entries.extend(self.entry(EventRef::DisputeFee(after.id, fee.psp_line.clone()), now, &[charge]));
            }
        }
        let is_back = after.withdrawn && after.returned;
        let was_back = before.withdrawn && before.returned;
        if is_gone(after) && !is_gone(before) {
            entries.extend(self.entry(EventRef::DisputeLost(after.id), now, &[posted(&reserve, &held, after.amount)]));
        }
        if is_back && !was_back {
            shift(&mut self.attempt.disputed, -after.amount.minor)?;
            shift(&mut self.order.amount_disputed, -after.amount.minor)?;
            // What was written off as lost comes back straight to the merchant.
            let moves = match is_gone(before) {
                true => vec![posted(&receivable, &payable, after.amount)],
                false => vec![posted(&receivable, &held, after.amount), posted(&reserve, &payable, after.amount)],
            };
            entries.extend(self.entry(EventRef::DisputeWon(after.id), now, &moves));
        }
        Ok(entries)
    }
}

/// Whether the disputed money is lost for good.
fn is_gone(dispute: &Dispute) -> bool {
    dispute.status == DisputeStatus::Lost && dispute.withdrawn && !dispute.returned
}

/// The one event that tells of a change: what matters most to a merchant.
fn told(is_new: bool, before: &Dispute, after: &Dispute) -> EventKind {
    if is_new {
        return EventKind::DisputeOpened;
    }
    let decided = after.status != before.status;
    match after.status {
        DisputeStatus::Won if decided => EventKind::DisputeWon,
        DisputeStatus::Lost if decided && after.accepted_at.is_some() => EventKind::DisputeAccepted,
        DisputeStatus::Lost if decided => EventKind::DisputeLost,
        DisputeStatus::Closed if decided => EventKind::DisputeClosed,
        _ if after.submitted_at != before.submitted_at || (before.answer.is_some() && after.answer.is_none()) => {
            EventKind::DisputeEvidenceSubmitted
        }
        _ if after.withdrawn != before.withdrawn => EventKind::DisputeFundsWithdrawn,
        _ if after.returned != before.returned => EventKind::DisputeFundsReturned,
        _ => EventKind::DisputeUpdated,
    }
}

impl Dispute {
    /// Whether the merchant is still to be reminded that an answer is due.
    pub fn awaits_reminder(&self) -> bool {
        self.status.awaits_answer() && self.evidence_due_at.is_some() && self.reminded_at.is_none() && self.submitted_at.is_none()
    }
}
