-- What is rare among much is found without looking at the much: orders that ended without money, events that few payments bring, refunds that
-- did not succeed. Status is in no index of the orders themselves: each move of an order would write all of its indexes.

-- Orders that have ended without money, by how. Written once, when it happens; one that is paid late stays, and is passed over by its status.
CREATE TABLE unpaid_ends (
  merchant_id  uuid NOT NULL,
  status       text NOT NULL CHECK (status = ANY ('{failed, canceled, expired}')),
  order_id     uuid NOT NULL,
  CONSTRAINT unpaid_ends_pkey PRIMARY KEY (merchant_id, status, order_id)
);

INSERT INTO unpaid_ends (merchant_id, status, order_id)
SELECT DISTINCT merchant_id, replace(kind::text, 'payment_order.', ''), subject_id FROM events
WHERE kind = ANY ('{payment_order.failed, payment_order.canceled, payment_order.expired}') ORDER BY 1, 2, 3;

CREATE TRIGGER unpaid_ends_never_change BEFORE UPDATE ON unpaid_ends FOR EACH ROW
EXECUTE FUNCTION refuse('how an order ended is kept');
CREATE TRIGGER unpaid_ends_are_kept BEFORE DELETE ON unpaid_ends FOR EACH ROW
EXECUTE FUNCTION refuse('how an order ended is kept');
CREATE TRIGGER unpaid_ends_are_not_emptied BEFORE TRUNCATE ON unpaid_ends
EXECUTE FUNCTION refuse('how an order ended is kept');

CREATE FUNCTION check_new_unpaid_ends() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  PERFORM FROM fresh n WHERE (SELECT o.status FROM public.payment_orders o WHERE o.merchant_id = n.merchant_id AND o.id = n.order_id)
    IS DISTINCT FROM n.status LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = '23000', TABLE = TG_TABLE_NAME, MESSAGE = 'an unpaid end is that of an order of its merchant';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER unpaid_ends_are_of_orders AFTER INSERT ON unpaid_ends REFERENCING NEW TABLE AS fresh
EXECUTE FUNCTION check_new_unpaid_ends();

-- Every payment brings the three that are left out; whoever wants one of those finds it by walking.
CREATE INDEX events_by_rare_kind ON events (merchant_id, kind, position)
WHERE kind <> 'payment_order.created' AND kind <> 'payment_order.pending' AND kind <> 'payment_order.succeeded';

CREATE INDEX refunds_by_status ON refunds (merchant_id, status, id) WHERE status <> 'succeeded';
CREATE INDEX disputes_by_status ON disputes (merchant_id, status, id);

DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'ducat_app') THEN
    GRANT SELECT, INSERT ON unpaid_ends TO ducat_app;
  END IF;
END $$;
