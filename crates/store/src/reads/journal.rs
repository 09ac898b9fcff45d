//! Reads of the journal: entries, what lies on accounts now and lay there at a moment, and the statement of an account.

use crate::codec;
use crate::row::Row;
use crate::value::{Conditions, Value, values};
use crate::{
    AccountBalance, Balances, EntryFilter, EntryRow, Page, PageAnchor, PostingRow, ReadError, StatementAsk, StatementLines,
    StatementRow, Store,
};
use ducat_domain::journal::Layer;
use ducat_domain::{EntryId, MerchantId, Money, PaymentOrderId, Timestamp};

/// Lines with what their entry says; conditions and an order that keeps each entry's lines together follow.
const LINES: &str = "SELECT e.id, e.event_ref, e.order_id, e.at, e.note, a.name, a.currency, p.amount, p.layer
   FROM journal_entries e JOIN postings p ON p.entry_id = e.id
     JOIN accounts a ON a.merchant_id = e.merchant_id AND a.id = p.account_id";

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
        let select = "SELECT e.id FROM journal_entries e";
        let ids = self.page(select, wanted(merchant, filter), ("e.id", anchor), limit, |row| row.get::<EntryId>("id")).await?;
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
}

/// The conditions of a list of entries.
fn wanted(merchant: MerchantId, filter: EntryFilter) -> Conditions {
    let mut conditions = Conditions::default();
    conditions.add("e.merchant_id =", merchant);
    if let Some(order) = filter.order {
        conditions.add("e.order_id =", order);
    }
    if let Some(from) = filter.created_gte {
        conditions.add("e.at >=", from);
    }
    if let Some(before) = filter.created_lt {
        conditions.add("e.at <", before);
    }
    if let Some(account) = filter.account {
        let on = "EXISTS (SELECT 1 FROM postings p JOIN accounts a ON a.merchant_id = e.merchant_id AND a.id = p.account_id
                    WHERE p.entry_id = e.id AND a.name =";
        conditions.add_within(on, account, ")");
    }
    conditions
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

/// Sums.
impl Store {
    /// What lies on a merchant's accounts, by account and currency.
    pub async fn balances(&self, merchant: MerchantId) -> Result<Vec<AccountBalance>, ReadError> {
        if self.balances_are() == Balances::Summed {
            return self.summed(merchant, None).await;
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

    /// What lay on a merchant's accounts at a moment, that moment included, summed from the postings.
    pub async fn balances_at(&self, merchant: MerchantId, at: Timestamp) -> Result<Vec<AccountBalance>, ReadError> {
        self.summed(merchant, Some(at)).await
    }

    /// What the postings of a merchant sum up to.
    async fn summed(&self, merchant: MerchantId, at: Option<Timestamp>) -> Result<Vec<AccountBalance>, ReadError> {
        let mut conditions = Conditions::default();
        conditions.add("e.merchant_id =", merchant);
        if let Some(at) = at {
            conditions.add("e.at <=", at);
        }
        let (wheres, values) = conditions.done();
        let sql = format!(
            "SELECT a.name, a.currency, CAST(coalesce(sum(p.amount) FILTER (WHERE p.layer = 0), 0) AS bigint) AS posted,
                    CAST(coalesce(sum(p.amount) FILTER (WHERE p.layer = 1), 0) AS bigint) AS pending
             FROM journal_entries e JOIN postings p ON p.entry_id = e.id
               JOIN accounts a ON a.merchant_id = e.merchant_id AND a.id = p.account_id
             WHERE {wheres} GROUP BY a.id, a.name, a.currency ORDER BY a.name, a.currency"
        );
        self.many(sql, values, move |row| codec::account_balance(row, merchant)).await
    }
}

/// Where a page of a statement begins. The values of an account come before those of the beginning: they are `$1` to `$3`.
#[derive(Clone, Copy)]
enum Beginning {
    /// With the first entry.
    First,
    /// With this moment.
    At(Timestamp),
    /// After this entry, which is of this moment.
    Past(Timestamp, EntryId),
}

impl Beginning {
    /// The condition on entries before the page.
    const fn before(self) -> &'static str {
        match self {
            Self::First => "FALSE",
            Self::At(_) => "e.at < $4",
            Self::Past(..) => "(e.at, e.id) <= ($4, $5)",
        }
    }

    /// The condition on entries from there on.
    const fn onwards(self) -> &'static str {
        match self {
            Self::First => "TRUE",
            Self::At(_) => "e.at >= $4",
            Self::Past(..) => "(e.at, e.id) > ($4, $5)",
        }
    }

    /// The values of the account, and of the conditions.
    fn values(self, merchant: MerchantId, ask: &StatementAsk) -> Vec<Value> {
        let mut values = values![merchant, &ask.account, ask.currency.code()];
        match self {
            Self::First => {}
            Self::At(at) => values.extend(values![at]),
            Self::Past(at, id) => values.extend(values![at, id]),
        }
        values
    }
}

/// The statement of an account.
impl Store {
    /// What moved on an account, oldest first, with what lay on it before. `None` where there is no such account.
    pub async fn statement(
        &self,
        merchant: MerchantId,
        ask: StatementAsk,
        limit: u32,
    ) -> Result<Option<StatementLines>, ReadError> {
        let Some(beginning) = self.beginning_of(merchant, &ask).await? else { return Ok(None) };
        let Some(opening) = self.opening(merchant, &ask, beginning).await? else { return Ok(None) };
        let mut lines = self.statement_lines(merchant, &ask, beginning, limit.saturating_add(1)).await?;
        let has_more = lines.len() > limit as usize;
        lines.truncate(limit as usize);
        Ok(Some(StatementLines { opening, lines, has_more }))
    }

    /// A page begins after the entry at which the one before ended; `None` where there is no such entry.
    async fn beginning_of(&self, merchant: MerchantId, ask: &StatementAsk) -> Result<Option<Beginning>, ReadError> {
        let Some(id) = ask.after else { return Ok(Some(ask.from.map_or(Beginning::First, Beginning::At))) };
        let sql = "SELECT at FROM journal_entries WHERE merchant_id = $1 AND id = $2";
        self.one(sql, values![merchant, id], move |row| Ok(Beginning::Past(row.get("at")?, id))).await
    }

    /// What lay on the account before the page; `None` where there is no such account.
    async fn opening(&self, merchant: MerchantId, ask: &StatementAsk, beginning: Beginning) -> Result<Option<i64>, ReadError> {
        let sql = format!(
            "WITH asked AS (SELECT a.id, a.merchant_id FROM accounts a WHERE a.merchant_id = $1 AND a.name = $2 AND a.currency = $3)
             SELECT (SELECT CAST(coalesce(sum(p.amount), 0) AS bigint) FROM postings p JOIN journal_entries e ON e.id = p.entry_id
                     WHERE p.account_id = asked.id AND p.layer = 0 AND e.merchant_id = asked.merchant_id AND {}) AS opening
             FROM asked",
            beginning.before()
        );
        self.one(sql, beginning.values(merchant, ask), |row| row.get("opening")).await
    }

    /// Lines of money that moved, in the order of their time; what is only held is no line.
    async fn statement_lines(
        &self,
        merchant: MerchantId,
        ask: &StatementAsk,
        beginning: Beginning,
        most: u32,
    ) -> Result<Vec<StatementRow>, ReadError> {
        let mut values = beginning.values(merchant, ask);
        let mut range = beginning.onwards().to_owned();
        if let Some(to) = ask.to {
            values.extend(values![to]);
            range.push_str(&format!(" AND e.at < ${}", values.len()));
        }
        // A server would otherwise walk over all entries of a merchant, or all lines there are, for the few of an account: it is told to begin
        // with the account.
        let entries = if self.is_postgres() {
            "CROSS JOIN LATERAL (SELECT * FROM journal_entries t WHERE t.merchant_id = a.merchant_id AND t.id = p.entry_id OFFSET 0) e"
        } else {
            "JOIN journal_entries e ON e.merchant_id = a.merchant_id AND e.id = p.entry_id"
        };
        let sql = format!(
            "SELECT e.id, e.event_ref, e.order_id, e.at, e.note, CAST(sum(p.amount) AS bigint) AS amount
             FROM accounts a JOIN postings p ON p.account_id = a.id {entries}
             WHERE a.merchant_id = $1 AND a.name = $2 AND a.currency = $3 AND p.layer = 0 AND {range}
             GROUP BY e.id, e.event_ref, e.order_id, e.at, e.note ORDER BY e.at, e.id LIMIT {most}"
        );
        self.many(sql, values, statement_row).await
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
