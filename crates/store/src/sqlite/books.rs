//! Reads of the journal.

use super::Store;
use super::codec::{self, Col};
use crate::{AccountBalance, EntryRow, PostingRow, ReadError};
use ducat_domain::journal::Layer;
use ducat_domain::{EntryId, MerchantId, Money, PaymentOrderId, Timestamp};

impl Store {
    /// The journal entries of an order, oldest first.
    pub async fn entries_of(&self, order: PaymentOrderId) -> Result<Vec<EntryRow>, ReadError> {
        self.read(move |db| {
            let mut statement = db.prepare_cached(
                "SELECT e.id, e.event_ref, e.order_id, e.at, e.note, a.name, a.currency, p.amount, p.layer
                 FROM journal_entries e JOIN postings p ON p.entry_id = e.id JOIN accounts a ON a.id = p.account_id
                 WHERE e.order_id = ?1 ORDER BY e.at, e.id, p.line",
            )?;
            let mut rows = statement.query([Col(order)])?;
            let mut entries: Vec<EntryRow> = Vec::new();
            while let Some(row) = rows.next()? {
                let id: EntryId = codec::col(row, "id")?;
                let at: Timestamp = codec::col(row, "at")?;
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
                        at,
                        note: codec::maybe_json(row, "note")?,
                        postings: vec![posting],
                    }),
                }
            }
            Ok(entries)
        })
        .await
    }

    /// What lies on a merchant's accounts, by account and currency.
    pub async fn balances(&self, merchant: MerchantId) -> Result<Vec<AccountBalance>, ReadError> {
        self.read(move |db| {
            let mut statement = db.prepare_cached(
                "SELECT a.name, a.currency, coalesce(sum(b.amount) FILTER (WHERE b.layer = 0), 0) AS posted,
                        coalesce(sum(b.amount) FILTER (WHERE b.layer = 1), 0) AS pending
                 FROM accounts a LEFT JOIN balances b ON b.account_id = a.id
                 WHERE a.merchant_id = ?1 GROUP BY a.id ORDER BY a.name, a.currency",
            )?;
            let rows = statement.query_map([Col(merchant)], |row| {
                Ok(AccountBalance {
                    merchant,
                    account: row.get("name")?,
                    currency: codec::col(row, "currency")?,
                    posted: row.get("posted")?,
                    pending: row.get("pending")?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}
