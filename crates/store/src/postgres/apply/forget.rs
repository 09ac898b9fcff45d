//! What is old enough to go, a thousand rows at a time: a sweep that finds more comes again.

use super::Applied;
use crate::Change;
use crate::postgres::statement::{Statement, each};
use crate::reads::first_of;

pub(super) fn write(out: &mut Vec<Statement>, changes: &[&Change]) -> Applied {
    each!(
        out,
        "DELETE FROM idempotency_keys t USING (SELECT o.merchant_id, o.key FROM idempotency_keys o
           WHERE second_of(o.created_at) <= (SELECT second_of(min(n.before)) FROM {rows}) AND o.created_at < (SELECT min(n.before) FROM {rows})
           ORDER BY second_of(o.created_at) LIMIT 1000 FOR UPDATE SKIP LOCKED) old
         WHERE t.merchant_id = old.merchant_id AND t.key = old.key",
        changes.iter().filter_map(|change| change.forget_keys_before),
        |before| { before: timestamptz = before }
    );
    each!(
        out,
        "DELETE FROM declines t USING (SELECT o.* FROM {rows}, LATERAL (
             SELECT d.merchant_id, d.kind, d.digest, d.at, d.event_id FROM declines d
             WHERE d.is_final = n.is_final AND d.at < n.before ORDER BY d.at LIMIT 1000) o) old
         WHERE t.merchant_id = old.merchant_id AND t.kind = old.kind AND t.digest = old.digest AND t.at = old.at AND t.event_id = old.event_id",
        changes.iter().filter_map(|change| change.forget_declines).flat_map(|f| [(false, f.ordinary), (true, f.is_final)]),
        |(is_final, before)| { is_final: boolean = is_final, before: timestamptz = before }
    );
    each!(
        out,
        "DELETE FROM visits t USING (SELECT o.merchant_id, o.order_id FROM visits o
           WHERE o.at < (SELECT min(n.before) FROM {rows}) LIMIT 1000) old
         WHERE t.merchant_id = old.merchant_id AND t.order_id = old.order_id",
        changes.iter().filter_map(|change| change.forget_declines),
        |f| { before: timestamptz = f.ordinary }
    );
    deliveries(out, changes);
    Ok(())
}

/// Deliveries that were made before a moment; their tries go with them. What is under way is left alone. An endpoint is complete only after the
/// newest event whose delivery went. Ids begin with their moment, so the oldest are found by them.
fn deliveries(out: &mut Vec<Statement>, changes: &[&Change]) {
    let befores = || changes.iter().filter_map(|change| change.forget_deliveries_before);
    each!(
        out,
        "WITH old AS (SELECT o.merchant_id, o.endpoint_id, o.id, o.event_id, o.origin FROM webhook_deliveries o
             WHERE o.id < (SELECT n.first FROM {rows} ORDER BY n.first LIMIT 1) AND NOT o.leased ORDER BY o.id LIMIT 1000 FOR UPDATE SKIP LOCKED),
           newest AS (SELECT old.merchant_id, old.endpoint_id, max(e.position) AS position FROM old
             JOIN events e ON e.id = old.event_id AND e.merchant_id = old.merchant_id WHERE old.origin = 'event' GROUP BY 1, 2),
           marked AS (UPDATE webhook_endpoints w SET complete_after = greatest(w.complete_after, newest.position) FROM newest
             WHERE w.merchant_id = newest.merchant_id AND w.id = newest.endpoint_id)
         DELETE FROM webhook_deliveries t USING old
           WHERE t.merchant_id = old.merchant_id AND t.endpoint_id = old.endpoint_id AND t.id = old.id",
        befores(),
        |before| { first: uuid = first_of(before) }
    );
    each!(
        out,
        "DELETE FROM webhook_replays t WHERE t.done_at < (SELECT min(n.before) FROM {rows})",
        befores(),
        |before| { before: timestamptz = before }
    );
}
