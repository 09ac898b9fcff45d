//! The journal and the balances, as they are kept.

use ducat_domain::journal::{Layer, Note};
use ducat_domain::{Currency, EntryId, MerchantId, Money, PaymentOrderId, Timestamp};

/// A journal entry as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryRow {
    /// Its id.
    pub id: EntryId,
    /// What makes it unique, such as `cap:pa_…`.
    pub event_ref: String,
    /// The order it belongs to, where it belongs to one.
    pub order: Option<PaymentOrderId>,
    /// When it happened.
    pub at: Timestamp,
    /// Who booked it by hand, and why.
    pub note: Option<Note>,
    /// Its lines.
    pub postings: Vec<PostingRow>,
}

/// One line of an entry: a debit is positive, a credit negative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostingRow {
    /// The account, such as `merchant:mer_…:payable`.
    pub account: String,
    /// How much, signed.
    pub amount: Money,
    /// Moved, or held.
    pub layer: Layer,
}

/// Which journal entries of a merchant are listed.
#[derive(Clone, Debug, Default)]
pub struct EntryFilter {
    /// Of this order.
    pub order: Option<PaymentOrderId>,
    /// With a line on this account.
    pub account: Option<String>,
    /// Booked at this moment or later.
    pub created_gte: Option<Timestamp>,
    /// Booked before this moment.
    pub created_lt: Option<Timestamp>,
}

/// Which statement is wanted.
#[derive(Clone, Debug)]
pub struct StatementAsk {
    /// The account, such as `merchant:mer_…:payable`.
    pub account: String,
    /// In this currency.
    pub currency: Currency,
    /// From this moment on.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub to: Option<Timestamp>,
    /// The last entry of the page before.
    pub after: Option<EntryId>,
}

/// A page of an account's statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementLines {
    /// Minor units that lay on the account before the first line.
    pub opening: i64,
    /// Oldest first.
    pub lines: Vec<StatementRow>,
    /// Whether there are more.
    pub has_more: bool,
}

/// What one entry moved on an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementRow {
    /// The entry.
    pub id: EntryId,
    /// What makes it unique.
    pub event_ref: String,
    /// The order it belongs to.
    pub order: Option<PaymentOrderId>,
    /// When.
    pub at: Timestamp,
    /// Who booked it by hand, and why.
    pub note: Option<Note>,
    /// Minor units; a debit is positive.
    pub amount: i64,
}

/// How far a merchant's books are closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Books {
    /// What was booked before this entry is closed.
    pub closed: EntryId,
    /// What was booked before this one is being closed; the same where nothing is.
    pub closing: EntryId,
    /// How often something was booked before that one all the same.
    pub late: i64,
}

/// What lies on an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountBalance {
    /// Whose books.
    pub merchant: MerchantId,
    /// The account, such as `merchant:mer_…:payable`.
    pub account: String,
    /// Its currency.
    pub currency: Currency,
    /// Minor units that moved; a debit is positive.
    pub posted: i64,
    /// Minor units that are held.
    pub pending: i64,
}
