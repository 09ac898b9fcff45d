//! Webhook endpoints and their deliveries: what a change writes, and the claim.

use super::apply::{Applied, in_time, run};
use super::col::Col;
use super::refusal::refused;
use crate::codec;
use crate::reads::first_of;
use crate::row::Row;
use crate::{ClaimedDelivery, CommitError, DeliveryNext, DeliveryWrite, EndpointWrite};
use ducat_domain::webhooks::*;
use ducat_domain::{EventId, MerchantId, Timestamp, WebhookEndpointId};
use rusqlite::{Connection, params};
use serde::Serialize;

/// How many old deliveries one change forgets.
const FORGET_AT_ONCE: u32 = 1000;

fn text(value: &impl Serialize) -> Result<String, CommitError> {
    serde_json::to_string(value).map_err(|e| CommitError::Refused(e.to_string()))
}

pub(super) fn endpoint(db: &Connection, write: &EndpointWrite) -> Applied {
    match write {
        EndpointWrite::Insert(e) => insert_endpoint(db, e),
        EndpointWrite::Update(e) => update_endpoint(db, e),
        EndpointWrite::Advance { merchant: _, endpoint, version, from, to } => in_time(run(
            db,
            "UPDATE webhook_endpoints SET position = ?4 WHERE id = ?1 AND version = ?2 AND position = ?3",
            params![Col(*endpoint), version, from, to],
        )?),
        EndpointWrite::AdvanceReplay { replay, cursor, made, done_at } => in_time(run(
            db,
            "UPDATE webhook_replays SET cursor = coalesce(?5, cursor), made = made + ?6, done_at = ?7
             WHERE merchant_id = ?1 AND endpoint_id = ?2 AND id = ?3 AND cursor IS ?4 AND done_at IS NULL",
            params![
                Col(replay.merchant),
                Col(replay.endpoint),
                Col(replay.id),
                replay.cursor.map(Col),
                cursor.map(Col),
                made,
                done_at.map(Col)
            ],
        )?),
        EndpointWrite::Reached(_, id) => {
            let sql = "UPDATE webhook_endpoints SET failures = 0, failing_since = NULL WHERE id = ?1 AND failures > 0";
            run(db, sql, params![Col(*id)]).map(drop)
        }
        EndpointWrite::Missed(_, id, at) => run(
            db,
            "UPDATE webhook_endpoints SET failures = failures + 1, failing_since = coalesce(failing_since, ?2) WHERE id = ?1",
            params![Col(*id), Col(*at)],
        )
        .map(drop),
        EndpointWrite::Pause { endpoint, status } => in_time(run(
            db,
            "UPDATE webhook_endpoints SET status = ?2, events = events + 1, version = version + 1
             WHERE id = ?1 AND status = 'enabled' AND events = ?3",
            params![Col(endpoint.id), status.as_str(), endpoint.events],
        )?),
    }
}

fn insert_endpoint(db: &Connection, e: &WebhookEndpoint) -> Applied {
    run(
        db,
        "INSERT INTO webhook_endpoints (merchant_id, id, url, description, types, status, sealed_keys, failing_since, failures, events,
           version, created_at, position, complete_after)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, newest, newest
         FROM (SELECT coalesce(max(position), 0) AS newest FROM events)",
        params![
            Col(e.merchant),
            Col(e.id),
            e.url,
            e.description,
            text(&e.types)?,
            e.status.as_str(),
            e.sealed_keys,
            e.failing_since.map(Col),
            e.failures,
            e.events,
            e.version,
            Col(e.created_at)
        ],
    )
    .map(drop)
}

