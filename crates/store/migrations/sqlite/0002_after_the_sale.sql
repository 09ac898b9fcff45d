-- After the sale: captures, refunds, disputes, payouts, the PSPs' statements, and what a person has to look at.

-- What moves on an order and its attempts.
ALTER TABLE payment_orders ADD COLUMN amount_refunding INTEGER NOT NULL DEFAULT 0
  CHECK (amount_refunding >= 0 AND amount_refunded + amount_refunding <= amount_captured);
ALTER TABLE payment_orders ADD COLUMN status_version INTEGER NOT NULL DEFAULT 1 CHECK (status_version BETWEEN 1 AND version);
ALTER TABLE payment_orders ADD COLUMN claim TEXT CHECK (claim IS NULL OR json_valid(claim));

ALTER TABLE attempts ADD COLUMN capturing INTEGER NOT NULL DEFAULT 0 CHECK (capturing >= 0);
ALTER TABLE attempts ADD COLUMN refunded INTEGER NOT NULL DEFAULT 0 CHECK (refunded >= 0);
ALTER TABLE attempts ADD COLUMN refunding INTEGER NOT NULL DEFAULT 0 CHECK (refunding >= 0 AND refunded + refunding <= captured);
ALTER TABLE attempts ADD COLUMN disputed INTEGER NOT NULL DEFAULT 0 CHECK (disputed >= 0);
ALTER TABLE attempts ADD COLUMN open_disputes INTEGER NOT NULL DEFAULT 0 CHECK (open_disputes >= 0);
CREATE INDEX attempts_by_psp_payment ON attempts (psp_account_id, psp_payment) WHERE psp_payment IS NOT NULL;

-- The first event that told of the status an order has.
DROP TRIGGER payment_orders_count_their_changes;
UPDATE payment_orders SET status_version = coalesce(
  (SELECT min(e.sequence) FROM events e WHERE e.order_id = payment_orders.id
     AND json_extract(e.snapshot, '$.status') = payment_orders.status
     AND NOT EXISTS (SELECT 1 FROM events later WHERE later.order_id = e.order_id AND later.sequence > e.sequence
       AND json_extract(later.snapshot, '$.status') <> payment_orders.status)), version);
CREATE TRIGGER payment_orders_count_their_changes BEFORE UPDATE ON payment_orders
WHEN NEW.version <> OLD.version + 1
BEGIN SELECT RAISE(ABORT, 'each change of a payment order is one version'); END;

CREATE TRIGGER payment_orders_date_their_status BEFORE UPDATE OF status, status_version ON payment_orders
WHEN NEW.status_version <> iif(NEW.status = OLD.status, OLD.status_version, NEW.version)
BEGIN SELECT RAISE(ABORT, 'a status names the version it came with'); END;
CREATE TRIGGER payment_orders_keep_their_claim BEFORE UPDATE OF claim ON payment_orders
WHEN NEW.claim IS NOT OLD.claim AND (OLD.claim IS NOT NULL OR NEW.status NOT IN ('authorized', 'succeeded'))
BEGIN SELECT RAISE(ABORT, 'a payment order with money is claimed once'); END;

-- What a PSP charged is only added to. The texts are lists of objects: all but the closing bracket stays as it is.
CREATE TRIGGER attempts_keep_their_fees BEFORE UPDATE OF fees ON attempts
WHEN OLD.fees IS NOT NULL AND (NEW.fees IS NULL
  OR substr(NEW.fees, 1, length(OLD.fees) - 1) <> substr(OLD.fees, 1, length(OLD.fees) - 1))
BEGIN SELECT RAISE(ABORT, 'the fees of an attempt are only added to'); END;
CREATE TRIGGER attempts_keep_their_psp_payment BEFORE UPDATE OF psp_payment ON attempts
WHEN OLD.psp_payment IS NOT NULL AND NEW.psp_payment IS NOT OLD.psp_payment
BEGIN SELECT RAISE(ABORT, 'an attempt is one payment at its PSP'); END;

