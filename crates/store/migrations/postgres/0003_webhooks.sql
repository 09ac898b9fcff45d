-- Webhooks to merchants: endpoints, deliveries, their tries, replays. The events are the outbox: an endpoint keeps how far it has come in
-- them, and the step that moves it on makes the deliveries in the same commit.

CREATE TABLE webhook_endpoints (
  merchant_id     uuid NOT NULL REFERENCES merchants (id),
  id              uuid NOT NULL,
  url             text NOT NULL,
  description     text NOT NULL,
  types           jsonb NOT NULL CHECK (jsonb_typeof(types) = 'array'),
  status          text NOT NULL CHECK (status IN ('enabled', 'disabled', 'failing', 'gone', 'deleted')),
  sealed_keys     bytea NOT NULL,
  failing_since   timestamptz,
  failures        integer NOT NULL CHECK (failures >= 0),
  events          integer NOT NULL CHECK (events >= 0),
  version         integer NOT NULL CHECK (version > 0),
  created_at      timestamptz NOT NULL,
  -- The last event that was looked at for this endpoint.
  position        bigint NOT NULL CHECK (position >= 0),
  -- After this event, and up to the position, each event that it wants has its delivery: what it wanted before is not known any more, or
  -- its deliveries are too old to be kept.
  complete_after  bigint NOT NULL CHECK (complete_after BETWEEN 0 AND position),
  CONSTRAINT webhook_endpoints_pkey PRIMARY KEY (merchant_id, id),
  CHECK ((failures = 0) = (failing_since IS NULL))
) WITH (fillfactor = 50);

CREATE TRIGGER webhook_endpoints_keep_what_they_are
AFTER UPDATE OF merchant_id, id, created_at ON webhook_endpoints FOR EACH ROW
WHEN (NEW.merchant_id <> OLD.merchant_id OR NEW.id <> OLD.id OR NEW.created_at <> OLD.created_at)
EXECUTE FUNCTION refuse('what a webhook endpoint is never changes');
CREATE TRIGGER webhook_endpoints_only_go_forward AFTER UPDATE ON webhook_endpoints FOR EACH ROW
WHEN (NEW.position < OLD.position OR NEW.complete_after < OLD.complete_after OR NEW.events < OLD.events OR NEW.version < OLD.version)
EXECUTE FUNCTION refuse('a webhook endpoint never goes back in the events');
CREATE TRIGGER webhook_endpoints_stay_deleted AFTER UPDATE ON webhook_endpoints FOR EACH ROW
WHEN (OLD.status = 'deleted' AND NEW.status <> 'deleted')
EXECUTE FUNCTION refuse('a deleted webhook endpoint does not come back');
CREATE TRIGGER webhook_endpoints_are_kept BEFORE DELETE ON webhook_endpoints FOR EACH ROW
EXECUTE FUNCTION refuse('webhook endpoints are kept');
CREATE TRIGGER webhook_endpoints_are_not_emptied BEFORE TRUNCATE ON webhook_endpoints
EXECUTE FUNCTION refuse('webhook endpoints are kept');

-- Within a month a unique index of the month's partition sees to it that a sequence is used once. No event is older than what it tells of, but
-- for a day that clocks may differ; so only the months since then are looked at, and mostly that is one. The bound is a variable, so that
-- partitions before it are left out before they are opened.
CREATE OR REPLACE FUNCTION check_new_events() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  broken text;
  follows boolean;
  oldest timestamptz;
  newest timestamptz;
  first timestamptz;
  last timestamptz;
  lowest uuid;
