-- The pay-in: merchants, keys, PSP accounts, orders, attempts, journal, events, inbox, jobs, idempotency.
-- The same tables and columns as SQLite's first migration, for PostgreSQL 15 and later. Ids are UUIDv7, made by the program. Money is minor units.
--
-- How the rules are kept:
-- - What can be told from a row alone is a CHECK. What compares a row with what it was is a row trigger with a WHEN clause that calls
--   refuse(): the clause is evaluated without a call, so a change that is allowed costs next to nothing. AFTER and not BEFORE, because a
--   BEFORE UPDATE trigger locks each row once more and writes that to the log, whether its clause is true or not.
--   Clauses and checks are read anew by each statement, so those of orders and attempts are short: = ANY ('{…}') and not IN.
-- - What looks at other rows is a statement trigger: one function for all rows of the statement. Its lookups are subqueries by key, one
--   lookup per row, and may not read whole tables: a plan that was made while a table was small is kept while the table grows.
-- - There are no foreign keys to merchants, PSP accounts and orders in tables that many write: such a key locks the row it leads to.
--   Those rows are never deleted, so it is enough to look whether they are there.
-- - Refusals have the SQLSTATE 23000; what is taken has 23505 with the names of the table and of the constraint.

CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = '23000', MESSAGE = TG_ARGV[0], TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME;
END $$;

CREATE TABLE merchants (
  id                    uuid NOT NULL PRIMARY KEY,
  name                  text NOT NULL,
  sealed_return_secret  bytea NOT NULL,
  created_at            timestamptz NOT NULL
);
CREATE TRIGGER merchants_keep_what_they_are
AFTER UPDATE OF id, created_at ON merchants FOR EACH ROW
WHEN (NEW.id <> OLD.id OR NEW.created_at <> OLD.created_at)
EXECUTE FUNCTION refuse('what a merchant is never changes');
CREATE TRIGGER merchants_are_kept BEFORE DELETE ON merchants FOR EACH ROW
EXECUTE FUNCTION refuse('merchants are never deleted');
CREATE TRIGGER merchants_are_not_emptied BEFORE TRUNCATE ON merchants
EXECUTE FUNCTION refuse('merchants are never deleted');

CREATE TABLE api_keys (
  id            uuid NOT NULL PRIMARY KEY,
  merchant_id   uuid NOT NULL REFERENCES merchants (id),
  hash          bytea NOT NULL CHECK (length(hash) = 32),
  hint          text NOT NULL,
  name          text NOT NULL,
  scope         text NOT NULL CHECK (scope IN ('read', 'payments', 'admin')),
  networks      text NOT NULL,
  expires_at    timestamptz,
  revoked_at    timestamptz,
  last_used_at  timestamptz,
  created_at    timestamptz NOT NULL,
  CONSTRAINT api_keys_hash UNIQUE (hash)
);
CREATE INDEX api_keys_by_merchant ON api_keys (merchant_id, id);

CREATE TABLE psp_accounts (
  id               uuid NOT NULL PRIMARY KEY,
  merchant_id      uuid NOT NULL REFERENCES merchants (id),
  psp              text NOT NULL,
  name             text NOT NULL,
  active           boolean NOT NULL,
  sealed_settings  bytea NOT NULL,
  version          integer NOT NULL,
  created_at       timestamptz NOT NULL,
  CONSTRAINT psp_accounts_by_merchant UNIQUE (merchant_id, id)
);
CREATE TRIGGER psp_accounts_keep_what_they_are
AFTER UPDATE OF id, merchant_id, created_at ON psp_accounts FOR EACH ROW
WHEN (NEW.id <> OLD.id OR NEW.merchant_id <> OLD.merchant_id OR NEW.created_at <> OLD.created_at)
EXECUTE FUNCTION refuse('what a PSP account is never changes');
CREATE TRIGGER psp_accounts_are_kept BEFORE DELETE ON psp_accounts FOR EACH ROW
EXECUTE FUNCTION refuse('PSP accounts are never deleted');
CREATE TRIGGER psp_accounts_are_not_emptied BEFORE TRUNCATE ON psp_accounts
EXECUTE FUNCTION refuse('PSP accounts are never deleted');