-- Taking money that is held. One capture of an attempt is under way at a time.
CREATE TABLE captures (
  id              BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
  merchant_id     BLOB NOT NULL REFERENCES merchants (id),
  order_id        BLOB NOT NULL REFERENCES payment_orders (id),
  attempt_id      BLOB NOT NULL REFERENCES attempts (id),
  psp_account_id  BLOB NOT NULL REFERENCES psp_accounts (id),
  amount          INTEGER NOT NULL CHECK (amount > 0),
  currency        TEXT NOT NULL CHECK (length(currency) = 3),
  total           INTEGER NOT NULL CHECK (total >= amount),
  is_final        INTEGER NOT NULL CHECK (is_final IN (0, 1)),
  status          TEXT NOT NULL CHECK (status IN ('pending', 'unknown', 'succeeded', 'failed')),
  failure         TEXT CHECK (failure IS NULL OR json_valid(failure)),
  check_at        INTEGER,
  created_at      INTEGER NOT NULL,
  updated_at      INTEGER NOT NULL,
  CHECK (status NOT IN ('pending', 'unknown') OR check_at IS NOT NULL)
) STRICT, WITHOUT ROWID;
CREATE INDEX captures_by_order ON captures (order_id, id);
CREATE UNIQUE INDEX captures_one_open ON captures (attempt_id) WHERE status IN ('pending', 'unknown');

CREATE TRIGGER captures_keep_what_they_are
BEFORE UPDATE OF id, merchant_id, order_id, attempt_id, psp_account_id, amount, currency, total, is_final, created_at ON captures
WHEN NEW.id <> OLD.id OR NEW.merchant_id <> OLD.merchant_id OR NEW.order_id <> OLD.order_id OR NEW.attempt_id <> OLD.attempt_id
  OR NEW.psp_account_id <> OLD.psp_account_id OR NEW.amount <> OLD.amount OR NEW.currency <> OLD.currency OR NEW.total <> OLD.total
  OR NEW.is_final <> OLD.is_final OR NEW.created_at <> OLD.created_at
BEGIN SELECT RAISE(ABORT, 'what a capture is never changes'); END;
CREATE TRIGGER captures_keep_their_end BEFORE UPDATE ON captures
WHEN OLD.status IN ('succeeded', 'failed')
BEGIN SELECT RAISE(ABORT, 'a capture ends once'); END;
CREATE TRIGGER captures_succeed_with_their_money BEFORE UPDATE OF status ON captures
WHEN NEW.status = 'succeeded' AND NEW.total > (SELECT captured FROM attempts WHERE id = NEW.attempt_id)
BEGIN SELECT RAISE(ABORT, 'a capture succeeds with the money of its attempt'); END;
CREATE TRIGGER captures_are_kept BEFORE DELETE ON captures
BEGIN SELECT RAISE(ABORT, 'captures are never deleted'); END;
CREATE TRIGGER captures_replace_nothing BEFORE INSERT ON captures
BEGIN
  SELECT RAISE(ABORT, 'taken: captures.id') WHERE EXISTS (SELECT 1 FROM captures WHERE id = NEW.id);
  SELECT RAISE(ABORT, 'taken: captures, one is under way') WHERE NEW.status IN ('pending', 'unknown')
    AND EXISTS (SELECT 1 FROM captures WHERE attempt_id = NEW.attempt_id AND status IN ('pending', 'unknown'));
  SELECT RAISE(ABORT, 'a capture belongs to an attempt of its order and merchant') WHERE NOT EXISTS (SELECT 1 FROM attempts a
    JOIN payment_orders o ON o.id = a.order_id WHERE a.id = NEW.attempt_id AND a.psp_account_id = NEW.psp_account_id
      AND o.id = NEW.order_id AND o.merchant_id = NEW.merchant_id AND o.currency = NEW.currency);
  SELECT RAISE(ABORT, 'a capture begins as the one that its attempt has under way') WHERE NEW.status NOT IN ('pending', 'unknown')
    OR NEW.total IS NOT (SELECT capturing FROM attempts WHERE id = NEW.attempt_id);
END;

-- Giving money back.
CREATE TABLE refunds (
  id              BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
  merchant_id     BLOB NOT NULL REFERENCES merchants (id),
  order_id        BLOB NOT NULL REFERENCES payment_orders (id),
  attempt_id      BLOB NOT NULL REFERENCES attempts (id),
  psp_account_id  BLOB NOT NULL REFERENCES psp_accounts (id),
  amount          INTEGER NOT NULL CHECK (amount > 0),
  currency        TEXT NOT NULL CHECK (length(currency) = 3),
  reason          TEXT,
  origin          TEXT NOT NULL CHECK (origin IN ('api', 'psp', 'surplus')),
  status          TEXT NOT NULL CHECK (status IN ('pending', 'unknown', 'succeeded', 'failed')),
  psp_refund      TEXT,
  failure         TEXT CHECK (failure IS NULL OR json_valid(failure)),
  check_at        INTEGER,
  created_at      INTEGER NOT NULL,
  updated_at      INTEGER NOT NULL,
  CHECK (status NOT IN ('pending', 'unknown') OR check_at IS NOT NULL),
  CHECK (status <> 'succeeded' OR psp_refund IS NOT NULL)
) STRICT, WITHOUT ROWID;
CREATE INDEX refunds_by_order ON refunds (order_id, id);
CREATE INDEX refunds_by_merchant ON refunds (merchant_id, id);
CREATE UNIQUE INDEX refunds_by_psp_refund ON refunds (psp_account_id, psp_refund) WHERE psp_refund IS NOT NULL;

