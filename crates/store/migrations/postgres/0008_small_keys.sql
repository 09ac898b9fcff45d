-- The same rules for less: what is looked up by a long name is looked up by sixteen bytes of its digest, and an index that a trigger can do
-- without is gone. docs/decisions/0019-bytes.md has the figures.

-- Sixteen bytes that stand for a name at a place: a token at a PSP account, a reference of a merchant. In plpgsql, because the server takes
-- convert_to() for something that may change, and would not put the body in the place of the call.
CREATE FUNCTION named_at(place uuid, name text) RETURNS uuid LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  RETURN encode(substr(sha256(uuid_send(place) || convert_to(name, 'UTF8')), 1, 16), 'hex')::uuid;
END $$;
-- The second in which a moment lies: rows of one second share an entry of an index.
CREATE FUNCTION second_of(at timestamptz) RETURNS timestamp LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT date_trunc('second', at AT TIME ZONE 'UTC')
$$;

-- Attempts. Of an order's at most one is under way and at most one pays: asked for among the few attempts of the order, when one comes to be
-- so. One after the other: of two who come at once, the second is to see the first. Whoever moved the order in the same transaction has it
-- already.
DROP INDEX attempts_by_token, attempts_by_psp_payment, archived_attempts_by_token, archived_attempts_by_psp_payment;
ALTER TABLE attempts DROP COLUMN slot;
CREATE UNIQUE INDEX attempts_by_token ON attempts (merchant_id, named_at(psp_account_id, token)) WHERE token IS NOT NULL;
CREATE INDEX attempts_by_psp_payment ON attempts (merchant_id, named_at(psp_account_id, psp_payment)) WHERE psp_payment IS NOT NULL;
CREATE UNIQUE INDEX archived_attempts_by_token ON archived_attempts (merchant_id, named_at(psp_account_id, token)) WHERE token IS NOT NULL;
CREATE INDEX archived_attempts_by_psp_payment ON archived_attempts (merchant_id, named_at(psp_account_id, psp_payment))
  WHERE psp_payment IS NOT NULL;

CREATE FUNCTION slot_of(status text, surplus boolean) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN status = ANY ('{registering, unknown, requires_action, processing}') THEN 0
    WHEN status = ANY ('{authorized, captured}') AND NOT surplus THEN 1 END
$$;

-- A rule that is kept by looking, after a wait, must see what came meanwhile. In the stricter isolations a transaction goes on seeing what it saw
-- when it began, so nobody writes such rows in them.
CREATE FUNCTION in_read_committed() RETURNS void LANGUAGE plpgsql STABLE AS $$
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION USING ERRCODE = '25000', MESSAGE = 'this is written in READ COMMITTED only';
  END IF;
END $$;
CREATE FUNCTION written_in_read_committed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM public.in_read_committed();
  RETURN NULL;
END $$;
-- A reference is looked for in the archive, too.
CREATE TRIGGER payment_orders_come_in_read_committed BEFORE INSERT ON payment_orders EXECUTE FUNCTION written_in_read_committed();

CREATE FUNCTION check_slots() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  PERFORM public.in_read_committed();
  PERFORM (SELECT o.id FROM public.payment_orders o WHERE o.merchant_id = n.merchant_id AND o.id = n.order_id
    AND o.xmin <> pg_current_xact_id()::xid FOR NO KEY UPDATE) FROM fresh n;
  PERFORM FROM fresh n WHERE (SELECT count(*) FROM public.attempts a WHERE a.merchant_id = n.merchant_id AND a.order_id = n.order_id
    AND public.slot_of(a.status, a.surplus) = public.slot_of(n.status, n.surplus)) > 1 LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = '23505', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME,
      MESSAGE = 'taken: attempts, one is under way or has paid';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER attempts_begin_one_at_a_time AFTER INSERT ON attempts REFERENCING NEW TABLE AS fresh
