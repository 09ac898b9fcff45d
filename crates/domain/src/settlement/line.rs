//! One line of a PSP's statement. Every line lands in the journal: at the payment, refund, dispute or payout that it belongs to, at an
//! expense, at the PSP's reserve, or in suspense where nobody can place it yet. None is dropped.

use super::PayoutSeen;
use crate::journal::{Account, Entry, EventRef, Transfer};
use crate::payments::Fee;
use crate::{MerchantId, Money, PaymentOrderId, PspAccountId, Timestamp};

/// One line of a PSP's statement, in our words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementLine {
    /// The PSP's id of the line.
    pub psp_line: String,
    /// What it is.
    pub kind: LineKind,
    /// The PSP's own word for what it is.
    pub psp_kind: String,
    /// What it belongs to.
    pub about: LineAbout,
    /// What it adds to what the PSP owes us, before fees; signed, in the currency in which the PSP settles.
    pub amount: Money,
    /// The same in the currency of the payment, where that is another one.
    pub paid: Option<Money>,
    /// What the PSP charged with it; positive is a cost.
    pub fee: Money,
    /// When it was written.
    pub created_at: Timestamp,
}

/// What a line of a statement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LineKind {
    /// Money of a payment.
    Charge,
    /// Money given back.
    Refund,
    /// A refund that came back.
    RefundReturned,
    /// Money taken or given back because of a dispute.
    Dispute,
    /// Money sent to the bank.
    Payout,
    /// A payout that came back.
    PayoutReturned,
    /// A cost of the PSP's service that belongs to no payment.
    PspFee,
    /// A cost of converting money.
    FxFee,
    /// Money withheld as a reserve, or set free.
    Reserve,
    /// Anything else.
    Unplaced,
}

impl LineKind {
    /// Every kind there is.
    pub const ALL: &[Self] = &[
        Self::Charge,
        Self::Refund,
        Self::RefundReturned,
        Self::Dispute,
        Self::Payout,
        Self::PayoutReturned,
        Self::PspFee,
        Self::FxFee,
        Self::Reserve,
        Self::Unplaced,
    ];

    /// The kind as text, as it is kept and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Charge => "charge",
            Self::Refund => "refund",
            Self::RefundReturned => "refund_returned",
            Self::Dispute => "dispute",
            Self::Payout => "payout",
            Self::PayoutReturned => "payout_returned",
            Self::PspFee => "psp_fee",
            Self::FxFee => "fx_fee",
            Self::Reserve => "reserve",
            Self::Unplaced => "unplaced",
        }
    }
}

/// What a line belongs to, by the PSP's ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineAbout {
    /// A payment, or its refund or dispute: the PSP's id of the payment.
    Payment(String),
    /// A payout.
    Payout(PayoutSeen),
    /// Nothing that we know of.
    Nothing,
}

/// Where a line belongs in our books.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Whose books.
    pub merchant: MerchantId,
    /// At which PSP account.
    pub psp_account: PspAccountId,
    /// The order that the line belongs to, where we know it.
    pub order: Option<PaymentOrderId>,
}

/// What a line books by itself. What belongs to a payment or a payout is booked by their own moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booked {
    /// The entries.
    pub entries: Vec<Entry>,
    /// The cost to be noted at the payment.
    pub fee: Option<Fee>,
    /// Nobody can place it: it lies in suspense, and a person has to look.
    pub suspended: bool,
}

impl StatementLine {
    /// Books the line. Money of payments and payouts is in the books by what the PSP said of them; their lines add what only the
    /// statement knows: costs and conversions.
    pub fn book(&self, place: Place, now: Timestamp) -> Booked {
        let id = || self.psp_line.clone();
        let receivable = Account::PspReceivable(place.psp_account);
        let one = |event_ref: EventRef, debit: Account, amount: Money| {
            let entry = Entry::transfer(event_ref, None, now, &[Transfer::signed(debit, receivable.clone(), amount)]);
            Booked { entries: Vec::from_iter(entry), fee: None, suspended: false }
        };
        let cost = Money::new(self.fee.minor.saturating_sub(self.amount.minor), self.amount.currency);
        match self.kind {
            LineKind::Charge | LineKind::Refund | LineKind::RefundReturned | LineKind::Dispute if place.order.is_some() => {
                Booked {
                    entries: Vec::from_iter(self.conversion(place, now)),
                    // A dispute tells its costs itself.
                    fee: (self.fee.minor != 0 && self.kind != LineKind::Dispute)
                        .then(|| Fee { psp_line: id(), amount: self.fee }),
                    suspended: false,
                }
            }
            LineKind::Payout | LineKind::PayoutReturned if matches!(self.about, LineAbout::Payout(_)) => {
                one(EventRef::Fee(place.psp_account, id()), Account::ExpensePspFee, self.fee)
            }
            LineKind::PspFee => one(EventRef::Fee(place.psp_account, id()), Account::ExpensePspFee, cost),
            LineKind::FxFee => one(EventRef::Fee(place.psp_account, id()), Account::ExpenseFxFee, cost),
            LineKind::Reserve => one(EventRef::Line(place.psp_account, id()), Account::PspReserve(place.psp_account), cost),
            _ => {
                let booked = one(EventRef::Suspended(place.psp_account, id()), Account::Suspense(place.psp_account), cost);
                Booked { suspended: true, ..booked }
            }
        }
    }