CREATE TRIGGER refunds_keep_what_they_are
BEFORE UPDATE OF id, merchant_id, order_id, attempt_id, psp_account_id, amount, currency, reason, origin, created_at ON refunds
WHEN NEW.id <> OLD.id OR NEW.merchant_id <> OLD.merchant_id OR NEW.order_id <> OLD.order_id OR NEW.attempt_id <> OLD.attempt_id
  OR NEW.psp_account_id <> OLD.psp_account_id OR NEW.amount <> OLD.amount OR NEW.currency <> OLD.currency
  OR NEW.reason IS NOT OLD.reason OR NEW.origin <> OLD.origin OR NEW.created_at <> OLD.created_at
BEGIN SELECT RAISE(ABORT, 'what a refund is never changes'); END;
CREATE TRIGGER refunds_keep_their_end BEFORE UPDATE ON refunds
WHEN (OLD.status = 'succeeded' AND NEW.status <> 'failed')
  OR (OLD.status = 'failed' AND (NEW.status <> 'succeeded' OR OLD.psp_refund IS NOT NULL))
BEGIN SELECT RAISE(ABORT, 'a refund that ended moves only as its PSP says'); END;
-- Their attempt, whose sums are within what it captured, moves first.
CREATE TRIGGER refunds_stay_within_their_attempt AFTER UPDATE OF status ON refunds
WHEN NEW.status <> 'failed' AND (SELECT sum(amount) FROM refunds
    WHERE order_id = NEW.order_id AND attempt_id = NEW.attempt_id AND status <> 'failed')
  > (SELECT refunded + refunding FROM attempts WHERE id = NEW.attempt_id)
BEGIN SELECT RAISE(ABORT, 'refunds stay within what their attempt gives back'); END;
CREATE TRIGGER refunds_begin_within_their_attempt AFTER INSERT ON refunds
WHEN NEW.status <> 'failed' AND (SELECT sum(amount) FROM refunds
    WHERE order_id = NEW.order_id AND attempt_id = NEW.attempt_id AND status <> 'failed')
  > (SELECT refunded + refunding FROM attempts WHERE id = NEW.attempt_id)
BEGIN SELECT RAISE(ABORT, 'refunds stay within what their attempt gives back'); END;
CREATE TRIGGER refunds_keep_their_psp_refund BEFORE UPDATE OF psp_refund ON refunds
WHEN OLD.psp_refund IS NOT NULL AND NEW.psp_refund IS NOT OLD.psp_refund
BEGIN SELECT RAISE(ABORT, 'a refund is made once at its PSP'); END;
CREATE TRIGGER refunds_push_none_away BEFORE UPDATE OF psp_refund ON refunds
WHEN NEW.psp_refund IS NOT OLD.psp_refund
  AND EXISTS (SELECT 1 FROM refunds WHERE psp_account_id = NEW.psp_account_id AND psp_refund = NEW.psp_refund AND id <> NEW.id)
BEGIN SELECT RAISE(ABORT, 'taken: refunds.psp_refund'); END;
CREATE TRIGGER refunds_are_kept BEFORE DELETE ON refunds
BEGIN SELECT RAISE(ABORT, 'refunds are never deleted'); END;
CREATE TRIGGER refunds_replace_nothing BEFORE INSERT ON refunds
BEGIN
  SELECT RAISE(ABORT, 'taken: refunds.id') WHERE EXISTS (SELECT 1 FROM refunds WHERE id = NEW.id);
  SELECT RAISE(ABORT, 'taken: refunds.psp_refund') WHERE NEW.psp_refund IS NOT NULL
    AND EXISTS (SELECT 1 FROM refunds WHERE psp_account_id = NEW.psp_account_id AND psp_refund = NEW.psp_refund);
  SELECT RAISE(ABORT, 'a refund belongs to an attempt of its order and merchant') WHERE NOT EXISTS (SELECT 1 FROM attempts a
    JOIN payment_orders o ON o.id = a.order_id WHERE a.id = NEW.attempt_id AND a.psp_account_id = NEW.psp_account_id
      AND o.id = NEW.order_id AND o.merchant_id = NEW.merchant_id AND o.currency = NEW.currency);
