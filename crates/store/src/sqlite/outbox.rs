//! Reads of webhook endpoints, their deliveries, and the events that go to them.

use super::Store;
use super::codec::{self, Col};
use super::lists::{Conditions, many};
use super::read::one;
use super::webhooks::first_of;
use crate::{DeliveryFilter, EndpointAtWork, EventMark, Page, PageAnchor, ReadError};
use ducat_domain::webhooks::*;
use ducat_domain::*;
use rusqlite::{Row, params, params_from_iter};

fn mark(row: &Row<'_>) -> rusqlite::Result<EventMark> {
    Ok(EventMark { position: row.get("position")?, id: codec::col(row, "id")?, kind: row.get("kind")? })
}

impl Store {
    /// A merchant's webhook endpoints that are not deleted, oldest first.
    pub async fn webhook_endpoints(&self, merchant: MerchantId) -> Result<Vec<WebhookEndpoint>, ReadError> {
        self.read(move |db| {
            let sql = "SELECT * FROM webhook_endpoints WHERE merchant_id = ?1 AND status <> 'deleted' ORDER BY id";
            many(db, sql, [Col(merchant)], codec::webhook_endpoint)
        })
        .await
    }

    /// One webhook endpoint, deleted ones too.
    pub async fn webhook_endpoint(&self, id: WebhookEndpointId) -> Result<Option<WebhookEndpoint>, ReadError> {
        self.read(move |db| one(db, "SELECT * FROM webhook_endpoints WHERE id = ?1", [Col(id)], codec::webhook_endpoint)).await
    }

    /// Every endpoint that is in use, with what there is to do for it.
    pub async fn endpoints_at_work(&self) -> Result<Vec<EndpointAtWork>, ReadError> {
        self.read(|db| {
            let sql = "SELECT w.*,
                 EXISTS (SELECT 1 FROM events e WHERE e.merchant_id = w.merchant_id AND e.position > w.position) AS behind,
                 EXISTS (SELECT 1 FROM webhook_replays r WHERE r.endpoint_id = w.id AND r.done_at IS NULL) AS replays,
                 (SELECT min(d.next_at) FROM webhook_deliveries d WHERE d.endpoint_id = w.id AND d.state = 'pending' AND d.lane = 0) AS first,
                 (SELECT min(d.next_at) FROM webhook_deliveries d WHERE d.endpoint_id = w.id AND d.state = 'pending' AND d.lane = 1) AS other
               FROM webhook_endpoints w WHERE w.status = 'enabled'";
            many(db, sql, [], |row| {
                let dues: [Option<Timestamp>; 2] = [codec::maybe(row, "first")?, codec::maybe(row, "other")?];
                Ok(EndpointAtWork {
                    endpoint: codec::webhook_endpoint(row)?,
                    position: row.get("position")?,
                    behind: row.get("behind")?,
                    replays: row.get("replays")?,
                    due_at: dues.into_iter().flatten().min(),
                })
            })
        })
        .await
    }

    /// A merchant's events after a position, in the order of their commit.
    pub async fn events_past(&self, merchant: MerchantId, position: i64, limit: u32) -> Result<Vec<EventMark>, ReadError> {
        self.read(move |db| {
            let sql = "SELECT position, id, kind FROM events WHERE merchant_id = ?1 AND position > ?2 ORDER BY position LIMIT ?3";
            many(db, sql, params![Col(merchant), position, limit], mark)
        })
        .await
    }

