//! Double-entry bookkeeping: accounts, and entries that cannot be built unbalanced.

use crate::{AttemptId, Currency, EntryId, MerchantId, Money, PaymentOrderId, PspAccountId, Timestamp};
use std::fmt;

/// Where money lies. Written as text, such as `psp:psp_…:receivable`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// What the PSP owes us.
    PspReceivable(PspAccountId),
    /// What we owe the merchant.
    MerchantPayable(MerchantId),
    /// What the PSP charged for its service, as it reported it.
    ExpensePspFee,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PspReceivable(id) => write!(f, "psp:{id}:receivable"),
            Self::MerchantPayable(id) => write!(f, "merchant:{id}:payable"),
            Self::ExpensePspFee => f.write_str("expense:psp_fee"),
        }
    }
}

/// Whether a posting is money that moved, or money that is held until it moves or is let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// It moved.
    Posted,
    /// It is authorised, not captured.
    Pending,
}

/// One line of an entry: a debit is positive, a credit negative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// Where.
    pub account: Account,
    /// How much, signed.
    pub amount: Money,
    /// Moved, or held.
    pub layer: Layer,
}

/// What makes an entry happen at most once: the journal takes each reference one time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum EventRef {
    /// `auth:{attempt}`: authorised.
    Authorized(AttemptId),
    /// `cap:{attempt}`: captured.
    Captured(AttemptId),
    /// `void:{attempt}`: the authorisation was let go.
    Voided(AttemptId),
    /// `fee:{psp account}:{line of the PSP}`: the PSP's fee.
    Fee(PspAccountId, String),
}

impl fmt::Display for EventRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authorized(id) => write!(f, "auth:{id}"),
            Self::Captured(id) => write!(f, "cap:{id}"),
            Self::Voided(id) => write!(f, "void:{id}"),
            Self::Fee(account, line) => write!(f, "fee:{account}:{line}"),
        }
    }
}

/// A balanced entry. Its lines sum to zero in each currency and layer; there is no way to make one that does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    event_ref: EventRef,
    order: Option<PaymentOrderId>,
    at: Timestamp,
    postings: Vec<Posting>,
}

/// An entry with the id and the merchant under which it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FiledEntry {
    /// Its id.
    pub id: EntryId,
    /// Whose books.
    pub merchant: MerchantId,
    /// What it says.
    pub entry: Entry,
}

impl Entry {
    /// An entry that moves each amount from its credit account to its debit account. An amount of zero or less is left out,
    /// and an entry without any line is none.
    pub fn transfer(event_ref: EventRef, order: Option<PaymentOrderId>, at: Timestamp, moves: &[Transfer]) -> Option<Self> {
        let postings: Vec<Posting> = moves.iter().filter(|m| m.amount.minor > 0).flat_map(Transfer::postings).collect();
        if postings.is_empty() { None } else { Some(Self { event_ref, order, at, postings }) }
    }

    /// What makes it unique.
    pub fn event_ref(&self) -> &EventRef {
        &self.event_ref
    }

    /// The order it belongs to, where it belongs to one.
    pub fn order(&self) -> Option<PaymentOrderId> {
        self.order
    }

    /// When it happened.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// Its lines.
    pub fn postings(&self) -> &[Posting] {
        &self.postings
    }

    /// Whether the lines sum to zero per currency and layer. Always true; the checks of a database ask it again.
    pub fn balances(&self) -> bool {
        let mut sums: std::collections::BTreeMap<(Currency, Layer), i128> = std::collections::BTreeMap::new();
        for p in &self.postings {
            *sums.entry((p.amount.currency, p.layer)).or_default() += i128::from(p.amount.minor);
        }
        sums.values().all(|&s| s == 0)
    }
}

/// One amount from one account to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The account debited.
    pub debit: Account,
    /// The account credited.
    pub credit: Account,
    /// How much; positive.
    pub amount: Money,
    /// Moved, or held.
    pub layer: Layer,
}

impl Transfer {
    fn postings(&self) -> [Posting; 2] {
        let line = |account: &Account, minor: i64| Posting {
            account: account.clone(),
            amount: Money::new(minor, self.amount.currency),
            layer: self.layer,
        };
        [line(&self.debit, self.amount.minor), line(&self.credit, -self.amount.minor)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_entry_that_can_be_built_balances(amounts in proptest::collection::vec((any::<i64>(), 0usize..3, any::<bool>()), 0..8)) {
            let codes = ["EUR", "JPY", "KWD"];
            let merchant = MerchantId::from_bytes([1; 16]);
            let moves: Vec<Transfer> = amounts.iter().map(|&(minor, c, held)| Transfer {
                debit: Account::ExpensePspFee,
                credit: Account::MerchantPayable(merchant),
                amount: Money::new(minor, codes[c].parse().unwrap()),
                layer: if held { Layer::Pending } else { Layer::Posted },
            }).collect();
            let attempt = AttemptId::from_bytes([2; 16]);
            if let Some(entry) = Entry::transfer(EventRef::Captured(attempt), None, Timestamp::from_seconds(0), &moves) {
                prop_assert!(entry.balances() && !entry.postings().is_empty());
            }
        }
    }
}
