//! What lies on accounts, and lay there at a moment.
//!
//! What lies there now is kept. What lay there before is that less what came since, where that is little: one statement, all of which sees the
//! same entries. Else what lay there when the books were last closed before the moment is taken, and the lines since are added up, a part in each
//! statement, so that none takes long however many there are.
//! Moments are bounds of entries' ids, which begin with the millisecond in which their entry was booked.

use super::journal::{Between, FIRST, LAST, next};
use crate::codec;
use crate::row::Row;
use crate::value::{Conditions, values};
use crate::{AccountBalance, Balances, Books, ReadError, Store};
use ducat_domain::{Currency, EntryId, MerchantId, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;

/// The lines that are added up.
#[derive(Clone, Copy)]
pub(crate) enum Lines<'a> {
    /// Those on all accounts of a merchant.
    Of(MerchantId),
    /// Those on one of them.
    On(MerchantId, &'a str, Currency),
}

/// What lies on accounts, by their name and currency.
type Sums = BTreeMap<(String, Currency), AccountBalance>;

/// What a statement finds on an account.
struct Found {
    account: AccountBalance,
    /// How many entries came since; beyond what is added up at once, nobody counts.
    came_since: i64,
    /// Whether there was a line before.
    is_older: bool,
}

impl Store {
    /// What lies on a merchant's accounts, by account and currency.
    pub async fn balances(&self, merchant: MerchantId) -> Result<Vec<AccountBalance>, ReadError> {
        if self.balances_are() == Balances::Summed {
            return self.added_up(Lines::Of(merchant), LAST).await;
        }
        let theirs = self.theirs("b");
        let sql = format!(
            "SELECT a.name, a.currency, CAST(coalesce(sum(b.amount) FILTER (WHERE b.layer = 0), 0) AS bigint) AS posted,
                    CAST(coalesce(sum(b.amount) FILTER (WHERE b.layer = 1), 0) AS bigint) AS pending
             FROM accounts a LEFT JOIN balances b ON b.account_id = a.id{theirs}
             WHERE a.merchant_id = $1 GROUP BY a.id, a.name, a.currency ORDER BY a.name, a.currency"
        );
        self.many(sql, values![merchant], move |row| codec::account_balance(row, merchant)).await
    }

    /// What lay on a merchant's accounts at a moment, all of its millisecond included. Accounts that had no line yet are left out.
    pub async fn balances_at(&self, merchant: MerchantId, at: Timestamp) -> Result<Vec<AccountBalance>, ReadError> {
        let before = EntryId::first_at(at.plus(Duration::from_millis(1)));
        let Some(mut found) = self.less_what_came_since(Lines::Of(merchant), before).await? else {
            return self.added_up(Lines::Of(merchant), before).await;
        };
        found.retain(|account| account.is_older);
        Ok(found.into_iter().map(|found| found.account).collect())
    }

    /// What had moved on an account before an entry; `None` where there is no such account.
    pub(super) async fn moved_before(
        &self,
        merchant: MerchantId,
        account: &str,
        currency: Currency,
        before: EntryId,
    ) -> Result<Option<i64>, ReadError> {
        let lines = Lines::On(merchant, account, currency);
        let posted = |account: AccountBalance| account.posted;
        if let Some(mut found) = self.less_what_came_since(lines, before).await? {
            return Ok(found.pop().map(|found| posted(found.account)));
        }
        Ok(Some(self.added_up(lines, before).await?.pop().map_or(0, posted)))
    }

    /// What is kept less the lines from this entry on. `None` where nothing is kept, or there are too many of them.
    async fn less_what_came_since(&self, lines: Lines<'_>, from: EntryId) -> Result<Option<Vec<Found>>, ReadError> {
        let is_kept = self.balances_are() == Balances::Kept;
        let at_once = if is_kept { self.entries_at_once() } else { 0 };
        let mut conditions = Conditions::default();
        let way = self.way(lines, from, &mut conditions);
        let most = format!("LIMIT {}", at_once.saturating_add(1));
        let (since, came, accounts) = (way.sums(&most, ""), way.entries(&most), &way.accounts);
        let theirs = self.lines_of("a.id", Between(FIRST, LAST), &mut conditions);
        let kept = self.theirs("b");
        let lay = |layer: i32, sum: &str| {
            format!(
                "CAST(coalesce((SELECT b.amount FROM balances b WHERE b.account_id = a.id AND b.layer = {layer}{kept}), 0)
                   - coalesce(s.{sum}, 0) AS bigint) AS {sum}"
            )
        };
        let (posted, pending) = (lay(0, "posted"), lay(1, "pending"));
        let sql = format!(
            "WITH since AS ({since}), came AS (SELECT count(*) AS entries FROM ({came}) one)
             SELECT a.name, a.currency, {posted}, {pending}, c.entries,
               (SELECT p.entry_id FROM postings p WHERE {theirs} ORDER BY p.account_id, p.entry_id LIMIT 1) AS first_entry
             FROM accounts a CROSS JOIN came c LEFT JOIN since s ON s.account_id = a.id WHERE {accounts} ORDER BY a.name, a.currency"
        );
        let merchant = lines.merchant();
        let read = move |row: &Row<'_>| {
            let is_older = row.maybe::<EntryId>("first_entry")?.is_some_and(|first| first < from);
            Ok(Found { account: codec::account_balance(row, merchant)?, came_since: row.get("entries")?, is_older })
        };
        let found = self.many(sql, conditions.done().1, read).await?;
        let is_little = |found: &Found| is_kept && found.came_since <= i64::from(at_once);
        // Where there is no account, nothing lay there, kept or not.
        Ok(found.iter().all(is_little).then_some(found))
    }

    /// What lay on accounts before an entry: what was closed, and the lines since, added up in parts.
    pub(crate) async fn added_up(&self, lines: Lines<'_>, before: EntryId) -> Result<Vec<AccountBalance>, ReadError> {
        let (mut from, mut sums) = self.closed_before(lines, before).await?;
        while from < before {
            let _turn = self.long_sums().lock().await;
            let end = self.end_of_part(lines, from).await?.filter(|end| *end < before).map_or(before, |end| end.max(next(from)));
            for part in self.part(lines, from, end).await? {
                let key = (part.account.clone(), part.currency);
                let sum = sums.entry(key).or_insert_with(|| AccountBalance { posted: 0, pending: 0, ..part.clone() });
                let out_of_range = || ReadError(format!("what lay on {} is out of range", part.account));
                sum.posted = sum.posted.checked_add(part.posted).ok_or_else(out_of_range)?;
                sum.pending = sum.pending.checked_add(part.pending).ok_or_else(out_of_range)?;
            }
            from = end;
        }
        Ok(sums.into_values().collect())
    }

    /// What lay on accounts where the books were last closed before an entry, and from where on nothing is closed.
    async fn closed_before(&self, lines: Lines<'_>, before: EntryId) -> Result<(EntryId, Sums), ReadError> {
        let mut conditions = Conditions::default();
        let number = conditions.number(lines.merchant());
        let mut accounts = format!("c.merchant_id = ${number}");
        if let Lines::On(_, name, currency) = lines {
            let (name, currency) = (conditions.number(name), conditions.number(currency.code()));
            accounts.push_str(&format!(" AND a.name = ${name} AND a.currency = ${currency}"));
        }
        let before = conditions.number(before);
        let sql = format!(
            "SELECT c.before, a.name, a.currency, c.posted, c.pending
             FROM closings c JOIN accounts a ON a.merchant_id = c.merchant_id AND a.id = c.account_id
             WHERE {accounts} AND c.before = (SELECT l.before FROM closings l WHERE l.merchant_id = ${number} AND l.before <= ${before}
               ORDER BY l.merchant_id DESC, l.before DESC LIMIT 1)"
        );
        let merchant = lines.merchant();
        let read = move |row: &Row<'_>| Ok((row.get::<EntryId>("before")?, codec::account_balance(row, merchant)?));
        let closed = self.many(sql, conditions.done().1, read).await?;
        // Of an account that is younger, all lines are.
        let from = closed.first().map_or(FIRST, |(before, _)| *before);
        Ok((from, closed.into_iter().map(|(_, lay)| ((lay.account.clone(), lay.currency), lay)).collect()))
    }

    /// How far a merchant's books are closed.
    pub async fn books(&self, merchant: MerchantId) -> Result<Books, ReadError> {
        let sql = "SELECT closed, closing, late FROM books WHERE merchant_id = $1";
        let read = |row: &Row<'_>| Ok(Books { closed: row.get("closed")?, closing: row.get("closing")?, late: row.get("late")? });
        let books = self.one(sql, values![merchant], read).await?;
        Ok(books.unwrap_or(Books { closed: FIRST, closing: FIRST, late: 0 }))
    }

    /// The first entry after as many as are added up at once; `None` where there are no more than that.
    pub(crate) async fn end_of_part(&self, lines: Lines<'_>, from: EntryId) -> Result<Option<EntryId>, ReadError> {
        let mut conditions = Conditions::default();
        let way = self.way(lines, from, &mut conditions);
        let sql = way.entries(&format!("LIMIT 1 OFFSET {}", self.entries_at_once()));
        self.one(sql, conditions.done().1, |row| row.get("id")).await
    }

    async fn part(&self, lines: Lines<'_>, from: EntryId, end: EntryId) -> Result<Vec<AccountBalance>, ReadError> {
        let mut conditions = Conditions::default();
        let way = self.way(lines, from, &mut conditions);
        let most = format!("LIMIT {}", self.entries_at_once().saturating_add(LINES_OF_AN_ENTRY));
        let part = way.sums(&most, &format!("WHERE l.entry_id < ${}", conditions.number(end)));
        let accounts = way.accounts;
        let sql = format!(
            "WITH part AS ({part})
             SELECT a.name, a.currency, CAST(s.posted AS bigint) AS posted, CAST(s.pending AS bigint) AS pending
             FROM part s JOIN accounts a ON a.id = s.account_id WHERE {accounts}"
        );
        let merchant = lines.merchant();
        self.many(sql, conditions.done().1, move |row| codec::account_balance(row, merchant)).await
    }

    /// The way to the lines from an entry on. Where it ends is not said here, but how many are looked at: a server compares rows along an index
    /// from where they begin, and does not end where they do.
    fn way(&self, lines: Lines<'_>, from: EntryId, conditions: &mut Conditions) -> Way {
        match lines {
            Lines::Of(merchant) => {
                let (merchant, from) = (conditions.number(merchant), conditions.number(from));
                let entries = format!(
                    "SELECT e.id FROM journal_entries e WHERE e.merchant_id = ${merchant} AND e.id >= ${from} ORDER BY e.id {PAGE}"
                );
                // One by one: a server might walk over everybody's lines of the time instead.
                let each = if self.is_postgres() {
                    "LATERAL (SELECT * FROM postings t WHERE t.entry_id = one.id OFFSET 0) p"
                } else {
                    "postings p ON p.entry_id = one.id"
                };
                let lines = format!("({entries}) one CROSS JOIN {each}");
                Way { entries, lines, accounts: format!("a.merchant_id = ${merchant}") }
            }
            Lines::On(merchant, name, currency) => {
                let (merchant, name) = (conditions.number(merchant), conditions.number(name));
                let currency = conditions.number(currency.code());
                let accounts = format!("a.merchant_id = ${merchant} AND a.name = ${name} AND a.currency = ${currency}");
                let account = format!("(SELECT a.id FROM accounts a WHERE {accounts})");
                let theirs = self.lines_of(&account, Between(from, LAST), conditions);
                let lines = format!("postings p WHERE {theirs} ORDER BY p.account_id, p.entry_id {PAGE}");
                Way { entries: format!("SELECT p.entry_id AS id FROM {lines}"), lines, accounts }
            }
        }
    }
}

