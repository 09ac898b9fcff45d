//! Reads of the journal: entries, and the statement of an account.

use crate::row::Row;
use crate::store::Rest;
use crate::value::{self, Conditions, values};
use crate::{EntryFilter, EntryRow, Page, PageAnchor, PostingRow, ReadError, StatementAsk, StatementLines, StatementRow, Store};
use ducat_domain::journal::Layer;
use ducat_domain::{EntryId, MerchantId, Money, PaymentOrderId, Timestamp};
use std::time::Duration;

/// Lines with what their entry says; conditions and an order that keeps each entry's lines together follow.
const LINES: &str = "SELECT e.id, e.event_ref, e.order_id, e.at, e.note, a.name, a.currency, p.amount, p.layer
   FROM journal_entries e JOIN postings p ON p.entry_id = e.id
     JOIN accounts a ON a.merchant_id = e.merchant_id AND a.id = p.account_id";

/// Where the number of an account's currency is put.
const NTH: &str = "{NTH}";

/// Entries.
impl Store {
    /// The journal entries of an order, oldest first.
    pub async fn entries_of(&self, merchant: MerchantId, order: PaymentOrderId) -> Result<Vec<EntryRow>, ReadError> {
        let sql = format!("{LINES} WHERE e.merchant_id = $1 AND e.order_id = $2 ORDER BY e.at, e.id, p.line");
        Ok(entries(self.many(sql, values![merchant, order], line).await?))
    }

    /// One journal entry of the merchant.
    pub async fn entry(&self, merchant: MerchantId, id: EntryId) -> Result<Option<EntryRow>, ReadError> {
        let sql = format!("{LINES} WHERE e.merchant_id = $1 AND e.id = $2 ORDER BY p.line");
        Ok(entries(self.many(sql, values![merchant, id], line).await?).pop())
    }

    /// Whether the merchant's journal has an entry under this reference.
    pub async fn is_booked(&self, merchant: MerchantId, event_ref: String) -> Result<bool, ReadError> {
        let by_digest = if self.is_postgres() { " AND named_at(merchant_id, event_ref) = named_at($1, $2)" } else { "" };
        let sql = format!("SELECT 1 AS found FROM journal_entries WHERE merchant_id = $1 AND event_ref = $2{by_digest}");
        Ok(self.one(sql, values![merchant, event_ref], |_| Ok(())).await?.is_some())
    }

    /// A merchant's journal entries, newest first.
    pub async fn entries(
        &self,
        merchant: MerchantId,
        filter: EntryFilter,
        anchor: PageAnchor<EntryId>,
        limit: u32,
    ) -> Result<Page<EntryRow>, ReadError> {
        let ids = match filter.account.clone().filter(|_| filter.order.is_none()) {
            Some(account) => self.entries_on(merchant, account, filter, anchor, limit).await?,
            None => {
                let select = "SELECT e.id FROM journal_entries e";
                self.page(select, wanted(merchant, filter), ("e.id", anchor), limit, |row| row.get::<EntryId>("id")).await?
            }
        };
        if ids.data.is_empty() {
            return Ok(Page { data: Vec::new(), has_more: ids.has_more });
        }
        let mut conditions = Conditions::default();
        conditions.add("e.merchant_id =", merchant);
        conditions.add_any("e.id", ids.data);
        let (wheres, values) = conditions.done();
        let lines = self.many(format!("{LINES} WHERE {wheres} ORDER BY e.id DESC, p.line"), values, line).await?;
        Ok(Page { data: entries(lines), has_more: ids.has_more })
    }

    /// A page of the entries that have lines on an account, by the index of those lines. An account has a name in each of its currencies; of each, a
    /// page is read, and of all of them together the first page.
    async fn entries_on(
        &self,
        merchant: MerchantId,
        account: String,
        filter: EntryFilter,
        anchor: PageAnchor<EntryId>,
        limit: u32,
    ) -> Result<Page<EntryId>, ReadError> {
        let sql = "SELECT count(*) AS n FROM accounts WHERE merchant_id = $1 AND name = $2";
        let currencies: i64 = self.one(sql, values![merchant, &account], |row| row.get("n")).await?.unwrap_or_default();
        let mut conditions = Conditions::default();
        let (merchant, name) = (conditions.number(merchant), conditions.number(account));
        let between = Between::of_page(&filter, anchor);
        let lines = self.lines_of(
            &format!(
                "(SELECT a.id FROM accounts a WHERE a.merchant_id = ${merchant} AND a.name = ${name}
                  ORDER BY a.currency LIMIT 1 OFFSET {NTH})"
            ),
            between,
            &mut conditions,
        );
        conditions.add_as_it_is(&lines);
        add_times(&mut conditions, &filter);
        let statement = |Rest { wheres, direction, most }: &Rest| {
            let entries = self.entries_one_by_one("p.entry_id");
            let page = |nth: i64| {
                let wheres = wheres.replace(NTH, &nth.to_string());
                format!(
                    "SELECT id FROM (SELECT DISTINCT p.account_id, p.entry_id AS id FROM postings p {entries} WHERE {wheres}
                       ORDER BY p.account_id {direction}, p.entry_id {direction} LIMIT {most}) one"
                )
            };
            let pages: Vec<String> = (0..currencies.max(1)).map(page).collect();
            format!("SELECT DISTINCT id FROM ({}) found ORDER BY id {direction} LIMIT {most}", pages.join(" UNION ALL "))
        };
        self.page_by(statement, conditions, ("e.id", anchor), limit, |row| row.get::<EntryId>("id")).await
    }
}

