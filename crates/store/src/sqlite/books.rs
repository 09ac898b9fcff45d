//! Reads of the journal.

use super::Store;
use super::codec::{self, Col};
use super::lists::many;
use crate::{AccountBalance, EntryRow, PostingRow, ReadError};
use ducat_domain::journal::Layer;
use ducat_domain::{EntryId, MerchantId, Money, PaymentOrderId};
use rusqlite::{Connection, Params};

/// Lines with what their entry says; conditions and an order that keeps each entry's lines together follow.
pub(super) const ENTRY_COLUMNS: &str = "SELECT e.id, e.event_ref, e.order_id, e.at, e.note, a.name, a.currency, p.amount, p.layer
   FROM journal_entries e JOIN postings p ON p.entry_id = e.id JOIN accounts a ON a.id = p.account_id";

/// Entries from their lines.
pub(super) fn entries(db: &Connection, sql: &str, values: impl Params) -> Result<Vec<EntryRow>, ReadError> {
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(values)?;
    let mut entries: Vec<EntryRow> = Vec::new();
    while let Some(row) = rows.next()? {
        let id: EntryId = codec::col(row, "id")?;
        let posting = PostingRow {
            account: row.get("name")?,
            amount: Money::new(row.get("amount")?, codec::col(row, "currency")?),
            layer: if row.get::<_, i64>("layer")? == 0 { Layer::Posted } else { Layer::Pending },
        };
        match entries.last_mut().filter(|entry| entry.id == id) {
            Some(entry) => entry.postings.push(posting),
            None => entries.push(EntryRow {
                id,
                event_ref: row.get("event_ref")?,
                order: codec::maybe(row, "order_id")?,
                at: codec::col(row, "at")?,
                note: codec::maybe_json(row, "note")?,
                postings: vec![posting],
            }),
        }
    }
    Ok(entries)
}

impl Store {
    /// The journal entries of an order, oldest first.
    pub async fn entries_of(&self, order: PaymentOrderId) -> Result<Vec<EntryRow>, ReadError> {
        let sql = format!("{ENTRY_COLUMNS} WHERE e.order_id = ?1 ORDER BY e.at, e.id, p.line");
        self.read(move |db| entries(db, &sql, [Col(order)])).await
    }

    /// What lies on a merchant's accounts, by account and currency.
    pub async fn balances(&self, merchant: MerchantId) -> Result<Vec<AccountBalance>, ReadError> {
        self.read(move |db| {
            let sql = "SELECT a.name, a.currency, coalesce(sum(b.amount) FILTER (WHERE b.layer = 0), 0) AS posted,
                              coalesce(sum(b.amount) FILTER (WHERE b.layer = 1), 0) AS pending
                       FROM accounts a LEFT JOIN balances b ON b.account_id = a.id
                       WHERE a.merchant_id = ?1 GROUP BY a.id ORDER BY a.name, a.currency";
            many(db, sql, [Col(merchant)], |row| codec::account_balance(row, merchant))
        })
        .await
    }
}
