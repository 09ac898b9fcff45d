-- What was refused, so that it can be counted: by order, by customer, by the address that the customer came from, by card. Keys are
-- digests under a key that is not in the database: it can be told that two are the same, and not who it is.

CREATE TABLE declines (
  merchant_id  BLOB NOT NULL REFERENCES merchants (id),
  kind         TEXT NOT NULL CHECK (kind IN ('order', 'customer', 'address', 'card')),
  digest       BLOB NOT NULL CHECK (length(digest) = 32),
  at           INTEGER NOT NULL,
  -- The event that told of it.
  event_id     BLOB NOT NULL REFERENCES events (id),
  network      TEXT NOT NULL CHECK (network IN ('visa', 'mastercard', 'other', 'none')),
  initiator    TEXT NOT NULL CHECK (initiator IN ('customer', 'merchant')),
  -- The refusal was final: this card is never to be tried again.
  is_final     INTEGER NOT NULL CHECK (is_final IN (0, 1)),
  PRIMARY KEY (merchant_id, kind, digest, at, event_id)
) STRICT, WITHOUT ROWID;
-- Which cards were refused on an order is found by way of the events.
CREATE INDEX declines_by_event ON declines (event_id);
CREATE INDEX declines_by_age ON declines (is_final, at);

CREATE TRIGGER declines_never_change BEFORE UPDATE ON declines
BEGIN SELECT RAISE(ABORT, 'what was declined stays declined'); END;

CREATE TRIGGER declines_replace_nothing BEFORE INSERT ON declines
BEGIN
  SELECT RAISE(ABORT, 'taken: declines') WHERE EXISTS (SELECT 1 FROM declines WHERE merchant_id = NEW.merchant_id
    AND kind = NEW.kind AND digest = NEW.digest AND at = NEW.at AND event_id = NEW.event_id);
  SELECT RAISE(ABORT, 'a decline is told of by an event of its merchant')
    WHERE NOT EXISTS (SELECT 1 FROM events WHERE id = NEW.event_id AND merchant_id = NEW.merchant_id);
END;

-- Where the customer of an order came from last, on their way to the PSP. Kept as a digest, and only as long as declines are.
CREATE TABLE visits (
  order_id  BLOB NOT NULL PRIMARY KEY REFERENCES payment_orders (id),
  address   BLOB NOT NULL CHECK (length(address) = 32),
  at        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX visits_by_age ON visits (at);
