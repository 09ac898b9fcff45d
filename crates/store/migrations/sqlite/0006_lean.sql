-- The same rules for less: fewer bytes and less work per payment.
--
-- A list of more than two words after IN becomes a table in memory each time it is evaluated, in a CHECK, a trigger and the condition of an
-- index alike; a chain of OR does not. Each trigger that fires is a program of its own, so those of one moment are one. The tables that each
-- payment writes are made anew with that, and without what no read and no rule needs. While migrations run, foreign keys are not enforced;
-- they are checked before the commit.

CREATE TABLE payment_orders_lean (
  merchant_id          BLOB NOT NULL REFERENCES merchants (id),
  id                   BLOB NOT NULL CHECK (length(id) = 16),
  reference            TEXT NOT NULL,
  amount               INTEGER NOT NULL CHECK (amount > 0),
  currency             TEXT NOT NULL CHECK (length(currency) = 3),
  details              TEXT NOT NULL CHECK (json_valid(details)),
  expires_at           INTEGER NOT NULL,
  created_at           INTEGER NOT NULL,
  status               TEXT NOT NULL CHECK (status = 'created' OR status = 'pending' OR status = 'succeeded' OR status = 'processing'
                         OR status = 'authorized' OR status = 'failed' OR status = 'canceled' OR status = 'expired'),
  version              INTEGER NOT NULL CHECK (version > 0),
  updated_at           INTEGER NOT NULL,
  amount_authorized    INTEGER NOT NULL,
  amount_captured      INTEGER NOT NULL CHECK (amount_captured BETWEEN 0 AND amount_authorized),
  amount_refunded      INTEGER NOT NULL CHECK (amount_refunded BETWEEN 0 AND amount_captured),
  amount_disputed      INTEGER NOT NULL CHECK (amount_disputed >= 0),
  paid_by              BLOB,
  cancel_requested_at  INTEGER,
  paid_late            INTEGER NOT NULL CHECK (paid_late IN (0, 1)),
  amount_refunding     INTEGER NOT NULL DEFAULT 0
    CHECK (amount_refunding >= 0 AND amount_refunded + amount_refunding <= amount_captured),
  status_version       INTEGER NOT NULL DEFAULT 1 CHECK (status_version BETWEEN 1 AND version),
  claim                TEXT CHECK (claim IS NULL OR json_valid(claim)),
  PRIMARY KEY (merchant_id, id),
  CHECK (status <> 'succeeded' OR (paid_by IS NOT NULL AND amount_captured > 0))
) STRICT, WITHOUT ROWID;
INSERT INTO payment_orders_lean (merchant_id, id, reference, amount, currency, details, expires_at, created_at, status, version, updated_at,
    amount_authorized, amount_captured, amount_refunded, amount_disputed, paid_by, cancel_requested_at, paid_late, amount_refunding,
    status_version, claim)
  SELECT merchant_id, id, reference, amount, currency, details, expires_at, created_at, status, version, updated_at,
    amount_authorized, amount_captured, amount_refunded, amount_disputed, paid_by, cancel_requested_at, paid_late, amount_refunding,
    status_version, claim FROM payment_orders ORDER BY merchant_id, id;
DROP TABLE payment_orders;
ALTER TABLE payment_orders_lean RENAME TO payment_orders;
CREATE UNIQUE INDEX payment_orders_id ON payment_orders (id);
CREATE UNIQUE INDEX payment_orders_reference ON payment_orders (merchant_id, reference);

CREATE TRIGGER payment_orders_replace_nothing BEFORE INSERT ON payment_orders
BEGIN
  SELECT RAISE(ABORT, 'taken: payment_orders.reference')
    WHERE EXISTS (SELECT 1 FROM payment_orders WHERE merchant_id = NEW.merchant_id AND reference = NEW.reference);
  SELECT RAISE(ABORT, 'taken: payment_orders.id') WHERE EXISTS (SELECT 1 FROM payment_orders WHERE id = NEW.id);