-- The merchant comes first in the key: a list of one merchant's orders is one range, and the table can be spread by merchant. A page keeps
-- room for the changes of its rows, and no index names a column that changes: a change then writes no index.
CREATE TABLE payment_orders (
  merchant_id          uuid NOT NULL,
  id                   uuid NOT NULL,
  reference            text NOT NULL,
  amount               bigint NOT NULL CHECK (amount > 0),
  currency             text NOT NULL CHECK (length(currency) = 3),
  details              jsonb NOT NULL,
  expires_at           timestamptz NOT NULL,
  created_at           timestamptz NOT NULL,
  status               text NOT NULL CHECK (status = ANY
                         ('{created, pending, processing, authorized, succeeded, failed, canceled, expired}')),
  version              integer NOT NULL CHECK (version > 0),
  updated_at           timestamptz NOT NULL,
  amount_authorized    bigint NOT NULL,
  amount_captured      bigint NOT NULL CHECK (amount_captured BETWEEN 0 AND amount_authorized),
  amount_refunded      bigint NOT NULL CHECK (amount_refunded BETWEEN 0 AND amount_captured),
  amount_disputed      bigint NOT NULL CHECK (amount_disputed >= 0),
  paid_by              uuid,
  cancel_requested_at  timestamptz,
  paid_late            boolean NOT NULL,
  CONSTRAINT payment_orders_pkey PRIMARY KEY (merchant_id, id),
  CONSTRAINT payment_orders_reference UNIQUE (merchant_id, reference),
  CHECK (status <> 'succeeded' OR (paid_by IS NOT NULL AND amount_captured > 0))
) WITH (fillfactor = 85);

CREATE TRIGGER payment_orders_keep_their_terms
AFTER UPDATE OF merchant_id, id, reference, amount, currency, details, expires_at, created_at ON payment_orders FOR EACH ROW
WHEN (NEW.merchant_id <> OLD.merchant_id OR NEW.id <> OLD.id OR NEW.reference <> OLD.reference OR NEW.amount <> OLD.amount
  OR NEW.currency <> OLD.currency OR NEW.details <> OLD.details OR NEW.expires_at <> OLD.expires_at OR NEW.created_at <> OLD.created_at)
EXECUTE FUNCTION refuse('the terms of a payment order never change');
CREATE TRIGGER payment_orders_count_their_changes AFTER UPDATE ON payment_orders FOR EACH ROW
WHEN (NEW.version <> OLD.version + 1)
EXECUTE FUNCTION refuse('each change of a payment order is one version');
CREATE TRIGGER payment_orders_keep_their_end AFTER UPDATE ON payment_orders FOR EACH ROW
WHEN (NEW.status <> OLD.status AND (OLD.status = 'succeeded'
  OR (OLD.status = ANY ('{failed, canceled, expired}') AND NEW.status <> ALL ('{authorized, succeeded}'))))
EXECUTE FUNCTION refuse('only money leads out of a terminal status');
CREATE TRIGGER payment_orders_are_kept BEFORE DELETE ON payment_orders FOR EACH ROW
EXECUTE FUNCTION refuse('payment orders are never deleted');
CREATE TRIGGER payment_orders_are_not_emptied BEFORE TRUNCATE ON payment_orders
EXECUTE FUNCTION refuse('payment orders are never deleted');

CREATE FUNCTION check_new_payment_orders() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  PERFORM FROM fresh n WHERE (SELECT m.id FROM public.merchants m WHERE m.id = n.merchant_id) IS NULL LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = '23000', TABLE = TG_TABLE_NAME, MESSAGE = 'a payment order is of a merchant';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER payment_orders_are_of_a_merchant AFTER INSERT ON payment_orders REFERENCING NEW TABLE AS fresh
EXECUTE FUNCTION check_new_payment_orders();

