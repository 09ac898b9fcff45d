//! Money on its way from a PSP to the bank.

use crate::events::EventKind;
use crate::journal::{Account, Entry, EventRef, Transfer};
use crate::{MerchantId, Money, PayoutId, PspAccountId, Timestamp};
use serde::{Deserialize, Serialize};

/// A payout of a PSP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payout {
    /// Its id.
    pub id: PayoutId,
    /// Whose.
    pub merchant: MerchantId,
    /// From which PSP account.
    pub psp_account: PspAccountId,
    /// The PSP's id.
    pub psp_payout: String,
    /// How much.
    pub amount: Money,
    /// Where it stands, as the PSP says.
    pub status: PayoutStatus,
    /// When the PSP expects it at the bank.
    pub arrives_at: Option<Timestamp>,
    /// It left the PSP's balance: that is booked.
    pub left: bool,
    /// It came back to the PSP's balance: that is booked.
    pub came_back: bool,
    /// The bank's credit, once somebody told it.
    pub arrival: Option<Arrival>,
    /// Counts its changes; each has the event of the same number.
    pub version: u32,
    /// When we heard of it.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Where a payout stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PayoutStatus {
    /// Planned.
    Pending,
    /// Sent to the bank.
    InTransit,
    /// Called off before it was sent.
    Canceled,
    /// The PSP says that it has arrived.
    Paid,
    /// The bank did not take it; also days after it had been called paid.
    Failed,
}

impl PayoutStatus {
    /// Every status there is.
    pub const ALL: &[Self] = &[Self::Pending, Self::InTransit, Self::Canceled, Self::Paid, Self::Failed];

    /// The status as text, as in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::InTransit => "in_transit",
            Self::Canceled => "canceled",
            Self::Paid => "paid",
            Self::Failed => "failed",
        }
    }
}

/// A payout, as its PSP tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayoutSeen {
    /// The PSP's id.
    pub psp_payout: String,
    /// How much.
    pub amount: Money,
    /// Where it stands.
    pub status: PayoutStatus,
    /// When the PSP expects it at the bank.
    pub arrives_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What the bank credited for a payout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// The merchant's name for the bank account.
    pub bank: String,
    /// What was credited, in the bank account's currency.
    pub credited: Money,
    /// What the bank kept, in the same currency.
    pub fee: Money,
    /// What the bank's statement says of it.
    pub reference: Option<String>,
    /// When it was told.
    pub at: Timestamp,
}

/// A payout that moved: everything that is to be committed together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayoutMoved {
    /// The payout as it is now.
    pub payout: Payout,
    /// What was booked.
    pub entries: Vec<Entry>,
    /// What happened.
    pub event: EventKind,
}

/// Why a move of a payout is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayoutError {
    /// The PSP speaks of another amount than before.
    #[error("the PSP's amount is not the one of this payout")]
    Amount,
    /// It has not left the PSP, or came back.
    #[error("the payout is not on its way")]
    NotInTransit,
    /// Its arrival was told before.
    #[error("the payout's arrival was told before")]
    Arrived,
    /// Credit and fee are not the amount.
    #[error("in the payout's own currency, what was credited and the bank's fee must sum to {0}")]
    Sum(Money),
}

impl Payout {
    /// A payout of which the PSP tells for the first time.
    pub fn begin(
        id: PayoutId,
        merchant: MerchantId,
        psp_account: PspAccountId,
        seen: &PayoutSeen,
        now: Timestamp,
    ) -> PayoutMoved {
        let payout = Self {
            id,
            merchant,
            psp_account,
            psp_payout: seen.psp_payout.clone(),
            amount: seen.amount,
            status: seen.status,
            arrives_at: seen.arrives_at,
            left: false,
            came_back: false,
            arrival: None,
            version: 0,
            created_at: now,
            updated_at: now,
        };
        payout.moved(now, EventKind::PayoutCreated, None)
    }

    /// Moves a payout to what the PSP says of it. Nothing where it says nothing new.
    pub fn heard(mut self, seen: &PayoutSeen, now: Timestamp) -> Result<Option<PayoutMoved>, PayoutError> {
        if seen.amount != self.amount {
            return Err(PayoutError::Amount);
        }
        if seen.status <= self.status {
            return Ok(None);
        }
        self.status = seen.status;
        self.arrives_at = seen.arrives_at;
        let event = match self.status {
            PayoutStatus::Paid => EventKind::PayoutPaid,
            PayoutStatus::Failed => EventKind::PayoutFailed,
            PayoutStatus::Pending | PayoutStatus::InTransit | PayoutStatus::Canceled => EventKind::PayoutUpdated,
        };
        Ok(Some(self.moved(now, event, None)))
    }

    /// The PSP's statement says that the money left. Nothing where that is booked.
    pub fn leave(mut self, now: Timestamp) -> Option<PayoutMoved> {
        if self.left {
            return None;
        }
        self.left = true;
        let entry = self.entry(EventRef::PaidOut(self.id), now, Account::PayoutInTransit(self.id), self.receivable());
        Some(self.moved(now, EventKind::PayoutUpdated, entry))
    }

    /// The PSP's statement says that the money came back. Nothing where that is booked.
    pub fn come_back(mut self, now: Timestamp) -> Option<PayoutMoved> {
        if self.came_back {
            return None;
        }
        self.came_back = true;
        let from = match &self.arrival {
            // The bank had it, and gave it back.
            Some(arrival) => Account::Bank(arrival.bank.clone()),
            None => Account::PayoutInTransit(self.id),
        };
        let entry = self.entry(EventRef::PayoutFailed(self.id), now, self.receivable(), from);
        Some(self.moved(now, EventKind::PayoutFailed, entry))
    }