END;
CREATE TRIGGER payment_orders_keep_their_terms
BEFORE UPDATE OF merchant_id, id, reference, amount, currency, details, expires_at, created_at ON payment_orders
WHEN NEW.merchant_id <> OLD.merchant_id OR NEW.id <> OLD.id OR NEW.reference <> OLD.reference OR NEW.amount <> OLD.amount
  OR NEW.currency <> OLD.currency OR NEW.details <> OLD.details OR NEW.expires_at <> OLD.expires_at OR NEW.created_at <> OLD.created_at
BEGIN SELECT RAISE(ABORT, 'the terms of a payment order never change'); END;
CREATE TRIGGER payment_orders_move_by_the_rules BEFORE UPDATE ON payment_orders
BEGIN
  SELECT RAISE(ABORT, 'each change of a payment order is one version') WHERE NEW.version <> OLD.version + 1;
  SELECT RAISE(ABORT, 'only money leads out of a terminal status') WHERE NEW.status <> OLD.status AND (OLD.status = 'succeeded'
    OR ((OLD.status = 'failed' OR OLD.status = 'canceled' OR OLD.status = 'expired')
      AND NEW.status <> 'authorized' AND NEW.status <> 'succeeded'));
  SELECT RAISE(ABORT, 'a status names the version it came with')
    WHERE NEW.status_version <> iif(NEW.status = OLD.status, OLD.status_version, NEW.version);
  SELECT RAISE(ABORT, 'a payment order with money is claimed once') WHERE NEW.claim IS NOT OLD.claim
    AND (OLD.claim IS NOT NULL OR (NEW.status <> 'authorized' AND NEW.status <> 'succeeded'));
END;
CREATE TRIGGER payment_orders_are_kept BEFORE DELETE ON payment_orders
BEGIN SELECT RAISE(ABORT, 'payment orders are never deleted'); END;

-- That at most one attempt of an order is under way, and at most one pays it, is asked for by the triggers, among the few attempts of the
-- order: an index for each of the two rules was written by every payment, and read by nobody else. They ask when an attempt comes to be so,
-- not again while it stays so.
CREATE TABLE attempts_lean (
  id              BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
  order_id        BLOB NOT NULL REFERENCES payment_orders (id),
  number          INTEGER NOT NULL CHECK (number > 0),
  psp_account_id  BLOB NOT NULL REFERENCES psp_accounts (id),
  psp             TEXT NOT NULL,
  created_at      INTEGER NOT NULL,
  status          TEXT NOT NULL CHECK (status = 'registering' OR status = 'requires_action' OR status = 'captured' OR status = 'unknown'
                    OR status = 'processing' OR status = 'authorized' OR status = 'failed' OR status = 'canceled' OR status = 'expired'),
  token           TEXT,
  psp_payment     TEXT,
  redirect_url    TEXT,
  decline         TEXT CHECK (decline IS NULL OR json_valid(decline)),
  declines        INTEGER NOT NULL,
  check_at        INTEGER,
  authorized      INTEGER NOT NULL,
  captured        INTEGER NOT NULL CHECK (captured BETWEEN 0 AND authorized),
  surplus         INTEGER NOT NULL CHECK (surplus IN (0, 1)),
  fees            TEXT CHECK (fees IS NULL OR json_valid(fees)),
  capturing       INTEGER NOT NULL DEFAULT 0 CHECK (capturing >= 0),
  refunded        INTEGER NOT NULL DEFAULT 0 CHECK (refunded >= 0),
  refunding       INTEGER NOT NULL DEFAULT 0 CHECK (refunding >= 0 AND refunded + refunding <= captured),
  disputed        INTEGER NOT NULL DEFAULT 0 CHECK (disputed >= 0),
  open_disputes   INTEGER NOT NULL DEFAULT 0 CHECK (open_disputes >= 0),
  merchant_id     BLOB NOT NULL,
  CHECK (status <> 'unknown' OR check_at IS NOT NULL),
  CHECK (token IS NOT NULL
    OR (status <> 'requires_action' AND status <> 'processing' AND status <> 'authorized' AND status <> 'captured'))
) STRICT, WITHOUT ROWID;
INSERT INTO attempts_lean (id, order_id, number, psp_account_id, psp, created_at, status, token, psp_payment, redirect_url, decline, declines,
    check_at, authorized, captured, surplus, fees, capturing, refunded, refunding, disputed, open_disputes, merchant_id)
  SELECT id, order_id, number, psp_account_id, psp, created_at, status, token, psp_payment, redirect_url, decline, declines,
    check_at, authorized, captured, surplus, fees, capturing, refunded, refunding, disputed, open_disputes, merchant_id
  FROM attempts ORDER BY id;