END;

-- Payers who dispute a payment, or ask about it.
CREATE TABLE disputes (
  id               BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
  merchant_id      BLOB NOT NULL REFERENCES merchants (id),
  order_id         BLOB NOT NULL REFERENCES payment_orders (id),
  attempt_id       BLOB NOT NULL REFERENCES attempts (id),
  psp_account_id   BLOB NOT NULL REFERENCES psp_accounts (id),
  psp_dispute      TEXT NOT NULL,
  amount           INTEGER NOT NULL CHECK (amount > 0),
  currency         TEXT NOT NULL CHECK (length(currency) = 3),
  reason           TEXT NOT NULL,
  status           TEXT NOT NULL CHECK (status IN ('inquiry_needs_response', 'inquiry_under_review', 'needs_response', 'under_review',
                     'closed', 'won', 'lost')),
  evidence_due_at  INTEGER,
  withdrawn        INTEGER NOT NULL CHECK (withdrawn IN (0, 1)),
  returned         INTEGER NOT NULL CHECK (returned IN (0, 1)),
  fees             TEXT CHECK (fees IS NULL OR json_valid(fees)),
  evidence         TEXT CHECK (evidence IS NULL OR json_valid(evidence)),
  answer           TEXT CHECK (answer IN ('evidence', 'acceptance')),
  answers          INTEGER NOT NULL,
  refusal          TEXT CHECK (refusal IS NULL OR json_valid(refusal)),
  submitted_at     INTEGER,
  accepted_at      INTEGER,
  reminded_at      INTEGER,
  opened_at        INTEGER NOT NULL,
  created_at       INTEGER NOT NULL,
  updated_at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX disputes_by_order ON disputes (order_id, id);
CREATE INDEX disputes_by_merchant ON disputes (merchant_id, id);
CREATE UNIQUE INDEX disputes_by_psp_dispute ON disputes (psp_account_id, psp_dispute);

CREATE TRIGGER disputes_keep_what_they_are
BEFORE UPDATE OF id, merchant_id, order_id, attempt_id, psp_account_id, psp_dispute, amount, currency, reason, opened_at, created_at
ON disputes
WHEN NEW.id <> OLD.id OR NEW.merchant_id <> OLD.merchant_id OR NEW.order_id <> OLD.order_id OR NEW.attempt_id <> OLD.attempt_id
  OR NEW.psp_account_id <> OLD.psp_account_id OR NEW.psp_dispute <> OLD.psp_dispute OR NEW.amount <> OLD.amount
  OR NEW.currency <> OLD.currency OR NEW.reason <> OLD.reason OR NEW.opened_at <> OLD.opened_at OR NEW.created_at <> OLD.created_at
BEGIN SELECT RAISE(ABORT, 'what a dispute is never changes'); END;
CREATE TRIGGER disputes_keep_their_end BEFORE UPDATE OF status, withdrawn, returned ON disputes
WHEN (NEW.status <> OLD.status AND OLD.status IN ('closed', 'won', 'lost')) OR NEW.withdrawn < OLD.withdrawn
  OR NEW.returned < OLD.returned
BEGIN SELECT RAISE(ABORT, 'a dispute is decided once'); END;
CREATE TRIGGER disputes_keep_their_fees BEFORE UPDATE OF fees ON disputes
WHEN OLD.fees IS NOT NULL AND (NEW.fees IS NULL
  OR substr(NEW.fees, 1, length(OLD.fees) - 1) <> substr(OLD.fees, 1, length(OLD.fees) - 1))
BEGIN SELECT RAISE(ABORT, 'the fees of a dispute are only added to'); END;
CREATE TRIGGER disputes_stay_within_their_attempt AFTER UPDATE OF withdrawn ON disputes
WHEN NEW.withdrawn <> OLD.withdrawn AND (SELECT sum(amount) FROM disputes
    WHERE order_id = NEW.order_id AND attempt_id = NEW.attempt_id AND withdrawn = 1 AND returned = 0)
  > (SELECT disputed FROM attempts WHERE id = NEW.attempt_id)
BEGIN SELECT RAISE(ABORT, 'what is withdrawn is disputed on the attempt too'); END;
CREATE TRIGGER disputes_begin_within_their_attempt AFTER INSERT ON disputes
WHEN NEW.withdrawn = 1 AND (SELECT sum(amount) FROM disputes
    WHERE order_id = NEW.order_id AND attempt_id = NEW.attempt_id AND withdrawn = 1 AND returned = 0)
  > (SELECT disputed FROM attempts WHERE id = NEW.attempt_id)
BEGIN SELECT RAISE(ABORT, 'what is withdrawn is disputed on the attempt too'); END;
CREATE TRIGGER disputes_are_kept BEFORE DELETE ON disputes
BEGIN SELECT RAISE(ABORT, 'disputes are never deleted'); END;
CREATE TRIGGER disputes_replace_nothing BEFORE INSERT ON disputes
BEGIN
  SELECT RAISE(ABORT, 'taken: disputes') WHERE EXISTS (SELECT 1 FROM disputes WHERE id = NEW.id)
    OR EXISTS (SELECT 1 FROM disputes WHERE psp_account_id = NEW.psp_account_id AND psp_dispute = NEW.psp_dispute);
  SELECT RAISE(ABORT, 'a dispute belongs to an attempt of its order and merchant') WHERE NOT EXISTS (SELECT 1 FROM attempts a
    JOIN payment_orders o ON o.id = a.order_id WHERE a.id = NEW.attempt_id AND a.psp_account_id = NEW.psp_account_id
      AND o.id = NEW.order_id AND o.merchant_id = NEW.merchant_id AND o.currency = NEW.currency);
END;

-- What is sent along as evidence. The bytes go once the dispute is decided.
CREATE TABLE dispute_files (
  id           BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
  dispute_id   BLOB NOT NULL REFERENCES disputes (id),
  field        TEXT NOT NULL,
  name         TEXT NOT NULL,
  media_type   TEXT NOT NULL,
  size         INTEGER NOT NULL CHECK (size > 0),
  bytes        BLOB,
  created_at   INTEGER NOT NULL,
  CHECK (bytes IS NULL OR length(bytes) = size)
) STRICT;
CREATE UNIQUE INDEX dispute_files_by_field ON dispute_files (dispute_id, field);

CREATE TRIGGER dispute_files_only_forget BEFORE UPDATE ON dispute_files
WHEN NEW.id <> OLD.id OR NEW.dispute_id <> OLD.dispute_id OR NEW.field <> OLD.field OR NEW.name <> OLD.name
  OR NEW.media_type <> OLD.media_type OR NEW.size <> OLD.size OR NEW.created_at <> OLD.created_at OR NEW.bytes IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'of evidence only the bytes are forgotten'); END;