EXECUTE FUNCTION check_slots();
CREATE TRIGGER attempts_move_one_at_a_time AFTER UPDATE ON attempts REFERENCING NEW TABLE AS fresh
EXECUTE FUNCTION check_slots();

CREATE OR REPLACE FUNCTION check_new_attempts() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  broken text;
BEGIN
  SELECT said.broken INTO broken FROM fresh n, LATERAL (SELECT CASE
      WHEN (SELECT o.id FROM public.payment_orders o WHERE o.merchant_id = n.merchant_id AND o.id = n.order_id) IS NULL
        THEN 'an attempt is of its order''s merchant'
      WHEN (SELECT p.id FROM public.psp_accounts p WHERE p.merchant_id = n.merchant_id AND p.id = n.psp_account_id) IS NULL
        THEN 'an attempt goes to a PSP account of the order''s merchant'
      WHEN (SELECT a.id FROM public.archived_attempts a WHERE a.merchant_id = n.merchant_id AND a.id = n.id) IS NOT NULL THEN 'taken'
      WHEN n.token IS NOT NULL AND (SELECT a.id FROM public.archived_attempts a WHERE a.merchant_id = n.merchant_id
        AND public.named_at(a.psp_account_id, a.token) = public.named_at(n.psp_account_id, n.token) AND a.token IS NOT NULL) IS NOT NULL
        THEN 'taken'
    END AS broken OFFSET 0) said
  WHERE said.broken IS NOT NULL LIMIT 1;
  IF broken = 'taken' THEN
    RAISE EXCEPTION USING ERRCODE = '23505', TABLE = TG_TABLE_NAME, MESSAGE = 'taken: attempts';
  ELSIF broken IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = '23000', TABLE = TG_TABLE_NAME, MESSAGE = broken;
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION check_token() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  IF (SELECT a.id FROM public.archived_attempts a WHERE a.merchant_id = NEW.merchant_id
      AND public.named_at(a.psp_account_id, a.token) = public.named_at(NEW.psp_account_id, NEW.token) AND a.token IS NOT NULL)
    IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = '23505', TABLE = TG_TABLE_NAME, MESSAGE = 'taken: attempts.token';
  END IF;
  RETURN NULL;
END $$;

-- A customer's page knows nothing but the order's id. A hash index keeps four bytes of it, and no list can be walked by it.
DROP INDEX payment_orders_by_id, archived_orders_by_id;
CREATE INDEX payment_orders_by_id ON payment_orders USING hash (id);
CREATE INDEX archived_orders_by_id ON archived_orders USING hash (id);

-- What was agreed besides amount and reference is packed by the program, as answers are: nothing is searched by it, and each of an order's
-- versions has it. What was written before stays as it is, a JSON object.
DROP TRIGGER payment_orders_keep_their_terms ON payment_orders;
ALTER TABLE payment_orders ALTER COLUMN details TYPE bytea USING convert_to(details::text, 'UTF8');
ALTER TABLE archived_orders ALTER COLUMN details TYPE bytea USING convert_to(details::text, 'UTF8');
CREATE TRIGGER payment_orders_keep_their_terms
AFTER UPDATE OF merchant_id, id, reference, amount, currency, details, expires_at, created_at ON payment_orders FOR EACH ROW
WHEN (NEW.merchant_id <> OLD.merchant_id OR NEW.id <> OLD.id OR NEW.reference <> OLD.reference OR NEW.amount <> OLD.amount
  OR NEW.currency <> OLD.currency OR NEW.details <> OLD.details OR NEW.expires_at <> OLD.expires_at OR NEW.created_at <> OLD.created_at)
EXECUTE FUNCTION refuse('the terms of a payment order never change');

ALTER TABLE inbox DROP CONSTRAINT inbox_pkey;
CREATE UNIQUE INDEX inbox_message ON inbox (merchant_id, named_at(psp_account_id, message_id));