DROP TABLE attempts;
ALTER TABLE attempts_lean RENAME TO attempts;
CREATE UNIQUE INDEX attempts_by_order ON attempts (order_id, number);
-- One registration per attempt, one attempt per registration.
CREATE UNIQUE INDEX attempts_by_token ON attempts (psp_account_id, token) WHERE token IS NOT NULL;
CREATE INDEX attempts_by_psp_payment ON attempts (psp_account_id, psp_payment) WHERE psp_payment IS NOT NULL;

CREATE TRIGGER attempts_replace_nothing BEFORE INSERT ON attempts
BEGIN
  SELECT RAISE(ABORT, 'an attempt is of its order''s merchant')
    WHERE NEW.merchant_id IS NOT (SELECT merchant_id FROM payment_orders WHERE id = NEW.order_id);
  SELECT RAISE(ABORT, 'an attempt goes to a PSP account of the order''s merchant')
    WHERE NEW.merchant_id <> (SELECT merchant_id FROM psp_accounts WHERE id = NEW.psp_account_id);
  SELECT RAISE(ABORT, 'taken: attempts.id') WHERE EXISTS (SELECT 1 FROM attempts WHERE id = NEW.id);
  SELECT RAISE(ABORT, 'taken: attempts.number')
    WHERE EXISTS (SELECT 1 FROM attempts WHERE order_id = NEW.order_id AND number = NEW.number);
  SELECT RAISE(ABORT, 'taken: attempts.token') WHERE NEW.token IS NOT NULL
    AND EXISTS (SELECT 1 FROM attempts WHERE psp_account_id = NEW.psp_account_id AND token = NEW.token);
  SELECT RAISE(ABORT, 'taken: attempts, one is under way')
    WHERE (NEW.status = 'registering' OR NEW.status = 'requires_action' OR NEW.status = 'unknown' OR NEW.status = 'processing')
    AND EXISTS (SELECT 1 FROM attempts WHERE order_id = NEW.order_id
      AND (status = 'registering' OR status = 'requires_action' OR status = 'unknown' OR status = 'processing'));
  SELECT RAISE(ABORT, 'taken: attempts, one has paid') WHERE NEW.surplus = 0 AND (NEW.status = 'captured' OR NEW.status = 'authorized')
    AND EXISTS (SELECT 1 FROM attempts WHERE order_id = NEW.order_id AND surplus = 0 AND (status = 'captured' OR status = 'authorized'));
END;
CREATE TRIGGER attempts_keep_what_they_are
BEFORE UPDATE OF id, merchant_id, order_id, number, psp_account_id, psp, created_at ON attempts
WHEN NEW.id <> OLD.id OR NEW.merchant_id <> OLD.merchant_id OR NEW.order_id <> OLD.order_id OR NEW.number <> OLD.number
  OR NEW.psp_account_id <> OLD.psp_account_id OR NEW.psp <> OLD.psp OR NEW.created_at <> OLD.created_at
