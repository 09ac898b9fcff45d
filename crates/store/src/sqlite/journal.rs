//! Reads of the whole journal: entries by page, sums as of a moment, and the statement of an account.

use super::Store;
use super::books::{ENTRY_COLUMNS, entries};
use super::codec::{self, Col};
use super::lists::{Conditions, many};
use super::read::one;
use crate::{AccountBalance, EntryFilter, EntryRow, Page, PageAnchor, ReadError, StatementAsk, StatementLines, StatementRow};
use ducat_domain::{EntryId, MerchantId, Timestamp};
use rusqlite::{Connection, params, params_from_iter};

impl Store {
    /// One journal entry of the merchant.
    pub async fn entry(&self, merchant: MerchantId, id: EntryId) -> Result<Option<EntryRow>, ReadError> {
        self.read(move |db| {
            let sql = format!("{ENTRY_COLUMNS} WHERE e.id = ?1 AND e.merchant_id = ?2 ORDER BY p.line");
            Ok(entries(db, &sql, params![Col(id), Col(merchant)])?.pop())
        })
        .await
    }

    /// Whether the merchant's journal has an entry under this reference.
    pub async fn is_booked(&self, merchant: MerchantId, event_ref: String) -> Result<bool, ReadError> {
        let sql = "SELECT 1 FROM journal_entries WHERE merchant_id = ?1 AND event_ref = ?2";
        self.read(move |db| Ok(one(db, sql, params![Col(merchant), event_ref], |_| Ok(()))?.is_some())).await
    }

    /// A merchant's journal entries, newest first.
    pub async fn entries(
        &self,
        merchant: MerchantId,
        filter: EntryFilter,
        anchor: PageAnchor<EntryId>,
        limit: u32,
    ) -> Result<Page<EntryRow>, ReadError> {
        self.read(move |db| {
            let (ids, has_more) = page_of_ids(db, merchant, &filter, anchor, limit)?;
            let sql = format!("{ENTRY_COLUMNS} WHERE e.id = ?1 ORDER BY p.line");
            let mut data = Vec::with_capacity(ids.len());
            for Col(id) in ids {
                data.extend(entries(db, &sql, [Col(id)])?);
            }
            Ok(Page { data, has_more })
        })
        .await
    }

    /// What lay on a merchant's accounts at a moment, that moment included, summed from the postings.
    pub async fn balances_at(&self, merchant: MerchantId, at: Timestamp) -> Result<Vec<AccountBalance>, ReadError> {
        self.read(move |db| {
            let sql = "SELECT a.name, a.currency, coalesce(sum(p.amount) FILTER (WHERE p.layer = 0), 0) AS posted,
                              coalesce(sum(p.amount) FILTER (WHERE p.layer = 1), 0) AS pending
                       FROM journal_entries e JOIN postings p ON p.entry_id = e.id JOIN accounts a ON a.id = p.account_id
                       WHERE e.merchant_id = ?1 AND e.at <= ?2 GROUP BY a.id ORDER BY a.name, a.currency";
            many(db, sql, params![Col(merchant), Col(at)], |row| codec::account_balance(row, merchant))
        })
        .await
    }

    /// What moved on an account, oldest first, with what lay on it before. `None` where there is no such account.
    pub async fn statement(
        &self,
        merchant: MerchantId,
        ask: StatementAsk,
        limit: u32,
    ) -> Result<Option<StatementLines>, ReadError> {
        self.read(move |db| {
            let sql = "SELECT id FROM accounts WHERE merchant_id = ?1 AND name = ?2 AND currency = ?3";
            let values = params![Col(merchant), ask.account, ask.currency.code()];
            let Some(account) = one(db, sql, values, |row| row.get::<_, i64>(0))? else { return Ok(None) };
            statement(db, merchant, account, &ask, limit)
        })
        .await
    }
}

