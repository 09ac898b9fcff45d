-- The archive: orders that are over, with their attempts, out of the way of what lives. Each order with its attempts is in one place: among
-- the living, or here. To delete it in the one place is to move it to the other, whoever deletes: so nothing is lost, nothing is there twice,
-- and an attempt never lies apart from its order.
--
-- Not in partitions: a reference and a token are taken for ever and found by no more than themselves, and no unique index goes over
-- partitions. Each new order would have to ask every month.

CREATE TABLE archived_orders (LIKE payment_orders INCLUDING CONSTRAINTS);
ALTER TABLE archived_orders
  ADD CONSTRAINT archived_orders_pkey PRIMARY KEY (merchant_id, id),
  ADD CONSTRAINT archived_orders_reference UNIQUE (merchant_id, reference),
  ADD CONSTRAINT archived_orders_are_over
    CHECK (status = ANY ('{succeeded, failed, canceled, expired}') AND amount_refunding = 0);
CREATE INDEX archived_orders_by_id ON archived_orders (uuid_send(id));

CREATE TABLE archived_attempts (LIKE attempts INCLUDING CONSTRAINTS);
ALTER TABLE archived_attempts
  DROP COLUMN slot,
  ADD CONSTRAINT archived_attempts_pkey PRIMARY KEY (merchant_id, id),
  ADD CONSTRAINT archived_attempts_by_order UNIQUE (merchant_id, order_id, number),
  ADD CONSTRAINT archived_attempts_are_over
    CHECK (status = ANY ('{captured, failed, canceled, expired}') AND capturing = 0 AND refunding = 0 AND open_disputes = 0);
CREATE UNIQUE INDEX archived_attempts_by_token ON archived_attempts (merchant_id, psp_account_id, token) WHERE token IS NOT NULL;
CREATE INDEX archived_attempts_by_psp_payment ON archived_attempts (merchant_id, psp_account_id, psp_payment)
  WHERE psp_payment IS NOT NULL;

-- As with the living tables: until they are looked at, they are shown how their rows will be.
DO $$
BEGIN
  CREATE TEMPORARY TABLE archived ON COMMIT DROP AS
    SELECT ('00000000-0000-7000-8000-00000000000' || n % 4)::uuid AS merchant_id, gen_random_uuid() AS id, n, n::text AS name,
      timestamptz '2026-01-01' + n * interval '1 s' AS at
    FROM generate_series(1, 1000) n;
  INSERT INTO archived_orders (merchant_id, id, reference, amount, currency, details, expires_at, created_at, status, version, updated_at,
      amount_authorized, amount_captured, amount_refunded, amount_disputed, amount_refunding, status_version, paid_late)
    SELECT merchant_id, id, name, 1, 'EUR', '{}', at, at, 'failed', 1 + n % 6, at, 0, 0, 0, 0, 0, 1, false FROM archived;
  INSERT INTO archived_attempts (merchant_id, id, order_id, number, psp_account_id, psp, created_at, status, token, psp_payment, declines,
      authorized, captured, surplus, capturing, refunded, refunding, disputed, open_disputes)
    SELECT merchant_id, id, id, 1, merchant_id, 'psp', at, 'failed', name, name, 0, 0, 0, false, 0, 0, 0, 0, 0 FROM archived;
  ANALYZE archived_orders, archived_attempts;
  -- In a transaction within the one that made the tables: else they count as looked at and empty, and not as never looked at.
  BEGIN
    TRUNCATE archived_orders, archived_attempts;
  EXCEPTION WHEN division_by_zero THEN NULL;
  END;
END $$;

