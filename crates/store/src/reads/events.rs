//! Reads of the log of events.

use crate::codec;
use crate::value::{Conditions, values};
use crate::{EventCursor, EventRow, Page, ReadError, Store};
use ducat_domain::{EventId, MerchantId, Subject};

impl Store {
    /// One event of the merchant.
    pub async fn event(&self, merchant: MerchantId, id: EventId) -> Result<Option<EventRow>, ReadError> {
        let sql = "SELECT * FROM events WHERE merchant_id = $1 AND id = $2";
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
        self.many(format!("SELECT * FROM events WHERE {wheres}"), values, codec::event).await
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
            conditions.add_any("kind", kinds);
        }
        let (wheres, values) = conditions.done();
        let settled = self.settled("");
        let direction = if cursor == EventCursor::Newest { "DESC" } else { "ASC" };
        let most = limit.saturating_add(1);
        let sql = format!("SELECT * FROM events WHERE {wheres}{settled} ORDER BY position {direction} LIMIT {most}");
        let mut data = self.many(sql, values, codec::event).await?;
        let has_more = data.len() > limit as usize;
        data.truncate(limit as usize);
        Ok(Some(Page { data, has_more }))
    }

    /// All events of a subject, first to last.
    pub async fn events_of(&self, merchant: MerchantId, subject: Subject) -> Result<Vec<EventRow>, ReadError> {
        let sql = "SELECT * FROM events WHERE merchant_id = $1 AND subject_id = $2 ORDER BY sequence";
        self.many(sql, values![merchant, subject.as_bytes()], codec::event).await
    }

    /// The place after which a cursor reads on, where the cursor is known.
    async fn position_of(&self, merchant: MerchantId, cursor: EventCursor) -> Result<Option<i64>, ReadError> {
        let EventCursor::After(id) = cursor else { return Ok(Some(0)) };
        let sql = "SELECT position FROM events WHERE merchant_id = $1 AND id = $2";
        self.one(sql, values![merchant, id], |row| row.get("position")).await
    }

    /// A condition, to be put after others, that leaves out places before which an event may still appear: a reader who is past a place
    /// never looks back. The embedded database has one writer, and so no such places.
    pub(crate) fn settled(&self, alias: &str) -> String {
        if self.is_postgres() { format!(" AND {alias}position < settled_position()") } else { String::new() }
    }
}
