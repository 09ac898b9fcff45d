//! Reads of what the PSPs' statements say, of payouts, and of what a person has to look at.

use super::parts::PartFilter;
use crate::codec;
use crate::row::Row;
use crate::value::{Conditions, values};
use crate::{BookException, Page, PageAnchor, PspCursor, ReadError, Store};
use ducat_domain::settlement::Payout;
use ducat_domain::{ExceptionId, MerchantId, PayoutId, PspAccountId};
use std::collections::BTreeSet;

/// The PSPs' statements.
impl Store {
    /// Up to where the statement of a PSP account is read.
    pub async fn psp_cursor(&self, merchant: MerchantId, account: PspAccountId) -> Result<Option<PspCursor>, ReadError> {
        let theirs = self.theirs("c");
        let sql = format!(
            "SELECT c.* FROM psp_accounts p JOIN psp_cursors c ON c.psp_account_id = p.id{theirs}
             WHERE p.merchant_id = $1 AND p.id = $2"
        );
        self.one(sql, values![merchant, account], cursor).await
    }

    /// Which of these lines of a statement are read already, in the order in which they are asked for.
    pub async fn known_psp_lines(
        &self,
        merchant: MerchantId,
        account: PspAccountId,
        mut lines: Vec<String>,
    ) -> Result<Vec<String>, ReadError> {
        if lines.is_empty() {
            return Ok(lines);
        }
        let mut conditions = Conditions::default();
        conditions.add("merchant_id =", merchant);
        conditions.add("psp_account_id =", account);
        conditions.add_any("psp_line", &lines);
        let (wheres, values) = conditions.done();
        let sql = format!("SELECT psp_line FROM psp_lines WHERE {wheres}");
        let known = self.many(sql, values, |row| row.get::<String>("psp_line")).await?;
        let known: BTreeSet<String> = known.into_iter().collect();
        lines.retain(|line| known.contains(line));
        Ok(lines)
    }
}

/// Payouts and exceptions.
impl Store {
    /// One payout.
    pub async fn payout(&self, merchant: MerchantId, id: PayoutId) -> Result<Option<Payout>, ReadError> {
        let sql = "SELECT * FROM payouts WHERE merchant_id = $1 AND id = $2";
        self.one(sql, values![merchant, id], codec::payout).await
    }

    /// The payout with this id at the PSP.
    pub async fn payout_by_psp(
        &self,
        merchant: MerchantId,
        account: PspAccountId,
        psp_payout: &str,
    ) -> Result<Option<Payout>, ReadError> {
        let sql = "SELECT * FROM payouts WHERE merchant_id = $1 AND psp_account_id = $2 AND psp_payout = $3";
        self.one(sql, values![merchant, account, psp_payout], codec::payout).await
    }

    /// A merchant's payouts, newest first.
    pub async fn payouts(
        &self,
        merchant: MerchantId,
        filter: PartFilter,
        anchor: PageAnchor<PayoutId>,
        limit: u32,
    ) -> Result<Page<Payout>, ReadError> {
        self.page("SELECT * FROM payouts", filter.of(merchant), ("id", anchor), limit, codec::payout).await
    }

    /// One exception.
    pub async fn exception(&self, merchant: MerchantId, id: ExceptionId) -> Result<Option<BookException>, ReadError> {
        let sql = "SELECT * FROM exceptions WHERE merchant_id = $1 AND id = $2";
        self.one(sql, values![merchant, id], codec::exception).await
    }

    /// A merchant's exceptions, newest first.
    pub async fn exceptions(
        &self,
        merchant: MerchantId,
        anchor: PageAnchor<ExceptionId>,
        limit: u32,
    ) -> Result<Page<BookException>, ReadError> {
        let conditions = PartFilter::default().of(merchant);
        self.page("SELECT * FROM exceptions", conditions, ("id", anchor), limit, codec::exception).await
    }
}

fn cursor(row: &Row<'_>) -> Result<PspCursor, ReadError> {
    Ok(PspCursor {
        psp_account: row.get("psp_account_id")?,
        psp_line: row.get("psp_line")?,
        line_at: row.get("line_at")?,
        read_at: row.get("read_at")?,
        reread_at: row.get("reread_at")?,
    })
}