/// The ids of a page of entries.
fn page_of_ids(
    db: &Connection,
    merchant: MerchantId,
    filter: &EntryFilter,
    anchor: PageAnchor<EntryId>,
    limit: u32,
) -> Result<(Vec<Col<EntryId>>, bool), ReadError> {
    let mut conditions = Conditions::default();
    conditions.add("e.merchant_id =", &Col(merchant))?;
    if let Some(order) = filter.order {
        conditions.add("e.order_id =", &Col(order))?;
    }
    if let Some(from) = filter.created_gte {
        conditions.add("e.at >=", &Col(from))?;
    }
    if let Some(before) = filter.created_lt {
        conditions.add("e.at <", &Col(before))?;
    }
    if let Some(account) = &filter.account {
        // Closed below, after the value's number.
        conditions.add(
            "e.id IN (SELECT p.entry_id FROM accounts a JOIN postings p ON p.account_id = a.id
               WHERE a.merchant_id = e.merchant_id AND a.name =",
            account,
        )?;
        if let Some(last) = conditions.sql.last_mut() {
            last.push(')');
        }
    }
    let direction = match anchor {
        PageAnchor::Newest => "DESC",
        PageAnchor::After(id) => {
            conditions.add("e.id <", &Col(id))?;
            "DESC"
        }
        PageAnchor::Before(id) => {
            conditions.add("e.id >", &Col(id))?;
            "ASC"
        }
    };
    let wheres = conditions.sql.join(" AND ");
    let sql =
        format!("SELECT e.id FROM journal_entries e WHERE {wheres} ORDER BY e.id {direction} LIMIT {}", limit.saturating_add(1));
    let mut ids: Vec<Col<EntryId>> = many(db, &sql, params_from_iter(conditions.values), |row| row.get(0))?;
    let has_more = ids.len() > limit as usize;
    ids.truncate(limit as usize);
    if direction == "ASC" {
        ids.reverse();
    }
    Ok((ids, has_more))
}

/// Lines of money that moved, in the order of their time; what is only held is no line.
fn statement(
    db: &Connection,
    merchant: MerchantId,
    account: i64,
    ask: &StatementAsk,
    limit: u32,
) -> Result<Option<StatementLines>, ReadError> {
    // A page begins after the entry at which the one before ended.
    let after: (i64, Vec<u8>) = match ask.after {
        None => (ask.from.map_or(i64::MIN, |from| from.as_micros()), Vec::new()),
        Some(id) => {
            let sql = "SELECT at FROM journal_entries WHERE id = ?1 AND merchant_id = ?2";
            let Some(at) = one(db, sql, params![Col(id), Col(merchant)], |row| row.get(0))? else { return Ok(None) };
            (at, id.as_bytes().to_vec())
        }
    };
    // An entry that is named lies before the page; a moment alone lies within it.
    let sql = "SELECT coalesce(sum(p.amount), 0) FROM postings p JOIN journal_entries e ON e.id = p.entry_id
               WHERE p.account_id = ?1 AND p.layer = 0 AND (e.at < ?2 OR (e.at = ?2 AND length(?3) > 0 AND e.id <= ?3))";
    let opening = one(db, sql, params![account, after.0, after.1], |row| row.get(0))?.unwrap_or(0);
    let sql = "SELECT e.id, e.event_ref, e.order_id, e.at, e.note, sum(p.amount) AS amount
               FROM postings p JOIN journal_entries e ON e.id = p.entry_id
               WHERE p.account_id = ?1 AND p.layer = 0 AND (e.at > ?2 OR (e.at = ?2 AND (length(?3) = 0 OR e.id > ?3))) AND e.at < ?4
               GROUP BY e.id ORDER BY e.at, e.id LIMIT ?5";
    let before = ask.to.map_or(i64::MAX, |to| to.as_micros());
    let values = params![account, after.0, after.1, before, limit.saturating_add(1)];
    let mut lines = many(db, sql, values, |row| {
        Ok(StatementRow {
            id: codec::col(row, "id")?,
            event_ref: row.get("event_ref")?,
            order: codec::maybe(row, "order_id")?,
            at: codec::col(row, "at")?,
            note: codec::maybe_json(row, "note")?,
            amount: row.get("amount")?,
        })
    })?;
    let has_more = lines.len() > limit as usize;
    lines.truncate(limit as usize);
    Ok(Some(StatementLines { opening, lines, has_more }))
}