-- Keys of requests are looked up and never shown.
ALTER TABLE idempotency_keys ALTER COLUMN key TYPE uuid USING named_at(merchant_id, key);
DROP INDEX idempotency_keys_by_age;
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (second_of(created_at));

DROP INDEX jobs_by_time;
CREATE INDEX jobs_by_time ON jobs (second_of(run_at));

-- What an event is called, in four bytes and not in twenty. A new kind is added by the migration that comes with it: ALTER TYPE … ADD VALUE.
CREATE TYPE event_kind AS ENUM (
  'payment_order.created', 'payment_order.pending', 'payment_order.attempt_unknown', 'payment_order.attempt_declined',
  'payment_order.attempt_ended', 'payment_order.attempt_started', 'payment_order.processing', 'payment_order.authorized',
  'payment_order.capture_requested', 'payment_order.capture_unknown', 'payment_order.partially_captured', 'payment_order.capture_failed',
  'payment_order.succeeded', 'payment_order.failed', 'payment_order.cancel_requested', 'payment_order.canceled', 'payment_order.expired',
  'payment_order.paid_twice', 'payment_order.fee_booked', 'payment_order.claimed', 'refund.created', 'refund.unknown', 'refund.pending',
  'refund.succeeded', 'refund.failed', 'dispute.opened', 'dispute.updated', 'dispute.evidence_due', 'dispute.evidence_submitted',
  'dispute.accepted', 'dispute.funds_withdrawn', 'dispute.funds_returned', 'dispute.won', 'dispute.lost', 'dispute.closed',
  'payout.created', 'payout.updated', 'payout.paid', 'payout.failed', 'payout.arrived', 'webhook_endpoint.disabled');
CREATE TYPE event_subject AS ENUM ('payment_order', 'payout', 'webhook_endpoint');
DO $$
DECLARE
  kept record;
BEGIN
  FOR kept IN SELECT conname FROM pg_constraint WHERE conrelid = 'events'::regclass AND contype = 'c'
      AND pg_get_constraintdef(oid) LIKE '%subject_kind%' LOOP
    EXECUTE format('ALTER TABLE events DROP CONSTRAINT %I', kept.conname);
  END LOOP;
END $$;
ALTER TABLE events ALTER COLUMN kind TYPE event_kind USING kind::event_kind,
  ALTER COLUMN subject_kind TYPE event_subject USING subject_kind::event_subject;

-- The events of a subject lie together under one key, so that the index keeps the key once; that their numbers are used once is asked for
-- when they come.
DROP INDEX journal_entries_by_order;
CREATE INDEX journal_entries_by_order ON journal_entries (order_id) WHERE order_id IS NOT NULL;
DO $$
DECLARE
  part text;
BEGIN
  FOR part IN SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'events'::regclass LOOP
    EXECUTE format('DROP INDEX %I', part || '_sequence');
    EXECUTE format('CREATE INDEX %I ON %I (subject_id)', part || '_subject', part);
  END LOOP;
  FOR part IN SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'journal_entries'::regclass LOOP
    EXECUTE format('DROP INDEX %I', part || '_event_ref');
    EXECUTE format('CREATE UNIQUE INDEX %I ON %I (merchant_id, named_at(merchant_id, event_ref))', part || '_event_ref', part);
  END LOOP;
END $$;

-- No event is older than what it tells of, but for a day that clocks may differ; so only the months since then are looked at, and mostly
-- that is one. The bound is a variable, so that partitions before it are left out before they are opened.
CREATE OR REPLACE FUNCTION check_new_events() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  broken text;
  oldest timestamptz;
  newest timestamptz;
  first timestamptz;
  lowest uuid;