BEGIN
  SELECT min(said.broken), bool_or(n.sequence > 1), public.moment_of(min(n.subject_id::text COLLATE "C")::uuid) - interval '1 day',
      public.moment_of(max(n.subject_id::text COLLATE "C")::uuid) - interval '1 day', public.moment_of(min(n.id::text COLLATE "C")::uuid),
      public.moment_of(max(n.id::text COLLATE "C")::uuid)
    INTO broken, follows, oldest, newest, first, last
  FROM fresh n, LATERAL (SELECT CASE
      WHEN n.position >> 16 IS DISTINCT FROM (SELECT c.base + pg_current_xact_id()::text::bigint FROM public.event_clock c WHERE c.one)
        THEN 'events are appended at the end'
      WHEN n.sequence IS DISTINCT FROM CASE n.subject_kind
          WHEN 'payment_order'
            THEN (SELECT o.version FROM public.payment_orders o WHERE o.merchant_id = n.merchant_id AND o.id = n.subject_id)
          WHEN 'payout' THEN (SELECT p.version FROM public.payouts p WHERE p.merchant_id = n.merchant_id AND p.id = n.subject_id)
          ELSE (SELECT w.events FROM public.webhook_endpoints w WHERE w.merchant_id = n.merchant_id AND w.id = n.subject_id)
        END
        THEN 'an event tells of a change of ' || CASE n.subject_kind
          WHEN 'payment_order' THEN 'an order' WHEN 'payout' THEN 'a payout' ELSE 'a webhook endpoint' END || ' of its merchant'
    END AS broken OFFSET 0) said;
  IF broken IS NULL AND first < newest THEN
    PERFORM FROM fresh n WHERE public.moment_of(n.id) < public.moment_of(n.subject_id) - interval '1 day' LIMIT 1;
    IF FOUND THEN
      broken := 'an event is not older than what it tells of';
    END IF;
  END IF;
  lowest := public.first_uuid(date_trunc('month', oldest, 'UTC'));
  IF broken IS NULL AND follows THEN
    PERFORM FROM fresh n WHERE n.sequence > 1 AND (SELECT e.sequence FROM public.events e
      WHERE e.id >= lowest AND e.subject_id = n.subject_id AND e.sequence = n.sequence - 1 LIMIT 1) IS NULL LIMIT 1;
    IF FOUND THEN
      broken := 'the events of a subject have no gap';
    END IF;
  END IF;
  IF broken IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = '23000', TABLE = 'events', MESSAGE = broken;
  END IF;
  -- Other months may hold the same: where it is not all of one month, or is put into the past.
  IF date_trunc('month', oldest, 'UTC') <> date_trunc('month', last + interval '1 day', 'UTC') OR first < now() - interval '1 day' THEN
    PERFORM FROM fresh n WHERE (SELECT count(*) FROM public.events e
      WHERE e.id >= lowest AND e.subject_id = n.subject_id AND e.sequence = n.sequence) > 1 LIMIT 1;
    IF FOUND THEN
      RAISE EXCEPTION USING ERRCODE = '23505', TABLE = 'events', CONSTRAINT = 'events_sequence', MESSAGE = 'taken: events';
    END IF;
  END IF;
  RETURN NULL;
END $$;

-- One event on its way to one endpoint. A claim moves next_at to the end of the lease: a process that dies gives its deliveries back by
-- itself. Lane 0 is for what just happened, lane 1 for what waits anyway: retries and replays.
CREATE TABLE webhook_deliveries (
  merchant_id  uuid NOT NULL,
  endpoint_id  uuid NOT NULL,
  id           uuid NOT NULL,
  event_id     uuid NOT NULL,
  kind         text NOT NULL,
  origin       text NOT NULL CHECK (origin IN ('event', 'replay', 'test')),
  body         json,
  state        text NOT NULL CHECK (state IN ('pending', 'succeeded', 'dead')),
  tries        integer NOT NULL CHECK (tries >= 0),
  step         integer NOT NULL CHECK (step BETWEEN 0 AND tries),
  lane         integer NOT NULL CHECK (lane IN (0, 1)),
  leased       boolean NOT NULL,
  next_at      timestamptz,
  created_at   timestamptz NOT NULL,
  CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (merchant_id, endpoint_id, id),
  -- The id comes first, so that those that are old enough to be forgotten are found by it.
  CONSTRAINT webhook_deliveries_id UNIQUE (id, merchant_id),
  CHECK ((state = 'pending') = (next_at IS NOT NULL)),
  CHECK (NOT leased OR state = 'pending'),
  CHECK ((origin = 'test') = (body IS NOT NULL))
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05);
-- An event is delivered to an endpoint once by itself, and as often as somebody asks for it.
CREATE UNIQUE INDEX webhook_deliveries_by_event ON webhook_deliveries
  (merchant_id, endpoint_id, event_id, (CASE WHEN origin <> 'event' THEN id END)) NULLS NOT DISTINCT;
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (merchant_id, endpoint_id, lane, next_at) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_dead ON webhook_deliveries (merchant_id, endpoint_id, id) WHERE state = 'dead';