-- An attempt that can still bring money by itself stands in slot 0 of its order, the one that pays it in slot 1: one index for both rules,
-- and no index is written when a status changes within a slot.
CREATE TABLE attempts (
  id              uuid NOT NULL,
  order_id        uuid NOT NULL,
  number          integer NOT NULL CHECK (number > 0),
  psp_account_id  uuid NOT NULL,
  psp             text NOT NULL,
  created_at      timestamptz NOT NULL,
  status          text NOT NULL CHECK (status = ANY
                    ('{registering, unknown, requires_action, processing, authorized, captured, failed, canceled, expired}')),
  token           text,
  psp_payment     text,
  redirect_url    text,
  decline         jsonb,
  declines        integer NOT NULL,
  check_at        timestamptz,
  authorized      bigint NOT NULL,
  captured        bigint NOT NULL CHECK (captured BETWEEN 0 AND authorized),
  surplus         boolean NOT NULL,
  fees            jsonb CHECK (jsonb_typeof(fees) = 'array'),
  slot            integer GENERATED ALWAYS AS (CASE
                    WHEN status = ANY ('{registering, unknown, requires_action, processing}') THEN 0
                    WHEN status = ANY ('{authorized, captured}') AND NOT surplus THEN 1 END) STORED,
  CONSTRAINT attempts_pkey PRIMARY KEY (id),
  CONSTRAINT attempts_by_order UNIQUE (order_id, number),
  CHECK (status <> 'unknown' OR check_at IS NOT NULL),
  CHECK (status <> ALL ('{requires_action, processing, authorized, captured}') OR token IS NOT NULL)
) WITH (fillfactor = 85);
-- One registration per attempt, one attempt per registration.
CREATE UNIQUE INDEX attempts_by_token ON attempts (psp_account_id, token) WHERE token IS NOT NULL;
CREATE UNIQUE INDEX attempts_by_slot ON attempts (order_id, slot) WHERE slot IS NOT NULL;

CREATE TRIGGER attempts_keep_what_they_are
AFTER UPDATE OF id, order_id, number, psp_account_id, psp, created_at ON attempts FOR EACH ROW
WHEN (NEW.id <> OLD.id OR NEW.order_id <> OLD.order_id OR NEW.number <> OLD.number OR NEW.psp_account_id <> OLD.psp_account_id
  OR NEW.psp <> OLD.psp OR NEW.created_at <> OLD.created_at)
EXECUTE FUNCTION refuse('what an attempt is never changes');
CREATE TRIGGER attempts_keep_their_end AFTER UPDATE ON attempts FOR EACH ROW
WHEN (NEW.status <> OLD.status AND (OLD.status = 'captured'
  OR (OLD.status = ANY ('{failed, canceled, expired}') AND NEW.status <> ALL ('{authorized, captured}'))))
EXECUTE FUNCTION refuse('only money leads out of the end of an attempt');
CREATE TRIGGER attempts_keep_their_token AFTER UPDATE ON attempts FOR EACH ROW
WHEN (OLD.token IS NOT NULL AND NEW.token IS DISTINCT FROM OLD.token)
EXECUTE FUNCTION refuse('an attempt is registered once');
CREATE TRIGGER attempts_are_kept BEFORE DELETE ON attempts FOR EACH ROW
EXECUTE FUNCTION refuse('attempts are never deleted');
CREATE TRIGGER attempts_are_not_emptied BEFORE TRUNCATE ON attempts
EXECUTE FUNCTION refuse('attempts are never deleted');

CREATE FUNCTION check_new_attempts() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  PERFORM FROM fresh n WHERE (SELECT o.id FROM public.psp_accounts p, public.payment_orders o
    WHERE p.id = n.psp_account_id AND o.merchant_id = p.merchant_id AND o.id = n.order_id) IS NULL LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = '23000', TABLE = TG_TABLE_NAME,
      MESSAGE = 'an attempt goes to a PSP account of the order''s merchant';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER attempts_go_to_their_merchant AFTER INSERT ON attempts REFERENCING NEW TABLE AS fresh
EXECUTE FUNCTION check_new_attempts();