BEGIN
  PERFORM public.in_read_committed();
  -- One after the other: of two who tell of the same, the second is to see the first. Whoever moved the subject has it already.
  PERFORM CASE n.subject_kind
    WHEN 'payment_order' THEN (SELECT o.id FROM public.payment_orders o WHERE o.merchant_id = n.merchant_id AND o.id = n.subject_id
      AND o.xmin <> pg_current_xact_id()::xid FOR NO KEY UPDATE)
    WHEN 'payout' THEN (SELECT p.id FROM public.payouts p WHERE p.merchant_id = n.merchant_id AND p.id = n.subject_id
      AND p.xmin <> pg_current_xact_id()::xid FOR NO KEY UPDATE)
    ELSE (SELECT w.id FROM public.webhook_endpoints w WHERE w.merchant_id = n.merchant_id AND w.id = n.subject_id
      AND w.xmin <> pg_current_xact_id()::xid FOR NO KEY UPDATE) END
  FROM fresh n;
  SELECT min(said.broken), public.moment_of(min(n.subject_id::text COLLATE "C")::uuid) - interval '1 day',
      public.moment_of(max(n.subject_id::text COLLATE "C")::uuid) - interval '1 day', public.moment_of(min(n.id::text COLLATE "C")::uuid)
    INTO broken, oldest, newest, first
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
  IF broken IS NULL THEN
    lowest := public.first_uuid(date_trunc('month', oldest, 'UTC'));
    SELECT min(told.broken) INTO broken FROM fresh n, LATERAL (SELECT CASE
        WHEN count(*) FILTER (WHERE e.sequence = n.sequence) > 1 THEN 'taken'
        WHEN n.sequence > 1 AND count(*) FILTER (WHERE e.sequence = n.sequence - 1) = 0 THEN 'the events of a subject have no gap'
      END AS broken FROM public.events e WHERE e.id >= lowest AND e.subject_id = n.subject_id OFFSET 0) told;
  END IF;
  IF broken = 'taken' THEN
    RAISE EXCEPTION USING ERRCODE = '23505', TABLE = 'events', CONSTRAINT = 'events_sequence', MESSAGE = 'taken: events';
  ELSIF broken IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = '23000', TABLE = 'events', MESSAGE = broken;
  END IF;
  RETURN NULL;
END $$;

-- The lines of an entry lie together under one key, too. They come in one statement, counted from 0, and only with their entry, which comes
-- once: so whatever is added later has a line 0 of its own, and that is looked for.
ALTER TABLE postings DROP CONSTRAINT postings_pkey;
CREATE INDEX postings_by_entry ON postings (entry_id);
CREATE OR REPLACE FUNCTION check_new_postings() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  broken text;
  lowest uuid;
  highest uuid;
BEGIN
  SELECT min(CASE
      WHEN entry.first <> 0 OR entry.last <> entry.lines - 1 THEN 'nothing is added to a closed journal entry'
      WHEN entry.lines < 2 THEN 'a journal entry has at least two lines'
      WHEN entry.strange THEN 'a journal entry stays within one merchant'
      WHEN entry.unequal THEN 'a journal entry sums to zero in each currency and layer'
    END), min(entry.entry_id::text COLLATE "C")::uuid, max(entry.entry_id::text COLLATE "C")::uuid
    INTO broken, lowest, highest
  FROM (
    SELECT side.entry_id, sum(side.lines) AS lines, min(side.first) AS first, max(side.last) AS last,
      bool_or(side.currency IS NULL) AS strange, bool_or(side.amount <> 0) AS unequal
    FROM (
      SELECT line.merchant_id, line.entry_id, line.currency, line.layer, sum(line.amount) AS amount, count(*) AS lines,
        min(line.line) AS first, max(line.line) AS last
      FROM (
        SELECT n.*, (SELECT a.currency FROM public.accounts a WHERE a.merchant_id = n.merchant_id AND a.id = n.account_id) AS currency
        FROM fresh n
      ) line
      GROUP BY line.merchant_id, line.entry_id, line.currency, line.layer
    ) side
    GROUP BY side.merchant_id, side.entry_id
  ) entry;
  IF broken IS NULL THEN
    PERFORM FROM fresh n WHERE n.line = 0 AND (SELECT e.id FROM public.journal_entries e
      WHERE e.id >= lowest AND e.id <= highest AND e.merchant_id = n.merchant_id AND e.id = n.entry_id) IS NULL LIMIT 1;
    IF FOUND THEN
      broken := 'the lines of a journal entry come with it, and are of its merchant';
    END IF;
  END IF;
  IF broken IS NULL THEN
    PERFORM FROM fresh n WHERE (SELECT count(*) FROM public.postings p
      WHERE p.entry_id >= lowest AND p.entry_id <= highest AND p.entry_id = n.entry_id AND p.line = n.line) > 1 LIMIT 1;
    IF FOUND THEN
      broken := 'nothing is added to a closed journal entry';
    END IF;
  END IF;
  IF broken IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = '23000', TABLE = 'postings', MESSAGE = broken;
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION check_new_journal_entries() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  broken text;
  oldest timestamptz;
  newest timestamptz;
  first uuid;
  last uuid;
  lowest uuid := '00000000-0000-0000-0000-000000000000';