CREATE TRIGGER webhook_deliveries_keep_what_they_are
AFTER UPDATE OF merchant_id, endpoint_id, id, event_id, kind, origin, body, created_at ON webhook_deliveries FOR EACH ROW
WHEN (NEW.merchant_id <> OLD.merchant_id OR NEW.endpoint_id <> OLD.endpoint_id OR NEW.id <> OLD.id OR NEW.event_id <> OLD.event_id
  OR NEW.kind <> OLD.kind OR NEW.origin <> OLD.origin OR NEW.body::text IS DISTINCT FROM OLD.body::text
  OR NEW.created_at <> OLD.created_at)
EXECUTE FUNCTION refuse('what a delivery is never changes');
CREATE TRIGGER webhook_deliveries_keep_their_success AFTER UPDATE ON webhook_deliveries FOR EACH ROW
WHEN ((OLD.state = 'succeeded' AND NEW.state <> 'succeeded') OR NEW.tries < OLD.tries)
EXECUTE FUNCTION refuse('what arrived has arrived');

CREATE FUNCTION check_new_webhook_deliveries() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  broken text;
BEGIN
  SELECT said.broken INTO broken FROM fresh n, LATERAL (SELECT CASE
      WHEN (SELECT w.id FROM public.webhook_endpoints w WHERE w.merchant_id = n.merchant_id AND w.id = n.endpoint_id) IS NULL
        THEN 'a delivery goes to an endpoint of its merchant'
      WHEN n.origin <> 'test' AND (SELECT e.id FROM public.events e WHERE e.merchant_id = n.merchant_id AND e.id = n.event_id) IS NULL
        THEN 'a delivery tells of an event of its merchant'
    END AS broken OFFSET 0) said
  WHERE said.broken IS NOT NULL LIMIT 1;
  IF broken IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = '23000', TABLE = TG_TABLE_NAME, MESSAGE = broken;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER webhook_deliveries_are_of_their_merchant AFTER INSERT ON webhook_deliveries REFERENCING NEW TABLE AS fresh
EXECUTE FUNCTION check_new_webhook_deliveries();

-- Each try, as it went. It goes when its delivery goes.
CREATE TABLE webhook_tries (
  merchant_id       uuid NOT NULL,
  delivery_id       uuid NOT NULL,
  number            integer NOT NULL CHECK (number > 0),
  at                timestamptz NOT NULL,
  took_ms           integer NOT NULL CHECK (took_ms >= 0),
  url               text NOT NULL,
  request_headers   jsonb NOT NULL,
  status            integer,
  response_headers  jsonb,
  response_body     text,
  truncated         boolean,
  error             text,
  CONSTRAINT webhook_tries_pkey PRIMARY KEY (merchant_id, delivery_id, number),
  CHECK ((status IS NULL) = (response_body IS NULL) AND (status IS NULL) = (response_headers IS NULL)
    AND (status IS NULL) = (truncated IS NULL)),
  CHECK (status IS NOT NULL OR error IS NOT NULL)
);
CREATE TRIGGER webhook_tries_never_change BEFORE UPDATE ON webhook_tries FOR EACH ROW
EXECUTE FUNCTION refuse('a try is written down once');