-- A UUIDv7 begins with its moment: the first id of a moment, and the moment of an id. STABLE, so that their bodies take the place of the
-- calls: a call of a function in plain SQL is read and planned in each statement anew. Those that are called as they are, are in plpgsql.
CREATE FUNCTION first_uuid(at timestamptz) RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT (lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;
CREATE FUNCTION moment_of(id uuid) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT to_timestamp(('x0000' || left(translate(id::text, '-', ''), 12))::bit(64)::bigint / 1000.0)
$$;

CREATE TABLE accounts (
  id           uuid NOT NULL,
  merchant_id  uuid NOT NULL REFERENCES merchants (id),
  name         text NOT NULL,
  currency     text NOT NULL CHECK (length(currency) = 3),
  CONSTRAINT accounts_pkey PRIMARY KEY (merchant_id, id),
  CONSTRAINT accounts_name UNIQUE (merchant_id, name, currency)
);
CREATE TRIGGER accounts_never_change BEFORE UPDATE OR DELETE ON accounts FOR EACH ROW
EXECUTE FUNCTION refuse('accounts never change');
CREATE TRIGGER accounts_are_not_emptied BEFORE TRUNCATE ON accounts
EXECUTE FUNCTION refuse('accounts never change');

-- Double entry. An entry and its lines are inserted by one statement: WITH e AS (INSERT INTO journal_entries …) INSERT INTO postings ….
-- The triggers of both tables run when the statement is over, and see all of it. So an entry without lines and lines without an entry are
-- refused at once, and no deferred constraint is needed, which would queue an event for every row. The lines of an entry are counted from
-- 0 without a gap within one statement: what is added to an entry later would have to bring a line 0 of its own, and that is taken.
CREATE TABLE journal_entries (
  id           uuid NOT NULL,
  merchant_id  uuid NOT NULL,
  event_ref    text NOT NULL,
  order_id     uuid,
  at           timestamptz NOT NULL,
  CONSTRAINT journal_entries_pkey PRIMARY KEY (merchant_id, id)
) PARTITION BY RANGE (id);
CREATE INDEX journal_entries_by_order ON journal_entries (merchant_id, order_id) WHERE order_id IS NOT NULL;

CREATE TABLE postings (
  entry_id     uuid NOT NULL,
  line         integer NOT NULL CHECK (line >= 0),
  account_id   uuid NOT NULL,
  layer        integer NOT NULL CHECK (layer IN (0, 1)),
  amount       bigint NOT NULL CHECK (amount <> 0),
  merchant_id  uuid NOT NULL,
  CONSTRAINT postings_pkey PRIMARY KEY (entry_id, line)
) PARTITION BY RANGE (entry_id);

CREATE TABLE balances (
  merchant_id  uuid NOT NULL,
  account_id   uuid NOT NULL,
  layer        integer NOT NULL CHECK (layer IN (0, 1)),
  amount       bigint NOT NULL,
  CONSTRAINT balances_pkey PRIMARY KEY (merchant_id, account_id, layer),
  FOREIGN KEY (merchant_id, account_id) REFERENCES accounts (merchant_id, id)
) WITH (fillfactor = 50);

CREATE TRIGGER journal_entries_never_change BEFORE UPDATE OR DELETE ON journal_entries FOR EACH ROW
EXECUTE FUNCTION refuse('the journal is append-only');
CREATE TRIGGER journal_entries_are_not_emptied BEFORE TRUNCATE ON journal_entries
EXECUTE FUNCTION refuse('the journal is append-only');
CREATE TRIGGER postings_never_change BEFORE UPDATE OR DELETE ON postings FOR EACH ROW
EXECUTE FUNCTION refuse('the journal is append-only');
CREATE TRIGGER postings_are_not_emptied BEFORE TRUNCATE ON postings
EXECUTE FUNCTION refuse('the journal is append-only');

CREATE FUNCTION check_new_postings() RETURNS trigger LANGUAGE plpgsql
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
  IF broken IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = '23000', TABLE = 'postings', MESSAGE = broken;
  END IF;
  RETURN NULL;
END $$;

-- Within a month a unique index of the month's partition sees to it that a reference is used once. No entry is older than its order, but for a
-- day that clocks may differ; so only the months since then are looked at. The same reference under an order of a later month is left to
-- the checks of all rows: to find it here, each entry would have to ask every month. An entry without an order does.
CREATE FUNCTION check_new_journal_entries() RETURNS trigger LANGUAGE plpgsql
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
      WHERE p.entry_id >= first AND p.entry_id <= last AND p.entry_id = n.id AND p.line = 0) IS NULL LIMIT 1;
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
      WHERE e.id >= lowest AND e.merchant_id = n.merchant_id AND e.event_ref = n.event_ref) > 1 LIMIT 1;
    IF FOUND THEN
      RAISE EXCEPTION USING ERRCODE = '23505', TABLE = 'journal_entries', CONSTRAINT = 'journal_entries_event_ref',
        MESSAGE = 'taken: journal_entries.event_ref';
    END IF;
  END IF;
  RETURN NULL;
