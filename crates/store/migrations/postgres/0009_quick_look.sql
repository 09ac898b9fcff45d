-- The same rules for less time. Each group of payments calls these functions, and nearly every call has nothing to refuse. So each of them
-- first takes one quick look, of which a row comes out only where something is not as it is with nearly every payment. Where none does, all
-- rules are kept, and that was all. Where one does, which need not be a breach, it is gone about as before, and that says what is refused.
-- A query costs more than the rows that it finds, and each lookup in it more than a second row. docs/decisions/0016-rules-in-postgresql.md

-- Who begins in READ COMMITTED need not call a function to be told so.
DROP TRIGGER payment_orders_come_in_read_committed ON payment_orders;
CREATE TRIGGER payment_orders_come_in_read_committed BEFORE INSERT ON payment_orders
WHEN (current_setting('transaction_isolation') <> 'read committed')
EXECUTE FUNCTION written_in_read_committed();

CREATE OR REPLACE FUNCTION check_new_payment_orders() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  broken text;
BEGIN
  PERFORM FROM fresh n WHERE (SELECT m.id FROM public.merchants m WHERE m.id = n.merchant_id) IS NULL
    OR (SELECT a.id FROM public.archived_orders a WHERE a.merchant_id = n.merchant_id AND a.reference = n.reference) IS NOT NULL
    OR (SELECT a.id FROM public.archived_orders a WHERE a.merchant_id = n.merchant_id AND a.id = n.id) IS NOT NULL;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
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

-- Attempts. A version of the order's row that this transaction has written (xmin) is in its hands since then: whoever had the order before
-- is through, and this query, which sees all that is committed by now, sees what they wrote; whoever comes later waits. So there is nothing
-- to wait for, and the look at the other attempts may be the same query. An order that was not moved here is taken in hand first, and
-- then looked at anew. Of what is written within a savepoint xmin is another number, so that goes the long way.
CREATE OR REPLACE FUNCTION check_slots() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    PERFORM public.in_read_committed();
  END IF;
  PERFORM FROM fresh n WHERE public.slot_of(n.status, n.surplus) IS NOT NULL AND (
    (SELECT o.xmin = pg_current_xact_id()::xid FROM public.payment_orders o WHERE o.merchant_id = n.merchant_id AND o.id = n.order_id)
    AND (SELECT a.id FROM public.attempts a WHERE a.merchant_id = n.merchant_id AND a.order_id = n.order_id AND a.id <> n.id
      AND public.slot_of(a.status, a.surplus) = public.slot_of(n.status, n.surplus) LIMIT 1) IS NULL
    AND (n.status <> 'requires_action' OR (SELECT a.id FROM public.archived_attempts a WHERE a.merchant_id = n.merchant_id
      AND public.named_at(a.psp_account_id, a.token) = public.named_at(n.psp_account_id, n.token) AND a.token IS NOT NULL) IS NULL)
    ) IS NOT TRUE;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  PERFORM FROM fresh n WHERE n.status = 'requires_action' AND (SELECT a.id FROM public.archived_attempts a
    WHERE a.merchant_id = n.merchant_id AND public.named_at(a.psp_account_id, a.token) = public.named_at(n.psp_account_id, n.token)
      AND a.token IS NOT NULL) IS NOT NULL LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = '23505', TABLE = TG_TABLE_NAME, MESSAGE = 'taken: attempts.token';
  END IF;
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
-- A token mostly comes with the status in which the customer has to act. There the look into the archive is part of the one above.
DROP TRIGGER attempts_take_no_archived_token ON attempts;
CREATE TRIGGER attempts_take_no_archived_token AFTER UPDATE ON attempts FOR EACH ROW
WHEN (OLD.token IS NULL AND NEW.token IS NOT NULL AND NEW.status <> 'requires_action')
EXECUTE FUNCTION check_token();

-- New attempts are looked at once, by the function that looks at whose they are.
DROP TRIGGER attempts_begin_one_at_a_time ON attempts;
CREATE OR REPLACE FUNCTION check_new_attempts() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  broken text;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    PERFORM public.in_read_committed();
  END IF;
  PERFORM FROM fresh n WHERE (n.token IS NULL
    AND (SELECT o.xmin = pg_current_xact_id()::xid FROM public.payment_orders o WHERE o.merchant_id = n.merchant_id AND o.id = n.order_id)
    AND (SELECT a.id FROM public.attempts a WHERE a.merchant_id = n.merchant_id AND a.order_id = n.order_id AND a.id <> n.id
      AND public.slot_of(a.status, a.surplus) = public.slot_of(n.status, n.surplus) LIMIT 1) IS NULL
    AND (SELECT p.id FROM public.psp_accounts p WHERE p.merchant_id = n.merchant_id AND p.id = n.psp_account_id) IS NOT NULL
    AND (SELECT a.id FROM public.archived_attempts a WHERE a.merchant_id = n.merchant_id AND a.id = n.id) IS NULL) IS NOT TRUE;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  PERFORM (SELECT o.id FROM public.payment_orders o WHERE o.merchant_id = n.merchant_id AND o.id = n.order_id
    AND o.xmin <> pg_current_xact_id()::xid FOR NO KEY UPDATE) FROM fresh n;
  PERFORM FROM fresh n WHERE (SELECT count(*) FROM public.attempts a WHERE a.merchant_id = n.merchant_id AND a.order_id = n.order_id
    AND public.slot_of(a.status, a.surplus) = public.slot_of(n.status, n.surplus)) > 1 LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = '23505', TABLE = TG_TABLE_NAME, CONSTRAINT = 'attempts_begin_one_at_a_time',
      MESSAGE = 'taken: attempts, one is under way or has paid';
  END IF;
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