/// The conditions of a list of entries.
fn wanted(merchant: MerchantId, filter: EntryFilter) -> Conditions {
    let mut conditions = Conditions::default();
    conditions.add("e.merchant_id =", merchant);
    if let Some(order) = filter.order {
        conditions.add("e.order_id =", order);
    }
    add_times(&mut conditions, &filter);
    if let Some(account) = filter.account {
        let on = "EXISTS (SELECT 1 FROM postings p JOIN accounts a ON a.merchant_id = e.merchant_id AND a.id = p.account_id
                    WHERE p.entry_id = e.id AND a.name =";
        conditions.add_within(on, account, ")");
    }
    conditions
}

/// Bounds in time. An entry's id begins with the millisecond in which it was booked: so the key leads to a time.
fn add_times(conditions: &mut Conditions, filter: &EntryFilter) {
    if let Some(from) = filter.created_gte {
        conditions.add_from("e.id", EntryId::first_at(from));
        conditions.add("e.at >=", from);
    }
    if let Some(before) = filter.created_lt {
        conditions.add_before("e.id", EntryId::first_at(before.plus(Duration::from_millis(1))));
        conditions.add("e.at <", before);
    }
}

/// An entry that has no lines yet, and one of its lines.
fn line(row: &Row<'_>) -> Result<(EntryRow, PostingRow), ReadError> {
    let entry = EntryRow {
        id: row.get("id")?,
        event_ref: row.get("event_ref")?,
        order: row.maybe("order_id")?,
        at: row.get("at")?,
        note: row.maybe_json("note")?,
        postings: Vec::new(),
    };
    let posting = PostingRow {
        account: row.get("name")?,
        amount: Money::new(row.get("amount")?, row.get("currency")?),
        layer: if row.get::<i64>("layer")? == 0 { Layer::Posted } else { Layer::Pending },
    };
    Ok((entry, posting))
}

/// Entries from their lines, those of an entry one after the other.
fn entries(lines: Vec<(EntryRow, PostingRow)>) -> Vec<EntryRow> {
    let mut entries: Vec<EntryRow> = Vec::new();
    for (entry, posting) in lines {
        match entries.last_mut().filter(|last| last.id == entry.id) {
            Some(last) => last.postings.push(posting),
            None => entries.push(EntryRow { postings: vec![posting], ..entry }),
        }
    }
    entries
}

/// From which entry on, and before which. An id begins with the millisecond in which its entry was booked.
#[derive(Clone, Copy)]
pub(super) struct Between(pub EntryId, pub EntryId);

impl Between {
    fn times(from: Option<Timestamp>, before: Option<Timestamp>) -> Self {
        Self(from.map_or(FIRST, EntryId::first_at), before.map_or(LAST, EntryId::first_at))
    }

    fn of_statement(ask: &StatementAsk) -> Self {
        let Self(first, end) = Self::times(ask.from, ask.to);
        Self(ask.after.map_or(first, |id| first.max(next(id))), end)
    }

    fn of_page(filter: &EntryFilter, anchor: PageAnchor<EntryId>) -> Self {
        let a_moment_later = |moment: Timestamp| moment.plus(Duration::from_millis(1));
        let Self(first, end) = Self::times(filter.created_gte, filter.created_lt.map(a_moment_later));
        match anchor {
            PageAnchor::Newest => Self(first, end),
            PageAnchor::After(older_than) => Self(first, end.min(older_than)),
            PageAnchor::Before(newer_than) => Self(first.max(next(newer_than)), end),
        }
    }
}

/// Not after any entry's, and not before any.
pub(super) const FIRST: EntryId = EntryId::from_bytes([0; 16]);
pub(super) const LAST: EntryId = EntryId::from_bytes([0xff; 16]);