-- What moves does so with the rights of the owner: the program may ask for it, and may neither delete nor write here by itself. Without
-- sequential scans, and without joins that read a whole table: the plans are kept while the tables grow.
CREATE FUNCTION move_orders_to_the_archive() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
  PERFORM FROM gone g WHERE (SELECT d.id FROM public.disputes d WHERE d.merchant_id = g.merchant_id AND d.order_id = g.id
      AND d.status <> ALL ('{closed, won, lost}') LIMIT 1) IS NOT NULL
    OR (SELECT r.id FROM public.refunds r WHERE r.merchant_id = g.merchant_id AND r.order_id = g.id
      AND r.status = ANY ('{pending, unknown}') LIMIT 1) IS NOT NULL
    OR (SELECT c.id FROM public.captures c WHERE c.merchant_id = g.merchant_id AND c.order_id = g.id
      AND c.status = ANY ('{pending, unknown}') LIMIT 1) IS NOT NULL
    OR (SELECT j.kind FROM public.jobs j WHERE j.merchant_id = g.merchant_id AND j.kind = 'attend' AND j.subject_id = g.id) IS NOT NULL
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = '23000', TABLE = TG_TABLE_NAME, MESSAGE = 'an order that something is open of is not archived';
  END IF;
  INSERT INTO public.archived_orders (
      merchant_id, id, reference, amount, currency, details, expires_at, created_at, status, version, updated_at, amount_authorized,
      amount_captured, amount_refunded, amount_disputed, paid_by, cancel_requested_at, paid_late, amount_refunding, status_version,
      claim)
    SELECT
      merchant_id, id, reference, amount, currency, details, expires_at, created_at, status, version, updated_at, amount_authorized,
      amount_captured, amount_refunded, amount_disputed, paid_by, cancel_requested_at, paid_late, amount_refunding, status_version,
      claim
    FROM gone;
  -- Where the customer came from matters only while an attempt can follow.
  DELETE FROM public.visits v USING gone g WHERE v.merchant_id = g.merchant_id AND v.order_id = g.id;
  DELETE FROM public.attempts a USING gone g WHERE a.merchant_id = g.merchant_id AND a.order_id = g.id;
  RETURN NULL;
END $$;
DROP TRIGGER payment_orders_are_kept ON payment_orders;
CREATE TRIGGER payment_orders_go_to_the_archive AFTER DELETE ON payment_orders REFERENCING OLD TABLE AS gone
EXECUTE FUNCTION move_orders_to_the_archive();

CREATE FUNCTION move_attempts_to_the_archive() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
  PERFORM FROM gone g WHERE (SELECT o.id FROM public.archived_orders o WHERE o.merchant_id = g.merchant_id AND o.id = g.order_id) IS NULL
    LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = '23000', TABLE = TG_TABLE_NAME, MESSAGE = 'an attempt goes where its order goes';
  END IF;
  INSERT INTO public.archived_attempts (
      merchant_id, id, order_id, number, psp_account_id, psp, created_at, status, token, psp_payment, redirect_url, decline, declines,
      check_at, authorized, captured, surplus, fees, capturing, refunded, refunding, disputed, open_disputes)
    SELECT
      merchant_id, id, order_id, number, psp_account_id, psp, created_at, status, token, psp_payment, redirect_url, decline, declines,
      check_at, authorized, captured, surplus, fees, capturing, refunded, refunding, disputed, open_disputes
    FROM gone;
  RETURN NULL;
END $$;
DROP TRIGGER attempts_are_kept ON attempts;
CREATE TRIGGER attempts_go_to_the_archive AFTER DELETE ON attempts REFERENCING OLD TABLE AS gone
EXECUTE FUNCTION move_attempts_to_the_archive();

CREATE FUNCTION move_orders_back() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
  INSERT INTO public.payment_orders (
      merchant_id, id, reference, amount, currency, details, expires_at, created_at, status, version, updated_at, amount_authorized,
      amount_captured, amount_refunded, amount_disputed, paid_by, cancel_requested_at, paid_late, amount_refunding, status_version,
      claim)
    SELECT
      merchant_id, id, reference, amount, currency, details, expires_at, created_at, status, version, updated_at, amount_authorized,
      amount_captured, amount_refunded, amount_disputed, paid_by, cancel_requested_at, paid_late, amount_refunding, status_version,
      claim
    FROM gone;
  DELETE FROM public.archived_attempts a USING gone g WHERE a.merchant_id = g.merchant_id AND a.order_id = g.id;
  RETURN NULL;
END $$;
CREATE TRIGGER archived_orders_come_back AFTER DELETE ON archived_orders REFERENCING OLD TABLE AS gone
EXECUTE FUNCTION move_orders_back();

