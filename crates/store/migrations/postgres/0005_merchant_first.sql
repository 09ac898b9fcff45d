-- Attempts are found by their merchant, as everything else is: the merchant comes first in every key, so that a merchant's rows lie
-- together, and can be spread by merchant over several servers.

ALTER TABLE attempts ADD COLUMN merchant_id uuid;
UPDATE attempts a SET merchant_id = p.merchant_id FROM psp_accounts p WHERE p.id = a.psp_account_id;
ALTER TABLE attempts ALTER COLUMN merchant_id SET NOT NULL;

ALTER TABLE attempts
  DROP CONSTRAINT attempts_pkey, ADD CONSTRAINT attempts_pkey PRIMARY KEY (merchant_id, id),
  DROP CONSTRAINT attempts_by_order, ADD CONSTRAINT attempts_by_order UNIQUE (merchant_id, order_id, number);
DROP INDEX attempts_by_token, attempts_by_slot, attempts_by_psp_payment;
CREATE UNIQUE INDEX attempts_by_token ON attempts (merchant_id, psp_account_id, token) WHERE token IS NOT NULL;
CREATE UNIQUE INDEX attempts_by_slot ON attempts (merchant_id, order_id, slot) WHERE slot IS NOT NULL;
CREATE INDEX attempts_by_psp_payment ON attempts (merchant_id, psp_account_id, psp_payment) WHERE psp_payment IS NOT NULL;

DROP TRIGGER attempts_keep_what_they_are ON attempts;
CREATE TRIGGER attempts_keep_what_they_are
AFTER UPDATE OF id, merchant_id, order_id, number, psp_account_id, psp, created_at ON attempts FOR EACH ROW
WHEN (NEW.id <> OLD.id OR NEW.merchant_id <> OLD.merchant_id OR NEW.order_id <> OLD.order_id OR NEW.number <> OLD.number
  OR NEW.psp_account_id <> OLD.psp_account_id OR NEW.psp <> OLD.psp OR NEW.created_at <> OLD.created_at)
EXECUTE FUNCTION refuse('what an attempt is never changes');