/// Where the filter changes, what the endpoint wanted before is not known any more.
fn update_endpoint(db: &Connection, e: &WebhookEndpoint) -> Applied {
    let rows = run(
        db,
        "UPDATE webhook_endpoints SET url = ?3, description = ?4, types = ?5, sealed_keys = ?7, version = ?8,
           complete_after = CASE WHEN types <> ?5 THEN position ELSE complete_after END,
           failures = CASE WHEN status <> 'enabled' AND ?6 = 'enabled' THEN 0 ELSE failures END,
           failing_since = CASE WHEN status <> 'enabled' AND ?6 = 'enabled' THEN NULL ELSE failing_since END, status = ?6
         WHERE merchant_id = ?1 AND id = ?2 AND version = ?8 - 1",
        params![Col(e.merchant), Col(e.id), e.url, e.description, text(&e.types)?, e.status.as_str(), e.sealed_keys, e.version],
    )?;
    in_time(rows)
}

pub(super) fn replay(db: &Connection, r: &Replay) -> Applied {
    run(
        db,
        "INSERT INTO webhook_replays (merchant_id, endpoint_id, id, from_at, before_at, types, cursor, made, done_at, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            Col(r.merchant),
            Col(r.endpoint),
            Col(r.id),
            Col(r.from),
            Col(r.before),
            text(&r.types)?,
            r.cursor.map(Col),
            r.made,
            r.done_at.map(Col),
            Col(r.created_at)
        ],
    )
    .map(drop)
}

/// What just happened goes before what waits anyway.
fn lane(origin: DeliveryOrigin, step: u32) -> u32 {
    u32::from(origin != DeliveryOrigin::Event || step > 0)
}

pub(super) fn delivery(db: &Connection, write: &DeliveryWrite) -> Applied {
    match write {
        DeliveryWrite::Insert(d) => insert_delivery(db, d, None),
        DeliveryWrite::InsertClaimed(d, lease_until) => insert_delivery(db, d, Some(*lease_until)),
        DeliveryWrite::InsertTried(d, went) => {
            insert_delivery(db, d, None)?;
            insert_try(db, d.id, went)
        }
        DeliveryWrite::Tried { delivery, lease_until, went, then } => {
            let (state, next_at) = match then {
                DeliveryNext::Arrived => (DeliveryState::Succeeded, None),
                DeliveryNext::Again(at) => (DeliveryState::Pending, Some(*at)),
                DeliveryNext::Dead => (DeliveryState::Dead, None),
            };
            in_time(run(
                db,
                "UPDATE webhook_deliveries SET state = ?4, next_at = ?5, tries = tries + 1, step = step + 1, lane = 1, leased = 0
                 WHERE id = ?1 AND leased = 1 AND next_at = ?2 AND tries = ?3 - 1",
                params![Col(delivery.id), Col(*lease_until), went.number, state.as_str(), next_at.map(Col)],
            )?)?;
            insert_try(db, delivery.id, went)
        }
        DeliveryWrite::TryNow(key, at) => in_time(run(
            db,
            "UPDATE webhook_deliveries SET state = 'pending', next_at = ?2, step = 0 WHERE id = ?1 AND state <> 'succeeded' AND leased = 0",
            params![Col(key.id), Col(*at)],
        )?),
        DeliveryWrite::GiveBack { delivery, lease_until, due } => run(
            db,
            "UPDATE webhook_deliveries SET next_at = ?3, leased = 0 WHERE id = ?1 AND leased = 1 AND next_at = ?2",
            params![Col(delivery.id), Col(*lease_until), Col(*due)],
        )
        .map(drop),
    }
}

/// Inserts it; where it belongs to somebody at once, until when.
fn insert_delivery(db: &Connection, d: &Delivery, lease_until: Option<Timestamp>) -> Applied {
    run(
        db,
        "INSERT INTO webhook_deliveries (merchant_id, endpoint_id, id, event_id, kind, origin, body, state, tries, step, lane, leased,
           next_at, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        params![
            Col(d.merchant),
            Col(d.endpoint),
            Col(d.id),
            Col(d.event),
            d.kind,
            d.origin.as_str(),
            d.body,
            d.state.as_str(),
            d.tries,
            d.step,
            lane(d.origin, d.step),
            lease_until.is_some(),
            lease_until.or(d.next_at).map(Col),
            Col(d.created_at)
        ],
    )
    .map(drop)
}