CREATE FUNCTION move_attempts_back() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
  PERFORM FROM gone g WHERE (SELECT o.id FROM public.payment_orders o WHERE o.merchant_id = g.merchant_id AND o.id = g.order_id) IS NULL
    LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = '23000', TABLE = TG_TABLE_NAME, MESSAGE = 'an attempt goes where its order goes';
  END IF;
  INSERT INTO public.attempts (
      merchant_id, id, order_id, number, psp_account_id, psp, created_at, status, token, psp_payment, redirect_url, decline, declines,
      check_at, authorized, captured, surplus, fees, capturing, refunded, refunding, disputed, open_disputes)
    SELECT
      merchant_id, id, order_id, number, psp_account_id, psp, created_at, status, token, psp_payment, redirect_url, decline, declines,
      check_at, authorized, captured, surplus, fees, capturing, refunded, refunding, disputed, open_disputes
    FROM gone;
  RETURN NULL;
END $$;
CREATE TRIGGER archived_attempts_come_back AFTER DELETE ON archived_attempts REFERENCING OLD TABLE AS gone
EXECUTE FUNCTION move_attempts_back();

-- Nothing comes here but by those triggers, nothing changes here, and nothing is emptied.
CREATE TRIGGER archived_orders_have_lived BEFORE INSERT ON archived_orders FOR EACH ROW WHEN (pg_trigger_depth() = 0)
EXECUTE FUNCTION refuse('what is archived has lived');
CREATE TRIGGER archived_attempts_have_lived BEFORE INSERT ON archived_attempts FOR EACH ROW WHEN (pg_trigger_depth() = 0)
EXECUTE FUNCTION refuse('what is archived has lived');
CREATE TRIGGER archived_orders_never_change BEFORE UPDATE ON archived_orders FOR EACH ROW
EXECUTE FUNCTION refuse('what is archived does not change where it lies');
CREATE TRIGGER archived_attempts_never_change BEFORE UPDATE ON archived_attempts FOR EACH ROW
EXECUTE FUNCTION refuse('what is archived does not change where it lies');
CREATE TRIGGER archived_orders_are_not_emptied BEFORE TRUNCATE ON archived_orders
EXECUTE FUNCTION refuse('payment orders are never deleted');
CREATE TRIGGER archived_attempts_are_not_emptied BEFORE TRUNCATE ON archived_attempts
EXECUTE FUNCTION refuse('attempts are never deleted');

-- A part of an order moves beside its order, and so among the living.
CREATE OR REPLACE FUNCTION check_moved_captures() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  PERFORM FROM fresh n WHERE n.status = 'succeeded' AND n.total
    > coalesce((SELECT a.captured FROM public.attempts a WHERE a.merchant_id = n.merchant_id AND a.id = n.attempt_id), 0) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = '23000', TABLE = TG_TABLE_NAME, MESSAGE = 'a capture succeeds with the money of its attempt';
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION check_moved_disputes() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  -- One after the other: of two who come at once, the second is to see what the first took.
  PERFORM FROM (SELECT (SELECT a.id FROM public.attempts a WHERE a.merchant_id = n.merchant_id AND a.id = n.attempt_id FOR NO KEY UPDATE) AS id
    FROM fresh n OFFSET 0) living WHERE living.id IS NULL LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = '23000', TABLE = TG_TABLE_NAME, MESSAGE = 'a part of an order that is archived does not move';
  END IF;
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

-- What is taken in the archive is taken among the living, too.
CREATE OR REPLACE FUNCTION check_new_payment_orders() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  broken text;
BEGIN
  SELECT said.broken INTO broken FROM fresh n, LATERAL (SELECT CASE
      WHEN (SELECT m.id FROM public.merchants m WHERE m.id = n.merchant_id) IS NULL THEN 'merchant'
      WHEN (SELECT a.id FROM public.archived_orders a WHERE a.merchant_id = n.merchant_id AND a.reference = n.reference) IS NOT NULL
        THEN 'payment_orders_reference'
      WHEN (SELECT a.id FROM public.archived_orders a WHERE a.merchant_id = n.merchant_id AND a.id = n.id) IS NOT NULL
        THEN 'payment_orders_pkey'
    END AS broken OFFSET 0) said
  WHERE said.broken IS NOT NULL LIMIT 1;
  IF broken = 'merchant' THEN
    RAISE EXCEPTION USING ERRCODE = '23000', TABLE = TG_TABLE_NAME, MESSAGE = 'a payment order is of a merchant';
  ELSIF broken IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = '23505', TABLE = TG_TABLE_NAME, CONSTRAINT = broken, MESSAGE = 'taken: payment_orders';
  END IF;
  RETURN NULL;