/// The id after this one.
pub(crate) fn next(id: EntryId) -> EntryId {
    EntryId::from_bytes(value::next(*id.as_bytes()))
}

/// The statement of an account. Its lines are found by the index of the lines of an account, which has them in the order of their entries' ids: that
/// of time, because an id begins with the millisecond in which its entry was booked.
impl Store {
    /// What moved on an account, oldest first, with what lay on it before; moments are taken to the millisecond. `None` where there is no such
    /// account, or no such entry to go on from.
    pub async fn statement(
        &self,
        merchant: MerchantId,
        ask: StatementAsk,
        limit: u32,
    ) -> Result<Option<StatementLines>, ReadError> {
        if let Some(after) = ask.after {
            let sql = "SELECT 1 AS found FROM journal_entries WHERE merchant_id = $1 AND id = $2";
            if self.one(sql, values![merchant, after], |_| Ok(())).await?.is_none() {
                return Ok(None);
            }
        }
        let before = match (ask.after, ask.from) {
            (Some(after), _) => next(after),
            (None, Some(from)) => EntryId::first_at(from),
            (None, None) => FIRST,
        };
        let Some(opening) = self.moved_before(merchant, &ask.account, ask.currency, before).await? else { return Ok(None) };
        let mut lines = self.statement_lines(merchant, &ask, limit.saturating_add(1)).await?;
        let has_more = lines.len() > limit as usize;
        lines.truncate(limit as usize);
        Ok(Some(StatementLines { opening, lines, has_more }))
    }

    /// Lines of money that moved, in the order of their time; what is only held is no line.
    async fn statement_lines(&self, merchant: MerchantId, ask: &StatementAsk, most: u32) -> Result<Vec<StatementRow>, ReadError> {
        let mut conditions = Conditions::default();
        let numbers = [conditions.number(merchant), conditions.number(&ask.account), conditions.number(ask.currency.code())];
        let [merchant, name, currency] = numbers;
        let account = format!(
            "(SELECT a.id FROM accounts a WHERE a.merchant_id = ${merchant} AND a.name = ${name} AND a.currency = ${currency})"
        );
        // Where they end is asked of those that were found: a server that compares rows along an index does not end where they do.
        let Between(first, end) = Between::of_statement(ask);
        let lines = self.lines_of(&account, Between(first, LAST), &mut conditions);
        let end = conditions.number(end);
        let (_, values) = conditions.done();
        let entries = self.entries_one_by_one("l.entry_id");
        let sql = format!(
            "SELECT e.id, e.event_ref, e.order_id, e.at, e.note, l.amount FROM (
               SELECT p.entry_id, CAST(sum(p.amount) AS bigint) AS amount FROM postings p WHERE {lines} AND p.layer = 0
               GROUP BY p.account_id, p.entry_id ORDER BY p.account_id, p.entry_id LIMIT {most}) l
             {entries} WHERE l.entry_id < ${end} ORDER BY e.id"
        );
        self.many(sql, values, statement_row).await
    }

    /// Each entry of the merchant `$1` by its id. A server is told to look them up one by one: it might walk over all of the merchant's instead.
    fn entries_one_by_one(&self, id: &str) -> String {
        if self.is_postgres() {
            return format!(
                "CROSS JOIN LATERAL (SELECT * FROM journal_entries t WHERE t.merchant_id = $1 AND t.id = {id} OFFSET 0) e"
            );
        }
        format!("CROSS JOIN journal_entries e ON e.merchant_id = $1 AND e.id = {id}")
    }

    /// The condition on the lines of an account, between two entries. A server takes an account for as frequent as any, and might walk over the lines
    /// of all accounts until it has met enough of this one's; a row is compared with rows only along the index of an account's lines.
    pub(super) fn lines_of(&self, account: &str, Between(first, end): Between, conditions: &mut Conditions) -> String {
        let (first, end) = (conditions.number(first), conditions.number(end));
        if self.is_postgres() {
            let line = "(p.account_id, p.entry_id)";
            return format!("{line} >= ({account}, ${first}) AND {line} < ({account}, ${end})");
        }
        format!("p.account_id = {account} AND p.entry_id >= ${first} AND p.entry_id < ${end}")
    }
}

fn statement_row(row: &Row<'_>) -> Result<StatementRow, ReadError> {
    Ok(StatementRow {
        id: row.get("id")?,
        event_ref: row.get("event_ref")?,
        order: row.maybe("order_id")?,
        at: row.get("at")?,
        note: row.maybe_json("note")?,
        amount: row.get("amount")?,
    })
}
