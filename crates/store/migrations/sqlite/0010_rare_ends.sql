-- What is rare among much is found without looking at the much: orders that ended without money, events that few payments bring, refunds that
-- did not succeed. Status is in no index of the orders themselves: each move of an order would write it anew.

-- Orders that have ended without money, by how. Written once, when it happens; one that is paid late stays, and is passed over by its status.
CREATE TABLE unpaid_ends (
  merchant_id  BLOB NOT NULL REFERENCES merchants (id),
  status       TEXT NOT NULL CHECK (status = 'failed' OR status = 'canceled' OR status = 'expired'),
  order_id     BLOB NOT NULL,
  PRIMARY KEY (merchant_id, status, order_id)
) STRICT, WITHOUT ROWID;

INSERT INTO unpaid_ends (merchant_id, status, order_id)
SELECT DISTINCT merchant_id, replace(kind, 'payment_order.', ''), subject_id FROM events
WHERE kind IN ('payment_order.failed', 'payment_order.canceled', 'payment_order.expired') ORDER BY 1, 2, 3;

CREATE TRIGGER unpaid_ends_never_change BEFORE UPDATE ON unpaid_ends
BEGIN SELECT RAISE(ABORT, 'how an order ended is kept'); END;

CREATE TRIGGER unpaid_ends_are_kept BEFORE DELETE ON unpaid_ends
BEGIN SELECT RAISE(ABORT, 'how an order ended is kept'); END;

CREATE TRIGGER unpaid_ends_are_of_orders BEFORE INSERT ON unpaid_ends
BEGIN
  SELECT RAISE(ABORT, 'an unpaid end is that of an order of its merchant')
    WHERE NOT EXISTS (SELECT 1 FROM payment_orders WHERE merchant_id = NEW.merchant_id AND id = NEW.order_id AND status = NEW.status);
END;

-- Every payment brings the three that are left out; whoever wants one of those finds it by walking. The position is the rowid, with which every
-- index ends.
CREATE INDEX events_by_rare_kind ON events (merchant_id, kind)
WHERE kind <> 'payment_order.created' AND kind <> 'payment_order.pending' AND kind <> 'payment_order.succeeded';

CREATE INDEX refunds_by_status ON refunds (merchant_id, status, id) WHERE status <> 'succeeded';
CREATE INDEX disputes_by_status ON disputes (merchant_id, status, id);