END $$;

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
      WHEN n.token IS NOT NULL AND (SELECT a.id FROM public.archived_attempts a
        WHERE a.merchant_id = n.merchant_id AND a.psp_account_id = n.psp_account_id AND a.token = n.token) IS NOT NULL THEN 'taken'
    END AS broken OFFSET 0) said
  WHERE said.broken IS NOT NULL LIMIT 1;
  IF broken = 'taken' THEN
    RAISE EXCEPTION USING ERRCODE = '23505', TABLE = TG_TABLE_NAME, MESSAGE = 'taken: attempts';
  ELSIF broken IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = '23000', TABLE = TG_TABLE_NAME, MESSAGE = broken;
  END IF;
  RETURN NULL;
END $$;

-- A token comes to an attempt once.
CREATE FUNCTION check_token() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  IF (SELECT a.id FROM public.archived_attempts a
      WHERE a.merchant_id = NEW.merchant_id AND a.psp_account_id = NEW.psp_account_id AND a.token = NEW.token) IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = '23505', TABLE = TG_TABLE_NAME, MESSAGE = 'taken: attempts.token';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER attempts_take_no_archived_token AFTER UPDATE ON attempts FOR EACH ROW
WHEN (OLD.token IS NULL AND NEW.token IS NOT NULL)
EXECUTE FUNCTION check_token();

-- Moves those of these orders to the archive that are over and that nothing has changed since a moment, and says how many. Those that somebody
-- else has in hand stay.
CREATE FUNCTION archive_orders(whose uuid, wanted uuid[], quiet_since timestamptz) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  free uuid[];
  moved bigint;
BEGIN
  SELECT array_agg(f.id) INTO free FROM (
    SELECT o.id FROM public.payment_orders o WHERE o.merchant_id = whose AND o.id = ANY (wanted) AND o.updated_at < quiet_since
    ORDER BY o.id FOR UPDATE SKIP LOCKED) f;
  -- They are in our hands now, and this statement sees all that was done to them before.
  DELETE FROM public.payment_orders o WHERE o.merchant_id = whose AND o.id = ANY (free)
    AND o.status = ANY ('{succeeded, failed, canceled, expired}') AND o.amount_refunding = 0
    AND (SELECT count(*) FROM public.jobs j WHERE j.merchant_id = whose AND j.kind = 'attend' AND j.subject_id = o.id) = 0
    AND (SELECT count(*) FROM public.attempts a WHERE a.merchant_id = whose AND a.order_id = o.id
      AND (a.status <> ALL ('{captured, failed, canceled, expired}') OR a.capturing <> 0 OR a.refunding <> 0 OR a.open_disputes <> 0)) = 0
    AND (SELECT count(*) FROM public.disputes d WHERE d.merchant_id = whose AND d.order_id = o.id
      AND d.status <> ALL ('{closed, won, lost}')) = 0;
  GET DIAGNOSTICS moved = ROW_COUNT;
  RETURN moved;
END $$;

-- Brings those of these orders back that are in the archive, and says how many.
CREATE FUNCTION bring_back(whose uuid[], wanted uuid[]) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  moved bigint;
BEGIN
  DELETE FROM public.archived_orders a USING unnest(whose, wanted) AS w (merchant_id, id)
  WHERE a.merchant_id = w.merchant_id AND a.id = w.id;
  GET DIAGNOSTICS moved = ROW_COUNT;
  RETURN moved;
END $$;

REVOKE EXECUTE ON FUNCTION archive_orders(uuid, uuid[], timestamptz), bring_back(uuid[], uuid[]) FROM PUBLIC;
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'ducat_app') THEN
    GRANT SELECT ON archived_orders, archived_attempts TO ducat_app;
    GRANT EXECUTE ON FUNCTION archive_orders(uuid, uuid[], timestamptz), bring_back(uuid[], uuid[]) TO ducat_app;
  END IF;
END $$;
