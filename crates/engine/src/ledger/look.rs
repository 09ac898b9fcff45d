//! Looking at the books.

use super::EntryView;
use crate::{Engine, Error};
use ducat_domain::{EntryId, MerchantId, Timestamp};
use ducat_store::{AccountBalance, EntryFilter, Page, PageAnchor};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What lies on an account in one currency.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(title = "LedgerAccount")]
pub struct AccountView {
    /// Always `ledger_account`.
    pub object: &'static str,
    /// The account, such as `psp:psp_…:receivable`.
    pub name: String,
    /// ISO 4217.
    pub currency: String,
    /// Minor units that moved; a debit is positive.
    pub posted: i64,
    /// Minor units that are held, and not yet moved; a debit is positive.
    pub pending: i64,
}

impl AccountView {
    fn of(b: &AccountBalance) -> Self {
        let (name, currency) = (b.account.clone(), b.currency.to_string());
        Self { object: "ledger_account", name, currency, posted: b.posted, pending: b.pending }
    }
}

/// Everything that lay on the accounts at a moment. The totals are zero, or the books are wrong.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(title = "TrialBalance")]
pub struct TrialBalanceView {
    /// Always `trial_balance`.
    pub object: &'static str,
    /// Up to and with this moment, RFC 3339.
    pub at: String,
    /// Every account that was booked on by then.
    pub accounts: Vec<AccountView>,
    /// The sum of all accounts in each currency.
    pub totals: Vec<TotalView>,
    /// Whether each total is zero.
    pub balanced: bool,
}

/// The sum of all accounts in one currency.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(title = "LedgerTotal")]
pub struct TotalView {
    /// ISO 4217.
    pub currency: String,
    /// Minor units; zero.
    pub posted: i64,
    /// Minor units; zero.
    pub pending: i64,
}

/// The merchant's accounts with what lies on them.
pub async fn accounts(engine: &Engine, merchant: MerchantId) -> Result<Vec<AccountView>, Error> {
    Ok(engine.store().balances(merchant).await?.iter().map(AccountView::of).collect())
}

/// The merchant's entries, newest first.
pub async fn entries(
    engine: &Engine,
    merchant: MerchantId,
    filter: EntryFilter,
    anchor: PageAnchor<EntryId>,
    limit: u32,
) -> Result<Page<EntryView>, Error> {
    let page = engine.store().entries(merchant, filter, anchor, limit).await?;
    Ok(Page { data: page.data.iter().map(EntryView::of).collect(), has_more: page.has_more })
}

/// One entry of the merchant.
pub async fn entry(engine: &Engine, merchant: MerchantId, id: EntryId) -> Result<EntryView, Error> {
    let row = engine.store().entry(merchant, id).await?.ok_or(Error::NotFound("journal entry"))?;
    Ok(EntryView::of(&row))
}

/// What lay on the accounts at a moment; now, where nobody says.
pub async fn trial_balance(engine: &Engine, merchant: MerchantId, at: Option<Timestamp>) -> Result<TrialBalanceView, Error> {
    let at = at.unwrap_or_else(|| engine.now());
    let rows = engine.store().balances_at(merchant, at).await?;
    let mut sums: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for row in &rows {
        let (posted, pending) = sums.entry(row.currency.to_string()).or_default();
        let out_of_range = || Error::Internal("a sum of the books is out of range".into());
        *posted = posted.checked_add(row.posted).ok_or_else(out_of_range)?;
        *pending = pending.checked_add(row.pending).ok_or_else(out_of_range)?;
    }
    let total = |(currency, (posted, pending))| TotalView { currency, posted, pending };
    Ok(TrialBalanceView {
        object: "trial_balance",
        at: at.to_string(),
        accounts: rows.iter().map(AccountView::of).collect(),
        balanced: sums.values().all(|sums| *sums == (0, 0)),
        totals: sums.into_iter().map(total).collect(),
    })
}