CREATE OR REPLACE FUNCTION check_new_attempts() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  broken text;
BEGIN
  SELECT said.broken INTO broken FROM fresh n, LATERAL (SELECT CASE
      WHEN (SELECT o.id FROM public.payment_orders o WHERE o.merchant_id = n.merchant_id AND o.id = n.order_id) IS NULL
        THEN 'an attempt is of its order''s merchant'
      WHEN (SELECT p.id FROM public.psp_accounts p WHERE p.merchant_id = n.merchant_id AND p.id = n.psp_account_id) IS NULL
        THEN 'an attempt goes to a PSP account of the order''s merchant'
    END AS broken OFFSET 0) said
  WHERE said.broken IS NOT NULL LIMIT 1;
  IF broken IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = '23000', TABLE = TG_TABLE_NAME, MESSAGE = broken;
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION check_new_captures() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  broken text;
BEGIN
  SELECT CASE
      WHEN a.capturing IS NULL THEN 'a capture belongs to an attempt of its order and merchant'
      ELSE 'a capture begins as the one that its attempt has under way'
    END INTO broken
  FROM fresh n LEFT JOIN LATERAL (
    SELECT a.capturing FROM public.attempts a, public.payment_orders o
    WHERE a.merchant_id = n.merchant_id AND a.id = n.attempt_id AND a.order_id = n.order_id AND a.psp_account_id = n.psp_account_id
      AND o.merchant_id = n.merchant_id AND o.id = n.order_id AND o.currency = n.currency OFFSET 0) a ON true
  WHERE n.total IS DISTINCT FROM a.capturing OR n.status NOT IN ('pending', 'unknown')
  LIMIT 1;
  IF broken IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = '23000', TABLE = TG_TABLE_NAME, MESSAGE = broken;
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION check_moved_captures() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  PERFORM FROM fresh n WHERE n.status = 'succeeded' AND n.total
    > (SELECT a.captured FROM public.attempts a WHERE a.merchant_id = n.merchant_id AND a.id = n.attempt_id) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = '23000', TABLE = TG_TABLE_NAME, MESSAGE = 'a capture succeeds with the money of its attempt';
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION check_refunds() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  broken text;
BEGIN
  -- One after the other: of two who come at once, the second is to see what the first gave back.
  PERFORM (SELECT a.id FROM public.attempts a WHERE a.merchant_id = n.merchant_id AND a.id = n.attempt_id FOR NO KEY UPDATE)
  FROM fresh n;
  SELECT CASE
      WHEN a.known IS NULL THEN 'a refund belongs to an attempt of its order and merchant'
      ELSE 'refunds stay within what their attempt gives back'
    END INTO broken
  FROM fresh n LEFT JOIN LATERAL (
    SELECT true AS known, a.refunded + a.refunding AS limit FROM public.attempts a, public.payment_orders o
    WHERE a.merchant_id = n.merchant_id AND a.id = n.attempt_id AND a.order_id = n.order_id AND a.psp_account_id = n.psp_account_id
      AND o.merchant_id = n.merchant_id AND o.id = n.order_id AND o.currency = n.currency OFFSET 0) a ON true
  WHERE a.known IS NULL OR (n.status <> 'failed' AND a.limit < (SELECT sum(r.amount) FROM public.refunds r
    WHERE r.merchant_id = n.merchant_id AND r.order_id = n.order_id AND r.attempt_id = n.attempt_id AND r.status <> 'failed'))
  LIMIT 1;
  IF broken IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = '23000', TABLE = TG_TABLE_NAME, MESSAGE = broken;
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION check_new_disputes() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  broken text;
BEGIN
  -- One after the other: of two who come at once, the second is to see what the first took.
  PERFORM (SELECT a.id FROM public.attempts a WHERE a.merchant_id = n.merchant_id AND a.id = n.attempt_id FOR NO KEY UPDATE)
  FROM fresh n;
  SELECT CASE
      WHEN a.disputed IS NULL THEN 'a dispute belongs to an attempt of its order and merchant'
      ELSE 'what is withdrawn is disputed on the attempt too'
    END INTO broken
  FROM fresh n LEFT JOIN LATERAL (
    SELECT a.disputed FROM public.attempts a, public.payment_orders o
    WHERE a.merchant_id = n.merchant_id AND a.id = n.attempt_id AND a.order_id = n.order_id AND a.psp_account_id = n.psp_account_id
      AND o.merchant_id = n.merchant_id AND o.id = n.order_id AND o.currency = n.currency OFFSET 0) a ON true
  WHERE a.disputed IS NULL OR (n.withdrawn AND a.disputed < (SELECT sum(d.amount) FROM public.disputes d
    WHERE d.merchant_id = n.merchant_id AND d.order_id = n.order_id AND d.attempt_id = n.attempt_id AND d.withdrawn AND NOT d.returned))
  LIMIT 1;
  IF broken IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = '23000', TABLE = TG_TABLE_NAME, MESSAGE = broken;
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION check_moved_disputes() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  -- One after the other: of two who come at once, the second is to see what the first took.
  PERFORM (SELECT a.id FROM public.attempts a WHERE a.merchant_id = n.merchant_id AND a.id = n.attempt_id FOR NO KEY UPDATE)
  FROM fresh n;
  PERFORM FROM stale o JOIN fresh n ON n.merchant_id = o.merchant_id AND n.id = o.id
  WHERE n.withdrawn AND NOT o.withdrawn AND (SELECT sum(d.amount) FROM public.disputes d WHERE d.merchant_id = n.merchant_id
      AND d.order_id = n.order_id AND d.attempt_id = n.attempt_id AND d.withdrawn AND NOT d.returned)
    > (SELECT a.disputed FROM public.attempts a WHERE a.merchant_id = n.merchant_id AND a.id = n.attempt_id)
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = '23000', TABLE = TG_TABLE_NAME, MESSAGE = 'what is withdrawn is disputed on the attempt too';
  END IF;
  RETURN NULL;
END $$;