END $$;

-- The global order of events. A position is made of the id of the transaction that writes the event, and a number within it. Readers look
-- only at positions below settled_position(), where no transaction is under way any more: what commits late is never behind them.
-- In a database that was restored into another cluster, where the ids of transactions are lower, base makes up for the difference.
CREATE TABLE event_clock (
  one   boolean NOT NULL DEFAULT true PRIMARY KEY CHECK (one),
  base  bigint NOT NULL CHECK (base >= 0)
);
INSERT INTO event_clock (base) VALUES (0);
CREATE TRIGGER event_clock_never_goes_back AFTER UPDATE ON event_clock FOR EACH ROW
WHEN (NEW.base < OLD.base)
EXECUTE FUNCTION refuse('the clock of the events never goes back');
CREATE TRIGGER event_clock_is_kept BEFORE DELETE ON event_clock FOR EACH ROW
EXECUTE FUNCTION refuse('the clock of the events is kept');
CREATE TRIGGER event_clock_is_not_emptied BEFORE TRUNCATE ON event_clock
EXECUTE FUNCTION refuse('the clock of the events is kept');

-- The position of the nth event of this transaction, n from 0.
CREATE FUNCTION next_position(n integer) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (SELECT ((c.base + pg_current_xact_id()::text::bigint) << 16) + n FROM public.event_clock c WHERE c.one);
END $$;
-- STABLE: it goes by the snapshot of the statement that asks. With a later one, it would let pass what that statement cannot see yet.
CREATE FUNCTION settled_position() RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (SELECT (c.base + pg_snapshot_xmin(pg_current_snapshot())::text::bigint) << 16 FROM public.event_clock c WHERE c.one);
END $$;

CREATE TABLE events (
  position     bigint NOT NULL CHECK (position > 0),
  id           uuid NOT NULL,
  merchant_id  uuid NOT NULL,
  order_id     uuid NOT NULL,
  sequence     integer NOT NULL CHECK (sequence > 0),
  kind         text NOT NULL,
  at           timestamptz NOT NULL,
  snapshot     json NOT NULL,
  CONSTRAINT events_pkey PRIMARY KEY (merchant_id, id)
) PARTITION BY RANGE (id);

CREATE TRIGGER events_never_change BEFORE UPDATE OR DELETE ON events FOR EACH ROW
EXECUTE FUNCTION refuse('events are append-only');
CREATE TRIGGER events_are_not_emptied BEFORE TRUNCATE ON events
EXECUTE FUNCTION refuse('events are append-only');