CREATE TRIGGER dispute_files_stay_once_decided BEFORE DELETE ON dispute_files
WHEN (SELECT status FROM disputes WHERE id = OLD.dispute_id) IN ('closed', 'won', 'lost')
BEGIN SELECT RAISE(ABORT, 'the evidence of a decided dispute is kept'); END;
CREATE TRIGGER dispute_files_replace_nothing BEFORE INSERT ON dispute_files
BEGIN
  SELECT RAISE(ABORT, 'taken: dispute_files') WHERE EXISTS (SELECT 1 FROM dispute_files WHERE id = NEW.id)
    OR EXISTS (SELECT 1 FROM dispute_files WHERE dispute_id = NEW.dispute_id AND field = NEW.field);
  SELECT RAISE(ABORT, 'a decided dispute takes no evidence')
    WHERE (SELECT status FROM disputes WHERE id = NEW.dispute_id) IN ('closed', 'won', 'lost');
END;

-- Money on its way from a PSP to the bank.
CREATE TABLE payouts (
  id              BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
  merchant_id     BLOB NOT NULL REFERENCES merchants (id),
  psp_account_id  BLOB NOT NULL REFERENCES psp_accounts (id),
  psp_payout      TEXT NOT NULL,
  amount          INTEGER NOT NULL,
  currency        TEXT NOT NULL CHECK (length(currency) = 3),
  status          TEXT NOT NULL CHECK (status IN ('pending', 'in_transit', 'canceled', 'paid', 'failed')),
  arrives_at      INTEGER,
  has_left        INTEGER NOT NULL CHECK (has_left IN (0, 1)),
  came_back       INTEGER NOT NULL CHECK (came_back IN (0, 1)),
  arrival         TEXT CHECK (arrival IS NULL OR json_valid(arrival)),
  version         INTEGER NOT NULL CHECK (version > 0),
  created_at      INTEGER NOT NULL,
  updated_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX payouts_by_merchant ON payouts (merchant_id, id);
CREATE UNIQUE INDEX payouts_by_psp_payout ON payouts (psp_account_id, psp_payout);

CREATE TRIGGER payouts_keep_what_they_are
BEFORE UPDATE OF id, merchant_id, psp_account_id, psp_payout, amount, currency, created_at ON payouts
WHEN NEW.id <> OLD.id OR NEW.merchant_id <> OLD.merchant_id OR NEW.psp_account_id <> OLD.psp_account_id
  OR NEW.psp_payout <> OLD.psp_payout OR NEW.amount <> OLD.amount OR NEW.currency <> OLD.currency OR NEW.created_at <> OLD.created_at
BEGIN SELECT RAISE(ABORT, 'what a payout is never changes'); END;
CREATE TRIGGER payouts_count_their_changes BEFORE UPDATE ON payouts
WHEN NEW.version <> OLD.version + 1 OR NEW.has_left < OLD.has_left OR NEW.came_back < OLD.came_back
  OR (OLD.arrival IS NOT NULL AND NEW.arrival IS NOT OLD.arrival)
BEGIN SELECT RAISE(ABORT, 'each change of a payout is one version, and only adds'); END;
CREATE TRIGGER payouts_go_forward BEFORE UPDATE OF status ON payouts
WHEN NEW.status <> OLD.status AND CASE OLD.status
    WHEN 'pending' THEN 0
    WHEN 'in_transit' THEN NEW.status = 'pending'
    WHEN 'canceled' THEN NEW.status NOT IN ('paid', 'failed')
    ELSE NEW.status <> 'failed'
  END
BEGIN SELECT RAISE(ABORT, 'a payout only goes forward'); END;
CREATE TRIGGER payouts_arrive_once_on_their_way BEFORE UPDATE OF arrival ON payouts
WHEN NEW.arrival IS NOT NULL AND OLD.arrival IS NULL AND (OLD.has_left = 0 OR OLD.came_back = 1)
BEGIN SELECT RAISE(ABORT, 'a payout arrives that has left'); END;
CREATE TRIGGER payouts_are_kept BEFORE DELETE ON payouts
BEGIN SELECT RAISE(ABORT, 'payouts are never deleted'); END;
CREATE TRIGGER payouts_replace_nothing BEFORE INSERT ON payouts
BEGIN
  SELECT RAISE(ABORT, 'taken: payouts') WHERE EXISTS (SELECT 1 FROM payouts WHERE id = NEW.id)
    OR EXISTS (SELECT 1 FROM payouts WHERE psp_account_id = NEW.psp_account_id AND psp_payout = NEW.psp_payout);
  SELECT RAISE(ABORT, 'a payout belongs to a PSP account of its merchant')
    WHERE NOT EXISTS (SELECT 1 FROM psp_accounts WHERE id = NEW.psp_account_id AND merchant_id = NEW.merchant_id);
  SELECT RAISE(ABORT, 'a payout begins with its first version, before any money moves')
    WHERE NEW.version <> 1 OR NEW.has_left = 1 OR NEW.came_back = 1 OR NEW.arrival IS NOT NULL;
END;

-- The PSPs' statements, line by line, each read once. Amounts are in the currency in which the PSP settles.
CREATE TABLE psp_lines (
  psp_account_id  BLOB NOT NULL REFERENCES psp_accounts (id),
  psp_line        TEXT NOT NULL,
  merchant_id     BLOB NOT NULL REFERENCES merchants (id),
  kind            TEXT NOT NULL CHECK (kind IN ('charge', 'refund', 'refund_returned', 'dispute', 'payout', 'payout_returned', 'psp_fee',
                    'fx_fee', 'reserve', 'unplaced')),
  psp_kind        TEXT NOT NULL,
  amount          INTEGER NOT NULL,
  fee             INTEGER NOT NULL,
  currency        TEXT NOT NULL CHECK (length(currency) = 3),
  order_id        BLOB,
  payout_id       BLOB,
  exception_id    BLOB,
  at              INTEGER NOT NULL,
  read_at         INTEGER NOT NULL,
  PRIMARY KEY (psp_account_id, psp_line)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER psp_lines_replace_nothing BEFORE INSERT ON psp_lines
BEGIN
  SELECT RAISE(ABORT, 'taken: psp_lines')
    WHERE EXISTS (SELECT 1 FROM psp_lines WHERE psp_account_id = NEW.psp_account_id AND psp_line = NEW.psp_line);
  SELECT RAISE(ABORT, 'a line belongs to a PSP account of its merchant')
    WHERE NOT EXISTS (SELECT 1 FROM psp_accounts WHERE id = NEW.psp_account_id AND merchant_id = NEW.merchant_id);
  SELECT RAISE(ABORT, 'a line is about an order of its merchant') WHERE NEW.order_id IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM payment_orders WHERE merchant_id = NEW.merchant_id AND id = NEW.order_id);
  SELECT RAISE(ABORT, 'a line is about a payout of its PSP account') WHERE NEW.payout_id IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM payouts WHERE id = NEW.payout_id AND psp_account_id = NEW.psp_account_id);
  SELECT RAISE(ABORT, 'a line needs a look at its own PSP account') WHERE NEW.exception_id IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM exceptions WHERE id = NEW.exception_id AND psp_account_id = NEW.psp_account_id);