    /// Two linked legs where the PSP settles in another currency than the customer paid in. The rate is their two amounts.
    fn conversion(&self, place: Place, now: Timestamp) -> Option<Entry> {
        let paid = self.paid.filter(|paid| paid.currency != self.amount.currency)?;
        let receivable = Account::PspReceivable(place.psp_account);
        let legs = [
            Transfer::signed(Account::FxClearing, receivable.clone(), paid),
            Transfer::signed(receivable, Account::FxClearing, self.amount),
        ];
        Entry::transfer(EventRef::Converted(place.psp_account, self.psp_line.clone()), place.order, now, &legs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settlement::PayoutStatus;

    const ACCOUNT: PspAccountId = PspAccountId::from_bytes([1; 16]);
    const PLACE: Place = Place {
        merchant: MerchantId::from_bytes([2; 16]),
        psp_account: ACCOUNT,
        order: Some(PaymentOrderId::from_bytes([3; 16])),
    };

    fn money(minor: i64, currency: &str) -> Money {
        Money::new(minor, currency.parse().unwrap())
    }

    fn line(kind: LineKind, amount: i64, fee: i64) -> StatementLine {
        StatementLine {
            psp_line: "txn_1".into(),
            kind,
            psp_kind: "whatever".into(),
            about: LineAbout::Payment("pi_1".into()),
            amount: money(amount, "EUR"),
            paid: None,
            fee: money(fee, "EUR"),
            created_at: Timestamp::from_seconds(1),
        }
    }

    fn shown(booked: &Booked) -> Vec<String> {
        let lines = booked.entries.iter().flat_map(Entry::postings);
        lines.map(|p| format!("{} {} {}", p.account, p.amount.minor, p.amount.currency)).collect()
    }

    #[test]
    fn a_charge_in_the_currency_of_settlement_adds_its_fee_alone() {
        let booked = line(LineKind::Charge, 4999, 175).book(PLACE, Timestamp::from_seconds(2));
        assert_eq!(booked.entries, []);
        assert_eq!(booked.fee, Some(Fee { psp_line: "txn_1".into(), amount: money(175, "EUR") }));
    }

    #[test]
    fn a_charge_in_another_currency_is_converted_in_two_linked_legs() {
        let line = StatementLine { paid: Some(money(10_000, "USD")), ..line(LineKind::Charge, 9_200, 0) };
        let receivable = format!("psp:{ACCOUNT}:receivable");
        let booked = line.book(PLACE, Timestamp::from_seconds(2));
        assert_eq!(
            shown(&booked),
            [
                "fx:clearing 10000 USD".to_owned(),
                format!("{receivable} -10000 USD"),
                format!("{receivable} 9200 EUR"),
                "fx:clearing -9200 EUR".to_owned(),
            ]
        );
        let back = StatementLine { paid: Some(money(-10_000, "USD")), amount: money(-9_300, "EUR"), ..line };
        assert_eq!(shown(&back.book(PLACE, Timestamp::from_seconds(2)))[0], format!("{receivable} 10000 USD"));
    }

    #[test]
    fn what_belongs_to_no_payment_is_a_cost_a_reserve_or_in_suspense() {
        let at = Timestamp::from_seconds(2);
        let nowhere = Place { order: None, ..PLACE };
        let debit = |line: StatementLine| shown(&line.book(nowhere, at)).remove(0);
        assert_eq!(debit(line(LineKind::PspFee, -300, 0)), "expense:psp_fee 300 EUR");
        assert_eq!(debit(line(LineKind::FxFee, -20, 0)), "expense:fx_fee 20 EUR");
        assert_eq!(debit(line(LineKind::Reserve, -500, 0)), format!("psp:{ACCOUNT}:reserve 500 EUR"));
        assert_eq!(debit(line(LineKind::Reserve, 500, 0)), format!("psp:{ACCOUNT}:receivable 500 EUR"));
        // Somebody else's payment on the same account: its net lies in suspense.
        let foreign = line(LineKind::Charge, 1_000, 40).book(nowhere, at);
        assert!(foreign.suspended);
        assert_eq!(shown(&foreign), [format!("psp:{ACCOUNT}:receivable 960 EUR"), format!("suspense:{ACCOUNT} -960 EUR")]);
    }

    #[test]
    fn every_kind_books_everything_it_does_not_leave_to_others() {
        for kind in LineKind::ALL {
            let booked = line(*kind, -700, 30).book(Place { order: None, ..PLACE }, Timestamp::from_seconds(2));
            let receivable: i64 = booked
                .entries
                .iter()
                .flat_map(Entry::postings)
                .filter(|p| p.account == Account::PspReceivable(ACCOUNT))
                .map(|p| p.amount.minor)
                .sum();
            assert_eq!(receivable, -730, "{kind:?}");
        }
        let payout = PayoutSeen {
            psp_payout: "po_1".into(),
            amount: money(700, "EUR"),
            status: PayoutStatus::Paid,
            arrives_at: None,
            created_at: Timestamp::from_seconds(1),
        };
        let sent = StatementLine { about: LineAbout::Payout(payout), ..line(LineKind::Payout, -700, 30) };
        assert_eq!(shown(&sent.book(PLACE, Timestamp::from_seconds(2)))[0], "expense:psp_fee 30 EUR");
    }
}
