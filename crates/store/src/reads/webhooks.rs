//! Reads of webhook endpoints, their deliveries, and the events that go to them.

use crate::codec::{self, EVENT_COLUMNS};
use crate::row::Row;
use crate::value::{Conditions, values};
use crate::{DeliveryFilter, EndpointAtWork, EventMark, EventRow, Page, PageAnchor, ReadError, Store};
use ducat_domain::webhooks::{Delivery, DeliveryTry, Replay, WebhookEndpoint};
use ducat_domain::{DeliveryId, EventId, MerchantId, Timestamp, WebhookEndpointId};
use std::time::Duration;

/// Endpoints.
impl Store {
    /// A merchant's webhook endpoints that are not deleted, oldest first.
    pub async fn webhook_endpoints(&self, merchant: MerchantId) -> Result<Vec<WebhookEndpoint>, ReadError> {
        let sql = "SELECT * FROM webhook_endpoints WHERE merchant_id = $1 AND status <> 'deleted' ORDER BY id";
        self.many(sql, values![merchant], codec::webhook_endpoint).await
    }

    /// One webhook endpoint, deleted ones too.
    pub async fn webhook_endpoint(
        &self,
        merchant: MerchantId,
        id: WebhookEndpointId,
    ) -> Result<Option<WebhookEndpoint>, ReadError> {
        let sql = "SELECT * FROM webhook_endpoints WHERE merchant_id = $1 AND id = $2";
        self.one(sql, values![merchant, id], codec::webhook_endpoint).await
    }

    /// Every endpoint that is in use, with what there is to do for it.
    pub async fn endpoints_at_work(&self) -> Result<Vec<EndpointAtWork>, ReadError> {
        let settled = self.settled("e.");
        let due = "SELECT min(d.next_at) FROM webhook_deliveries d
                   WHERE d.merchant_id = w.merchant_id AND d.endpoint_id = w.id AND d.state = 'pending' AND d.lane";
        let sql = format!(
            "SELECT w.*,
               EXISTS (SELECT 1 FROM events e WHERE e.merchant_id = w.merchant_id AND e.position > w.position{settled}) AS behind,
               EXISTS (SELECT 1 FROM webhook_replays r
                       WHERE r.merchant_id = w.merchant_id AND r.endpoint_id = w.id AND r.done_at IS NULL) AS replays,
               ({due} = 0) AS due_first, ({due} = 1) AS due_other
             FROM webhook_endpoints w WHERE w.status = 'enabled'"
        );
        self.many(sql, values![], at_work).await
    }
}

fn at_work(row: &Row<'_>) -> Result<EndpointAtWork, ReadError> {
    let dues: [Option<Timestamp>; 2] = [row.maybe("due_first")?, row.maybe("due_other")?];
    Ok(EndpointAtWork {
        endpoint: codec::webhook_endpoint(row)?,
        position: row.get("position")?,
        behind: row.get("behind")?,
        replays: row.get("replays")?,
        due_at: dues.into_iter().flatten().min(),
        fresh_due_at: dues[0],
    })
}

/// The events that go to endpoints.
impl Store {
    /// A merchant's events after a position, in the order of their commit.
    pub async fn events_past(&self, merchant: MerchantId, position: i64, limit: u32) -> Result<Vec<EventMark>, ReadError> {
        let settled = self.settled("");
        let sql = format!(
            "SELECT position, id, CAST(kind AS text) AS kind FROM events WHERE merchant_id = $1 AND position > $2{settled} ORDER BY position LIMIT {limit}"
        );
        self.many(sql, values![merchant, position], mark).await
    }

    /// The same, each with the event itself.
    pub async fn whole_events_past(
        &self,
        merchant: MerchantId,
        position: i64,
        limit: u32,
    ) -> Result<Vec<(EventMark, EventRow)>, ReadError> {
        let settled = self.settled("");
        let sql = format!(
            "SELECT {EVENT_COLUMNS} FROM events WHERE merchant_id = $1 AND position > $2{settled} ORDER BY position LIMIT {limit}"
        );
        self.many(sql, values![merchant, position], |row| Ok((mark(row)?, codec::event(row)?))).await
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
        let mut conditions = Conditions::default();
        conditions.add("merchant_id =", merchant);
        conditions.add_from("id", first_of(from));
        // The last millisecond counts whole here; the moment itself is compared besides.
        conditions.add_before("id", first_of(before.plus(Duration::from_millis(1))));
        if let Some(cursor) = cursor {
            conditions.add_after("id", cursor);
        }
        conditions.add("at >=", from);
        conditions.add("at <", before);
        let (wheres, values) = conditions.done();
        let settled = self.settled("");
        let by_id = self.by_id();
        let sql = format!(
            "SELECT position, id, CAST(kind AS text) AS kind FROM events {by_id} WHERE {wheres}{settled} ORDER BY id LIMIT {limit}"
        );
        self.many(sql, values, mark).await
    }