CREATE FUNCTION check_new_events() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  broken text;
BEGIN
  SELECT said.broken INTO broken FROM fresh n, LATERAL (SELECT CASE
      WHEN n.position >> 16 <> public.next_position(0) >> 16 THEN 'events are appended at the end'
      WHEN (SELECT o.version FROM public.payment_orders o WHERE o.merchant_id = n.merchant_id AND o.id = n.order_id)
        IS DISTINCT FROM n.sequence THEN 'an event tells of a change of an order of its merchant'
      WHEN n.sequence > 1 AND (SELECT e.sequence FROM public.events e
        WHERE e.order_id = n.order_id AND e.sequence = n.sequence - 1 LIMIT 1) IS NULL THEN 'the events of an order have no gap'
      WHEN (SELECT count(*) FROM public.events e WHERE e.order_id = n.order_id AND e.sequence = n.sequence) > 1 THEN 'taken: events'
    END AS broken OFFSET 0) said
  WHERE said.broken IS NOT NULL LIMIT 1;
  IF broken IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = '23000', TABLE = 'events', MESSAGE = broken;
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER events_tell_of_their_order AFTER INSERT ON events REFERENCING NEW TABLE AS fresh
EXECUTE FUNCTION check_new_events();
CREATE TRIGGER postings_close_their_entry AFTER INSERT ON postings REFERENCING NEW TABLE AS fresh
EXECUTE FUNCTION check_new_postings();
CREATE TRIGGER journal_entries_balance AFTER INSERT ON journal_entries REFERENCING NEW TABLE AS fresh
EXECUTE FUNCTION check_new_journal_entries();

-- What is only ever inserted lies in partitions by month, so that old months can be taken away whole. What falls into no month that was
-- made lies in the default partition. A unique index over all months cannot be: each partition has its own. A statement that names a
-- partition fires the partition's triggers and not those of the whole, so it has the same.
CREATE TABLE journal_entries_default PARTITION OF journal_entries DEFAULT;
CREATE UNIQUE INDEX journal_entries_default_event_ref ON journal_entries_default (merchant_id, event_ref);
CREATE TABLE postings_default PARTITION OF postings DEFAULT;
CREATE TABLE events_default PARTITION OF events DEFAULT;
CREATE UNIQUE INDEX events_default_sequence ON events_default (order_id, sequence);
CREATE UNIQUE INDEX events_default_position ON events_default (merchant_id, position);

-- Gives a partition the statement triggers of its table that it lacks.
CREATE FUNCTION guard_partition(whole regclass, part regclass) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  definition text;
BEGIN
  FOR definition IN
    SELECT pg_get_triggerdef(t.oid) FROM pg_trigger t
    WHERE t.tgrelid = whole AND NOT t.tgisinternal AND t.tgtype & 1 = 0
      AND NOT EXISTS (SELECT FROM pg_trigger p WHERE p.tgrelid = part AND p.tgname = t.tgname)
  LOOP
    EXECUTE regexp_replace(definition, ' ON \S+ ', format(' ON %s ', part));
  END LOOP;
END $$;

-- Makes the partitions of a month that are missing, and says how many. Two who call it at once wait for each other. Where the default
-- partition already holds rows of the month, they stay there, and so do those to come. The program has no other right to change tables.
CREATE FUNCTION make_month(at timestamptz) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
  first timestamptz := date_trunc('month', at, 'UTC');
  after timestamptz := date_trunc('month', first + interval '40 days', 'UTC');
  whole text;
  part text;
  definition text;
  made integer := 0;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('ducat make_month'));
  FOREACH whole IN ARRAY ARRAY['journal_entries', 'postings', 'events'] LOOP
    part := whole || to_char(first AT TIME ZONE 'UTC', '_YYYY_MM');
    CONTINUE WHEN to_regclass(format('public.%I', part)) IS NOT NULL;
    BEGIN
      EXECUTE format('CREATE TABLE public.%I (LIKE public.%I INCLUDING ALL EXCLUDING INDEXES)', part, whole || '_default');
      FOR definition IN
        SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i
        WHERE i.indrelid = format('public.%I', whole || '_default')::regclass AND NOT i.indisprimary
      LOOP
        EXECUTE replace(definition, whole || '_default', part);
      END LOOP;
      EXECUTE format('ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)', whole, part,
        public.first_uuid(first), public.first_uuid(after));
      PERFORM public.guard_partition(format('public.%I', whole)::regclass, format('public.%I', part)::regclass);
      made := made + 1;
    EXCEPTION WHEN check_violation THEN
      RAISE NOTICE 'rows of % lie in % already', part, whole || '_default';
    END;
  END LOOP;
  RETURN made;