END;
CREATE TRIGGER psp_lines_never_change BEFORE UPDATE ON psp_lines
BEGIN SELECT RAISE(ABORT, 'what a PSP''s statement says never changes'); END;
CREATE TRIGGER psp_lines_are_kept BEFORE DELETE ON psp_lines
BEGIN SELECT RAISE(ABORT, 'what a PSP''s statement says never changes'); END;

-- Up to where a PSP's statement is read.
CREATE TABLE psp_cursors (
  psp_account_id  BLOB NOT NULL PRIMARY KEY REFERENCES psp_accounts (id),
  psp_line        TEXT NOT NULL,
  line_at         INTEGER NOT NULL,
  read_at         INTEGER NOT NULL,
  reread_at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What is before the place is never read again, so it stands at a line that is kept.
CREATE TRIGGER psp_cursors_begin_at_a_line BEFORE INSERT ON psp_cursors
WHEN NOT EXISTS (SELECT 1 FROM psp_lines
  WHERE psp_account_id = NEW.psp_account_id AND psp_line = NEW.psp_line AND at = NEW.line_at)
BEGIN SELECT RAISE(ABORT, 'the place in a statement is a line that was read'); END;
CREATE TRIGGER psp_cursors_stand_at_a_line BEFORE UPDATE ON psp_cursors
WHEN NEW.psp_account_id <> OLD.psp_account_id OR NOT EXISTS (SELECT 1 FROM psp_lines
  WHERE psp_account_id = NEW.psp_account_id AND psp_line = NEW.psp_line AND at = NEW.line_at)
BEGIN SELECT RAISE(ABORT, 'the place in a statement is a line that was read'); END;

-- What a person has to look at.
CREATE TABLE exceptions (
  id              BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
  merchant_id     BLOB NOT NULL REFERENCES merchants (id),
  kind            TEXT NOT NULL,
  psp_account_id  BLOB REFERENCES psp_accounts (id),
  subject         TEXT NOT NULL,
  amount          INTEGER NOT NULL,
  currency        TEXT NOT NULL CHECK (length(currency) = 3),
  opened_at       INTEGER NOT NULL,
  closed_at       INTEGER,
  closed_by       TEXT,
  why             TEXT,
  CHECK ((closed_at IS NULL) = (closed_by IS NULL) AND (closed_at IS NULL) = (why IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX exceptions_by_merchant ON exceptions (merchant_id, id);
CREATE TRIGGER exceptions_close_once BEFORE UPDATE ON exceptions
WHEN OLD.closed_at IS NOT NULL OR NEW.id <> OLD.id OR NEW.merchant_id <> OLD.merchant_id OR NEW.kind <> OLD.kind
  OR NEW.psp_account_id IS NOT OLD.psp_account_id OR NEW.subject <> OLD.subject OR NEW.amount <> OLD.amount
  OR NEW.currency <> OLD.currency OR NEW.opened_at <> OLD.opened_at
BEGIN SELECT RAISE(ABORT, 'an exception is closed once, and never changed'); END;
CREATE TRIGGER exceptions_are_kept BEFORE DELETE ON exceptions
BEGIN SELECT RAISE(ABORT, 'exceptions are never deleted'); END;
CREATE TRIGGER exceptions_replace_nothing BEFORE INSERT ON exceptions
BEGIN
  SELECT RAISE(ABORT, 'taken: exceptions') WHERE EXISTS (SELECT 1 FROM exceptions WHERE id = NEW.id);
  SELECT RAISE(ABORT, 'an exception begins open') WHERE NEW.closed_at IS NOT NULL;
  SELECT RAISE(ABORT, 'an exception is at a PSP account of its merchant') WHERE NEW.psp_account_id IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM psp_accounts WHERE id = NEW.psp_account_id AND merchant_id = NEW.merchant_id);
END;

-- Who booked an entry by hand, and why. The journal is read by time and by account.
ALTER TABLE journal_entries ADD COLUMN note TEXT CHECK (note IS NULL OR json_valid(note));
CREATE INDEX journal_entries_by_merchant ON journal_entries (merchant_id, id);
CREATE INDEX postings_by_account ON postings (account_id, entry_id);
CREATE TRIGGER journal_entries_by_hand_are_signed BEFORE INSERT ON journal_entries
WHEN NEW.note IS NULL AND (NEW.event_ref GLOB 'rev:*' OR NEW.event_ref GLOB 'fix:*')
BEGIN SELECT RAISE(ABORT, 'a correction says who made it and why'); END;

-- Events are about orders, payouts and addresses for events alike.
CREATE TABLE events_of_everything (
  position      INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT CHECK (position > 0),
  id            BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
  merchant_id   BLOB NOT NULL REFERENCES merchants (id),
  subject_id    BLOB NOT NULL CHECK (length(subject_id) = 16),
  subject_kind  TEXT NOT NULL CHECK (subject_kind IN ('payment_order', 'payout', 'webhook_endpoint')),
  sequence      INTEGER NOT NULL CHECK (sequence > 0),
  kind          TEXT NOT NULL,
  at            INTEGER NOT NULL,
  snapshot      TEXT NOT NULL CHECK (json_valid(snapshot)),
  UNIQUE (subject_id, sequence)
) STRICT;
INSERT INTO events_of_everything (position, id, merchant_id, subject_id, subject_kind, sequence, kind, at, snapshot)
  SELECT position, id, merchant_id, order_id, 'payment_order', sequence, kind, at, snapshot FROM events ORDER BY position;
DROP TABLE events;
ALTER TABLE events_of_everything RENAME TO events;
CREATE INDEX events_by_merchant ON events (merchant_id, position);

CREATE TRIGGER events_have_no_gap BEFORE INSERT ON events
WHEN NEW.sequence <> 1 AND NOT EXISTS (SELECT 1 FROM events WHERE subject_id = NEW.subject_id AND sequence = NEW.sequence - 1)
BEGIN SELECT RAISE(ABORT, 'the events of a subject have no gap'); END;
CREATE TRIGGER events_tell_of_their_order BEFORE INSERT ON events
WHEN NEW.subject_kind = 'payment_order' AND NOT EXISTS
  (SELECT 1 FROM payment_orders WHERE merchant_id = NEW.merchant_id AND id = NEW.subject_id AND version >= NEW.sequence)
BEGIN SELECT RAISE(ABORT, 'an event tells of a change of an order of its merchant'); END;
CREATE TRIGGER events_tell_of_their_payout BEFORE INSERT ON events
WHEN NEW.subject_kind = 'payout' AND NOT EXISTS
  (SELECT 1 FROM payouts WHERE merchant_id = NEW.merchant_id AND id = NEW.subject_id AND version >= NEW.sequence)
BEGIN SELECT RAISE(ABORT, 'an event tells of a change of a payout of its merchant'); END;
CREATE TRIGGER events_replace_nothing BEFORE INSERT ON events
WHEN EXISTS (SELECT 1 FROM events WHERE position = NEW.position) OR EXISTS (SELECT 1 FROM events WHERE id = NEW.id)
  OR EXISTS (SELECT 1 FROM events WHERE subject_id = NEW.subject_id AND sequence = NEW.sequence)
BEGIN SELECT RAISE(ABORT, 'taken: events'); END;
-- A reader who is past a position never looks back.
CREATE TRIGGER events_go_to_the_end AFTER INSERT ON events
WHEN NEW.position < (SELECT max(position) FROM events)
BEGIN SELECT RAISE(ABORT, 'events are appended at the end'); END;
CREATE TRIGGER events_never_change BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TRIGGER events_are_kept BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;

-- Jobs and requests are about more than orders now.
ALTER TABLE jobs RENAME COLUMN order_id TO subject_id;
ALTER TABLE idempotency_keys RENAME COLUMN order_id TO subject_id;
