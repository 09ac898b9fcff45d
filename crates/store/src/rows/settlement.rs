//! Lines of the PSPs' statements, and what a person has to look at.

use ducat_domain::{ExceptionId, MerchantId, Money, PaymentOrderId, PayoutId, PspAccountId, Timestamp};

/// A line of a PSP's statement, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PspLineRow {
    /// Whose account.
    pub psp_account: PspAccountId,
    /// The PSP's id of the line.
    pub psp_line: String,
    /// Whose books.
    pub merchant: MerchantId,
    /// What it is, in our words.
    pub kind: String,
    /// What it is, in the PSP's words.
    pub psp_kind: String,
    /// What it adds to what the PSP owes us, before its fee.
    pub amount: Money,
    /// What the PSP charged with it, in the same currency.
    pub fee: i64,
    /// The order it belongs to.
    pub order: Option<PaymentOrderId>,
    /// The payout it belongs to.
    pub payout: Option<PayoutId>,
    /// What a person has to look at because of it.
    pub exception: Option<ExceptionId>,
    /// When the PSP wrote it.
    pub at: Timestamp,
    /// When it was read.
    pub read_at: Timestamp,
}

/// Up to where a PSP's statement is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PspCursor {
    /// Whose account.
    pub psp_account: PspAccountId,
    /// The newest line that is read.
    pub psp_line: String,
    /// When the PSP wrote it.
    pub line_at: Timestamp,
    /// When the statement was read last.
    pub read_at: Timestamp,
    /// When the last days of it were read once more.
    pub reread_at: Timestamp,
}

/// Something that a person has to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookException {
    /// Its id.
    pub id: ExceptionId,
    /// Whose books.
    pub merchant: MerchantId,
    /// What is wrong: `unplaced_line`.
    pub kind: String,
    /// At which PSP account.
    pub psp_account: Option<PspAccountId>,
    /// What it is about, in the PSP's words or by an id.
    pub subject: String,
    /// How much.
    pub amount: Money,
    /// When it was found.
    pub opened_at: Timestamp,
    /// How it was settled.
    pub closed: Option<Closed>,
}

/// How an exception was settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// Why it is settled.
    pub why: String,
}
