-- The pay-in: merchants, keys, PSP accounts, orders, attempts, journal, events, inbox, jobs, idempotency.
-- Ids are the 16 bytes of a UUIDv7. Times are microseconds since 1970 UTC. Money is minor units.
--
-- INSERT OR REPLACE and UPDATE OR REPLACE delete the row in their way without firing its DELETE triggers. So what must be unique in a
-- table whose rows are kept is looked up by a trigger first, and refused with "taken: …", which the program reads like a unique index.

CREATE TABLE merchants (
  id                    BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
  name                  TEXT NOT NULL,
  sealed_return_secret  BLOB NOT NULL,
  created_at            INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE api_keys (
  id            BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
  merchant_id   BLOB NOT NULL REFERENCES merchants (id),
  hash          BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
  hint          TEXT NOT NULL,
  name          TEXT NOT NULL,
  scope         TEXT NOT NULL CHECK (scope IN ('read', 'payments', 'admin')),
  networks      TEXT NOT NULL,
  expires_at    INTEGER,
  revoked_at    INTEGER,
  last_used_at  INTEGER,
  created_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX api_keys_by_merchant ON api_keys (merchant_id);

CREATE TABLE psp_accounts (
  id               BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
  merchant_id      BLOB NOT NULL REFERENCES merchants (id),
  psp              TEXT NOT NULL,
  name             TEXT NOT NULL,
  active           INTEGER NOT NULL CHECK (active IN (0, 1)),
  sealed_settings  BLOB NOT NULL,
  version          INTEGER NOT NULL,
  created_at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX psp_accounts_by_merchant ON psp_accounts (merchant_id);

-- The merchant comes first in the key: a list of one merchant's orders is one range, and the table can be spread by merchant.
CREATE TABLE payment_orders (
  merchant_id          BLOB NOT NULL REFERENCES merchants (id),
  id                   BLOB NOT NULL CHECK (length(id) = 16),
  reference            TEXT NOT NULL,
  amount               INTEGER NOT NULL CHECK (amount > 0),
  currency             TEXT NOT NULL CHECK (length(currency) = 3),
  details              TEXT NOT NULL CHECK (json_valid(details)),
  expires_at           INTEGER NOT NULL,
  created_at           INTEGER NOT NULL,
  status               TEXT NOT NULL CHECK (status IN
                         ('created', 'pending', 'processing', 'authorized', 'succeeded', 'failed', 'canceled', 'expired')),
  version              INTEGER NOT NULL CHECK (version > 0),
  updated_at           INTEGER NOT NULL,
  amount_authorized    INTEGER NOT NULL,
  amount_captured      INTEGER NOT NULL CHECK (amount_captured BETWEEN 0 AND amount_authorized),
  amount_refunded      INTEGER NOT NULL CHECK (amount_refunded BETWEEN 0 AND amount_captured),
  amount_disputed      INTEGER NOT NULL CHECK (amount_disputed >= 0),
  paid_by              BLOB,
  cancel_requested_at  INTEGER,
  paid_late            INTEGER NOT NULL CHECK (paid_late IN (0, 1)),
  PRIMARY KEY (merchant_id, id),
  CHECK (status <> 'succeeded' OR (paid_by IS NOT NULL AND amount_captured > 0))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX payment_orders_id ON payment_orders (id);
CREATE UNIQUE INDEX payment_orders_reference ON payment_orders (merchant_id, reference);

CREATE TRIGGER payment_orders_keep_their_terms
BEFORE UPDATE OF merchant_id, id, reference, amount, currency, details, expires_at, created_at ON payment_orders
WHEN NEW.merchant_id <> OLD.merchant_id OR NEW.id <> OLD.id OR NEW.reference <> OLD.reference OR NEW.amount <> OLD.amount
  OR NEW.currency <> OLD.currency OR NEW.details <> OLD.details OR NEW.expires_at <> OLD.expires_at OR NEW.created_at <> OLD.created_at
BEGIN SELECT RAISE(ABORT, 'the terms of a payment order never change'); END;

CREATE TRIGGER payment_orders_count_their_changes BEFORE UPDATE ON payment_orders
WHEN NEW.version <> OLD.version + 1
BEGIN SELECT RAISE(ABORT, 'each change of a payment order is one version'); END;

CREATE TRIGGER payment_orders_keep_their_end BEFORE UPDATE OF status ON payment_orders
WHEN NEW.status <> OLD.status AND (OLD.status = 'succeeded'
  OR (OLD.status IN ('failed', 'canceled', 'expired') AND NEW.status NOT IN ('authorized', 'succeeded')))
BEGIN SELECT RAISE(ABORT, 'only money leads out of a terminal status'); END;

CREATE TRIGGER payment_orders_are_kept BEFORE DELETE ON payment_orders
BEGIN SELECT RAISE(ABORT, 'payment orders are never deleted'); END;

CREATE TRIGGER payment_orders_replace_nothing BEFORE INSERT ON payment_orders
BEGIN
  SELECT RAISE(ABORT, 'taken: payment_orders.reference')
    WHERE EXISTS (SELECT 1 FROM payment_orders WHERE merchant_id = NEW.merchant_id AND reference = NEW.reference);
  SELECT RAISE(ABORT, 'taken: payment_orders.id') WHERE EXISTS (SELECT 1 FROM payment_orders WHERE id = NEW.id);
END;

CREATE TABLE attempts (
  id              BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
  order_id        BLOB NOT NULL REFERENCES payment_orders (id),
  number          INTEGER NOT NULL CHECK (number > 0),
  psp_account_id  BLOB NOT NULL REFERENCES psp_accounts (id),
  psp             TEXT NOT NULL,
  created_at      INTEGER NOT NULL,
  status          TEXT NOT NULL CHECK (status IN ('registering', 'unknown', 'requires_action', 'processing', 'authorized', 'captured',
                    'failed', 'canceled', 'expired')),
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
  CHECK (status <> 'unknown' OR check_at IS NOT NULL),
  CHECK (status NOT IN ('requires_action', 'processing', 'authorized', 'captured') OR token IS NOT NULL)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX attempts_by_order ON attempts (order_id, number);
-- One registration per attempt, one attempt per registration.
CREATE UNIQUE INDEX attempts_by_token ON attempts (psp_account_id, token) WHERE token IS NOT NULL;
-- At most one attempt that can still bring money by itself, and at most one that pays the order.
CREATE UNIQUE INDEX attempts_one_open ON attempts (order_id)
  WHERE status IN ('registering', 'unknown', 'requires_action', 'processing');
CREATE UNIQUE INDEX attempts_one_success ON attempts (order_id) WHERE status IN ('authorized', 'captured') AND surplus = 0;

CREATE TRIGGER attempts_keep_what_they_are BEFORE UPDATE OF id, order_id, number, psp_account_id, psp, created_at ON attempts
WHEN NEW.id <> OLD.id OR NEW.order_id <> OLD.order_id OR NEW.number <> OLD.number OR NEW.psp_account_id <> OLD.psp_account_id
  OR NEW.psp <> OLD.psp OR NEW.created_at <> OLD.created_at
BEGIN SELECT RAISE(ABORT, 'what an attempt is never changes'); END;

CREATE TRIGGER attempts_keep_their_end BEFORE UPDATE OF status ON attempts
WHEN NEW.status <> OLD.status AND (OLD.status = 'captured'
  OR (OLD.status IN ('failed', 'canceled', 'expired') AND NEW.status NOT IN ('authorized', 'captured')))
BEGIN SELECT RAISE(ABORT, 'only money leads out of the end of an attempt'); END;

CREATE TRIGGER attempts_replace_nothing BEFORE INSERT ON attempts
BEGIN
  SELECT RAISE(ABORT, 'an attempt goes to a PSP account of the order''s merchant')
    WHERE (SELECT merchant_id FROM psp_accounts WHERE id = NEW.psp_account_id)
       <> (SELECT merchant_id FROM payment_orders WHERE id = NEW.order_id);
  SELECT RAISE(ABORT, 'taken: attempts.id') WHERE EXISTS (SELECT 1 FROM attempts WHERE id = NEW.id);
  SELECT RAISE(ABORT, 'taken: attempts.number')
    WHERE EXISTS (SELECT 1 FROM attempts WHERE order_id = NEW.order_id AND number = NEW.number);
  SELECT RAISE(ABORT, 'taken: attempts.token')
    WHERE EXISTS (SELECT 1 FROM attempts WHERE psp_account_id = NEW.psp_account_id AND token = NEW.token);
  SELECT RAISE(ABORT, 'taken: attempts, one is under way') WHERE NEW.status IN ('registering', 'unknown', 'requires_action', 'processing')
    AND EXISTS (SELECT 1 FROM attempts WHERE order_id = NEW.order_id
      AND status IN ('registering', 'unknown', 'requires_action', 'processing'));
  SELECT RAISE(ABORT, 'taken: attempts, one has paid') WHERE NEW.status IN ('authorized', 'captured') AND NEW.surplus = 0
    AND EXISTS (SELECT 1 FROM attempts WHERE order_id = NEW.order_id AND status IN ('authorized', 'captured') AND surplus = 0);
END;

CREATE TRIGGER attempts_push_none_away BEFORE UPDATE OF status, surplus, token ON attempts
BEGIN
  SELECT RAISE(ABORT, 'taken: attempts.token') WHERE NEW.token IS NOT OLD.token
    AND EXISTS (SELECT 1 FROM attempts WHERE psp_account_id = NEW.psp_account_id AND token = NEW.token AND id <> NEW.id);
  SELECT RAISE(ABORT, 'taken: attempts, one is under way') WHERE NEW.status IN ('registering', 'unknown', 'requires_action', 'processing')
    AND EXISTS (SELECT 1 FROM attempts WHERE order_id = NEW.order_id AND id <> NEW.id
      AND status IN ('registering', 'unknown', 'requires_action', 'processing'));
  SELECT RAISE(ABORT, 'taken: attempts, one has paid') WHERE NEW.status IN ('authorized', 'captured') AND NEW.surplus = 0
    AND EXISTS (SELECT 1 FROM attempts WHERE order_id = NEW.order_id AND id <> NEW.id
      AND status IN ('authorized', 'captured') AND surplus = 0);
END;

CREATE TRIGGER attempts_keep_their_token BEFORE UPDATE OF token ON attempts
WHEN OLD.token IS NOT NULL AND NEW.token IS NOT OLD.token
BEGIN SELECT RAISE(ABORT, 'an attempt is registered once'); END;

CREATE TRIGGER attempts_are_kept BEFORE DELETE ON attempts
BEGIN SELECT RAISE(ABORT, 'attempts are never deleted'); END;

-- Double entry. The lines of an entry come first, the entry closes them: nothing can be added to a closed entry, and one that does
-- not balance cannot be closed. Lines without an entry cannot be committed (deferred foreign key).
CREATE TABLE accounts (
  id           INTEGER NOT NULL PRIMARY KEY,
  merchant_id  BLOB NOT NULL REFERENCES merchants (id),
  name         TEXT NOT NULL,
  currency     TEXT NOT NULL CHECK (length(currency) = 3),
  UNIQUE (merchant_id, name, currency)
) STRICT;

CREATE TABLE journal_entries (
  id           BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
  merchant_id  BLOB NOT NULL REFERENCES merchants (id),
  event_ref    TEXT NOT NULL,
  order_id     BLOB,
  at           INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX journal_entries_event_ref ON journal_entries (merchant_id, event_ref);
CREATE INDEX journal_entries_by_order ON journal_entries (order_id) WHERE order_id IS NOT NULL;

CREATE TABLE postings (
  entry_id    BLOB NOT NULL REFERENCES journal_entries (id) DEFERRABLE INITIALLY DEFERRED,
  line        INTEGER NOT NULL,
  account_id  INTEGER NOT NULL REFERENCES accounts (id),
  layer       INTEGER NOT NULL CHECK (layer IN (0, 1)),
  amount      INTEGER NOT NULL CHECK (amount <> 0),
  PRIMARY KEY (entry_id, line)
) STRICT, WITHOUT ROWID;

CREATE TABLE balances (
  account_id  INTEGER NOT NULL REFERENCES accounts (id),
  layer       INTEGER NOT NULL CHECK (layer IN (0, 1)),
  amount      INTEGER NOT NULL,
  PRIMARY KEY (account_id, layer)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER postings_come_before_their_entry BEFORE INSERT ON postings
WHEN EXISTS (SELECT 1 FROM journal_entries WHERE id = NEW.entry_id)
BEGIN SELECT RAISE(ABORT, 'nothing is added to a closed journal entry'); END;

CREATE TRIGGER journal_entries_balance BEFORE INSERT ON journal_entries
BEGIN
  SELECT RAISE(ABORT, 'taken: journal_entries.id') WHERE EXISTS (SELECT 1 FROM journal_entries WHERE id = NEW.id);
  SELECT RAISE(ABORT, 'taken: journal_entries.event_ref')
    WHERE EXISTS (SELECT 1 FROM journal_entries WHERE merchant_id = NEW.merchant_id AND event_ref = NEW.event_ref);
  SELECT RAISE(ABORT, 'a journal entry belongs to an order of its merchant') WHERE NEW.order_id IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM payment_orders WHERE merchant_id = NEW.merchant_id AND id = NEW.order_id);
  SELECT RAISE(ABORT, 'a journal entry has at least two lines')
    WHERE (SELECT count(*) FROM postings WHERE entry_id = NEW.id) < 2;
  SELECT RAISE(ABORT, 'a journal entry sums to zero in each currency and layer')
    WHERE EXISTS (SELECT 1 FROM postings p JOIN accounts a ON a.id = p.account_id
                  WHERE p.entry_id = NEW.id GROUP BY a.currency, p.layer HAVING sum(p.amount) <> 0);
  SELECT RAISE(ABORT, 'a journal entry stays within one merchant')
    WHERE EXISTS (SELECT 1 FROM postings p JOIN accounts a ON a.id = p.account_id
                  WHERE p.entry_id = NEW.id AND a.merchant_id <> NEW.merchant_id);
END;

CREATE TRIGGER journal_entries_never_change BEFORE UPDATE ON journal_entries
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_entries_are_kept BEFORE DELETE ON journal_entries
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER postings_never_change BEFORE UPDATE ON postings
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER postings_are_kept BEFORE DELETE ON postings
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER accounts_never_change BEFORE UPDATE ON accounts
BEGIN SELECT RAISE(ABORT, 'accounts never change'); END;
CREATE TRIGGER accounts_are_kept BEFORE DELETE ON accounts
BEGIN SELECT RAISE(ABORT, 'accounts never change'); END;
CREATE TRIGGER accounts_replace_nothing BEFORE INSERT ON accounts
WHEN EXISTS (SELECT 1 FROM accounts WHERE id = NEW.id)
  OR EXISTS (SELECT 1 FROM accounts WHERE merchant_id = NEW.merchant_id AND name = NEW.name AND currency = NEW.currency)
BEGIN SELECT RAISE(ABORT, 'taken: accounts'); END;

-- The global order of events is the order of their commits: there is one writer.
CREATE TABLE events (
  position     INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT CHECK (position > 0),
  id           BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
  merchant_id  BLOB NOT NULL REFERENCES merchants (id),
  order_id     BLOB NOT NULL,
  sequence     INTEGER NOT NULL CHECK (sequence > 0),
  kind         TEXT NOT NULL,
  at           INTEGER NOT NULL,
  snapshot     TEXT NOT NULL CHECK (json_valid(snapshot)),
  UNIQUE (order_id, sequence)
) STRICT;
CREATE INDEX events_by_merchant ON events (merchant_id, position);

CREATE TRIGGER events_have_no_gap BEFORE INSERT ON events
WHEN NEW.sequence <> 1 AND NOT EXISTS (SELECT 1 FROM events WHERE order_id = NEW.order_id AND sequence = NEW.sequence - 1)
BEGIN SELECT RAISE(ABORT, 'the events of an order have no gap'); END;
CREATE TRIGGER events_tell_of_their_order BEFORE INSERT ON events
WHEN NOT EXISTS (SELECT 1 FROM payment_orders WHERE merchant_id = NEW.merchant_id AND id = NEW.order_id AND version >= NEW.sequence)
BEGIN SELECT RAISE(ABORT, 'an event tells of a change of an order of its merchant'); END;
CREATE TRIGGER events_replace_nothing BEFORE INSERT ON events
WHEN EXISTS (SELECT 1 FROM events WHERE position = NEW.position) OR EXISTS (SELECT 1 FROM events WHERE id = NEW.id)
  OR EXISTS (SELECT 1 FROM events WHERE order_id = NEW.order_id AND sequence = NEW.sequence)
BEGIN SELECT RAISE(ABORT, 'taken: events'); END;
-- A reader who is past a position never looks back.
CREATE TRIGGER events_go_to_the_end AFTER INSERT ON events
WHEN NEW.position < (SELECT max(position) FROM events)
BEGIN SELECT RAISE(ABORT, 'events are appended at the end'); END;
CREATE TRIGGER events_never_change BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TRIGGER events_are_kept BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;

-- Messages of PSPs, each once. The body is kept only where a person may have to look.
CREATE TABLE inbox (
  psp_account_id  BLOB NOT NULL REFERENCES psp_accounts (id),
  message_id      TEXT NOT NULL,
  kind            TEXT NOT NULL,
  state           TEXT NOT NULL CHECK (state IN ('applied', 'ignored', 'checked', 'refused')),
  order_id        BLOB,
  body            BLOB,
  received_at     INTEGER NOT NULL,
  PRIMARY KEY (psp_account_id, message_id)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER inbox_replaces_nothing BEFORE INSERT ON inbox
WHEN EXISTS (SELECT 1 FROM inbox WHERE psp_account_id = NEW.psp_account_id AND message_id = NEW.message_id)
BEGIN SELECT RAISE(ABORT, 'taken: inbox'); END;

-- One job of a kind per order. A claim moves run_at to the end of the lease: a worker that dies gives its jobs back by itself.
-- tries is 0 until the first claim.
CREATE TABLE jobs (
  kind         TEXT NOT NULL,
  order_id     BLOB NOT NULL,
  merchant_id  BLOB NOT NULL,
  run_at       INTEGER NOT NULL,
  tries        INTEGER NOT NULL,
  PRIMARY KEY (kind, order_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX jobs_by_time ON jobs (run_at);

CREATE TABLE idempotency_keys (
  merchant_id   BLOB NOT NULL REFERENCES merchants (id),
  key           TEXT NOT NULL,
  fingerprint   BLOB NOT NULL CHECK (length(fingerprint) = 32),
  locked_until  INTEGER NOT NULL,
  order_id      BLOB,
  answer_kind   TEXT,
  answer_body   BLOB,
  created_at    INTEGER NOT NULL,
  PRIMARY KEY (merchant_id, key),
  CHECK ((answer_kind IS NULL) = (answer_body IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

-- A request that is repeated gets the same answer, byte for byte. Old keys may be deleted.
CREATE TRIGGER idempotency_keys_replace_nothing BEFORE INSERT ON idempotency_keys
WHEN EXISTS (SELECT 1 FROM idempotency_keys WHERE merchant_id = NEW.merchant_id AND key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'taken: idempotency_keys'); END;
CREATE TRIGGER idempotency_keys_keep_their_answer BEFORE UPDATE ON idempotency_keys
WHEN OLD.answer_kind IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'the first answer stays'); END;