/// More lines than an entry ever has on one account.
const LINES_OF_AN_ENTRY: u32 = 1_000;

/// Where it is put how many are looked at.
const PAGE: &str = "{PAGE}";

/// How a statement comes to lines.
struct Way {
    /// A statement of their entries' ids, in their order.
    entries: String,
    /// The tables that have the lines, and the conditions.
    lines: String,
    /// The condition on the accounts that they are on.
    accounts: String,
}

impl Way {
    fn entries(&self, page: &str) -> String {
        self.entries.replace(PAGE, page)
    }

    /// A statement of what the lines sum up to, by account.
    fn sums(&self, page: &str, condition: &str) -> String {
        let lines = self.lines.replace(PAGE, page);
        format!(
            "SELECT l.account_id, coalesce(sum(l.amount) FILTER (WHERE l.layer = 0), 0) AS posted,
               coalesce(sum(l.amount) FILTER (WHERE l.layer = 1), 0) AS pending
             FROM (SELECT p.account_id, p.entry_id, p.layer, p.amount FROM {lines}) l {condition} GROUP BY l.account_id"
        )
    }
}

impl Lines<'_> {
    const fn merchant(self) -> MerchantId {
        match self {
            Self::Of(merchant) | Self::On(merchant, ..) => merchant,
        }
    }
}
