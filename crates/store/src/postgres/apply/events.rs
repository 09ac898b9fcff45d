//! Events, the refusals that they told of, and where customers came from.

use super::{Applied, all};
use crate::postgres::statement::{Statement, each, insert};
use crate::{Change, NO_NETWORK};
use ducat_domain::payments::CardNetwork;

pub(super) fn write(out: &mut Vec<Statement>, changes: &[&Change]) -> Applied {
    // Numbered within the transaction: the events of one change keep their order. Written in the order of their ids, so that an index of them
    // grows at its end.
    let mut events: Vec<_> = all(changes, |c| &c.events).into_iter().zip(0_u32..).collect();
    events.sort_by_key(|(event, _)| (event.merchant, event.id));
    each!(
        out,
        "INSERT INTO events (position, id, merchant_id, subject_id, subject_kind, sequence, kind, at, snapshot)
         SELECT (SELECT next_position(0)) + n.number, n.id, n.merchant_id, n.subject_id, n.subject_kind::event_subject, n.sequence,
           n.kind::event_kind, n.at, n.snapshot
         FROM {rows}",
        events,
        |(event, number)| {
            number: integer = number,
            id: uuid = event.id,
            merchant_id: uuid = event.merchant,
            subject_id: uuid = event.subject.as_bytes(),
            subject_kind: text = event.subject.kind(),
            sequence: integer = event.sequence,
            kind: text = event.kind.as_str(),
            at: timestamptz = event.at,
            snapshot: json = &event.snapshot,
        }
    );
    insert!(out, "declines", all(changes, |c| &c.declines), |row| {
        merchant_id: uuid = row.merchant,
        kind: text = row.key.kind(),
        digest: bytea = row.key.digest(),
        at: timestamptz = row.at,
        event_id: uuid = row.event,
        network: text = row.network.map_or(NO_NETWORK, CardNetwork::as_str),
        initiator: text = row.initiator.as_str(),
        is_final: boolean = row.is_final,
    });
    let mut visits: Vec<_> = changes.iter().filter_map(|change| change.visit).collect();
    visits.sort_by_key(|visit| (visit.merchant, visit.order));
    insert!(out, "visits", visits, |visit| {
        merchant_id: uuid = visit.merchant,
        order_id: uuid = visit.order,
        address: bytea = visit.address,
        at: timestamptz = visit.at,
    }, "ON CONFLICT (merchant_id, order_id) DO UPDATE SET address = excluded.address, at = excluded.at");
    Ok(())
}