-- For the checks: the id that a reference of the journal or the name of an account names (of refs:re_… a refund's), and an id as people
-- see it: 26 digits to the base of 32, without i, l, o and u.
CREATE FUNCTION named(name text) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT CASE WHEN id.said ~ '^(mer|pa|psp|re|dp|pout|je)_[0-7][0-9a-hjkmnp-tv-z]{25}$' THEN (
    SELECT (lpad(to_hex(substr(bits.said, 3, 64)::bit(64)::bigint), 16, '0')
      || lpad(to_hex(substr(bits.said, 67)::bit(64)::bigint), 16, '0'))::uuid
    FROM (
      SELECT string_agg((strpos('0123456789abcdefghjkmnpqrstvwxyz', digit) - 1)::bit(5)::text, '' ORDER BY place) AS said
      FROM string_to_table(right(id.said, 26), NULL) WITH ORDINALITY AS digits (digit, place)
    ) bits) END
  FROM (SELECT split_part(name, ':', 2) AS said) id
$$;
CREATE FUNCTION shown(prefix text, id uuid) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN id IS NULL OR prefix NOT IN ('mer', 'po', 'pa', 'psp', 'evt', 'je', 'cap', 're', 'dp', 'pout', 'exc') THEN ''
    ELSE (
      SELECT prefix || '_' || string_agg(
        substr('0123456789abcdefghjkmnpqrstvwxyz', substr(bits.said, place * 5 + 1, 5)::bit(5)::integer + 1, 1), '' ORDER BY place)
      FROM generate_series(0, 25) place,
        (SELECT '00' || ('x' || replace(id::text, '-', ''))::bit(128)::text AS said) bits) END
$$;

-- A customer's page knows nothing but the order's id. The index is of the id's bytes: an index of the id itself would be walked for the list
-- of a merchant's orders, newest first, over the orders of all other merchants.
CREATE INDEX payment_orders_by_id ON payment_orders (uuid_send(id));

-- Words of the checks that SQLite has and PostgreSQL does not.
CREATE FUNCTION iif(yes boolean, one anycompatible, other anycompatible) RETURNS anycompatible LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN yes THEN one ELSE other END
$$;
CREATE FUNCTION instr(said text, wanted text) RETURNS integer LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT strpos(said, wanted)
$$;
CREATE FUNCTION hex(id uuid) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT upper(replace(id::text, '-', ''))
$$;

-- The writer sends a whole transaction at once, and cannot look at one answer before it sends the next statement. So each statement that
-- moves rows says how many it must have found; where it did not, the transaction ends here, and with it what follows.
CREATE FUNCTION must_be(counted bigint, wanted bigint, why text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF counted <> wanted THEN
    RAISE EXCEPTION USING ERRCODE = CASE WHEN why = 'stale' THEN 'DU409' ELSE '23000' END, MESSAGE = why;
  END IF;
END $$;

-- The first row that each transaction of the writer writes. Where the answer to a commit was lost, whoever can write its mark knows that it
-- was not committed, and never will be. Marks are kept for a day.
CREATE TABLE write_marks (
  id  uuid NOT NULL PRIMARY KEY,
  at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX write_marks_by_age ON write_marks (at);

-- What the running program may do, and nothing else: grant this role to the user it connects as. Roles belong to the whole server: another
-- database may have made it already, or be about to. Who may not make roles goes without.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'ducat_app') THEN
    CREATE ROLE ducat_app NOLOGIN;
  END IF;
EXCEPTION
  WHEN duplicate_object OR unique_violation THEN NULL;
  WHEN insufficient_privilege THEN RAISE NOTICE 'the role ducat_app is not made: %', SQLERRM;
END $$;

REVOKE EXECUTE ON FUNCTION make_month(timestamptz), wind_event_clock(), guard_partition(regclass, regclass) FROM PUBLIC;
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'ducat_app') THEN
    GRANT USAGE ON SCHEMA public TO ducat_app;
    GRANT SELECT ON accounts, api_keys, attempts, balances, captures, declines, dispute_files, disputes, event_clock, events, exceptions,
      idempotency_keys, inbox, jobs, journal_entries, merchants, payment_orders, payouts, postings, psp_accounts, psp_cursors, psp_lines,
      refunds, visits, webhook_deliveries, webhook_endpoints, webhook_replays, webhook_tries, write_marks TO ducat_app;
    IF to_regclass('schema_migrations') IS NOT NULL THEN
      GRANT SELECT ON schema_migrations TO ducat_app;
    END IF;
    GRANT INSERT ON accounts, api_keys, attempts, balances, captures, declines, dispute_files, disputes, events, exceptions,
      idempotency_keys, inbox, jobs, journal_entries, merchants, payment_orders, payouts, postings, psp_accounts, psp_cursors, psp_lines,
      refunds, visits, webhook_deliveries, webhook_endpoints, webhook_replays, webhook_tries, write_marks TO ducat_app;
    GRANT UPDATE ON api_keys, attempts, balances, captures, dispute_files, disputes, exceptions, idempotency_keys, jobs, payment_orders,
      payouts, psp_accounts, psp_cursors, refunds, visits, webhook_deliveries, webhook_endpoints, webhook_replays TO ducat_app;
    GRANT DELETE ON declines, dispute_files, idempotency_keys, jobs, visits, webhook_deliveries, webhook_replays, webhook_tries,
      write_marks TO ducat_app;
    GRANT EXECUTE ON FUNCTION make_month(timestamptz), wind_event_clock() TO ducat_app;
  END IF;
END $$;

-- Of a table that was never looked at, PostgreSQL believes that one merchant has as few rows as one id, and finds a row by walking over all
-- that the merchant has. Plans are kept while the table grows, so until the first ANALYZE of a busy new database each change would cost more
-- than the one before. So the tables of wide rows are shown how their rows will be: a thousand that are gone again. The statistics stay.
DO $$
DECLARE
  wide text;
BEGIN
  IF EXISTS (SELECT FROM payment_orders) OR EXISTS (SELECT FROM idempotency_keys) OR EXISTS (SELECT FROM jobs) THEN
    RETURN;
  END IF;
  FOREACH wide IN ARRAY ARRAY['payment_orders', 'attempts', 'captures', 'refunds', 'disputes', 'dispute_files', 'idempotency_keys'] LOOP
    EXECUTE format('ALTER TABLE %I DISABLE TRIGGER USER', wide);
  END LOOP;
  CREATE TEMPORARY TABLE example ON COMMIT DROP AS
    SELECT ('00000000-0000-7000-8000-00000000000' || n % 4)::uuid AS merchant_id, gen_random_uuid() AS id, n, n::text AS name,
      timestamptz '2026-01-01' + n * interval '1 s' AS at
    FROM generate_series(1, 1000) n;
  INSERT INTO payment_orders (merchant_id, id, reference, amount, currency, details, expires_at, created_at, status, version, updated_at,
      amount_authorized, amount_captured, amount_refunded, amount_disputed, paid_late)
    SELECT merchant_id, id, name, 1, 'EUR', '{}', at, at, 'pending', 1 + n % 6, at, 0, 0, 0, 0, false FROM example;
  INSERT INTO attempts (merchant_id, id, order_id, number, psp_account_id, psp, created_at, status, token, psp_payment, declines,
      authorized, captured, surplus)
    SELECT merchant_id, id, id, 1, merchant_id, 'psp', at, 'processing', name, name, 0, 0, 0, false FROM example;
  INSERT INTO captures (id, merchant_id, order_id, attempt_id, psp_account_id, amount, currency, total, is_final, status, check_at,
      created_at, updated_at)
    SELECT id, merchant_id, id, id, merchant_id, 1, 'EUR', 1, true, 'succeeded', at, at, at FROM example;
  INSERT INTO refunds (id, merchant_id, order_id, attempt_id, psp_account_id, amount, currency, origin, status, psp_refund, created_at,
      updated_at)
    SELECT id, merchant_id, id, id, merchant_id, 1, 'EUR', 'api', 'succeeded', name, at, at FROM example;
  INSERT INTO disputes (id, merchant_id, order_id, attempt_id, psp_account_id, psp_dispute, amount, currency, reason, status, withdrawn,
      returned, answers, opened_at, created_at, updated_at)
    SELECT id, merchant_id, id, id, merchant_id, name, 1, 'EUR', 'other', 'won', false, false, 0, at, at, at FROM example;
  INSERT INTO jobs (merchant_id, kind, subject_id, run_at, tries)
    SELECT merchant_id, CASE n % 8 WHEN 0 THEN 'capture' WHEN 1 THEN 'refund' ELSE 'attend' END, id, at, 0 FROM example;
  INSERT INTO idempotency_keys (merchant_id, key, fingerprint, locked_until, created_at)
    SELECT merchant_id, name, decode(repeat('00', 32), 'hex'), at, at FROM example;
  ANALYZE payment_orders, attempts, captures, refunds, disputes, jobs, idempotency_keys;
  TRUNCATE payment_orders, attempts, captures, refunds, disputes, dispute_files, jobs, idempotency_keys;
  FOREACH wide IN ARRAY ARRAY['payment_orders', 'attempts', 'captures', 'refunds', 'disputes', 'dispute_files', 'idempotency_keys'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE TRIGGER USER', wide);
  END LOOP;
END $$;
