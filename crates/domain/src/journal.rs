//! Double-entry bookkeeping: accounts, and entries that cannot be built unbalanced.

use crate::{
    AttemptId, Currency, DisputeId, EntryId, MerchantId, Money, PaymentOrderId, PayoutId, PspAccountId, RefundId, Timestamp,
};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Where money lies. Written as text, such as `psp:psp_…:receivable`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// What the PSP owes us.
    PspReceivable(PspAccountId),
    /// What the PSP withholds because of disputes.
    PspDisputeHeld(PspAccountId),
    /// What the PSP withholds as a reserve.
    PspReserve(PspAccountId),
    /// Money on its way from a PSP to the bank.
    PayoutInTransit(PayoutId),
    /// Money that arrived, by the merchant's name for the account.
    Bank(String),
    /// What we owe the merchant.
    MerchantPayable(MerchantId),
    /// What we owe the merchant and hold back for disputes.
    MerchantReserve(MerchantId),
    /// What the PSP charged for its service, as it reported it.
    ExpensePspFee,
    /// What the PSP charged for disputes.
    ExpenseDisputeFee,
    /// What the PSP charged for converting money.
    ExpenseFxFee,
    /// What the bank kept.
    ExpenseBankFee,
    /// Disputed money that is lost and that no reserve covers.
    ExpenseChargebackLoss,
    /// What we charge the merchant.
    IncomeGatewayFee,
    /// Between two currencies: what lies here in each is the result of conversions.
    FxClearing,
    /// Lines of a PSP that nobody can place yet.
    Suspense(PspAccountId),
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PspReceivable(id) => write!(f, "psp:{id}:receivable"),
            Self::PspDisputeHeld(id) => write!(f, "psp:{id}:dispute_held"),
            Self::PspReserve(id) => write!(f, "psp:{id}:reserve"),
            Self::PayoutInTransit(id) => write!(f, "payout:{id}:in_transit"),
            Self::Bank(name) => write!(f, "bank:{name}"),
            Self::MerchantPayable(id) => write!(f, "merchant:{id}:payable"),
            Self::MerchantReserve(id) => write!(f, "merchant:{id}:reserve"),
            Self::ExpensePspFee => f.write_str("expense:psp_fee"),
            Self::ExpenseDisputeFee => f.write_str("expense:dispute_fee"),
            Self::ExpenseFxFee => f.write_str("expense:fx_fee"),
            Self::ExpenseBankFee => f.write_str("expense:bank_fee"),
            Self::ExpenseChargebackLoss => f.write_str("expense:chargeback_loss"),
            Self::IncomeGatewayFee => f.write_str("income:gateway_fee"),
            Self::FxClearing => f.write_str("fx:clearing"),
            Self::Suspense(id) => write!(f, "suspense:{id}"),
        }
    }
}

impl FromStr for Account {
    type Err = AccountError;

    fn from_str(text: &str) -> Result<Self, AccountError> {
        read_account(text).ok_or(AccountError)
    }
}

/// The text names no account of the chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no such account in the chart")]
pub struct AccountError;

/// The longest name of a bank account, in characters.
const MAX_BANK: usize = 64;

/// Whether a merchant may call a bank account so: what is written into statements and other people's spreadsheets is kept plain.
pub fn is_bank_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    name.len() <= MAX_BANK && name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(plain)
}