BEGIN SELECT RAISE(ABORT, 'what an attempt is never changes'); END;
-- What a PSP charged is only added to. The texts are lists of objects: all but the closing bracket stays as it is.
CREATE TRIGGER attempts_move_by_the_rules BEFORE UPDATE ON attempts
BEGIN
  SELECT RAISE(ABORT, 'only money leads out of the end of an attempt') WHERE NEW.status <> OLD.status AND (OLD.status = 'captured'
    OR ((OLD.status = 'failed' OR OLD.status = 'canceled' OR OLD.status = 'expired')
      AND NEW.status <> 'authorized' AND NEW.status <> 'captured'));
  SELECT RAISE(ABORT, 'an attempt is registered once') WHERE OLD.token IS NOT NULL AND NEW.token IS NOT OLD.token;
  SELECT RAISE(ABORT, 'an attempt is one payment at its PSP') WHERE OLD.psp_payment IS NOT NULL AND NEW.psp_payment IS NOT OLD.psp_payment;
  SELECT RAISE(ABORT, 'the fees of an attempt are only added to') WHERE OLD.fees IS NOT NULL AND (NEW.fees IS NULL
    OR substr(NEW.fees, 1, length(OLD.fees) - 1) <> substr(OLD.fees, 1, length(OLD.fees) - 1));
  SELECT RAISE(ABORT, 'taken: attempts.token') WHERE NEW.token IS NOT OLD.token
    AND EXISTS (SELECT 1 FROM attempts WHERE psp_account_id = NEW.psp_account_id AND token = NEW.token AND id <> NEW.id);
  SELECT RAISE(ABORT, 'taken: attempts, one is under way')
    WHERE (NEW.status = 'registering' OR NEW.status = 'requires_action' OR NEW.status = 'unknown' OR NEW.status = 'processing')
    AND OLD.status <> 'registering' AND OLD.status <> 'requires_action' AND OLD.status <> 'unknown' AND OLD.status <> 'processing'
    AND EXISTS (SELECT 1 FROM attempts WHERE order_id = NEW.order_id AND id <> NEW.id
      AND (status = 'registering' OR status = 'requires_action' OR status = 'unknown' OR status = 'processing'));
  SELECT RAISE(ABORT, 'taken: attempts, one has paid') WHERE NEW.surplus = 0 AND (NEW.status = 'captured' OR NEW.status = 'authorized')
    AND (OLD.surplus <> 0 OR (OLD.status <> 'captured' AND OLD.status <> 'authorized'))
    AND EXISTS (SELECT 1 FROM attempts WHERE order_id = NEW.order_id AND id <> NEW.id AND surplus = 0
      AND (status = 'captured' OR status = 'authorized'));
END;
CREATE TRIGGER attempts_are_kept BEFORE DELETE ON attempts
BEGIN SELECT RAISE(ABORT, 'attempts are never deleted'); END;

CREATE TABLE events_lean (
  position      INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT CHECK (position > 0),
  id            BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
  merchant_id   BLOB NOT NULL REFERENCES merchants (id),
  subject_id    BLOB NOT NULL CHECK (length(subject_id) = 16),
  subject_kind  TEXT NOT NULL CHECK (subject_kind = 'payment_order' OR subject_kind = 'payout' OR subject_kind = 'webhook_endpoint'),
  sequence      INTEGER NOT NULL CHECK (sequence > 0),
  kind          TEXT NOT NULL,
  at            INTEGER NOT NULL,
  snapshot      TEXT NOT NULL CHECK (json_valid(snapshot)),
  UNIQUE (subject_id, sequence)
) STRICT;
INSERT INTO events_lean (position, id, merchant_id, subject_id, subject_kind, sequence, kind, at, snapshot)
  SELECT position, id, merchant_id, subject_id, subject_kind, sequence, kind, at, snapshot FROM events ORDER BY position;
DROP TABLE events;
ALTER TABLE events_lean RENAME TO events;
-- The position is the rowid, with which every index ends: to name it would be to keep it twice.
CREATE INDEX events_by_merchant ON events (merchant_id);

CREATE TRIGGER events_come_in_order BEFORE INSERT ON events
BEGIN
  SELECT RAISE(ABORT, 'the events of a subject have no gap') WHERE NEW.sequence <> 1
    AND NOT EXISTS (SELECT 1 FROM events WHERE subject_id = NEW.subject_id AND sequence = NEW.sequence - 1);
  SELECT RAISE(ABORT, 'an event tells of a change of an order of its merchant') WHERE NEW.subject_kind = 'payment_order' AND NOT EXISTS
    (SELECT 1 FROM payment_orders WHERE merchant_id = NEW.merchant_id AND id = NEW.subject_id AND version >= NEW.sequence);
  SELECT RAISE(ABORT, 'an event tells of a change of a payout of its merchant') WHERE NEW.subject_kind = 'payout' AND NOT EXISTS
    (SELECT 1 FROM payouts WHERE merchant_id = NEW.merchant_id AND id = NEW.subject_id AND version >= NEW.sequence);
  SELECT RAISE(ABORT, 'an event tells of a change of a webhook endpoint of its merchant')
    WHERE NEW.subject_kind = 'webhook_endpoint' AND NOT EXISTS
      (SELECT 1 FROM webhook_endpoints WHERE merchant_id = NEW.merchant_id AND id = NEW.subject_id AND events = NEW.sequence);
  SELECT RAISE(ABORT, 'taken: events') WHERE EXISTS (SELECT 1 FROM events WHERE position = NEW.position)
    OR EXISTS (SELECT 1 FROM events WHERE id = NEW.id)
    OR EXISTS (SELECT 1 FROM events WHERE subject_id = NEW.subject_id AND sequence = NEW.sequence);
