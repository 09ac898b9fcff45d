-- What was refused, so that it can be counted: by order, by customer, by the address that the customer came from, by card. Keys are
-- digests under a key that is not in the database: it can be told that two are the same, and not who it is.

CREATE TABLE declines (
  merchant_id  uuid NOT NULL,
  kind         text NOT NULL CHECK (kind IN ('order', 'customer', 'address', 'card')),
  digest       bytea NOT NULL CHECK (length(digest) = 32),
  at           timestamptz NOT NULL,
  -- The event that told of it.
  event_id     uuid NOT NULL,
  network      text NOT NULL CHECK (network IN ('visa', 'mastercard', 'other', 'none')),
  initiator    text NOT NULL CHECK (initiator IN ('customer', 'merchant')),
  -- The refusal was final: this card is never to be tried again.
  is_final     boolean NOT NULL,
  CONSTRAINT declines_pkey PRIMARY KEY (merchant_id, kind, digest, at, event_id)
);
-- Which cards were refused on an order is found by way of the events.
CREATE INDEX declines_by_event ON declines (merchant_id, event_id);
CREATE INDEX declines_by_age ON declines (is_final, at);

CREATE TRIGGER declines_never_change BEFORE UPDATE ON declines FOR EACH ROW
EXECUTE FUNCTION refuse('what was declined stays declined');

CREATE FUNCTION check_new_declines() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  PERFORM FROM fresh n WHERE (SELECT e.id FROM public.events e WHERE e.merchant_id = n.merchant_id AND e.id = n.event_id) IS NULL LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = '23000', TABLE = TG_TABLE_NAME, MESSAGE = 'a decline is told of by an event of its merchant';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER declines_are_told_of AFTER INSERT ON declines REFERENCING NEW TABLE AS fresh
EXECUTE FUNCTION check_new_declines();

-- Where the customer of an order came from last, on their way to the PSP. Kept as a digest, and only as long as declines are.
CREATE TABLE visits (
  merchant_id  uuid NOT NULL,
  order_id     uuid NOT NULL,
  address      bytea NOT NULL CHECK (length(address) = 32),
  at           timestamptz NOT NULL,
  CONSTRAINT visits_pkey PRIMARY KEY (merchant_id, order_id)
) WITH (fillfactor = 85);
CREATE INDEX visits_by_age ON visits (at);

CREATE FUNCTION check_new_visits() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  PERFORM FROM fresh n WHERE (SELECT o.id FROM public.payment_orders o WHERE o.merchant_id = n.merchant_id AND o.id = n.order_id)
    IS NULL LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = '23000', TABLE = TG_TABLE_NAME, MESSAGE = 'a visit is to an order of its merchant';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER visits_are_to_an_order AFTER INSERT ON visits REFERENCING NEW TABLE AS fresh
EXECUTE FUNCTION check_new_visits();
