//! Webhook endpoints, their deliveries and replays.

use super::{Applied, all, text, text_of};
use crate::postgres::statement::{Statement, each, insert};
use crate::{Change, DeliveryKey, DeliveryNext, DeliveryWrite, EndpointWrite};
use ducat_domain::Timestamp;
use ducat_domain::webhooks::*;

pub(super) fn endpoints(out: &mut Vec<Statement>, changes: &[&Change]) -> Applied {
    let writes = all(changes, |c| &c.endpoints);
    settings(out, &writes)?;
    places(out, &writes);
    health(out, &writes);
    Ok(())
}

fn settings(out: &mut Vec<Statement>, writes: &[&EndpointWrite]) -> Applied {
    // It begins after every event that a reader can see by now.
    each!(
        out,
        "INSERT INTO webhook_endpoints (merchant_id, id, url, description, types, status, sealed_keys, failing_since, failures, events,
           version, created_at, position, complete_after)
         SELECT n.*, greatest(settled_position() - 1, 0), greatest(settled_position() - 1, 0) FROM {rows}",
        writes.iter().filter_map(|write| if let EndpointWrite::Insert(e) = write { Some(e) } else { None }),
        |e| {
            merchant_id: uuid = e.merchant,
            id: uuid = e.id,
            url: text = &e.url,
            description: text = &e.description,
            types: jsonb = text(&e.types)?,
            status: text = e.status.as_str(),
            sealed_keys: bytea = &e.sealed_keys,
            failing_since: timestamptz = e.failing_since,
            failures: integer = e.failures,
            events: integer = e.events,
            version: integer = e.version,
            created_at: timestamptz = e.created_at,
        }
    );
    // Where the filter changes, what the endpoint wanted before is not known any more.
    each!(
        out,
        "UPDATE webhook_endpoints t SET url = n.url, description = n.description, types = n.types, sealed_keys = n.sealed_keys,
           version = n.version, complete_after = CASE WHEN t.types <> n.types THEN t.position ELSE t.complete_after END,
           failures = CASE WHEN t.status <> 'enabled' AND n.status = 'enabled' THEN 0 ELSE t.failures END,
           failing_since = CASE WHEN t.status <> 'enabled' AND n.status = 'enabled' THEN NULL ELSE t.failing_since END, status = n.status
           FROM {rows} WHERE t.merchant_id = n.merchant_id AND t.id = n.id AND t.version = n.version - 1",
        writes.iter().filter_map(|write| if let EndpointWrite::Update(e) = write { Some(e) } else { None }),
        |e| {
            merchant_id: uuid = e.merchant,
            id: uuid = e.id,
            url: text = &e.url,
            description: text = &e.description,
            types: jsonb = text(&e.types)?,
            sealed_keys: bytea = &e.sealed_keys,
            version: integer = e.version,
            status: text = e.status.as_str(),
        },
        or "stale"
    );
    Ok(())
}

fn places(out: &mut Vec<Statement>, writes: &[&EndpointWrite]) {
    each!(
        out,
        "UPDATE webhook_endpoints t SET position = n.later FROM {rows}
           WHERE t.merchant_id = n.merchant_id AND t.id = n.id AND t.version = n.version AND t.position = n.earlier",
        writes.iter().filter_map(|write| match write {
            EndpointWrite::Advance { merchant, endpoint, version, from, to } => Some((merchant, endpoint, version, from, to)),
            _ => None,
        }),
        |(merchant, endpoint, version, from, to)| {
            merchant_id: uuid = *merchant,
            id: uuid = *endpoint,
            version: integer = *version,
            earlier: bigint = *from,
            later: bigint = *to,
        },
        or "stale"
    );
    each!(
        out,
        "UPDATE webhook_replays t SET cursor = coalesce(n.cursor, t.cursor), made = t.made + n.made, done_at = n.done_at
           FROM {rows} WHERE t.merchant_id = n.merchant_id AND t.endpoint_id = n.endpoint_id AND t.id = n.id
             AND t.cursor IS NOT DISTINCT FROM n.found AND t.done_at IS NULL",
        writes.iter().filter_map(|write| match write {
            EndpointWrite::AdvanceReplay { replay, cursor, made, done_at } => Some((replay, cursor, made, done_at)),
            _ => None,
        }),
        |(replay, cursor, made, done_at)| {
            merchant_id: uuid = replay.merchant,
            endpoint_id: uuid = replay.endpoint,
            id: uuid = replay.id,
            found: uuid = replay.cursor,
            cursor: uuid = *cursor,
            made: integer = *made,
            done_at: timestamptz = *done_at,
        },
        or "stale"
    );
}

