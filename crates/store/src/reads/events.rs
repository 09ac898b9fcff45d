//! Reads of the log of events.

use crate::codec::{self, EVENT_COLUMNS};
use crate::value::{Conditions, values};
use crate::{EventCursor, EventRow, Page, ReadError, Store};
use ducat_domain::{EventId, MerchantId, Subject};

impl Store {
    /// One event of the merchant.
    pub async fn event(&self, merchant: MerchantId, id: EventId) -> Result<Option<EventRow>, ReadError> {
        let sql = format!("SELECT {EVENT_COLUMNS} FROM events WHERE merchant_id = $1 AND id = $2");
        self.one(sql, values![merchant, id], codec::event).await
    }

    /// Some events of the merchant, in no particular order.
    pub async fn some_events(&self, merchant: MerchantId, ids: Vec<EventId>) -> Result<Vec<EventRow>, ReadError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut conditions = Conditions::default();
        conditions.add("merchant_id =", merchant);
        conditions.add_any("id", ids);
        let (wheres, values) = conditions.done();
        let sql = match self.is_postgres() {
            true => format!(
                "SELECT e.* FROM {}
                 CROSS JOIN LATERAL (SELECT {EVENT_COLUMNS} FROM events t WHERE t.merchant_id = $1 AND t.id = n.id OFFSET 0) e",
                one_by_one(values.len())
            ),
            false => format!("SELECT {EVENT_COLUMNS} FROM events {} WHERE {wheres}", self.by_id()),
        };
        self.many(sql, values, codec::event).await
    }

    /// A merchant's events in the order of their commit. `None` where the cursor is unknown. `kinds` empty is all.
    pub async fn events(
        &self,
        merchant: MerchantId,
        cursor: EventCursor,
        kinds: Vec<String>,
        limit: u32,
    ) -> Result<Option<Page<EventRow>>, ReadError> {
        let Some(after) = self.position_of(merchant, cursor).await? else { return Ok(None) };
        let mut conditions = Conditions::default();
        conditions.add("merchant_id =", merchant);
        conditions.add("position >", after);
        if !kinds.is_empty() {
            conditions.add_any("CAST(kind AS text)", kinds);
        }
        let (wheres, values) = conditions.done();
        let settled = self.settled("");
        let direction = if cursor == EventCursor::Newest { "DESC" } else { "ASC" };
        let most = limit.saturating_add(1);
        let sql =
            format!("SELECT {EVENT_COLUMNS} FROM events WHERE {wheres}{settled} ORDER BY position {direction} LIMIT {most}");
        let mut data = self.many(sql, values, codec::event).await?;
        let has_more = data.len() > limit as usize;
        data.truncate(limit as usize);
        Ok(Some(Page { data, has_more }))
    }

    /// All events of a subject, first to last.
    pub async fn events_of(&self, merchant: MerchantId, subject: Subject) -> Result<Vec<EventRow>, ReadError> {
        let sql = format!("SELECT {EVENT_COLUMNS} FROM events WHERE merchant_id = $1 AND subject_id = $2 ORDER BY sequence");
        self.many(sql, values![merchant, subject.as_bytes()], codec::event).await
    }

    /// The place after which a cursor reads on, where the cursor is known.
    async fn position_of(&self, merchant: MerchantId, cursor: EventCursor) -> Result<Option<i64>, ReadError> {
        let EventCursor::After(id) = cursor else { return Ok(Some(0)) };
        let sql = "SELECT position FROM events WHERE merchant_id = $1 AND id = $2";
        self.one(sql, values![merchant, id], |row| row.get("position")).await
    }

    /// How the embedded database is to find events by their ids: left alone, it would walk over all events of the merchant.
    pub(crate) fn by_id(&self) -> &'static str {
        if self.is_postgres() { "" } else { "INDEXED BY sqlite_autoindex_events_1" }
    }

    /// A condition, to be put after others, that leaves out places before which an event may still appear: a reader who is past a place
    /// never looks back. The embedded database has one writer, and so no such places.
    pub(crate) fn settled(&self, alias: &str) -> String {
        if self.is_postgres() { format!(" AND {alias}position < settled_position()") } else { String::new() }
    }
}

/// On a server, the ids that are the values from the second on, each once, as `n`: to look each up by itself. A server that does not know yet how
/// many rows there are would rather read all of the merchant's than those of a list.
pub(crate) fn one_by_one(values: usize) -> String {
    let ids: Vec<String> = (2..=values).map(|n| format!("(${n}::uuid)")).collect();
    format!("(SELECT DISTINCT id FROM (VALUES {}) AS wanted (id)) n", ids.join(", "))
}