END $$;

SELECT guard_partition(whole::regclass, (whole || '_default')::regclass)
FROM unnest(ARRAY['journal_entries', 'postings', 'events']) AS whole;
SELECT make_month(now()), make_month(now() + interval '1 month');

-- Puts the clock ahead of every position that is kept, if it is not. Called when the database is opened.
CREATE FUNCTION wind_event_clock() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  newest bigint;
  wound bigint;
BEGIN
  -- The newest position of each merchant is found by the index of each partition.
  SELECT max((SELECT e.position FROM public.events e WHERE e.merchant_id = m.id ORDER BY e.position DESC LIMIT 1)) >> 16
    INTO newest FROM public.merchants m;
  UPDATE public.event_clock c SET base = newest + 1
  WHERE newest >= c.base + pg_current_xact_id()::text::bigint
  RETURNING c.base INTO wound;
  RETURN coalesce(wound, (SELECT c.base FROM public.event_clock c WHERE c.one));
END $$;

-- Messages of PSPs, each once. The body is kept only where a person may have to look.
CREATE TABLE inbox (
  merchant_id     uuid NOT NULL,
  psp_account_id  uuid NOT NULL,
  message_id      text NOT NULL,
  kind            text NOT NULL,
  state           text NOT NULL CHECK (state IN ('applied', 'ignored', 'checked', 'refused')),
  order_id        uuid,
  body            bytea,
  received_at     timestamptz NOT NULL,
  CONSTRAINT inbox_pkey PRIMARY KEY (merchant_id, psp_account_id, message_id)
);
CREATE FUNCTION check_new_inbox() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  PERFORM FROM fresh n WHERE (SELECT p.id FROM public.psp_accounts p WHERE p.merchant_id = n.merchant_id AND p.id = n.psp_account_id)
    IS NULL LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = '23000', TABLE = TG_TABLE_NAME, MESSAGE = 'a message comes to a PSP account of its merchant';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER inbox_is_of_its_merchant AFTER INSERT ON inbox REFERENCING NEW TABLE AS fresh
EXECUTE FUNCTION check_new_inbox();

-- One job of a kind per order. A claim moves run_at to the end of the lease: a worker that dies gives its jobs back by itself.
-- tries is 0 until the first claim.
CREATE TABLE jobs (
  kind         text NOT NULL,
  order_id     uuid NOT NULL,
  merchant_id  uuid NOT NULL,
  run_at       timestamptz NOT NULL,
  tries        integer NOT NULL,
  CONSTRAINT jobs_pkey PRIMARY KEY (merchant_id, kind, order_id)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000);
CREATE INDEX jobs_by_time ON jobs (run_at);

CREATE TABLE idempotency_keys (
  merchant_id   uuid NOT NULL,
  key           text NOT NULL,
  fingerprint   bytea NOT NULL CHECK (length(fingerprint) = 32),
  locked_until  timestamptz NOT NULL,
  order_id      uuid,
  answer_kind   text,
  answer_body   bytea,
  created_at    timestamptz NOT NULL,
  CONSTRAINT idempotency_keys_pkey PRIMARY KEY (merchant_id, key),
  CHECK ((answer_kind IS NULL) = (answer_body IS NULL))
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

-- A request that is repeated gets the same answer, byte for byte. Old keys may be deleted.
CREATE TRIGGER idempotency_keys_keep_their_answer AFTER UPDATE ON idempotency_keys FOR EACH ROW
WHEN (OLD.answer_kind IS NOT NULL)
EXECUTE FUNCTION refuse('the first answer stays');
CREATE FUNCTION check_new_idempotency_keys() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  PERFORM FROM fresh n WHERE (SELECT m.id FROM public.merchants m WHERE m.id = n.merchant_id) IS NULL LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = '23000', TABLE = TG_TABLE_NAME, MESSAGE = 'a request is of a merchant';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER idempotency_keys_are_of_a_merchant AFTER INSERT ON idempotency_keys REFERENCING NEW TABLE AS fresh
EXECUTE FUNCTION check_new_idempotency_keys();
