//! Webhooks: endpoints, deliveries and their tries.

use super::Invariant;

pub(super) const INVARIANTS: &[Invariant] = &[
    Invariant {
        says: "a delivery that waits has a next try, and no other has one",
        breaches: "SELECT lower(hex(id)) FROM webhook_deliveries WHERE (state = 'pending') <> (next_at IS NOT NULL)",
    },
    Invariant {
        says: "each event that a webhook endpoint wants has its delivery, up to where the endpoint has come",
        breaches: "SELECT lower(hex(w.id)) || ' event ' || e.position FROM webhook_endpoints w JOIN events e
                     ON e.merchant_id = w.merchant_id AND e.position > w.complete_after AND e.position <= w.position
                   WHERE (w.types = '[]' OR CAST(e.kind AS text) IN (SELECT value FROM json_each(w.types))) AND NOT EXISTS
                     (SELECT 1 FROM webhook_deliveries d WHERE d.endpoint_id = w.id AND d.event_id = e.id AND d.origin = 'event')",
    },
    Invariant {
        says: "an event is delivered to an endpoint once, unless somebody asks for it again",
        breaches: "SELECT lower(hex(endpoint_id)) || ' ' || lower(hex(event_id)) FROM webhook_deliveries WHERE origin = 'event'
                   GROUP BY endpoint_id, event_id HAVING count(*) > 1",
    },
    Invariant {
        says: "each event about a webhook endpoint is counted, without gaps",
        breaches: "SELECT lower(hex(w.id)) FROM webhook_endpoints w LEFT JOIN
                     (SELECT subject_id, count(*) AS n, max(sequence) AS last FROM events GROUP BY subject_id) e ON e.subject_id = w.id
                   WHERE coalesce(e.n, 0) <> w.events OR coalesce(e.last, 0) <> w.events",
    },
    Invariant {
        says: "no webhook endpoint is further than the events",
        breaches: "SELECT lower(hex(id)) FROM webhook_endpoints WHERE position > (SELECT coalesce(max(position), 0) FROM events)",
    },
    Invariant {
        says: "the tries of a delivery are as many as it counts, without gaps, and what arrived had a try that was taken",
        breaches: "SELECT lower(hex(d.id)) FROM webhook_deliveries d LEFT JOIN
                     (SELECT delivery_id, count(*) AS n, max(number) AS last, sum(iif(status BETWEEN 200 AND 299, 1, 0)) AS taken
                      FROM webhook_tries GROUP BY delivery_id) t ON t.delivery_id = d.id
                   WHERE coalesce(t.n, 0) <> d.tries OR coalesce(t.last, 0) <> d.tries
                     OR (d.state = 'succeeded') <> (coalesce(t.taken, 0) > 0)",
    },
    Invariant {
        says: "a delivery stays within its merchant",
        breaches: "SELECT lower(hex(d.id)) FROM webhook_deliveries d LEFT JOIN webhook_endpoints w
                     ON w.id = d.endpoint_id AND w.merchant_id = d.merchant_id
                   LEFT JOIN events e ON e.id = d.event_id AND e.merchant_id = d.merchant_id
                   WHERE w.id IS NULL OR (e.id IS NULL AND d.origin <> 'test')",
    },
];
