//! Writes the journal, and the balances that follow from it.

use super::apply::{Applied, in_time, run, text_of};
use super::col::Col;
use super::refusal::refused;
use crate::{Books, BooksStep, BooksWrite, CommitError};
use ducat_domain::MerchantId;
use ducat_domain::journal::{FiledEntry, Layer};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::HashMap;

/// An account and a layer of it.
type Place = (i64, i64);

/// What one change adds to each balance.
pub(super) type Moved = HashMap<Place, i64>;

/// The balances that a group of changes touches, as they will be after it: one update per account and layer, however many entries
/// touched it.
#[derive(Default)]
pub(super) struct Balances {
    after: HashMap<Place, i64>,
}

impl Balances {
    /// Takes in what one change moved: all of it, or nothing where a balance would not fit into 64 bits.
    pub(super) fn add(&mut self, db: &Connection, moved: Moved) -> Applied {
        let mut sums = Vec::with_capacity(moved.len());
        for (place, amount) in moved {
            let before = match self.after.get(&place) {
                Some(before) => *before,
                None => stored(db, place)?,
            };
            sums.push((place, before.checked_add(amount).ok_or(CommitError::BalanceOutOfRange)?));
        }
        self.after.extend(sums);
        Ok(())
    }

    /// Writes the balances of the whole group.
    pub(super) fn fold(&self, db: &Connection) -> Applied {
        for ((account, layer), amount) in &self.after {
            run(
                db,
                "INSERT INTO balances (account_id, layer, amount) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET amount = excluded.amount",
                params![account, layer, amount],
            )?;
        }
        Ok(())
    }
}

fn stored(db: &Connection, (account, layer): Place) -> Result<i64, CommitError> {
    let mut find = db.prepare_cached("SELECT amount FROM balances WHERE account_id = ?1 AND layer = ?2").map_err(refused)?;
    let found = find.query_row([account, layer], |row| row.get(0)).optional().map_err(refused)?;
    Ok(found.unwrap_or(0))
}

/// Appends an entry: its lines, then itself, which closes it.
pub(super) fn entry(db: &Connection, filed: &FiledEntry, moved: &mut Moved) -> Applied {
    let entry = &filed.entry;
    for (line, posting) in entry.postings().iter().enumerate() {
        let account = account_id(db, filed.merchant, &posting.account.to_string(), posting.amount.currency.code())?;
        let layer = match posting.layer {
            Layer::Posted => 0,
            Layer::Pending => 1,
        };
        run(
            db,
            "INSERT INTO postings (entry_id, line, account_id, layer, amount) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![Col(filed.id), line as i64, account, layer, posting.amount.minor],
        )?;
        let sum = moved.entry((account, layer)).or_default();
        *sum = sum.checked_add(posting.amount.minor).ok_or(CommitError::BalanceOutOfRange)?;
    }
    run(
        db,
        "INSERT INTO journal_entries (id, merchant_id, event_ref, order_id, at, note) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            Col(filed.id),
            Col(filed.merchant),
            entry.event_ref().to_string(),
            entry.order().map(Col),
            Col(entry.at()),
            text_of(filed.note.as_ref())?
        ],
    )
    .map(drop)
}

/// A step in closing a merchant's books.
pub(super) fn books(db: &Connection, write: &BooksWrite) -> Applied {
    let (merchant, Books { closed, closing, late }) = (Col(write.merchant), write.found);
    match &write.step {
        BooksStep::Begin(end) => {
            let sql = "INSERT INTO books (merchant_id, closed, closing, late) VALUES (?1, ?2, ?3, ?4)
                       ON CONFLICT DO UPDATE SET closing = excluded.closing WHERE closed = excluded.closed AND closing = closed";
            in_time(run(db, sql, params![merchant, Col(closed), Col(*end), late])?)
        }
        BooksStep::Close(accounts) => {
            let sql = "UPDATE books SET closed = closing WHERE merchant_id = ?1 AND closed = ?2 AND closing = ?3 AND late = ?4";
            in_time(run(db, sql, params![merchant, Col(closed), Col(closing), late])?)?;
            for lay in accounts {
                let sql = "INSERT INTO closings (merchant_id, before, account_id, posted, pending)
                           SELECT ?1, ?2, id, ?5, ?6 FROM accounts WHERE merchant_id = ?1 AND name = ?3 AND currency = ?4";
                let values = params![merchant, Col(closing), lay.account, lay.currency.code(), lay.posted, lay.pending];
                in_time(run(db, sql, values)?)?;
            }
            Ok(())
        }
    }
}

fn account_id(db: &Connection, merchant: MerchantId, name: &str, currency: &str) -> Result<i64, CommitError> {
    let values = params![Col(merchant), name, currency];
    let mut find =
        db.prepare_cached("SELECT id FROM accounts WHERE merchant_id = ?1 AND name = ?2 AND currency = ?3").map_err(refused)?;
    if let Some(id) = find.query_row(values, |row| row.get(0)).optional().map_err(refused)? {
        return Ok(id);
    }
    run(db, "INSERT INTO accounts (merchant_id, name, currency) VALUES (?1, ?2, ?3)", values)?;
    Ok(db.last_insert_rowid())
}