-- Events. Nearly each is of an order that this transaction has moved, so what is said of attempts holds here too. All events of an order
-- lie in months that are looked at, where the order is at least a day younger than the first of them; hours are added, because a day in
-- which clocks are set has 25. The quick look begins with the month in which three days ago lies. All months from there on are looked at:
-- nothing says that no event lies ahead. Not by bitmaps, which cost more than a few rows of an order do.
CREATE OR REPLACE FUNCTION check_new_events() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  broken text;
  oldest timestamptz := date_trunc('month', now() - interval '3 days', 'UTC');
  newest timestamptz;
  first timestamptz;
  lowest uuid := public.first_uuid(oldest);
  known uuid := public.first_uuid(oldest + interval '25 hours');
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    PERFORM public.in_read_committed();
  END IF;
  PERFORM FROM fresh n WHERE (n.subject_kind = 'payment_order' AND n.subject_id >= known
    AND (n.id >= n.subject_id OR public.moment_of(n.id) >= public.moment_of(n.subject_id) - interval '1 day')
    AND n.position >> 16 = (SELECT c.base + pg_current_xact_id()::text::bigint FROM public.event_clock c WHERE c.one)
    AND (SELECT o.xmin = pg_current_xact_id()::xid AND o.version = n.sequence FROM public.payment_orders o
      WHERE o.merchant_id = n.merchant_id AND o.id = n.subject_id)
    AND (SELECT count(*) FILTER (WHERE e.sequence = n.sequence) = 1
        AND (n.sequence = 1 OR count(*) FILTER (WHERE e.sequence = n.sequence - 1) > 0)
      FROM public.events e WHERE e.id >= lowest AND e.subject_id = n.subject_id)) IS NOT TRUE;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
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

-- The lines of nearly each entry are of one currency, and of this day. Then each entry is one group: its n lines are numbered from 0 without
-- a gap where 2 to the power of each number, summed up, is 2 to the power of n less one; no other n numbers come to that. It has as many
-- lines as came now, so none is older.
CREATE OR REPLACE FUNCTION check_new_postings() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  broken text;
  lowest uuid := public.first_uuid(now() - interval '1 day');
  highest uuid := public.first_uuid(now() + interval '1 day');
BEGIN
  PERFORM FROM (
    SELECT line.merchant_id, line.entry_id, line.currency, count(*) AS lines,
      sum(CASE WHEN line.line < 30 THEN 1 << line.line ELSE 0 END) AS numbers,
      sum(line.amount) AS amount, sum(line.amount) FILTER (WHERE line.layer = 0) AS posted
    FROM (
      SELECT n.merchant_id, n.entry_id, n.line, n.layer, n.amount,
        (SELECT a.currency FROM public.accounts a WHERE a.merchant_id = n.merchant_id AND a.id = n.account_id) AS currency
      FROM fresh n OFFSET 0
    ) line
    GROUP BY line.merchant_id, line.entry_id, line.currency
  ) entry
  WHERE (entry.entry_id >= lowest AND entry.entry_id < highest AND entry.currency IS NOT NULL
    AND entry.lines BETWEEN 2 AND 30 AND entry.numbers = (1::bigint << entry.lines::integer) - 1
    AND entry.amount = 0 AND (entry.posted = 0 OR entry.posted IS NULL)
    AND (SELECT e.id FROM public.journal_entries e
      WHERE e.id >= lowest AND e.id < highest AND e.merchant_id = entry.merchant_id AND e.id = entry.entry_id) IS NOT NULL
    AND (SELECT count(*) FROM public.postings p WHERE p.entry_id >= lowest AND p.entry_id < highest AND p.entry_id = entry.entry_id)
      = entry.lines) IS NOT TRUE;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
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

-- An entry and its order are mostly of one month, away from its edges, and the entry is of this day. Then no other month holds its reference.
CREATE OR REPLACE FUNCTION check_new_journal_entries() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  broken text;
  oldest timestamptz := date_trunc('month', now(), 'UTC');
  newest timestamptz;
  known uuid := public.first_uuid(oldest + interval '25 hours');
  first uuid := public.first_uuid(greatest(oldest, now() - interval '23 hours'));
  last uuid := public.first_uuid(date_trunc('month', oldest + interval '40 days', 'UTC') - interval '25 hours');
  lowest uuid := '00000000-0000-0000-0000-000000000000';
BEGIN
  PERFORM FROM fresh n WHERE (n.order_id >= known AND n.id >= first AND n.id < last
    AND (n.id >= n.order_id OR public.moment_of(n.id) >= public.moment_of(n.order_id) - interval '1 day')
    AND (SELECT o.id FROM public.payment_orders o WHERE o.merchant_id = n.merchant_id AND o.id = n.order_id) IS NOT NULL
    AND (SELECT p.line FROM public.postings p
      WHERE p.entry_id >= first AND p.entry_id < last AND p.entry_id = n.id AND p.line = 0 LIMIT 1) IS NOT NULL) IS NOT TRUE;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
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