    /// The bank's credit. In another currency than the payout's it is a conversion, whose rate are the two amounts.
    pub fn arrive(mut self, arrival: Arrival, now: Timestamp) -> Result<PayoutMoved, PayoutError> {
        if self.arrival.is_some() {
            return Err(PayoutError::Arrived);
        }
        if !self.left || self.came_back {
            return Err(PayoutError::NotInTransit);
        }
        let in_transit = Account::PayoutInTransit(self.id);
        let posted = |debit: Account, credit: &Account, amount: Money| Transfer::signed(debit, credit.clone(), amount);
        let mut moves = Vec::new();
        let source = if arrival.credited.currency == self.amount.currency {
            if arrival.credited.minor.checked_add(arrival.fee.minor) != Some(self.amount.minor) {
                return Err(PayoutError::Sum(self.amount));
            }
            in_transit
        } else {
            moves.push(posted(Account::FxClearing, &in_transit, self.amount));
            Account::FxClearing
        };
        moves.push(posted(Account::Bank(arrival.bank.clone()), &source, arrival.credited));
        moves.push(posted(Account::ExpenseBankFee, &source, arrival.fee));
        let entry = Entry::transfer(EventRef::Arrived(self.id), None, now, &moves);
        self.arrival = Some(arrival);
        Ok(self.moved(now, EventKind::PayoutArrived, entry))
    }

    fn receivable(&self) -> Account {
        Account::PspReceivable(self.psp_account)
    }

    fn entry(&self, event_ref: EventRef, now: Timestamp, debit: Account, credit: Account) -> Option<Entry> {
        // A PSP that is owed money takes it from the bank: that is a negative payout.
        Entry::transfer(event_ref, None, now, &[Transfer::signed(debit, credit, self.amount)])
    }

    fn moved(mut self, now: Timestamp, event: EventKind, entry: Option<Entry>) -> PayoutMoved {
        self.version = self.version.saturating_add(1);
        self.updated_at = now;
        PayoutMoved { payout: self, entries: Vec::from_iter(entry), event }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(minor: i64, currency: &str) -> Money {
        Money::new(minor, currency.parse().unwrap())
    }

    fn seen(status: PayoutStatus) -> PayoutSeen {
        PayoutSeen { psp_payout: "po_1".into(), amount: money(10_000, "USD"), status, arrives_at: None, created_at: at(1) }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(second)
    }

    fn payout() -> Payout {
        let ids = (PayoutId::from_bytes([1; 16]), MerchantId::from_bytes([2; 16]), PspAccountId::from_bytes([3; 16]));
        Payout::begin(ids.0, ids.1, ids.2, &seen(PayoutStatus::Pending), at(1)).payout
    }

    fn arrival(credited: Money, fee: i64) -> Arrival {
        let fee = Money::new(fee, credited.currency);
        Arrival { bank: "main".into(), credited, fee, reference: None, at: at(9) }
    }

    #[test]
    fn a_payout_leaves_once_and_arrives_with_the_bank_s_fee() {
        let left = payout().leave(at(2)).unwrap();
        assert_eq!(left.payout.clone().leave(at(3)), None);
        assert_eq!(
            left.payout.clone().arrive(arrival(money(9_000, "USD"), 0), at(3)),
            Err(PayoutError::Sum(money(10_000, "USD")))
        );
        let arrived = left.payout.arrive(arrival(money(9_985, "USD"), 15), at(3)).unwrap();
        assert!(arrived.entries[0].balances());
        assert_eq!(arrived.payout.arrive(arrival(money(9_985, "USD"), 15), at(4)), Err(PayoutError::Arrived));
    }

    #[test]
    fn a_psp_that_is_owed_money_takes_it_from_the_bank() {
        let owed = Payout { amount: money(-700, "USD"), ..payout() };
        let left = owed.leave(at(2)).unwrap();
        let arrived = left.payout.clone().arrive(arrival(money(-715, "USD"), 15), at(3)).unwrap();
        let in_transit = Account::PayoutInTransit(left.payout.id);
        let lines = left.entries.iter().chain(&arrived.entries).flat_map(Entry::postings);
        let moved: Vec<i64> = lines.filter(|p| p.account == in_transit).map(|p| p.amount.minor).collect();
        assert_eq!(moved, [-700, 715, -15]);
    }

    #[test]
    fn an_arrival_in_another_currency_goes_through_clearing() {
        let left = payout().leave(at(2)).unwrap().payout;
        let arrived = left.arrive(arrival(money(9_150, "EUR"), 50), at(3)).unwrap();
        let clearing: Vec<i64> =
            arrived.entries[0].postings().iter().filter(|p| p.account == Account::FxClearing).map(|p| p.amount.minor).collect();
        assert_eq!(clearing, [10_000, -9_150, -50]);
        assert!(arrived.entries[0].balances());
    }

    #[test]
    fn a_late_word_of_the_psp_changes_nothing_and_a_failure_after_paid_does() {
        let paid = payout().heard(&seen(PayoutStatus::Paid), at(2)).unwrap().unwrap().payout;
        assert_eq!(paid.clone().heard(&seen(PayoutStatus::InTransit), at(3)), Ok(None));
        let failed = paid.heard(&seen(PayoutStatus::Failed), at(4)).unwrap().unwrap();
        assert_eq!(
            (failed.payout.status, failed.event, failed.payout.version),
            (PayoutStatus::Failed, EventKind::PayoutFailed, 3)
        );
    }
}
