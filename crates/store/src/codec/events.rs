//! Events, webhook endpoints and deliveries from rows.

use crate::row::Row;
use crate::{EventRow, ReadError};
use ducat_domain::Subject;
use ducat_domain::webhooks::*;

/// The columns of an event. Its words are of a type of their own on a server, and would have to be asked for there.
pub(crate) const EVENT_COLUMNS: &str = "position, id, merchant_id, subject_id, CAST(subject_kind AS text) AS subject_kind, sequence, \
     CAST(kind AS text) AS kind, at, snapshot";

pub(crate) fn event(row: &Row<'_>) -> Result<EventRow, ReadError> {
    Ok(EventRow {
        id: row.get("id")?,
        merchant: row.get("merchant_id")?,
        subject: subject(row)?,
        sequence: row.get("sequence")?,
        kind: row.get("kind")?,
        at: row.get("at")?,
        snapshot: row.get("snapshot")?,
    })
}

fn subject(row: &Row<'_>) -> Result<Subject, ReadError> {
    let kind: String = row.get("subject_kind")?;
    Subject::from_parts(&kind, row.get("subject_id")?).ok_or_else(|| ReadError(format!("an event about a {kind}")))
}

pub(crate) fn webhook_endpoint(row: &Row<'_>) -> Result<WebhookEndpoint, ReadError> {
    Ok(WebhookEndpoint {
        id: row.get("id")?,
        merchant: row.get("merchant_id")?,
        url: row.get("url")?,
        description: row.get("description")?,
        types: row.json("types")?,
        status: row.get("status")?,
        sealed_keys: row.get("sealed_keys")?,
        failing_since: row.maybe("failing_since")?,
        failures: row.get("failures")?,
        events: row.get("events")?,
        version: row.get("version")?,
        created_at: row.get("created_at")?,
    })
}

pub(crate) fn delivery(row: &Row<'_>) -> Result<Delivery, ReadError> {
    Ok(Delivery {
        id: row.get("id")?,
        endpoint: row.get("endpoint_id")?,
        merchant: row.get("merchant_id")?,
        event: row.get("event_id")?,
        kind: row.get("kind")?,
        origin: row.get("origin")?,
        body: row.maybe("body")?,
        state: row.get("state")?,
        tries: row.get("tries")?,
        step: row.get("step")?,
        next_at: row.maybe("next_at")?,
        created_at: row.get("created_at")?,
    })
}

pub(crate) fn delivery_try(row: &Row<'_>) -> Result<DeliveryTry, ReadError> {
    let answer = match row.maybe::<u16>("status")? {
        Some(status) => Some(TryAnswer {
            status,
            headers: row.json("response_headers")?,
            body: row.get("response_body")?,
            truncated: row.get("truncated")?,
        }),
        None => None,
    };
    Ok(DeliveryTry {
        number: row.get("number")?,
        at: row.get("at")?,
        took_ms: row.get("took_ms")?,
        url: row.get("url")?,
        request_headers: row.json("request_headers")?,
        answer,
        error: row.maybe("error")?,
    })
}

pub(crate) fn replay(row: &Row<'_>) -> Result<Replay, ReadError> {
    Ok(Replay {
        id: row.get("id")?,
        endpoint: row.get("endpoint_id")?,
        merchant: row.get("merchant_id")?,
        from: row.get("from_at")?,
        before: row.get("before_at")?,
        types: row.json("types")?,
        cursor: row.maybe("cursor")?,
        made: row.get("made")?,
        done_at: row.maybe("done_at")?,
        created_at: row.get("created_at")?,
    })
}