fn health(out: &mut Vec<Statement>, writes: &[&EndpointWrite]) {
    each!(
        out,
        "UPDATE webhook_endpoints t SET failures = 0, failing_since = NULL FROM {rows}
           WHERE t.merchant_id = n.merchant_id AND t.id = n.id AND t.failures > 0",
        writes.iter().filter_map(|write| if let EndpointWrite::Reached(merchant, id) = write { Some((merchant, id)) } else { None }),
        |(merchant, id)| { merchant_id: uuid = *merchant, id: uuid = *id }
    );
    each!(
        out,
        "UPDATE webhook_endpoints t SET failures = t.failures + n.failures, failing_since = coalesce(t.failing_since, n.at)
           FROM (SELECT merchant_id, id, min(at) AS at, count(*) AS failures FROM {rows} GROUP BY 1, 2) n
           WHERE t.merchant_id = n.merchant_id AND t.id = n.id",
        writes.iter().filter_map(|write| match write {
            EndpointWrite::Missed(merchant, id, at) => Some((merchant, id, at)),
            _ => None,
        }),
        |(merchant, id, at)| { merchant_id: uuid = *merchant, id: uuid = *id, at: timestamptz = *at }
    );
    each!(
        out,
        "UPDATE webhook_endpoints t SET status = n.status, events = t.events + 1, version = t.version + 1 FROM {rows}
           WHERE t.merchant_id = n.merchant_id AND t.id = n.id AND t.status = 'enabled' AND t.events = n.events",
        writes.iter().filter_map(|write| match write {
            EndpointWrite::Pause { endpoint, status } => Some((endpoint, status)),
            _ => None,
        }),
        |(endpoint, status)| {
            merchant_id: uuid = endpoint.merchant,
            id: uuid = endpoint.id,
            events: integer = endpoint.events,
            status: text = status.as_str(),
        },
        or "stale"
    );
}

/// What just happened goes before what waits anyway.
fn lane(delivery: &Delivery) -> i64 {
    i64::from(delivery.origin != DeliveryOrigin::Event || delivery.step > 0)
}

pub(super) fn deliveries(out: &mut Vec<Statement>, changes: &[&Change]) -> Applied {
    insert!(out, "webhook_replays", all(changes, |c| &c.replays), |r| {
        merchant_id: uuid = r.merchant,
        endpoint_id: uuid = r.endpoint,
        id: uuid = r.id,
        from_at: timestamptz = r.from,
        before_at: timestamptz = r.before,
        types: jsonb = text(&r.types)?,
        cursor: uuid = r.cursor,
        made: integer = r.made,
        done_at: timestamptz = r.done_at,
        created_at: timestamptz = r.created_at,
    });
    let writes = all(changes, |c| &c.deliveries);
    let new = writes.iter().filter_map(|write| match write {
        DeliveryWrite::Insert(d) | DeliveryWrite::InsertTried(d, _) => Some((d, None)),
        DeliveryWrite::InsertClaimed(d, lease_until) => Some((d, Some(*lease_until))),
        _ => None,
    });
    insert!(out, "webhook_deliveries", new, |(d, lease_until)| {
        merchant_id: uuid = d.merchant,
        endpoint_id: uuid = d.endpoint,
        id: uuid = d.id,
        event_id: uuid = d.event,
        kind: text = &d.kind,
        origin: text = d.origin.as_str(),
        body: json = d.body.as_ref(),
        state: text = d.state.as_str(),
        tries: integer = d.tries,
        step: integer = d.step,
        lane: smallint = lane(d),
        leased: boolean = lease_until.is_some(),
        next_at: timestamptz = lease_until.or(d.next_at),
        created_at: timestamptz = d.created_at,
    });
    tried(out, &writes);
    tries(out, &writes)
}