fn read_account(text: &str) -> Option<Account> {
    let (room, rest) = text.split_once(':')?;
    let (name, kind) = rest.split_once(':').unwrap_or((rest, ""));
    Some(match (room, name, kind) {
        ("psp", id, "receivable") => Account::PspReceivable(id.parse().ok()?),
        ("psp", id, "dispute_held") => Account::PspDisputeHeld(id.parse().ok()?),
        ("psp", id, "reserve") => Account::PspReserve(id.parse().ok()?),
        ("payout", id, "in_transit") => Account::PayoutInTransit(id.parse().ok()?),
        ("merchant", id, "payable") => Account::MerchantPayable(id.parse().ok()?),
        ("merchant", id, "reserve") => Account::MerchantReserve(id.parse().ok()?),
        ("bank", name, "") if is_bank_name(name) => Account::Bank(name.to_owned()),
        ("suspense", id, "") => Account::Suspense(id.parse().ok()?),
        ("expense", "psp_fee", "") => Account::ExpensePspFee,
        ("expense", "dispute_fee", "") => Account::ExpenseDisputeFee,
        ("expense", "fx_fee", "") => Account::ExpenseFxFee,
        ("expense", "bank_fee", "") => Account::ExpenseBankFee,
        ("expense", "chargeback_loss", "") => Account::ExpenseChargebackLoss,
        ("income", "gateway_fee", "") => Account::IncomeGatewayFee,
        ("fx", "clearing", "") => Account::FxClearing,
        _ => return None,
    })
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
    /// `cap:{attempt}`: captured, for the first time.
    Captured(AttemptId),
    /// `cap:{attempt}:{total}`: captured further, up to this total.
    CapturedMore(AttemptId, i64),
    /// `void:{attempt}`: the authorisation, or the rest of it, was let go.
    Voided(AttemptId),
    /// `fee:{psp account}:{line of the PSP}`: the PSP's fee.
    Fee(PspAccountId, String),
    /// `ref:{refund}`: a refund was begun.
    RefundBegun(RefundId),
    /// `refs:{refund}`: the refund succeeded.
    RefundSucceeded(RefundId),
    /// `refv:{refund}`: the refund failed before it had succeeded, and what was held for it is free again.
    RefundReleased(RefundId),
    /// `reff:{refund}`: the refund failed after it had succeeded, and the money is back.
    RefundFailed(RefundId),
    /// `dsp:{dispute}:open`: the PSP took the disputed money.
    DisputeOpened(DisputeId),
    /// `dsp:{dispute}:fee:{line of the PSP}`: the PSP's fee for the dispute.
    DisputeFee(DisputeId, String),
    /// `dsp:{dispute}:won`: the PSP gave the disputed money back.
    DisputeWon(DisputeId),
    /// `dsp:{dispute}:lost`: the disputed money is gone.
    DisputeLost(DisputeId),
    /// `fx:{psp account}:{line of the PSP}`: the PSP settles the line in another currency than it was paid in.
    Converted(PspAccountId, String),
    /// `line:{psp account}:{line of the PSP}`: a movement of the PSP's that belongs to no payment.
    Line(PspAccountId, String),
    /// `susp:{psp account}:{line of the PSP}`: a line that nobody can place yet.
    Suspended(PspAccountId, String),
    /// `pay:{payout}`: a payout left the PSP.
    PaidOut(PayoutId),
    /// `payf:{payout}`: a payout came back.
    PayoutFailed(PayoutId),
    /// `bank:{payout}`: the bank's credit for a payout.
    Arrived(PayoutId),
    /// `rev:{entry}`: the mirror image of an entry that was wrong.
    Reversal(EntryId),
    /// `fix:{entry}`: what should have been booked in place of a reversed entry.
    Correction(EntryId),
}

impl fmt::Display for EventRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authorized(id) => write!(f, "auth:{id}"),
            Self::Captured(id) => write!(f, "cap:{id}"),
            Self::CapturedMore(id, total) => write!(f, "cap:{id}:{total}"),
            Self::Voided(id) => write!(f, "void:{id}"),
            Self::Fee(account, line) => write!(f, "fee:{account}:{line}"),
            Self::RefundBegun(id) => write!(f, "ref:{id}"),
            Self::RefundSucceeded(id) => write!(f, "refs:{id}"),
            Self::RefundReleased(id) => write!(f, "refv:{id}"),
            Self::RefundFailed(id) => write!(f, "reff:{id}"),
            Self::DisputeOpened(id) => write!(f, "dsp:{id}:open"),
            Self::DisputeFee(id, line) => write!(f, "dsp:{id}:fee:{line}"),
            Self::DisputeWon(id) => write!(f, "dsp:{id}:won"),
            Self::DisputeLost(id) => write!(f, "dsp:{id}:lost"),
            Self::Converted(account, line) => write!(f, "fx:{account}:{line}"),
            Self::Line(account, line) => write!(f, "line:{account}:{line}"),
            Self::Suspended(account, line) => write!(f, "susp:{account}:{line}"),
            Self::PaidOut(id) => write!(f, "pay:{id}"),
            Self::PayoutFailed(id) => write!(f, "payf:{id}"),
            Self::Arrived(id) => write!(f, "bank:{id}"),
            Self::Reversal(id) => write!(f, "rev:{id}"),
            Self::Correction(id) => write!(f, "fix:{id}"),
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
    /// Who booked it and why, where a person did.
    pub note: Option<Note>,
}