BEGIN
  SELECT min(CASE WHEN n.order_id IS NOT NULL
        AND (SELECT o.id FROM public.payment_orders o WHERE o.merchant_id = n.merchant_id AND o.id = n.order_id) IS NULL
      THEN 'a journal entry belongs to an order of its merchant' END),
      public.moment_of(min(coalesce(n.order_id::text, '00000000-0000-0000-0000-000000000000') COLLATE "C")::uuid) - interval '1 day',
      public.moment_of(max(n.order_id::text COLLATE "C")::uuid) - interval '1 day', min(n.id::text COLLATE "C")::uuid, max(n.id::text COLLATE "C")::uuid
    INTO broken, oldest, newest, first, last FROM fresh n;
  IF broken IS NULL AND public.moment_of(first) < newest THEN
    PERFORM FROM fresh n WHERE public.moment_of(n.id) < public.moment_of(n.order_id) - interval '1 day' LIMIT 1;
    IF FOUND THEN
      broken := 'a journal entry is not older than its order';
    END IF;
  END IF;
  IF broken IS NULL THEN
    PERFORM FROM fresh n WHERE (SELECT p.line FROM public.postings p
      WHERE p.entry_id >= first AND p.entry_id <= last AND p.entry_id = n.id AND p.line = 0 LIMIT 1) IS NULL LIMIT 1;
    IF FOUND THEN
      broken := 'a journal entry has at least two lines';
    END IF;
  END IF;
  IF broken IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = '23000', TABLE = 'journal_entries', MESSAGE = broken;
  END IF;
  -- Other months may hold the same: where it is not all of one month, or is put into the past.
  IF date_trunc('month', oldest, 'UTC') <> date_trunc('month', public.moment_of(last) + interval '1 day', 'UTC')
    OR public.moment_of(first) < now() - interval '1 day' THEN
    IF oldest > to_timestamp(0) THEN
      lowest := public.first_uuid(date_trunc('month', oldest, 'UTC'));
    END IF;
    PERFORM FROM fresh n WHERE (SELECT count(*) FROM public.journal_entries e
      WHERE e.id >= lowest AND e.merchant_id = n.merchant_id
        AND public.named_at(e.merchant_id, e.event_ref) = public.named_at(n.merchant_id, n.event_ref)) > 1 LIMIT 1;
    IF FOUND THEN
      RAISE EXCEPTION USING ERRCODE = '23505', TABLE = 'journal_entries', CONSTRAINT = 'journal_entries_event_ref',
        MESSAGE = 'taken: journal_entries.event_ref';
    END IF;
  END IF;
  RETURN NULL;
END $$;

-- Rows that change leave what they were behind. It is swept up while it is little, so that new rows take its place; the program asks for it too
-- where it owns the tables, because the server looks once a minute.
ALTER TABLE payment_orders SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE attempts SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE idempotency_keys SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE jobs SET (autovacuum_vacuum_cost_delay = 0);
