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
    /// Moves a dispute one step towards what the PSP says of it; one that is not known begins with the id `new`. Nothing once there is
    /// nothing new. A step at a time, so that every milestone has its event however much a PSP tells at once.
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
        let before = match known {
            Ok(dispute) => dispute,
            Err(id) => {
                let opened = self.dispute_opened(id, seen, now);
                self.count_open_disputes(false, opened.status.blocks_refunds());
                return Ok(Some(self.moved(now, EventKind::DisputeOpened, Vec::new()).with(Part::Dispute(opened))));
            }
        };
        let Some((event, mut after)) = next_step(&before, seen, now) else { return Ok(None) };
        self.count_open_disputes(before.status.blocks_refunds(), after.status.blocks_refunds());
        let entries = self.book_dispute(&before, &after, now)?;
        after.updated_at = now;
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
        if dispute.answer.is_some() {
            let action = "take another answer while one is on its way";
            return Err(TransitionError::Dispute { status: dispute.status, action });
        }
        let late = dispute.evidence_due_at.is_some_and(|due| now > due);
        if !dispute.status.awaits_answer() || (late && answer == DisputeAnswer::Evidence) {
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
            status: match seen.status {
                DisputeStatus::InquiryNeedsResponse | DisputeStatus::InquiryUnderReview | DisputeStatus::Closed => {
                    DisputeStatus::InquiryNeedsResponse
                }
                _ => DisputeStatus::NeedsResponse,
            },
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

    fn count_open_disputes(&mut self, before: bool, after: bool) {
        let open = i32::from(self.attempt.open_disputes) + i32::from(after) - i32::from(before);
        self.attempt.open_disputes = u16::try_from(open.max(0)).unwrap_or(u16::MAX);
    }

    /// Books what moved, and keeps the sums.
    fn book_dispute(&mut self, before: &Dispute, after: &Dispute, now: Timestamp) -> Result<Vec<Entry>, TransitionError> {
        let mut entries = Vec::new();
        let held = Account::PspDisputeHeld(after.psp_account);
        let reserve = Account::MerchantReserve(self.order.merchant);
        let payable = Account::MerchantPayable(self.order.merchant);
        let receivable = Account::PspReceivable(after.psp_account);
        let posted = |debit: &Account, credit: &Account| Transfer {
            debit: debit.clone(),
            credit: credit.clone(),
            amount: after.amount,
            layer: Layer::Posted,
        };
        if after.withdrawn && !before.withdrawn {
            shift(&mut self.attempt.disputed, after.amount.minor)?;
            shift(&mut self.order.amount_disputed, after.amount.minor)?;
            let moves = [posted(&held, &receivable), posted(&payable, &reserve)];
            entries.extend(self.entry(EventRef::DisputeOpened(after.id), now, &moves));
        }
        for fee in after.fees.iter().skip(before.fees.len()) {
            let charge = Transfer::signed(Account::ExpenseDisputeFee, receivable.clone(), fee.amount);
            entries.extend(self.entry(EventRef::DisputeFee(after.id, fee.psp_line.clone()), now, &[charge]));
        }
        if is_gone(after) && !is_gone(before) {
            entries.extend(self.entry(EventRef::DisputeLost(after.id), now, &[posted(&reserve, &held)]));
        }
        if after.returned && !before.returned {
            shift(&mut self.attempt.disputed, -after.amount.minor)?;
            shift(&mut self.order.amount_disputed, -after.amount.minor)?;
            // What was written off as lost comes back straight to the merchant.
            let moves = match is_gone(before) {
                true => vec![posted(&receivable, &payable)],
                false => vec![posted(&receivable, &held), posted(&reserve, &payable)],
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

/// The first thing that the PSP says and that we do not know, with the dispute after it.
fn next_step(before: &Dispute, seen: &DisputeSeen, now: Timestamp) -> Option<(EventKind, Dispute)> {
    let mut after = before.clone();
    let further = seen.status.stage() > before.status.stage();
    let escalated = before.status.stage() < DisputeStatus::NeedsResponse.stage()
        && matches!(
            seen.status,
            DisputeStatus::NeedsResponse | DisputeStatus::UnderReview | DisputeStatus::Won | DisputeStatus::Lost
        );
    if escalated {
        after.status = DisputeStatus::NeedsResponse;
        after.evidence_due_at = seen.evidence_due_at;
        // What was answered to the question was no answer to the dispute.
        after.submitted_at = None;
        after.reminded_at = None;
        return Some((EventKind::DisputeUpdated, after));
    }
    let news = seen.fees.iter().filter(|fee| before.fees.iter().all(|known| known.psp_line != fee.psp_line));
    after.fees.extend(news.cloned());
    if seen.withdrawn && !before.withdrawn {
        after.withdrawn = true;
        return Some((EventKind::DisputeFundsWithdrawn, after));
    }
    if after.fees.len() > before.fees.len() {
        return Some((EventKind::DisputeUpdated, after));
    }
    if seen.evidence_submitted && before.submitted_at.is_none() {
        after.submitted_at = Some(now);
        after.answer = before.answer.filter(|answer| *answer != DisputeAnswer::Evidence);
        if further && !seen.status.is_decided() {
            after.status = seen.status;
        }
        return Some((EventKind::DisputeEvidenceSubmitted, after));
    }
    if further && !seen.status.is_decided() {
        after.status = seen.status;
        return Some((EventKind::DisputeUpdated, after));
    }
    if before.withdrawn && seen.returned && !before.returned {
        after.returned = true;
        return Some((EventKind::DisputeFundsReturned, after));
    }
    if seen.status == DisputeStatus::Lost && before.answer == Some(DisputeAnswer::Acceptance) {
        after.accepted_at = Some(now);
        after.answer = None;
        return Some((EventKind::DisputeAccepted, after));
    }
    if further {
        after.status = seen.status;
        after.answer = None;
        let event = match seen.status {
            DisputeStatus::Won => EventKind::DisputeWon,
            DisputeStatus::Closed => EventKind::DisputeClosed,
            _ => EventKind::DisputeLost,
        };
        return Some((event, after));
    }
    // Within a stage the due date may be put off.
    if seen.status == before.status && !seen.status.is_decided() && seen.evidence_due_at != before.evidence_due_at {
        after.evidence_due_at = seen.evidence_due_at;
        return Some((EventKind::DisputeUpdated, after));
    }
    None
}

impl Dispute {
    /// Whether the merchant is still to be reminded that an answer is due.
    pub fn awaits_reminder(&self) -> bool {
        self.status.awaits_answer() && self.evidence_due_at.is_some() && self.reminded_at.is_none() && self.submitted_at.is_none()
    }
}