    /// A merchant's events of a range of time, after a cursor, in the order of their ids. Ids begin with their moment, so the range is found
    /// without an index of its own.
    pub async fn events_between(
        &self,
        merchant: MerchantId,
        cursor: Option<EventId>,
        from: Timestamp,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<EventMark>, ReadError> {
        self.read(move |db| {
            let sql = "SELECT position, id, kind FROM events WHERE id >= ?1 AND id < ?2 AND (?3 IS NULL OR id > ?3) AND merchant_id = ?4
                         AND at >= ?5 AND at < ?6 ORDER BY id LIMIT ?7";
            let first = EventId::from_bytes(first_of(from));
            // The last millisecond counts whole here; the moment itself is compared besides.
            let end = EventId::from_bytes(first_of(before.plus(std::time::Duration::from_millis(1))));
            let first = cursor.map_or(first, |cursor| cursor.max(first));
            many(db, sql, params![Col(first), Col(end), cursor.map(Col), Col(merchant), Col(from), Col(before), limit], mark)
        })
        .await
    }

    /// The replays of an endpoint that have not come to their end, oldest first.
    pub async fn open_replays(&self, endpoint: WebhookEndpointId) -> Result<Vec<Replay>, ReadError> {
        self.read(move |db| {
            let sql = "SELECT * FROM webhook_replays WHERE endpoint_id = ?1 AND done_at IS NULL ORDER BY id";
            many(db, sql, [Col(endpoint)], codec::replay)
        })
        .await
    }

    /// How many deliveries of an endpoint wait; no more than `most` are counted.
    pub async fn waiting_deliveries(&self, endpoint: WebhookEndpointId, most: u32) -> Result<u32, ReadError> {
        self.read(move |db| {
            let sql =
                "SELECT count(*) FROM (SELECT 1 FROM webhook_deliveries WHERE endpoint_id = ?1 AND state = 'pending' LIMIT ?2)";
            Ok(db.prepare_cached(sql)?.query_row(params![Col(endpoint), most], |row| row.get(0))?)
        })
        .await
    }

    /// Whether there are deliveries or ended replays to forget that were made before this moment.
    pub async fn has_deliveries_before(&self, before: Timestamp) -> Result<bool, ReadError> {
        self.read(move |db| {
            let sql = "SELECT EXISTS (SELECT 1 FROM webhook_deliveries WHERE id < ?1 AND leased = 0)
                         OR EXISTS (SELECT 1 FROM webhook_replays WHERE done_at < ?2)";
            let end = DeliveryId::from_bytes(first_of(before));
            Ok(db.prepare_cached(sql)?.query_row(params![Col(end), Col(before)], |row| row.get(0))?)
        })
        .await
    }

    /// The deliveries of an endpoint, newest first.
    pub async fn deliveries(
        &self,
        merchant: MerchantId,
        endpoint: WebhookEndpointId,
        filter: DeliveryFilter,
        anchor: PageAnchor<DeliveryId>,
        limit: u32,
    ) -> Result<Page<Delivery>, ReadError> {
        self.read(move |db| {
            let mut conditions = Conditions::default();
            conditions.add("merchant_id =", &Col(merchant))?;
            conditions.add("endpoint_id =", &Col(endpoint))?;
            if let Some(state) = filter.state {
                conditions.add("state =", &state.as_str())?;
            }
            if let Some(event) = filter.event {
                conditions.add("event_id =", &Col(event))?;
            }
            let direction = match anchor {
                PageAnchor::Newest => "DESC",
                PageAnchor::After(id) => {
                    conditions.add("id <", &Col(id))?;
                    "DESC"
                }
                PageAnchor::Before(id) => {
                    conditions.add("id >", &Col(id))?;
                    "ASC"
                }
            };
            let sql = format!(
                "SELECT * FROM webhook_deliveries WHERE {} ORDER BY id {direction} LIMIT {}",
                conditions.sql.join(" AND "),
                limit.saturating_add(1),
            );
            let mut data = many(db, &sql, params_from_iter(conditions.values), codec::delivery)?;
            let has_more = data.len() > limit as usize;
            data.truncate(limit as usize);
            if direction == "ASC" {
                data.reverse();
            }
            Ok(Page { data, has_more })
        })
        .await
    }

    /// One delivery of an endpoint.
    pub async fn delivery(
        &self,
        merchant: MerchantId,
        endpoint: WebhookEndpointId,
        id: DeliveryId,
    ) -> Result<Option<Delivery>, ReadError> {
        self.read(move |db| {
            let sql = "SELECT * FROM webhook_deliveries WHERE merchant_id = ?1 AND endpoint_id = ?2 AND id = ?3";
            one(db, sql, params![Col(merchant), Col(endpoint), Col(id)], codec::delivery)
        })
        .await
    }

    /// The tries of a delivery, first to last.
    pub async fn tries_of(&self, delivery: DeliveryId) -> Result<Vec<DeliveryTry>, ReadError> {
        self.read(move |db| {
            many(db, "SELECT * FROM webhook_tries WHERE delivery_id = ?1 ORDER BY number", [Col(delivery)], codec::delivery_try)
        })
        .await
    }
}