END;
-- A reader who is past a position never looks back.
CREATE TRIGGER events_go_to_the_end AFTER INSERT ON events
WHEN NEW.position < (SELECT max(position) FROM events)
BEGIN SELECT RAISE(ABORT, 'events are appended at the end'); END;
CREATE TRIGGER events_never_change BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TRIGGER events_are_kept BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;

CREATE TABLE inbox_lean (
  psp_account_id  BLOB NOT NULL REFERENCES psp_accounts (id),
  message_id      TEXT NOT NULL,
  kind            TEXT NOT NULL,
  state           TEXT NOT NULL CHECK (state = 'applied' OR state = 'ignored' OR state = 'checked' OR state = 'refused'),
  order_id        BLOB,
  body            BLOB,
  received_at     INTEGER NOT NULL,
  PRIMARY KEY (psp_account_id, message_id)
) STRICT, WITHOUT ROWID;
INSERT INTO inbox_lean (psp_account_id, message_id, kind, state, order_id, body, received_at)
  SELECT psp_account_id, message_id, kind, state, order_id, body, received_at FROM inbox ORDER BY psp_account_id, message_id;
DROP TABLE inbox;
ALTER TABLE inbox_lean RENAME TO inbox;
CREATE TRIGGER inbox_replaces_nothing BEFORE INSERT ON inbox
WHEN EXISTS (SELECT 1 FROM inbox WHERE psp_account_id = NEW.psp_account_id AND message_id = NEW.message_id)
BEGIN SELECT RAISE(ABORT, 'taken: inbox'); END;

-- Long answers: an ordinary table. In one without rowids a row of more than a quarter of a page spills over into a page of its own. The
-- answer, which comes later, is last.
CREATE TABLE idempotency_keys_lean (
  merchant_id   BLOB NOT NULL REFERENCES merchants (id),
  key           TEXT NOT NULL,
  fingerprint   BLOB NOT NULL CHECK (length(fingerprint) = 32),
  locked_until  INTEGER NOT NULL,
  subject_id    BLOB,
  created_at    INTEGER NOT NULL,
  answer_kind   TEXT,
  -- Packed: its first byte says how. NULL together with the kind.
  answer_body   BLOB,
  CHECK ((answer_kind IS NULL) = (answer_body IS NULL))
) STRICT;
INSERT INTO idempotency_keys_lean (merchant_id, key, fingerprint, locked_until, subject_id, created_at, answer_kind, answer_body)
  SELECT merchant_id, key, fingerprint, locked_until, subject_id, created_at, answer_kind, answer_body
  FROM idempotency_keys ORDER BY created_at;
DROP TABLE idempotency_keys;
ALTER TABLE idempotency_keys_lean RENAME TO idempotency_keys;
CREATE UNIQUE INDEX idempotency_keys_key ON idempotency_keys (merchant_id, key);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

CREATE TRIGGER idempotency_keys_replace_nothing BEFORE INSERT ON idempotency_keys
WHEN EXISTS (SELECT 1 FROM idempotency_keys WHERE rowid = NEW.rowid)
  OR EXISTS (SELECT 1 FROM idempotency_keys WHERE merchant_id = NEW.merchant_id AND key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'taken: idempotency_keys'); END;
CREATE TRIGGER idempotency_keys_keep_their_answer BEFORE UPDATE ON idempotency_keys
WHEN OLD.answer_kind IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'the first answer stays'); END;
