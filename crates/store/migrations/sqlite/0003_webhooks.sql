-- Webhooks to merchants: endpoints, deliveries, their tries, replays. The events are the outbox: an endpoint keeps how far it has come in
-- them, and the step that moves it on makes the deliveries in the same commit.

CREATE TABLE webhook_endpoints (
  merchant_id     BLOB NOT NULL REFERENCES merchants (id),
  id              BLOB NOT NULL CHECK (length(id) = 16),
  url             TEXT NOT NULL,
  description     TEXT NOT NULL,
  types           TEXT NOT NULL CHECK (json_type(types) = 'array'),
  status          TEXT NOT NULL CHECK (status IN ('enabled', 'disabled', 'failing', 'gone', 'deleted')),
  sealed_keys     BLOB NOT NULL,
  failing_since   INTEGER,
  failures        INTEGER NOT NULL CHECK (failures >= 0),
  events          INTEGER NOT NULL CHECK (events >= 0),
  version         INTEGER NOT NULL CHECK (version > 0),
  created_at      INTEGER NOT NULL,
  -- The last event that was looked at for this endpoint.
  position        INTEGER NOT NULL CHECK (position >= 0),
  -- After this event, and up to the position, each event that it wants has its delivery: what it wanted before is not known any more, or
  -- its deliveries are too old to be kept.
  complete_after  INTEGER NOT NULL CHECK (complete_after BETWEEN 0 AND position),
  PRIMARY KEY (merchant_id, id),
  CHECK ((failures = 0) = (failing_since IS NULL))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX webhook_endpoints_id ON webhook_endpoints (id);

CREATE TRIGGER webhook_endpoints_keep_what_they_are BEFORE UPDATE OF merchant_id, id, created_at ON webhook_endpoints
WHEN NEW.merchant_id <> OLD.merchant_id OR NEW.id <> OLD.id OR NEW.created_at <> OLD.created_at
BEGIN SELECT RAISE(ABORT, 'what a webhook endpoint is never changes'); END;
CREATE TRIGGER webhook_endpoints_only_go_forward BEFORE UPDATE OF position, complete_after, events, version ON webhook_endpoints
WHEN NEW.position < OLD.position OR NEW.complete_after < OLD.complete_after OR NEW.events < OLD.events OR NEW.version < OLD.version
BEGIN SELECT RAISE(ABORT, 'a webhook endpoint never goes back in the events'); END;
CREATE TRIGGER webhook_endpoints_stay_deleted BEFORE UPDATE OF status ON webhook_endpoints
WHEN OLD.status = 'deleted' AND NEW.status <> 'deleted'
BEGIN SELECT RAISE(ABORT, 'a deleted webhook endpoint does not come back'); END;
CREATE TRIGGER webhook_endpoints_are_kept BEFORE DELETE ON webhook_endpoints
BEGIN SELECT RAISE(ABORT, 'webhook endpoints are kept'); END;
CREATE TRIGGER webhook_endpoints_replace_nothing BEFORE INSERT ON webhook_endpoints
WHEN EXISTS (SELECT 1 FROM webhook_endpoints WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'taken: webhook_endpoints'); END;

CREATE TRIGGER events_tell_of_their_endpoint BEFORE INSERT ON events
WHEN NEW.subject_kind = 'webhook_endpoint' AND NOT EXISTS
  (SELECT 1 FROM webhook_endpoints WHERE merchant_id = NEW.merchant_id AND id = NEW.subject_id AND events = NEW.sequence)
BEGIN SELECT RAISE(ABORT, 'an event tells of a change of a webhook endpoint of its merchant'); END;

-- One event on its way to one endpoint. A claim moves next_at to the end of the lease: a process that dies gives its deliveries back by
-- itself. Lane 0 is for what just happened, lane 1 for what waits anyway: retries and replays.
CREATE TABLE webhook_deliveries (
  merchant_id  BLOB NOT NULL REFERENCES merchants (id),
  endpoint_id  BLOB NOT NULL REFERENCES webhook_endpoints (id),
  id           BLOB NOT NULL CHECK (length(id) = 16),
  event_id     BLOB NOT NULL CHECK (length(event_id) = 16),
  kind         TEXT NOT NULL,
  origin       TEXT NOT NULL CHECK (origin IN ('event', 'replay', 'test')),
  body         TEXT,
  state        TEXT NOT NULL CHECK (state IN ('pending', 'succeeded', 'dead')),
  tries        INTEGER NOT NULL CHECK (tries >= 0),
  step         INTEGER NOT NULL CHECK (step BETWEEN 0 AND tries),
  lane         INTEGER NOT NULL CHECK (lane IN (0, 1)),
  leased       INTEGER NOT NULL CHECK (leased IN (0, 1)),
  next_at      INTEGER,
  created_at   INTEGER NOT NULL,
  PRIMARY KEY (merchant_id, endpoint_id, id),
  CHECK ((state = 'pending') = (next_at IS NOT NULL)),
  CHECK (leased = 0 OR state = 'pending'),
  CHECK ((origin = 'test') = (body IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX webhook_deliveries_id ON webhook_deliveries (id);
CREATE INDEX webhook_deliveries_by_event ON webhook_deliveries (endpoint_id, event_id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, lane, next_at) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_dead ON webhook_deliveries (endpoint_id, id) WHERE state = 'dead';

CREATE TRIGGER webhook_deliveries_are_of_their_merchant BEFORE INSERT ON webhook_deliveries
BEGIN
  SELECT RAISE(ABORT, 'taken: webhook_deliveries') WHERE EXISTS (SELECT 1 FROM webhook_deliveries WHERE id = NEW.id);
  SELECT RAISE(ABORT, 'taken: webhook_deliveries, one of an event') WHERE NEW.origin = 'event' AND EXISTS
    (SELECT 1 FROM webhook_deliveries WHERE endpoint_id = NEW.endpoint_id AND event_id = NEW.event_id AND origin = 'event');
  SELECT RAISE(ABORT, 'a delivery goes to an endpoint of its merchant')
    WHERE NOT EXISTS (SELECT 1 FROM webhook_endpoints WHERE merchant_id = NEW.merchant_id AND id = NEW.endpoint_id);
  SELECT RAISE(ABORT, 'a delivery tells of an event of its merchant') WHERE NEW.origin <> 'test'
    AND NOT EXISTS (SELECT 1 FROM events WHERE id = NEW.event_id AND merchant_id = NEW.merchant_id);
END;
CREATE TRIGGER webhook_deliveries_keep_what_they_are
BEFORE UPDATE OF merchant_id, endpoint_id, id, event_id, kind, origin, body, created_at ON webhook_deliveries
WHEN NEW.merchant_id <> OLD.merchant_id OR NEW.endpoint_id <> OLD.endpoint_id OR NEW.id <> OLD.id OR NEW.event_id <> OLD.event_id
  OR NEW.kind <> OLD.kind OR NEW.origin <> OLD.origin OR NEW.body IS NOT OLD.body OR NEW.created_at <> OLD.created_at
BEGIN SELECT RAISE(ABORT, 'what a delivery is never changes'); END;
CREATE TRIGGER webhook_deliveries_keep_their_success BEFORE UPDATE OF state, tries ON webhook_deliveries
WHEN (OLD.state = 'succeeded' AND NEW.state <> 'succeeded') OR NEW.tries < OLD.tries
BEGIN SELECT RAISE(ABORT, 'what arrived has arrived'); END;

-- Each try, as it went. It goes when its delivery goes.
CREATE TABLE webhook_tries (
  delivery_id       BLOB NOT NULL REFERENCES webhook_deliveries (id) ON DELETE CASCADE,
  number            INTEGER NOT NULL CHECK (number > 0),
  at                INTEGER NOT NULL,
  took_ms           INTEGER NOT NULL CHECK (took_ms >= 0),
  url               TEXT NOT NULL,
  request_headers   TEXT NOT NULL CHECK (json_valid(request_headers)),
  status            INTEGER,
  response_headers  TEXT CHECK (response_headers IS NULL OR json_valid(response_headers)),
  response_body     TEXT,
  truncated         INTEGER CHECK (truncated IN (0, 1)),
  error             TEXT,
  PRIMARY KEY (delivery_id, number),
  CHECK ((status IS NULL) = (response_body IS NULL) AND (status IS NULL) = (response_headers IS NULL)
    AND (status IS NULL) = (truncated IS NULL)),
  CHECK (status IS NOT NULL OR error IS NOT NULL)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER webhook_tries_come_one_after_the_other BEFORE INSERT ON webhook_tries
WHEN NEW.number <> 1 + (SELECT count(*) FROM webhook_tries WHERE delivery_id = NEW.delivery_id)
BEGIN SELECT RAISE(ABORT, 'the tries of a delivery have no gap'); END;
CREATE TRIGGER webhook_tries_never_change BEFORE UPDATE ON webhook_tries
BEGIN SELECT RAISE(ABORT, 'a try is written down once'); END;
CREATE TRIGGER webhook_tries_are_kept BEFORE DELETE ON webhook_tries
WHEN EXISTS (SELECT 1 FROM webhook_deliveries WHERE id = OLD.delivery_id)
BEGIN SELECT RAISE(ABORT, 'a try is kept as long as its delivery'); END;

-- The wish to have the events of a range delivered again, and how far that has come.
CREATE TABLE webhook_replays (
  merchant_id   BLOB NOT NULL REFERENCES merchants (id),
  endpoint_id   BLOB NOT NULL REFERENCES webhook_endpoints (id),
  id            BLOB NOT NULL CHECK (length(id) = 16),
  from_at       INTEGER NOT NULL,
  before_at     INTEGER NOT NULL,
  types         TEXT NOT NULL CHECK (json_type(types) = 'array'),
  cursor        BLOB,
  made          INTEGER NOT NULL CHECK (made >= 0),
  done_at       INTEGER,
  created_at    INTEGER NOT NULL,
  PRIMARY KEY (merchant_id, endpoint_id, id),
  CHECK (from_at < before_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_replays_open ON webhook_replays (endpoint_id, id) WHERE done_at IS NULL;

CREATE TRIGGER webhook_replays_are_of_their_merchant BEFORE INSERT ON webhook_replays
WHEN NOT EXISTS (SELECT 1 FROM webhook_endpoints WHERE merchant_id = NEW.merchant_id AND id = NEW.endpoint_id)
BEGIN SELECT RAISE(ABORT, 'a replay goes to an endpoint of its merchant'); END;
