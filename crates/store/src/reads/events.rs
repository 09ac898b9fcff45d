//! Reads of the log of events.

use crate::codec::{self, EVENT_COLUMNS};
use crate::value::{Conditions, Value, values};
use crate::{EventCursor, EventRow, Page, ReadError, Store};
use ducat_domain::{EventId, EventKind, MerchantId, Subject};
use std::collections::BTreeSet;

/// Kinds that every payment brings. Whoever wants one of them meets it by walking; the others have an index, `events_by_rare_kind`.
const EVERYDAY: [EventKind; 3] = [EventKind::Created, EventKind::Pending, EventKind::Succeeded];

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
        let settled = self.settled("");
        let direction = if cursor == EventCursor::Newest { "DESC" } else { "ASC" };
        let most = limit.saturating_add(1);
        let page = |wheres: &str| {
            format!("SELECT {EVENT_COLUMNS} FROM events WHERE {wheres}{settled} ORDER BY position {direction} LIMIT {most}")
        };
        let is_everyday = |kind: &String| EVERYDAY.iter().any(|everyday| everyday.as_str() == kind);
        let (sql, values) = if kinds.is_empty() || kinds.iter().any(is_everyday) {
            let mut conditions = Conditions::default();
            conditions.add("merchant_id =", merchant);
            conditions.add("position >", after);
            if !kinds.is_empty() {
                conditions.add_any("CAST(kind AS text)", kinds);
            }
            let (wheres, values) = conditions.done();
            (page(&wheres), values)
        } else {
            let (kinds, values) = self.each_kind(kinds);
            let pages =
                kinds.iter().map(|kind| format!("SELECT * FROM ({}) one", page(kind))).collect::<Vec<_>>().join(" UNION ALL ");
            let values = [values![merchant, after], values].concat();
            (format!("SELECT * FROM ({pages}) found ORDER BY position {direction} LIMIT {most}"), values)
        };
        let mut data = self.many(sql, values, codec::event).await?;
        let has_more = data.len() > limit as usize;
        data.truncate(limit as usize);
        Ok(Some(Page { data, has_more }))
    }

    /// A condition for each of these kinds, on the events after `$2` of the merchant `$1`, and its values from the third on. A statement that asks
    /// for several at once would have to walk, or to sort. Kinds are filled up with none to the next power of two, so that there are few texts.
    fn each_kind(&self, kinds: Vec<String>) -> (Vec<String>, Vec<Value>) {
        let known: BTreeSet<_> = kinds.into_iter().filter(|kind| EventKind::parse(kind).is_some()).collect();
        let mut kinds: Vec<Option<String>> = known.into_iter().map(Some).collect();
        kinds.resize(kinds.len().next_power_of_two(), None);
        let rare = EVERYDAY.map(|kind| format!("kind <> '{}'", kind.as_str())).join(" AND ");
        let one = |number| {
            let kind = if self.is_postgres() { format!("CAST(${number}::text AS event_kind)") } else { format!("${number}") };
            format!("merchant_id = $1 AND position > $2 AND kind = {kind} AND {rare}")
        };
        ((3..kinds.len() + 3).map(one).collect(), kinds.into_iter().map(Value::from).collect())
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