/// Deliveries are found by their ids alone. An endpoint that were named, too, would lead a plan from when the table was small by an index of all
/// that the endpoint ever got.
fn tried(out: &mut Vec<Statement>, writes: &[&DeliveryWrite]) {
    let mut over: Vec<(&DeliveryKey, &Timestamp, u32, DeliveryState, Option<Timestamp>)> = writes
        .iter()
        .filter_map(|write| match write {
            DeliveryWrite::Tried { delivery, lease_until, went, then } => {
                let (state, next_at) = match then {
                    DeliveryNext::Arrived => (DeliveryState::Succeeded, None),
                    DeliveryNext::Again(at) => (DeliveryState::Pending, Some(*at)),
                    DeliveryNext::Dead => (DeliveryState::Dead, None),
                };
                Some((delivery, lease_until, went.number, state, next_at))
            }
            _ => None,
        })
        .collect();
    over.sort_by_key(|tried| *tried.0);
    each!(
        out,
        "UPDATE webhook_deliveries t SET state = n.state, next_at = n.next_at, tries = t.tries + 1, step = t.step + 1,
             lane = 1, leased = FALSE FROM {rows}
           WHERE t.merchant_id = n.merchant_id AND t.id = n.id AND t.leased AND t.next_at = n.lease_until
             AND t.tries = n.number - 1",
        over,
        |(key, lease_until, number, state, next_at)| {
            merchant_id: uuid = key.merchant,
            id: uuid = key.id,
            lease_until: timestamptz = *lease_until,
            number: integer = number,
            state: text = state.as_str(),
            next_at: timestamptz = next_at,
        },
        or "stale"
    );
    each!(
        out,
        "UPDATE webhook_deliveries t SET state = 'pending', next_at = n.at, step = 0 FROM {rows}
           WHERE t.merchant_id = n.merchant_id AND t.id = n.id AND t.state <> 'succeeded' AND NOT t.leased",
        writes.iter().filter_map(|write| if let DeliveryWrite::TryNow(key, at) = write { Some((key, at)) } else { None }),
        |(key, at)| { merchant_id: uuid = key.merchant, id: uuid = key.id, at: timestamptz = *at },
        or "stale"
    );
    let mut back: Vec<_> = writes
        .iter()
        .filter_map(|write| match write {
            DeliveryWrite::GiveBack { delivery, lease_until, due } => Some((delivery, lease_until, due)),
            _ => None,
        })
        .collect();
    back.sort_by_key(|(key, ..)| **key);
    each!(
        out,
        "UPDATE webhook_deliveries t SET next_at = n.due, leased = FALSE FROM {rows}
           WHERE t.merchant_id = n.merchant_id AND t.id = n.id AND t.leased AND t.next_at = n.lease_until",
        back,
        |(key, lease_until, due)| {
            merchant_id: uuid = key.merchant,
            id: uuid = key.id,
            lease_until: timestamptz = *lease_until,
            due: timestamptz = *due,
        }
    );
}

fn tries(out: &mut Vec<Statement>, writes: &[&DeliveryWrite]) -> Applied {
    let made = writes.iter().filter_map(|write| match write {
        DeliveryWrite::InsertTried(d, went) => Some((DeliveryKey::from(d), went)),
        DeliveryWrite::Tried { delivery, went, .. } => Some((*delivery, went)),
        _ => None,
    });
    insert!(out, "webhook_tries", made, |(key, t)| {
        merchant_id: uuid = key.merchant,
        delivery_id: uuid = key.id,
        number: integer = t.number,
        at: timestamptz = t.at,
        took_ms: integer = t.took_ms,
        url: text = &t.url,
        request_headers: jsonb = text(&t.request_headers)?,
        status: integer = t.answer.as_ref().map(|a| a.status),
        response_headers: jsonb = text_of(t.answer.as_ref().map(|a| &a.headers))?,
        response_body: text = t.answer.as_ref().map(|a| &a.body),
        truncated: boolean = t.answer.as_ref().map(|a| a.truncated),
        error: text = t.error.as_ref(),
    });
    Ok(())
}
