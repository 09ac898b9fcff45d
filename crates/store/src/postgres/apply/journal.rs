//! The journal, and the balances that follow from it.

use super::{Applied, text_of};
use crate::postgres::statement::{Statement, each, insert};
use crate::{AccountBalance, Balances, Books, BooksStep, BooksWrite, Change, CommitError};
use ducat_domain::journal::{FiledEntry, Layer};
use ducat_domain::{Currency, MerchantId};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};

/// How many accounts are remembered; beyond that all are forgotten, and written down anew where they are known.
const MAX_KNOWN: usize = 100_000;

/// An account of a merchant in a currency.
type AccountKey = (MerchantId, String, Currency);

/// Accounts that are in the database, so that they need not be written again.
#[derive(Debug, Default)]
pub(in crate::postgres) struct KnownAccounts(Mutex<HashSet<[u8; 16]>>);

impl KnownAccounts {
    fn has(&self, id: &[u8; 16]) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(id)
    }

    /// Remembers the accounts of changes that are committed.
    pub fn note(&self, changes: &[&Change]) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for filed in changes.iter().flat_map(|change| &change.entries) {
            known.extend(
                filed.entry.postings().iter().map(|p| account_id(&(filed.merchant, p.account.to_string(), p.amount.currency))),
            );
        }
        if known.len() > MAX_KNOWN {
            known.clear();
        }
    }
}

/// The id of an account follows from what it is: nobody has to ask the database for it, and two nodes that meet it first agree.
fn account_id((merchant, name, currency): &AccountKey) -> [u8; 16] {
    let digest = Sha256::new().chain_update(merchant.as_bytes()).chain_update(currency.code()).chain_update(name).finalize();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    id
}

/// What is booked on an account by one line.
struct Line<'c> {
    filed: &'c FiledEntry,
    number: u32,
    account: [u8; 16],
    key: AccountKey,
    layer: i64,
    amount: i64,
}

fn lines<'c>(changes: &[&'c Change]) -> Vec<Line<'c>> {
    let mut lines = Vec::new();
    for filed in changes.iter().flat_map(|change| &change.entries) {
        for (posting, number) in filed.entry.postings().iter().zip(0..) {
            let key = (filed.merchant, posting.account.to_string(), posting.amount.currency);
            let layer = match posting.layer {
                Layer::Posted => 0,
                Layer::Pending => 1,
            };
            lines.push(Line { filed, number, account: account_id(&key), key, layer, amount: posting.amount.minor });
        }
    }
    lines
}

/// Appends entries, with the accounts that nobody has met yet. Entries and their lines are carried out together: the database looks at them
/// when that is over, so that neither comes without the other.
pub(super) fn write(out: &mut Vec<Statement>, changes: &[&Change], known: &KnownAccounts) -> Applied {
    let lines = lines(changes);
    let new: BTreeMap<[u8; 16], &AccountKey> =
        lines.iter().filter(|line| !known.has(&line.account)).map(|line| (line.account, &line.key)).collect();
    insert!(out, "accounts", new, |(id, (merchant, name, currency))| {
        merchant_id: uuid = *merchant,
        id: uuid = id,
        name: text = name,
        currency: text = currency.code(),
    }, "ON CONFLICT DO NOTHING");
    // In the order of their ids, so that an index of them grows at its end.
    let mut entries: Vec<&FiledEntry> = changes.iter().flat_map(|change| &change.entries).collect();
    entries.sort_by_key(|filed| (filed.merchant, filed.id));
    insert!(out, "journal_entries", entries, |filed| {
        id: uuid = filed.id,
        merchant_id: uuid = filed.merchant,
        event_ref: text = filed.entry.event_ref().to_string(),
        order_id: uuid = filed.entry.order(),
        at: timestamptz = filed.entry.at(),
        note: jsonb = text_of(filed.note.as_ref())?,
    });
    let mut lines: Vec<&Line<'_>> = lines.iter().collect();
    lines.sort_by_key(|line| (line.filed.merchant, line.filed.id, line.number));
    insert!(out, "postings", lines, |line| {
        merchant_id: uuid = line.filed.merchant,
        entry_id: uuid = line.filed.id,
        line: integer = line.number,
        account_id: uuid = line.account,
        layer: integer = line.layer,
        amount: bigint = line.amount,
    });
    Ok(())
}

/// One update per balance, however many entries touched it.
pub(super) fn balances(out: &mut Vec<Statement>, changes: &[&Change]) -> Applied {
    let mut sums: BTreeMap<(MerchantId, [u8; 16], i64), i64> = BTreeMap::new();
    let kept: Vec<&Change> = changes.iter().copied().filter(|change| change.balances == Balances::Kept).collect();
    for line in lines(&kept) {
        let sum = sums.entry((line.filed.merchant, line.account, line.layer)).or_default();
        *sum = sum.checked_add(line.amount).ok_or(CommitError::BalanceOutOfRange)?;
    }
    insert!(out, "balances", sums, |((merchant, account, layer), amount)| {
        merchant_id: uuid = merchant,
        account_id: uuid = account,
        layer: integer = layer,
        amount: bigint = amount,
    }, "ON CONFLICT (merchant_id, account_id, layer) DO UPDATE SET amount = balances.amount + excluded.amount");
    Ok(())
}

/// Steps in closing merchants' books.
pub(super) fn books(out: &mut Vec<Statement>, changes: &[&Change]) -> Applied {
    let writes = || changes.iter().filter_map(|change| change.books.as_ref());
    let begun = writes().filter_map(|write| match write.step {
        BooksStep::Begin(end) => Some((write.merchant, write.found, end)),
        BooksStep::Close(_) => None,
    });
    each!(
        out,
        "INSERT INTO books AS t (merchant_id, closed, closing, late) SELECT n.merchant_id, n.closed, n.closing, n.late FROM {rows}
         ON CONFLICT (merchant_id) DO UPDATE SET closing = excluded.closing WHERE t.closed = excluded.closed AND t.closing = t.closed",
        begun,
        |(merchant, Books { closed, late, .. }, end)| { merchant_id: uuid = merchant, closed: uuid = closed, closing: uuid = end, late: bigint = late },
        or "stale"
    );
    let closed = || {
        writes().filter_map(|write| match &write.step {
            BooksStep::Close(accounts) => Some((write, accounts)),
            BooksStep::Begin(_) => None,
        })
    };
    each!(
        out,
        "UPDATE books t SET closed = t.closing FROM {rows}
         WHERE t.merchant_id = n.merchant_id AND t.closed = n.closed AND t.closing = n.closing AND t.late = n.late",
        closed(),
        |(BooksWrite { merchant, found, .. }, _)| {
            merchant_id: uuid = *merchant,
            closed: uuid = found.closed,
            closing: uuid = found.closing,
            late: bigint = found.late,
        },
        or "stale"
    );
    let rows = closed().flat_map(|(write, accounts)| accounts.iter().map(move |lay| (write.found.closing, lay)));
    insert!(out, "closings", rows, |(before, lay)| {
        merchant_id: uuid = lay.merchant,
        before: uuid = before,
        account_id: uuid = account_id(&key_of(lay)),
        posted: bigint = lay.posted,
        pending: bigint = lay.pending,
    });
    Ok(())
}

fn key_of(lay: &AccountBalance) -> AccountKey {
    (lay.merchant, lay.account.clone(), lay.currency)
}