CREATE FUNCTION check_new_webhook_tries() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  broken text;
BEGIN
  SELECT said.broken INTO broken FROM fresh n, LATERAL (SELECT CASE
      WHEN (SELECT d.id FROM public.webhook_deliveries d WHERE d.merchant_id = n.merchant_id AND d.id = n.delivery_id) IS NULL
        THEN 'a try is one of a delivery of its merchant'
      WHEN n.number > 1 AND (SELECT t.number FROM public.webhook_tries t
        WHERE t.merchant_id = n.merchant_id AND t.delivery_id = n.delivery_id AND t.number = n.number - 1) IS NULL
        THEN 'the tries of a delivery have no gap'
    END AS broken OFFSET 0) said
  WHERE said.broken IS NOT NULL LIMIT 1;
  IF broken IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = '23000', TABLE = TG_TABLE_NAME, MESSAGE = broken;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER webhook_tries_come_one_after_the_other AFTER INSERT ON webhook_tries REFERENCING NEW TABLE AS fresh
EXECUTE FUNCTION check_new_webhook_tries();

CREATE FUNCTION check_gone_webhook_tries() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  PERFORM FROM gone g WHERE (SELECT d.id FROM public.webhook_deliveries d WHERE d.merchant_id = g.merchant_id AND d.id = g.delivery_id)
    IS NOT NULL LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = '23000', TABLE = TG_TABLE_NAME, MESSAGE = 'a try is kept as long as its delivery';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER webhook_tries_are_kept AFTER DELETE ON webhook_tries REFERENCING OLD TABLE AS gone
EXECUTE FUNCTION check_gone_webhook_tries();
CREATE TRIGGER webhook_tries_are_not_emptied BEFORE TRUNCATE ON webhook_tries
EXECUTE FUNCTION refuse('a try is kept as long as its delivery');
CREATE TRIGGER webhook_deliveries_are_not_emptied BEFORE TRUNCATE ON webhook_deliveries
EXECUTE FUNCTION refuse('a try is kept as long as its delivery');

-- A foreign key that cascades would lock the delivery for each try, too.
CREATE FUNCTION forget_webhook_tries() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  went record;
BEGIN
  -- By key, one after the other: a join that was planned while there were few tries would read all of them.
  FOR went IN SELECT g.merchant_id, g.id FROM gone g LOOP
    DELETE FROM public.webhook_tries t WHERE t.merchant_id = went.merchant_id AND t.delivery_id = went.id;
  END LOOP;
  RETURN NULL;
END $$;
CREATE TRIGGER webhook_deliveries_take_their_tries_along AFTER DELETE ON webhook_deliveries REFERENCING OLD TABLE AS gone
EXECUTE FUNCTION forget_webhook_tries();

-- The wish to have the events of a range delivered again, and how far that has come.
CREATE TABLE webhook_replays (
  merchant_id   uuid NOT NULL,
  endpoint_id   uuid NOT NULL,
  id            uuid NOT NULL,
  from_at       timestamptz NOT NULL,
  before_at     timestamptz NOT NULL,
  types         jsonb NOT NULL CHECK (jsonb_typeof(types) = 'array'),
  cursor        uuid,
  made          integer NOT NULL CHECK (made >= 0),
  done_at       timestamptz,
  created_at    timestamptz NOT NULL,
  CONSTRAINT webhook_replays_pkey PRIMARY KEY (merchant_id, endpoint_id, id),
  CONSTRAINT a_replay_goes_to_an_endpoint_of_its_merchant
    FOREIGN KEY (merchant_id, endpoint_id) REFERENCES webhook_endpoints (merchant_id, id),
  CHECK (from_at < before_at)
);
CREATE INDEX webhook_replays_open ON webhook_replays (merchant_id, endpoint_id, id) WHERE done_at IS NULL;
