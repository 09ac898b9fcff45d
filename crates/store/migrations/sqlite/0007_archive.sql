-- The archive: orders that are over, with their attempts, out of the way of what lives. Each order with its attempts is in one place: among
-- the living, or here. To delete it in the one place is to move it to the other, whoever deletes: so nothing is lost, nothing is there twice,
-- and an attempt never lies apart from its order.

CREATE TABLE archived_orders (
  merchant_id          BLOB NOT NULL REFERENCES merchants (id),
  id                   BLOB NOT NULL CHECK (length(id) = 16),
  reference            TEXT NOT NULL,
  amount               INTEGER NOT NULL CHECK (amount > 0),
  currency             TEXT NOT NULL CHECK (length(currency) = 3),
  details              TEXT NOT NULL CHECK (json_valid(details)),
  expires_at           INTEGER NOT NULL,
  created_at           INTEGER NOT NULL,
  status               TEXT NOT NULL
    CHECK (status = 'succeeded' OR status = 'failed' OR status = 'canceled' OR status = 'expired'),
  version              INTEGER NOT NULL CHECK (version > 0),
  updated_at           INTEGER NOT NULL,
  amount_authorized    INTEGER NOT NULL,
  amount_captured      INTEGER NOT NULL CHECK (amount_captured BETWEEN 0 AND amount_authorized),
  amount_refunded      INTEGER NOT NULL CHECK (amount_refunded BETWEEN 0 AND amount_captured),
  amount_disputed      INTEGER NOT NULL CHECK (amount_disputed >= 0),
  paid_by              BLOB,
  cancel_requested_at  INTEGER,
  paid_late            INTEGER NOT NULL CHECK (paid_late IN (0, 1)),
  amount_refunding     INTEGER NOT NULL CHECK (amount_refunding = 0),
  status_version       INTEGER NOT NULL CHECK (status_version BETWEEN 1 AND version),
  claim                TEXT CHECK (claim IS NULL OR json_valid(claim)),
  PRIMARY KEY (merchant_id, id),
  CHECK (status <> 'succeeded' OR (paid_by IS NOT NULL AND amount_captured > 0))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX archived_orders_id ON archived_orders (id);
CREATE UNIQUE INDEX archived_orders_reference ON archived_orders (merchant_id, reference);

CREATE TABLE archived_attempts (
  id              BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
  order_id        BLOB NOT NULL,
  number          INTEGER NOT NULL CHECK (number > 0),
  psp_account_id  BLOB NOT NULL REFERENCES psp_accounts (id),
  psp             TEXT NOT NULL,
  created_at      INTEGER NOT NULL,
  status          TEXT NOT NULL
    CHECK (status = 'captured' OR status = 'failed' OR status = 'canceled' OR status = 'expired'),
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
  capturing       INTEGER NOT NULL CHECK (capturing = 0),
  refunded        INTEGER NOT NULL CHECK (refunded BETWEEN 0 AND captured),
  refunding       INTEGER NOT NULL CHECK (refunding = 0),
  disputed        INTEGER NOT NULL CHECK (disputed >= 0),
  open_disputes   INTEGER NOT NULL CHECK (open_disputes = 0),
  merchant_id     BLOB NOT NULL,
  CHECK (status <> 'captured' OR token IS NOT NULL)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX archived_attempts_by_order ON archived_attempts (order_id, number);
CREATE UNIQUE INDEX archived_attempts_by_token ON archived_attempts (psp_account_id, token) WHERE token IS NOT NULL;
CREATE INDEX archived_attempts_by_psp_payment ON archived_attempts (psp_account_id, psp_payment) WHERE psp_payment IS NOT NULL;

-- Captures, refunds and disputes stay where they are when their order goes to the archive, so they lead to an order and an attempt that are
-- in either place; what they lead to still cannot go away. Without a foreign key the tables are the same, byte for byte: only their text is
-- another, and what the text says less needs no look at the rows.
PRAGMA writable_schema = ON;
UPDATE sqlite_master
  SET sql = replace(replace(sql, ' REFERENCES payment_orders (id)', ''), ' REFERENCES attempts (id)', '')
  WHERE type = 'table' AND name IN ('captures', 'refunds', 'disputes');
PRAGMA writable_schema = RESET;

DROP TRIGGER payment_orders_are_kept;
CREATE TRIGGER payment_orders_go_to_the_archive AFTER DELETE ON payment_orders
BEGIN
  SELECT RAISE(ABORT, 'an order that something is open of is not archived')
    WHERE EXISTS (SELECT 1 FROM disputes WHERE merchant_id = OLD.merchant_id AND order_id = OLD.id
        AND NOT (status = 'closed' OR status = 'won' OR status = 'lost'))
      OR EXISTS (SELECT 1 FROM refunds WHERE merchant_id = OLD.merchant_id AND order_id = OLD.id
        AND (status = 'pending' OR status = 'unknown'))
      OR EXISTS (SELECT 1 FROM captures WHERE merchant_id = OLD.merchant_id AND order_id = OLD.id
        AND (status = 'pending' OR status = 'unknown'))
      OR EXISTS (SELECT 1 FROM jobs WHERE kind = 'attend' AND subject_id = OLD.id);
  INSERT INTO archived_orders (
      merchant_id, id, reference, amount, currency, details, expires_at, created_at, status, version, updated_at, amount_authorized,
      amount_captured, amount_refunded, amount_disputed, paid_by, cancel_requested_at, paid_late, amount_refunding, status_version, claim)
    VALUES (
      OLD.merchant_id, OLD.id, OLD.reference, OLD.amount, OLD.currency, OLD.details, OLD.expires_at, OLD.created_at, OLD.status,
      OLD.version, OLD.updated_at, OLD.amount_authorized, OLD.amount_captured, OLD.amount_refunded, OLD.amount_disputed, OLD.paid_by,
      OLD.cancel_requested_at, OLD.paid_late, OLD.amount_refunding, OLD.status_version, OLD.claim);
  -- Where the customer came from matters only while an attempt can follow.
  DELETE FROM visits WHERE order_id = OLD.id;
  DELETE FROM attempts WHERE order_id = OLD.id;
END;
DROP TRIGGER attempts_are_kept;
CREATE TRIGGER attempts_go_with_their_order BEFORE DELETE ON attempts
WHEN EXISTS (SELECT 1 FROM payment_orders WHERE id = OLD.order_id)
BEGIN SELECT RAISE(ABORT, 'an attempt goes where its order goes'); END;
CREATE TRIGGER attempts_go_to_the_archive AFTER DELETE ON attempts
BEGIN
  INSERT INTO archived_attempts (
      merchant_id, id, order_id, number, psp_account_id, psp, created_at, status, token, psp_payment, redirect_url, decline, declines,
      check_at, authorized, captured, surplus, fees, capturing, refunded, refunding, disputed, open_disputes)
    VALUES (
      OLD.merchant_id, OLD.id, OLD.order_id, OLD.number, OLD.psp_account_id, OLD.psp, OLD.created_at, OLD.status, OLD.token,
      OLD.psp_payment, OLD.redirect_url, OLD.decline, OLD.declines, OLD.check_at, OLD.authorized, OLD.captured, OLD.surplus, OLD.fees,
      OLD.capturing, OLD.refunded, OLD.refunding, OLD.disputed, OLD.open_disputes);
END;

CREATE TRIGGER archived_orders_come_back AFTER DELETE ON archived_orders
BEGIN
  INSERT INTO payment_orders (
      merchant_id, id, reference, amount, currency, details, expires_at, created_at, status, version, updated_at, amount_authorized,
      amount_captured, amount_refunded, amount_disputed, paid_by, cancel_requested_at, paid_late, amount_refunding, status_version, claim)
    VALUES (
      OLD.merchant_id, OLD.id, OLD.reference, OLD.amount, OLD.currency, OLD.details, OLD.expires_at, OLD.created_at, OLD.status,
      OLD.version, OLD.updated_at, OLD.amount_authorized, OLD.amount_captured, OLD.amount_refunded, OLD.amount_disputed, OLD.paid_by,
      OLD.cancel_requested_at, OLD.paid_late, OLD.amount_refunding, OLD.status_version, OLD.claim);
  DELETE FROM archived_attempts WHERE order_id = OLD.id;
END;
CREATE TRIGGER archived_attempts_come_with_their_order BEFORE DELETE ON archived_attempts
WHEN EXISTS (SELECT 1 FROM archived_orders WHERE id = OLD.order_id)
BEGIN SELECT RAISE(ABORT, 'an attempt goes where its order goes'); END;
CREATE TRIGGER archived_attempts_come_back AFTER DELETE ON archived_attempts
BEGIN
  INSERT INTO attempts (
      merchant_id, id, order_id, number, psp_account_id, psp, created_at, status, token, psp_payment, redirect_url, decline, declines,
      check_at, authorized, captured, surplus, fees, capturing, refunded, refunding, disputed, open_disputes)
    VALUES (
      OLD.merchant_id, OLD.id, OLD.order_id, OLD.number, OLD.psp_account_id, OLD.psp, OLD.created_at, OLD.status, OLD.token,
      OLD.psp_payment, OLD.redirect_url, OLD.decline, OLD.declines, OLD.check_at, OLD.authorized, OLD.captured, OLD.surplus, OLD.fees,
      OLD.capturing, OLD.refunded, OLD.refunding, OLD.disputed, OLD.open_disputes);
END;

CREATE TRIGGER archived_orders_never_change BEFORE UPDATE ON archived_orders
BEGIN SELECT RAISE(ABORT, 'what is archived does not change where it lies'); END;
CREATE TRIGGER archived_attempts_never_change BEFORE UPDATE ON archived_attempts
BEGIN SELECT RAISE(ABORT, 'what is archived does not change where it lies'); END;
CREATE TRIGGER archived_orders_replace_nothing BEFORE INSERT ON archived_orders
BEGIN
  SELECT RAISE(ABORT, 'taken: archived_orders') WHERE EXISTS (SELECT 1 FROM archived_orders WHERE id = NEW.id)
    OR EXISTS (SELECT 1 FROM archived_orders WHERE merchant_id = NEW.merchant_id AND reference = NEW.reference)
    OR EXISTS (SELECT 1 FROM payment_orders WHERE id = NEW.id)
    OR EXISTS (SELECT 1 FROM payment_orders WHERE merchant_id = NEW.merchant_id AND reference = NEW.reference);
  SELECT RAISE(ABORT, 'what is archived has lived')
    WHERE NOT EXISTS (SELECT 1 FROM events WHERE subject_id = NEW.id AND sequence = NEW.version AND merchant_id = NEW.merchant_id)
      OR EXISTS (SELECT 1 FROM events WHERE subject_id = NEW.id AND sequence = NEW.version + 1);
END;
CREATE TRIGGER archived_attempts_replace_nothing BEFORE INSERT ON archived_attempts
BEGIN
  SELECT RAISE(ABORT, 'an attempt goes where its order goes')
    WHERE NEW.merchant_id IS NOT (SELECT merchant_id FROM archived_orders WHERE id = NEW.order_id);
  SELECT RAISE(ABORT, 'taken: archived_attempts') WHERE EXISTS (SELECT 1 FROM archived_attempts WHERE id = NEW.id)
    OR EXISTS (SELECT 1 FROM archived_attempts WHERE order_id = NEW.order_id AND number = NEW.number)
    OR EXISTS (SELECT 1 FROM archived_attempts WHERE psp_account_id = NEW.psp_account_id AND token = NEW.token)
    OR EXISTS (SELECT 1 FROM attempts WHERE id = NEW.id)
    OR EXISTS (SELECT 1 FROM attempts WHERE psp_account_id = NEW.psp_account_id AND token = NEW.token);
END;

-- A part of an order moves beside its order, and so among the living.
CREATE TRIGGER captures_move_beside_their_order BEFORE UPDATE ON captures
WHEN NOT EXISTS (SELECT 1 FROM attempts WHERE id = NEW.attempt_id)
BEGIN SELECT RAISE(ABORT, 'a part of an order that is archived does not move'); END;
CREATE TRIGGER refunds_move_beside_their_order BEFORE UPDATE ON refunds
WHEN NOT EXISTS (SELECT 1 FROM attempts WHERE id = NEW.attempt_id)
BEGIN SELECT RAISE(ABORT, 'a part of an order that is archived does not move'); END;
CREATE TRIGGER disputes_move_beside_their_order BEFORE UPDATE ON disputes
WHEN NOT EXISTS (SELECT 1 FROM attempts WHERE id = NEW.attempt_id)
BEGIN SELECT RAISE(ABORT, 'a part of an order that is archived does not move'); END;

-- What is taken in the archive is taken among the living, too. Each of these is what it was, with a look into the archive at its end.
DROP TRIGGER payment_orders_replace_nothing;
CREATE TRIGGER payment_orders_replace_nothing BEFORE INSERT ON payment_orders
BEGIN
  SELECT RAISE(ABORT, 'taken: payment_orders.reference')
    WHERE EXISTS (SELECT 1 FROM payment_orders WHERE merchant_id = NEW.merchant_id AND reference = NEW.reference);
  SELECT RAISE(ABORT, 'taken: payment_orders.id') WHERE EXISTS (SELECT 1 FROM payment_orders WHERE id = NEW.id);
  SELECT RAISE(ABORT, 'taken: payment_orders.reference')
    WHERE EXISTS (SELECT 1 FROM archived_orders WHERE merchant_id = NEW.merchant_id AND reference = NEW.reference);
  SELECT RAISE(ABORT, 'taken: payment_orders.id') WHERE EXISTS (SELECT 1 FROM archived_orders WHERE id = NEW.id);
END;
DROP TRIGGER attempts_replace_nothing;
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
  SELECT RAISE(ABORT, 'taken: attempts.id') WHERE EXISTS (SELECT 1 FROM archived_attempts WHERE id = NEW.id);
  SELECT RAISE(ABORT, 'taken: attempts.token') WHERE NEW.token IS NOT NULL
    AND EXISTS (SELECT 1 FROM archived_attempts WHERE psp_account_id = NEW.psp_account_id AND token = NEW.token);
END;
DROP TRIGGER attempts_move_by_the_rules;
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
  SELECT RAISE(ABORT, 'taken: attempts.token') WHERE NEW.token IS NOT OLD.token
    AND EXISTS (SELECT 1 FROM archived_attempts WHERE psp_account_id = NEW.psp_account_id AND token = NEW.token);
END;
