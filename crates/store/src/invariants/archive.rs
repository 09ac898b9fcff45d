//! The archive: each order is in one place with its attempts, and what is archived is over.

use super::Invariant;

pub(super) const INVARIANTS: &[Invariant] = &[
    Invariant {
        says: "an order or attempt is among the living or in the archive, and not in both",
        breaches: "SELECT shown('po', id) FROM every_order o GROUP BY id HAVING count(*) > 1
                   UNION ALL SELECT shown('pa', id) FROM every_attempt a GROUP BY id HAVING count(*) > 1",
    },
    Invariant {
        says: "an attempt lies where its order lies",
        breaches: "SELECT shown('pa', a.id) FROM attempts a LEFT JOIN payment_orders o ON o.merchant_id = a.merchant_id AND o.id = a.order_id
                     WHERE o.id IS NULL
                   UNION ALL SELECT shown('pa', a.id) FROM archived_attempts a
                     LEFT JOIN archived_orders o ON o.merchant_id = a.merchant_id AND o.id = a.order_id WHERE o.id IS NULL",
    },
    Invariant {
        says: "nothing is open of an order in the archive",
        breaches: "SELECT shown('po', id) FROM archived_orders WHERE status NOT IN ('succeeded', 'failed', 'canceled', 'expired')
                     OR amount_refunding <> 0
                   UNION ALL SELECT shown('pa', id) FROM archived_attempts WHERE status NOT IN ('captured', 'failed', 'canceled', 'expired')
                     OR capturing <> 0 OR refunding <> 0 OR open_disputes <> 0
                   UNION ALL SELECT shown('re', r.id) FROM refunds r JOIN archived_orders o ON o.id = r.order_id
                     WHERE r.status IN ('pending', 'unknown')
                   UNION ALL SELECT shown('cap', c.id) FROM captures c JOIN archived_orders o ON o.id = c.order_id
                     WHERE c.status IN ('pending', 'unknown')
                   UNION ALL SELECT shown('dp', d.id) FROM disputes d JOIN archived_orders o ON o.id = d.order_id
                     WHERE d.status NOT IN ('closed', 'won', 'lost')",
    },
];
