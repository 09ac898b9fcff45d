-- What lay on a merchant's accounts is kept every so many entries, so that whoever asks for a moment of the past adds up what came since then,
-- and not all that was ever booked.

-- How far a merchant's books are closed.
CREATE TABLE books (
  merchant_id  uuid NOT NULL REFERENCES merchants (id),
  -- What was booked before this entry is closed.
  closed       uuid NOT NULL,
  -- What was booked before this one is being closed; the same where nothing is.
  closing      uuid NOT NULL,
  -- How often something was booked before that one all the same.
  late         bigint NOT NULL CHECK (late >= 0),
  CONSTRAINT books_pkey PRIMARY KEY (merchant_id),
  CHECK (closing >= closed)
);
CREATE TRIGGER books_are_only_closed_further AFTER UPDATE ON books FOR EACH ROW
WHEN (NEW.merchant_id <> OLD.merchant_id OR NEW.closed < OLD.closed OR NEW.closing < OLD.closing OR NEW.late < OLD.late)
EXECUTE FUNCTION refuse('what is closed stays closed');
CREATE TRIGGER books_are_kept BEFORE DELETE ON books FOR EACH ROW EXECUTE FUNCTION refuse('what is closed stays closed');
CREATE TRIGGER books_are_not_emptied BEFORE TRUNCATE ON books EXECUTE FUNCTION refuse('what is closed stays closed');

-- What lay on an account before an entry. Each account of the merchant that had a line by then has a row.
CREATE TABLE closings (
  merchant_id  uuid NOT NULL REFERENCES books (merchant_id),
  before       uuid NOT NULL,
  account_id   uuid NOT NULL,
  posted       bigint NOT NULL,
  pending      bigint NOT NULL,
  CONSTRAINT closings_pkey PRIMARY KEY (merchant_id, before, account_id),
  FOREIGN KEY (merchant_id, account_id) REFERENCES accounts (merchant_id, id)
);
CREATE TRIGGER closings_keep_what_they_are AFTER UPDATE ON closings FOR EACH ROW
WHEN (NEW.merchant_id <> OLD.merchant_id OR NEW.before <> OLD.before OR NEW.account_id <> OLD.account_id)
EXECUTE FUNCTION refuse('what is closed stays closed');
CREATE TRIGGER closings_are_kept BEFORE DELETE ON closings FOR EACH ROW EXECUTE FUNCTION refuse('what is closed stays closed');
CREATE TRIGGER closings_are_not_emptied BEFORE TRUNCATE ON closings EXECUTE FUNCTION refuse('what is closed stays closed');

-- Adds entries that come late to whatever was closed after them. Whoever is at closing books has their row in hand until that is committed, or
-- finds it changed and begins anew; so the row is taken first, and what was closed is looked at after that.
CREATE FUNCTION add_to_closings(merchants uuid[], entries uuid[]) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  lowest uuid := (SELECT n.id FROM unnest(entries) AS n(id) ORDER BY n.id LIMIT 1);
  highest uuid := (SELECT n.id FROM unnest(entries) AS n(id) ORDER BY n.id DESC LIMIT 1);
BEGIN
  PERFORM b.late FROM public.books b WHERE b.merchant_id = ANY (merchants) ORDER BY b.merchant_id FOR NO KEY UPDATE;
  UPDATE public.books b SET late = b.late + 1 WHERE b.merchant_id = ANY (merchants)
    AND EXISTS (SELECT FROM unnest(merchants, entries) AS n(merchant_id, id) WHERE n.merchant_id = b.merchant_id AND n.id < b.closing);
  WITH lines AS MATERIALIZED (
    SELECT n.merchant_id, n.id, p.account_id, p.layer, p.amount FROM unnest(merchants, entries) AS n(merchant_id, id), LATERAL (
      SELECT l.account_id, l.layer, l.amount FROM public.postings l
      WHERE l.entry_id >= lowest AND l.entry_id <= highest AND l.entry_id = n.id OFFSET 0) p
  ), later AS MATERIALIZED (
    SELECT DISTINCT x.merchant_id, x.before FROM public.closings x WHERE x.merchant_id = ANY (merchants) AND x.before > lowest
  ), sums AS (
    SELECT l.merchant_id, x.before, l.account_id, coalesce(sum(l.amount) FILTER (WHERE l.layer = 0), 0) AS posted,
      coalesce(sum(l.amount) FILTER (WHERE l.layer = 1), 0) AS pending
    FROM lines l JOIN later x ON x.merchant_id = l.merchant_id AND x.before > l.id
    GROUP BY l.merchant_id, x.before, l.account_id
  )
  INSERT INTO public.closings AS c (merchant_id, before, account_id, posted, pending)
  SELECT s.merchant_id, s.before, s.account_id, s.posted, s.pending FROM sums s ORDER BY 1, 2, 3
  ON CONFLICT (merchant_id, before, account_id) DO UPDATE SET posted = c.posted + excluded.posted, pending = c.pending + excluded.pending;
END $$;

-- As before, and no entry may be one that comes late. What was committed meanwhile must be seen for that.
CREATE OR REPLACE FUNCTION check_new_postings() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  broken text;
  lowest uuid := public.first_uuid(now() - interval '1 day');
  highest uuid := public.first_uuid(now() + interval '1 day');
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    PERFORM public.in_read_committed();
  END IF;
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
      = entry.lines
    AND (SELECT b.late FROM public.books b WHERE b.merchant_id = entry.merchant_id AND b.closing > entry.entry_id) IS NULL) IS NOT TRUE;
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
  PERFORM FROM fresh n WHERE (SELECT b.late FROM public.books b WHERE b.merchant_id = n.merchant_id AND b.closing > n.entry_id) IS NOT NULL
  LIMIT 1;
  IF FOUND THEN
    PERFORM public.add_to_closings(array_agg(n.merchant_id), array_agg(n.entry_id)) FROM (SELECT DISTINCT merchant_id, entry_id FROM fresh) n;
  END IF;
  RETURN NULL;
END $$;

DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'ducat_app') THEN
    GRANT SELECT, INSERT, UPDATE ON books, closings TO ducat_app;
    GRANT EXECUTE ON FUNCTION add_to_closings(uuid[], uuid[]) TO ducat_app;
  END IF;
END $$;
