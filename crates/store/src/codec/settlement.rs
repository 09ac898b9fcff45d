//! Payouts, exceptions and balances from rows.

use crate::row::Row;
use crate::{AccountBalance, BookException, Closed, ReadError};
use ducat_domain::settlement::Payout;
use ducat_domain::{MerchantId, Money, Timestamp};

pub(crate) fn payout(row: &Row<'_>) -> Result<Payout, ReadError> {
    Ok(Payout {
        id: row.get("id")?,
        merchant: row.get("merchant_id")?,
        psp_account: row.get("psp_account_id")?,
        psp_payout: row.get("psp_payout")?,
        amount: Money::new(row.get("amount")?, row.get("currency")?),
        status: row.get("status")?,
        arrives_at: row.maybe("arrives_at")?,
        left: row.get("has_left")?,
        came_back: row.get("came_back")?,
        arrival: row.maybe_json("arrival")?,
        version: row.get("version")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

pub(crate) fn exception(row: &Row<'_>) -> Result<BookException, ReadError> {
    let closed_at: Option<Timestamp> = row.maybe("closed_at")?;
    let closed = match closed_at {
        Some(at) => Some(Closed { at, by: row.get("closed_by")?, why: row.get("why")? }),
        None => None,
    };
    Ok(BookException {
        id: row.get("id")?,
        merchant: row.get("merchant_id")?,
        kind: row.get("kind")?,
        psp_account: row.maybe("psp_account_id")?,
        subject: row.get("subject")?,
        amount: Money::new(row.get("amount")?, row.get("currency")?),
        opened_at: row.get("opened_at")?,
        closed,
    })
}

/// A sum of an account, with its columns `name`, `currency`, `posted`, `pending`.
pub(crate) fn account_balance(row: &Row<'_>, merchant: MerchantId) -> Result<AccountBalance, ReadError> {
    Ok(AccountBalance {
        merchant,
        account: row.get("name")?,
        currency: row.get("currency")?,
        posted: row.get("posted")?,
        pending: row.get("pending")?,
    })
}