/// Who booked an entry by hand, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The key with which it was asked for.
    pub by: String,
    /// In the person's own words.
    pub why: String,
}

impl Entry {
    /// An entry that moves each amount from its credit account to its debit account. An amount of zero or less is left out,
    /// and an entry without any line is none.
    pub fn transfer(event_ref: EventRef, order: Option<PaymentOrderId>, at: Timestamp, moves: &[Transfer]) -> Option<Self> {
        let postings: Vec<Posting> = moves.iter().filter(|m| m.amount.minor > 0).flat_map(Transfer::postings).collect();
        if postings.is_empty() { None } else { Some(Self { event_ref, order, at, postings }) }
    }

    /// The mirror image of lines that are booked: takes back what they moved.
    pub fn mirror(event_ref: EventRef, order: Option<PaymentOrderId>, at: Timestamp, lines: Vec<Posting>) -> Option<Self> {
        let turn =
            |p: Posting| p.amount.minor.checked_neg().map(|minor| Posting { amount: Money::new(minor, p.amount.currency), ..p });
        let postings: Vec<Posting> = lines.into_iter().map(turn).collect::<Option<_>>()?;
        let entry = Self { event_ref, order, at, postings };
        (entry.balances() && entry.postings.len() > 1).then_some(entry)
    }

    /// Lines as a person gives them. None where they do not balance, or are fewer than two.
    pub fn by_hand(event_ref: EventRef, order: Option<PaymentOrderId>, at: Timestamp, postings: Vec<Posting>) -> Option<Self> {
        let entry = Self { event_ref, order, at, postings };
        let some = entry.postings.len() > 1 && entry.postings.iter().all(|p| p.amount.minor != 0);
        (some && entry.balances()).then_some(entry)
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
    /// A transfer of a signed amount that moved: a negative one goes the other way.
    pub fn signed(debit: Account, credit: Account, amount: Money) -> Self {
        let layer = Layer::Posted;
        if amount.minor >= 0 {
            return Self { debit, credit, amount, layer };
        }
        Self { debit: credit, credit: debit, amount: Money::new(amount.minor.saturating_neg(), amount.currency), layer }
    }

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

    #[test]
    fn every_account_reads_back_and_nothing_else_does() {
        let (psp, merchant) = (PspAccountId::from_bytes([1; 16]), MerchantId::from_bytes([2; 16]));
        for account in [
            Account::PspReceivable(psp),
            Account::PspDisputeHeld(psp),
            Account::PspReserve(psp),
            Account::PayoutInTransit(PayoutId::from_bytes([3; 16])),
            Account::Bank("main-2.eur".into()),
            Account::MerchantPayable(merchant),
            Account::MerchantReserve(merchant),
            Account::ExpensePspFee,
            Account::ExpenseDisputeFee,
            Account::ExpenseFxFee,
            Account::ExpenseBankFee,
            Account::ExpenseChargebackLoss,
            Account::IncomeGatewayFee,
            Account::FxClearing,
            Account::Suspense(psp),
        ] {
            assert_eq!(account.to_string().parse(), Ok(account));
        }
        for wrong in
            ["", "bank", "bank:", "bank:=1+1", "bank:a b", "bank:a:b", "expense:party", "psp:psp_1:receivable", "fx:clearing:x"]
        {
            assert_eq!(wrong.parse::<Account>(), Err(AccountError), "{wrong}");
        }
    }

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