    /// The replays of an endpoint that have not come to their end, oldest first.
    pub async fn open_replays(&self, merchant: MerchantId, endpoint: WebhookEndpointId) -> Result<Vec<Replay>, ReadError> {
        let sql = "SELECT * FROM webhook_replays WHERE merchant_id = $1 AND endpoint_id = $2 AND done_at IS NULL ORDER BY id";
        self.many(sql, values![merchant, endpoint], codec::replay).await
    }
}

fn mark(row: &Row<'_>) -> Result<EventMark, ReadError> {
    Ok(EventMark { position: row.get("position")?, id: row.get("id")?, kind: row.get("kind")? })
}

/// Deliveries.
impl Store {
    /// How many deliveries of an endpoint wait; no more than `most` are counted.
    pub async fn waiting_deliveries(
        &self,
        merchant: MerchantId,
        endpoint: WebhookEndpointId,
        most: u32,
    ) -> Result<u32, ReadError> {
        // Both lanes: named so that the index of what waits is used.
        let sql = format!(
            "SELECT count(*) AS waiting FROM (SELECT 1 FROM webhook_deliveries
               WHERE merchant_id = $1 AND endpoint_id = $2 AND state = 'pending' AND lane IN (0, 1) LIMIT {most}) AS found"
        );
        Ok(self.one(sql, values![merchant, endpoint], |row| row.get("waiting")).await?.unwrap_or(0))
    }

    /// Whether there are deliveries or ended replays to forget that were made before this moment.
    pub async fn has_deliveries_before(&self, before: Timestamp) -> Result<bool, ReadError> {
        // The oldest is asked for by name: a server would look through all of them for any.
        let sql = "SELECT coalesce((SELECT TRUE FROM webhook_deliveries WHERE id < $1 AND NOT leased ORDER BY id LIMIT 1),
                                   (SELECT TRUE FROM webhook_replays WHERE done_at < $2 LIMIT 1), FALSE) AS found";
        let end = DeliveryId::from_bytes(first_of(before));
        Ok(self.one(sql, values![end, before], |row| row.get("found")).await?.unwrap_or(false))
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
        let mut conditions = Conditions::default();
        conditions.add("merchant_id =", merchant);
        conditions.add("endpoint_id =", endpoint);
        if let Some(state) = filter.state {
            conditions.add("state =", state.as_str());
        }
        if let Some(event) = filter.event {
            conditions.add("event_id =", event);
        }
        self.page("SELECT * FROM webhook_deliveries", conditions, ("id", anchor), limit, codec::delivery).await
    }

    /// One delivery of an endpoint.
    pub async fn delivery(
        &self,
        merchant: MerchantId,
        endpoint: WebhookEndpointId,
        id: DeliveryId,
    ) -> Result<Option<Delivery>, ReadError> {
        let sql = "SELECT * FROM webhook_deliveries WHERE merchant_id = $1 AND endpoint_id = $2 AND id = $3";
        self.one(sql, values![merchant, endpoint, id], codec::delivery).await
    }

    /// The tries of a delivery, first to last.
    pub async fn tries_of(&self, merchant: MerchantId, delivery: DeliveryId) -> Result<Vec<DeliveryTry>, ReadError> {
        let theirs = self.theirs("t");
        let sql = format!(
            "SELECT t.* FROM webhook_deliveries d JOIN webhook_tries t ON t.delivery_id = d.id{theirs}
             WHERE d.merchant_id = $1 AND d.id = $2 ORDER BY t.number"
        );
        self.many(sql, values![merchant, delivery], codec::delivery_try).await
    }
}

/// The smallest id of a moment.
pub(crate) fn first_of(at: Timestamp) -> [u8; 16] {
    let mut bytes = [0; 16];
    if let (Some(head), Some(millis)) = (bytes.get_mut(..6), at.as_millis().to_be_bytes().get(2..)) {
        head.copy_from_slice(millis);
    }
    bytes
}