fn insert_try(db: &Connection, delivery: ducat_domain::DeliveryId, t: &DeliveryTry) -> Applied {
    let answer = t.answer.as_ref();
    run(
        db,
        "INSERT INTO webhook_tries (delivery_id, number, at, took_ms, url, request_headers, status, response_headers, response_body,
           truncated, error)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            Col(delivery),
            t.number,
            Col(t.at),
            t.took_ms,
            t.url,
            text(&t.request_headers)?,
            answer.map(|a| a.status),
            answer.map(|a| text(&a.headers)).transpose()?,
            answer.map(|a| &a.body),
            answer.map(|a| a.truncated),
            t.error
        ],
    )
    .map(drop)
}

/// Takes what is due for one endpoint, what just happened first: moves `next_at` to the end of the lease, so that nobody else finds it.
pub(super) fn claim(
    db: &Connection,
    wanted: &[(MerchantId, WebhookEndpointId, u32)],
    now: Timestamp,
    lease_until: Timestamp,
) -> Result<Vec<ClaimedDelivery>, CommitError> {
    let mut claimed = Vec::new();
    for (_, endpoint, limit) in wanted {
        let mut left = *limit;
        for lane in [0, 1] {
            let mut due = db
                .prepare_cached(
                    "SELECT d.* FROM webhook_deliveries d JOIN webhook_endpoints e ON e.id = d.endpoint_id AND e.status = 'enabled'
                     WHERE d.endpoint_id = ?1 AND d.state = 'pending' AND d.lane = ?2 AND d.next_at <= ?3
                     ORDER BY d.next_at, d.id LIMIT ?4",
                )
                .map_err(refused)?;
            let mut rows = due.query(params![Col(*endpoint), lane, Col(now), left]).map_err(refused)?;
            let mut found: Vec<Delivery> = Vec::new();
            while let Some(row) = rows.next().map_err(refused)? {
                found.push(codec::delivery(&Row::Sqlite(row)).map_err(|e| CommitError::Unavailable(e.to_string()))?);
            }
            for delivery in found {
                let sql = "UPDATE webhook_deliveries SET next_at = ?2, leased = 1 WHERE id = ?1";
                run(db, sql, params![Col(delivery.id), Col(lease_until)])?;
                left = left.saturating_sub(1);
                claimed.push(ClaimedDelivery { delivery, lease_until });
            }
        }
    }
    Ok(claimed)
}

/// Forgets deliveries that were made before this moment, with their tries. What is under way is left alone. An endpoint is complete only
/// after the newest event whose delivery went.
pub(super) fn forget(db: &Connection, before: Timestamp) -> Applied {
    // Ids begin with their moment, so the oldest are found without an index of their own.
    let end = EventId::from_bytes(first_of(before));
    let old = "SELECT id FROM webhook_deliveries WHERE id < ?1 AND leased = 0 ORDER BY id LIMIT ?2";
    run(
        db,
        &format!(
            "UPDATE webhook_endpoints SET complete_after = max(complete_after, gone.position) FROM
               (SELECT d.endpoint_id, max(e.position) AS position FROM webhook_deliveries d JOIN events e ON e.id = d.event_id
                WHERE d.origin = 'event' AND d.id IN ({old}) GROUP BY d.endpoint_id) gone
             WHERE id = gone.endpoint_id"
        ),
        params![Col(end), FORGET_AT_ONCE],
    )?;
    run(db, &format!("DELETE FROM webhook_deliveries WHERE id IN ({old})"), params![Col(end), FORGET_AT_ONCE])?;
    let done = "DELETE FROM webhook_replays WHERE done_at < ?1";
    run(db, done, params![Col(before)]).map(drop)
}
