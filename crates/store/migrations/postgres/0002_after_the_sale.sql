-- After the sale: captures, refunds, disputes, payouts, the PSPs' statements, and what a person has to look at.

-- What moves on an order and its attempts.
ALTER TABLE payment_orders
  ADD COLUMN amount_refunding bigint NOT NULL DEFAULT 0
    CHECK (amount_refunding >= 0 AND amount_refunded + amount_refunding <= amount_captured),
  ADD COLUMN status_version integer NOT NULL DEFAULT 1 CHECK (status_version BETWEEN 1 AND version),
  ADD COLUMN claim jsonb;

ALTER TABLE attempts
  ADD COLUMN capturing bigint NOT NULL DEFAULT 0 CHECK (capturing >= 0),
  ADD COLUMN refunded bigint NOT NULL DEFAULT 0 CHECK (refunded >= 0),
  ADD COLUMN refunding bigint NOT NULL DEFAULT 0 CHECK (refunding >= 0 AND refunded + refunding <= captured),
  ADD COLUMN disputed bigint NOT NULL DEFAULT 0 CHECK (disputed >= 0),
  ADD COLUMN open_disputes integer NOT NULL DEFAULT 0 CHECK (open_disputes >= 0);
CREATE INDEX attempts_by_psp_payment ON attempts (psp_account_id, psp_payment) WHERE psp_payment IS NOT NULL;

-- The first event that told of the status an order has.
ALTER TABLE payment_orders DISABLE TRIGGER payment_orders_count_their_changes;
UPDATE payment_orders o SET status_version = coalesce(
  (SELECT min(e.sequence) FROM events e WHERE e.order_id = o.id AND e.snapshot ->> 'status' = o.status
     AND NOT EXISTS (SELECT FROM events later WHERE later.order_id = e.order_id AND later.sequence > e.sequence
       AND later.snapshot ->> 'status' <> o.status)), o.version);
ALTER TABLE payment_orders ENABLE TRIGGER payment_orders_count_their_changes;

CREATE TRIGGER payment_orders_date_their_status AFTER UPDATE ON payment_orders FOR EACH ROW
WHEN (NEW.status_version <> CASE WHEN NEW.status = OLD.status THEN OLD.status_version ELSE NEW.version END)
EXECUTE FUNCTION refuse('a status names the version it came with');
CREATE TRIGGER payment_orders_keep_their_claim AFTER UPDATE ON payment_orders FOR EACH ROW
WHEN (NEW.claim IS DISTINCT FROM OLD.claim AND (OLD.claim IS NOT NULL OR NEW.status <> ALL ('{authorized, succeeded}')))
EXECUTE FUNCTION refuse('a payment order with money is claimed once');

-- Whether a list begins with all of another list.
CREATE FUNCTION begins_with(list jsonb, beginning jsonb) RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
  RETURN beginning IS NULL OR (list IS NOT NULL AND NOT EXISTS (
    SELECT FROM generate_series(0, jsonb_array_length(beginning) - 1) place WHERE list -> place IS DISTINCT FROM beginning -> place));
END $$;

-- What a PSP charged is only added to.
CREATE TRIGGER attempts_keep_their_fees AFTER UPDATE ON attempts FOR EACH ROW
WHEN (NEW.fees IS DISTINCT FROM OLD.fees AND NOT begins_with(NEW.fees, OLD.fees))
EXECUTE FUNCTION refuse('the fees of an attempt are only added to');
CREATE TRIGGER attempts_keep_their_psp_payment AFTER UPDATE ON attempts FOR EACH ROW
WHEN (OLD.psp_payment IS NOT NULL AND NEW.psp_payment IS DISTINCT FROM OLD.psp_payment)
EXECUTE FUNCTION refuse('an attempt is one payment at its PSP');

-- Taking money that is held. One capture of an attempt is under way at a time.
CREATE TABLE captures (
  id              uuid NOT NULL,
  merchant_id     uuid NOT NULL,
  order_id        uuid NOT NULL,
  attempt_id      uuid NOT NULL,
  psp_account_id  uuid NOT NULL,
  amount          bigint NOT NULL CHECK (amount > 0),
  currency        text NOT NULL CHECK (length(currency) = 3),
  total           bigint NOT NULL CHECK (total >= amount),
  is_final        boolean NOT NULL,
  status          text NOT NULL CHECK (status IN ('pending', 'unknown', 'succeeded', 'failed')),
  failure         jsonb,
  check_at        timestamptz,
  created_at      timestamptz NOT NULL,
  updated_at      timestamptz NOT NULL,
  CONSTRAINT captures_pkey PRIMARY KEY (merchant_id, id),
  CHECK (status NOT IN ('pending', 'unknown') OR check_at IS NOT NULL)
) WITH (fillfactor = 85);
CREATE INDEX captures_by_order ON captures (merchant_id, order_id, id);
CREATE UNIQUE INDEX captures_one_open ON captures (merchant_id, attempt_id) WHERE status IN ('pending', 'unknown');

CREATE TRIGGER captures_keep_what_they_are
AFTER UPDATE OF id, merchant_id, order_id, attempt_id, psp_account_id, amount, currency, total, is_final, created_at ON captures FOR EACH ROW
WHEN (NEW.id <> OLD.id OR NEW.merchant_id <> OLD.merchant_id OR NEW.order_id <> OLD.order_id OR NEW.attempt_id <> OLD.attempt_id
  OR NEW.psp_account_id <> OLD.psp_account_id OR NEW.amount <> OLD.amount OR NEW.currency <> OLD.currency OR NEW.total <> OLD.total
  OR NEW.is_final <> OLD.is_final OR NEW.created_at <> OLD.created_at)
EXECUTE FUNCTION refuse('what a capture is never changes');
CREATE TRIGGER captures_keep_their_end AFTER UPDATE ON captures FOR EACH ROW
WHEN (OLD.status IN ('succeeded', 'failed'))
EXECUTE FUNCTION refuse('a capture ends once');
CREATE TRIGGER captures_are_kept BEFORE DELETE ON captures FOR EACH ROW
EXECUTE FUNCTION refuse('captures are never deleted');
CREATE TRIGGER captures_are_not_emptied BEFORE TRUNCATE ON captures
EXECUTE FUNCTION refuse('captures are never deleted');

CREATE FUNCTION check_new_captures() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  broken text;
BEGIN
  SELECT CASE
      WHEN a.capturing IS NULL THEN 'a capture belongs to an attempt of its order and merchant'
      ELSE 'a capture begins as the one that its attempt has under way'
    END INTO broken
  FROM fresh n LEFT JOIN LATERAL (
    SELECT a.capturing FROM public.attempts a, public.payment_orders o
    WHERE a.id = n.attempt_id AND a.order_id = n.order_id AND a.psp_account_id = n.psp_account_id
      AND o.merchant_id = n.merchant_id AND o.id = n.order_id AND o.currency = n.currency OFFSET 0) a ON true
  WHERE n.total IS DISTINCT FROM a.capturing OR n.status NOT IN ('pending', 'unknown')
  LIMIT 1;
  IF broken IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = '23000', TABLE = TG_TABLE_NAME, MESSAGE = broken;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER captures_are_of_their_attempt AFTER INSERT ON captures REFERENCING NEW TABLE AS fresh
EXECUTE FUNCTION check_new_captures();

CREATE FUNCTION check_moved_captures() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  PERFORM FROM fresh n WHERE n.status = 'succeeded'
    AND n.total > (SELECT a.captured FROM public.attempts a WHERE a.id = n.attempt_id) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = '23000', TABLE = TG_TABLE_NAME, MESSAGE = 'a capture succeeds with the money of its attempt';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER captures_succeed_with_their_money AFTER UPDATE ON captures REFERENCING NEW TABLE AS fresh
EXECUTE FUNCTION check_moved_captures();

-- Giving money back.
CREATE TABLE refunds (
  id              uuid NOT NULL,
  merchant_id     uuid NOT NULL,
  order_id        uuid NOT NULL,
  attempt_id      uuid NOT NULL,
  psp_account_id  uuid NOT NULL,
  amount          bigint NOT NULL CHECK (amount > 0),
  currency        text NOT NULL CHECK (length(currency) = 3),
  reason          text,
  origin          text NOT NULL CHECK (origin IN ('api', 'psp', 'surplus')),
  status          text NOT NULL CHECK (status IN ('pending', 'unknown', 'succeeded', 'failed')),
  psp_refund      text,
  failure         jsonb,
  check_at        timestamptz,
  created_at      timestamptz NOT NULL,
  updated_at      timestamptz NOT NULL,
  CONSTRAINT refunds_pkey PRIMARY KEY (merchant_id, id),
  CHECK (status NOT IN ('pending', 'unknown') OR check_at IS NOT NULL),
  CHECK (status <> 'succeeded' OR psp_refund IS NOT NULL)
) WITH (fillfactor = 85);
CREATE INDEX refunds_by_order ON refunds (merchant_id, order_id, id);
CREATE UNIQUE INDEX refunds_by_psp_refund ON refunds (merchant_id, psp_account_id, psp_refund) WHERE psp_refund IS NOT NULL;

CREATE TRIGGER refunds_keep_what_they_are
AFTER UPDATE OF id, merchant_id, order_id, attempt_id, psp_account_id, amount, currency, reason, origin, created_at ON refunds FOR EACH ROW
WHEN (NEW.id <> OLD.id OR NEW.merchant_id <> OLD.merchant_id OR NEW.order_id <> OLD.order_id OR NEW.attempt_id <> OLD.attempt_id
  OR NEW.psp_account_id <> OLD.psp_account_id OR NEW.amount <> OLD.amount OR NEW.currency <> OLD.currency
  OR NEW.reason IS DISTINCT FROM OLD.reason OR NEW.origin <> OLD.origin OR NEW.created_at <> OLD.created_at)
EXECUTE FUNCTION refuse('what a refund is never changes');
CREATE TRIGGER refunds_keep_their_end AFTER UPDATE ON refunds FOR EACH ROW
WHEN ((OLD.status = 'succeeded' AND NEW.status <> 'failed')
  OR (OLD.status = 'failed' AND (NEW.status <> 'succeeded' OR OLD.psp_refund IS NOT NULL)))
EXECUTE FUNCTION refuse('a refund that ended moves only as its PSP says');
CREATE TRIGGER refunds_keep_their_psp_refund AFTER UPDATE ON refunds FOR EACH ROW
WHEN (OLD.psp_refund IS NOT NULL AND NEW.psp_refund IS DISTINCT FROM OLD.psp_refund)
EXECUTE FUNCTION refuse('a refund is made once at its PSP');
CREATE TRIGGER refunds_are_kept BEFORE DELETE ON refunds FOR EACH ROW
EXECUTE FUNCTION refuse('refunds are never deleted');
CREATE TRIGGER refunds_are_not_emptied BEFORE TRUNCATE ON refunds
EXECUTE FUNCTION refuse('refunds are never deleted');

-- Their attempt, whose sums are within what it captured, moves first.
CREATE FUNCTION check_refunds() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  broken text;
BEGIN
  -- One after the other: of two who come at once, the second is to see what the first gave back.
  PERFORM (SELECT a.id FROM public.attempts a WHERE a.id = n.attempt_id FOR NO KEY UPDATE) FROM fresh n;
  SELECT CASE
      WHEN a.known IS NULL THEN 'a refund belongs to an attempt of its order and merchant'
      ELSE 'refunds stay within what their attempt gives back'
    END INTO broken
  FROM fresh n LEFT JOIN LATERAL (
    SELECT true AS known, a.refunded + a.refunding AS limit FROM public.attempts a, public.payment_orders o
    WHERE a.id = n.attempt_id AND a.order_id = n.order_id AND a.psp_account_id = n.psp_account_id
      AND o.merchant_id = n.merchant_id AND o.id = n.order_id AND o.currency = n.currency OFFSET 0) a ON true
  WHERE a.known IS NULL OR (n.status <> 'failed' AND a.limit < (SELECT sum(r.amount) FROM public.refunds r
    WHERE r.merchant_id = n.merchant_id AND r.order_id = n.order_id AND r.attempt_id = n.attempt_id AND r.status <> 'failed'))
  LIMIT 1;
  IF broken IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = '23000', TABLE = TG_TABLE_NAME, MESSAGE = broken;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER refunds_begin_within_their_attempt AFTER INSERT ON refunds REFERENCING NEW TABLE AS fresh
EXECUTE FUNCTION check_refunds();
CREATE TRIGGER refunds_stay_within_their_attempt AFTER UPDATE ON refunds REFERENCING NEW TABLE AS fresh
EXECUTE FUNCTION check_refunds();

-- Payers who dispute a payment, or ask about it.
CREATE TABLE disputes (
  id               uuid NOT NULL,
  merchant_id      uuid NOT NULL,
  order_id         uuid NOT NULL,
  attempt_id       uuid NOT NULL,
  psp_account_id   uuid NOT NULL,
  psp_dispute      text NOT NULL,
  amount           bigint NOT NULL CHECK (amount > 0),
  currency         text NOT NULL CHECK (length(currency) = 3),
  reason           text NOT NULL,
  status           text NOT NULL CHECK (status IN ('inquiry_needs_response', 'inquiry_under_review', 'needs_response', 'under_review',
                     'closed', 'won', 'lost')),
  evidence_due_at  timestamptz,
  withdrawn        boolean NOT NULL,
  returned         boolean NOT NULL,
  fees             jsonb CHECK (jsonb_typeof(fees) = 'array'),
  evidence         jsonb,
  answer           text CHECK (answer IN ('evidence', 'acceptance')),
  answers          integer NOT NULL,
  refusal          jsonb,
  submitted_at     timestamptz,
  accepted_at      timestamptz,
  reminded_at      timestamptz,
  opened_at        timestamptz NOT NULL,
  created_at       timestamptz NOT NULL,
  updated_at       timestamptz NOT NULL,
  CONSTRAINT disputes_pkey PRIMARY KEY (merchant_id, id)
);
CREATE INDEX disputes_by_order ON disputes (merchant_id, order_id, id);
CREATE UNIQUE INDEX disputes_by_psp_dispute ON disputes (merchant_id, psp_account_id, psp_dispute);

CREATE TRIGGER disputes_keep_what_they_are
AFTER UPDATE OF id, merchant_id, order_id, attempt_id, psp_account_id, psp_dispute, amount, currency, reason, opened_at, created_at ON disputes FOR EACH ROW
WHEN (NEW.id <> OLD.id OR NEW.merchant_id <> OLD.merchant_id OR NEW.order_id <> OLD.order_id OR NEW.attempt_id <> OLD.attempt_id
  OR NEW.psp_account_id <> OLD.psp_account_id OR NEW.psp_dispute <> OLD.psp_dispute OR NEW.amount <> OLD.amount
  OR NEW.currency <> OLD.currency OR NEW.reason <> OLD.reason OR NEW.opened_at <> OLD.opened_at OR NEW.created_at <> OLD.created_at)
EXECUTE FUNCTION refuse('what a dispute is never changes');
CREATE TRIGGER disputes_keep_their_end AFTER UPDATE ON disputes FOR EACH ROW
WHEN ((NEW.status <> OLD.status AND OLD.status IN ('closed', 'won', 'lost')) OR NEW.withdrawn < OLD.withdrawn
  OR NEW.returned < OLD.returned)
EXECUTE FUNCTION refuse('a dispute is decided once');
CREATE TRIGGER disputes_keep_their_fees AFTER UPDATE ON disputes FOR EACH ROW
WHEN (NEW.fees IS DISTINCT FROM OLD.fees AND NOT begins_with(NEW.fees, OLD.fees))
EXECUTE FUNCTION refuse('the fees of a dispute are only added to');
CREATE TRIGGER disputes_are_kept BEFORE DELETE ON disputes FOR EACH ROW
EXECUTE FUNCTION refuse('disputes are never deleted');
CREATE TRIGGER disputes_are_not_emptied BEFORE TRUNCATE ON disputes
EXECUTE FUNCTION refuse('disputes are never deleted');

CREATE FUNCTION check_new_disputes() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  broken text;
BEGIN
  -- One after the other: of two who come at once, the second is to see what the first took.
  PERFORM (SELECT a.id FROM public.attempts a WHERE a.id = n.attempt_id FOR NO KEY UPDATE) FROM fresh n;
  SELECT CASE
      WHEN a.disputed IS NULL THEN 'a dispute belongs to an attempt of its order and merchant'
      ELSE 'what is withdrawn is disputed on the attempt too'
    END INTO broken
  FROM fresh n LEFT JOIN LATERAL (
    SELECT a.disputed FROM public.attempts a, public.payment_orders o
    WHERE a.id = n.attempt_id AND a.order_id = n.order_id AND a.psp_account_id = n.psp_account_id
      AND o.merchant_id = n.merchant_id AND o.id = n.order_id AND o.currency = n.currency OFFSET 0) a ON true
  WHERE a.disputed IS NULL OR (n.withdrawn AND a.disputed < (SELECT sum(d.amount) FROM public.disputes d
    WHERE d.merchant_id = n.merchant_id AND d.order_id = n.order_id AND d.attempt_id = n.attempt_id AND d.withdrawn AND NOT d.returned))
  LIMIT 1;
  IF broken IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = '23000', TABLE = TG_TABLE_NAME, MESSAGE = broken;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER disputes_begin_within_their_attempt AFTER INSERT ON disputes REFERENCING NEW TABLE AS fresh
EXECUTE FUNCTION check_new_disputes();

CREATE FUNCTION check_moved_disputes() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  -- One after the other: of two who come at once, the second is to see what the first took.
  PERFORM (SELECT a.id FROM public.attempts a WHERE a.id = n.attempt_id FOR NO KEY UPDATE) FROM fresh n;
  PERFORM FROM stale o JOIN fresh n ON n.merchant_id = o.merchant_id AND n.id = o.id
  WHERE n.withdrawn AND NOT o.withdrawn AND (SELECT sum(d.amount) FROM public.disputes d WHERE d.merchant_id = n.merchant_id
      AND d.order_id = n.order_id AND d.attempt_id = n.attempt_id AND d.withdrawn AND NOT d.returned)
    > (SELECT a.disputed FROM public.attempts a WHERE a.id = n.attempt_id)
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = '23000', TABLE = TG_TABLE_NAME, MESSAGE = 'what is withdrawn is disputed on the attempt too';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER disputes_stay_within_their_attempt AFTER UPDATE ON disputes REFERENCING OLD TABLE AS stale NEW TABLE AS fresh
EXECUTE FUNCTION check_moved_disputes();

-- What is sent along as evidence. The bytes go once the dispute is decided.
CREATE TABLE dispute_files (
  id           uuid NOT NULL,
  merchant_id  uuid NOT NULL,
  dispute_id   uuid NOT NULL,
  field        text NOT NULL,
  name         text NOT NULL,
  media_type   text NOT NULL,
  size         bigint NOT NULL CHECK (size > 0),
  bytes        bytea,
  created_at   timestamptz NOT NULL,
  CONSTRAINT dispute_files_pkey PRIMARY KEY (merchant_id, id),
  CONSTRAINT dispute_files_by_field UNIQUE (merchant_id, dispute_id, field),
  FOREIGN KEY (merchant_id, dispute_id) REFERENCES disputes (merchant_id, id),
  CHECK (bytes IS NULL OR length(bytes) = size)
);

CREATE TRIGGER dispute_files_only_forget AFTER UPDATE ON dispute_files FOR EACH ROW
WHEN (NEW.id <> OLD.id OR NEW.merchant_id <> OLD.merchant_id OR NEW.dispute_id <> OLD.dispute_id OR NEW.field <> OLD.field
  OR NEW.name <> OLD.name OR NEW.media_type <> OLD.media_type OR NEW.size <> OLD.size OR NEW.created_at <> OLD.created_at
  OR NEW.bytes IS NOT NULL)
EXECUTE FUNCTION refuse('of evidence only the bytes are forgotten');
CREATE FUNCTION check_dispute_file() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM public.disputes d WHERE d.status IN ('closed', 'won', 'lost')
    AND d.merchant_id = coalesce(NEW.merchant_id, OLD.merchant_id) AND d.id = coalesce(NEW.dispute_id, OLD.dispute_id) FOR SHARE;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = '23000', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME, MESSAGE = TG_ARGV[0];
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER dispute_files_stay_once_decided AFTER DELETE ON dispute_files FOR EACH ROW
EXECUTE FUNCTION check_dispute_file('the evidence of a decided dispute is kept');
CREATE TRIGGER dispute_files_come_before_the_decision AFTER INSERT ON dispute_files FOR EACH ROW
EXECUTE FUNCTION check_dispute_file('a decided dispute takes no evidence');
CREATE TRIGGER dispute_files_are_not_emptied BEFORE TRUNCATE ON dispute_files
EXECUTE FUNCTION refuse('the evidence of a decided dispute is kept');

-- Money on its way from a PSP to the bank.
CREATE TABLE payouts (
  id              uuid NOT NULL,
  merchant_id     uuid NOT NULL,
  psp_account_id  uuid NOT NULL,
  psp_payout      text NOT NULL,
  amount          bigint NOT NULL,
  currency        text NOT NULL CHECK (length(currency) = 3),
  status          text NOT NULL CHECK (status IN ('pending', 'in_transit', 'canceled', 'paid', 'failed')),
  arrives_at      timestamptz,
  has_left        boolean NOT NULL,
  came_back       boolean NOT NULL,
  arrival         jsonb,
  version         integer NOT NULL CHECK (version > 0),
  created_at      timestamptz NOT NULL,
  updated_at      timestamptz NOT NULL,
  CONSTRAINT payouts_pkey PRIMARY KEY (merchant_id, id),
  CONSTRAINT payouts_by_psp_payout UNIQUE (merchant_id, psp_account_id, psp_payout)
) WITH (fillfactor = 85);

CREATE TRIGGER payouts_keep_what_they_are
AFTER UPDATE OF id, merchant_id, psp_account_id, psp_payout, amount, currency, created_at ON payouts FOR EACH ROW
WHEN (NEW.id <> OLD.id OR NEW.merchant_id <> OLD.merchant_id OR NEW.psp_account_id <> OLD.psp_account_id
  OR NEW.psp_payout <> OLD.psp_payout OR NEW.amount <> OLD.amount OR NEW.currency <> OLD.currency OR NEW.created_at <> OLD.created_at)
EXECUTE FUNCTION refuse('what a payout is never changes');
CREATE TRIGGER payouts_count_their_changes AFTER UPDATE ON payouts FOR EACH ROW
WHEN (NEW.version <> OLD.version + 1 OR NEW.has_left < OLD.has_left OR NEW.came_back < OLD.came_back
  OR (OLD.arrival IS NOT NULL AND NEW.arrival IS DISTINCT FROM OLD.arrival))
EXECUTE FUNCTION refuse('each change of a payout is one version, and only adds');
CREATE TRIGGER payouts_go_forward AFTER UPDATE ON payouts FOR EACH ROW
WHEN (NEW.status <> OLD.status AND CASE OLD.status
    WHEN 'pending' THEN false
    WHEN 'in_transit' THEN NEW.status = 'pending'
    WHEN 'canceled' THEN NEW.status NOT IN ('paid', 'failed')
    ELSE NEW.status <> 'failed'
  END)
EXECUTE FUNCTION refuse('a payout only goes forward');
CREATE TRIGGER payouts_arrive_once_on_their_way AFTER UPDATE ON payouts FOR EACH ROW
WHEN (NEW.arrival IS NOT NULL AND OLD.arrival IS NULL AND (NOT OLD.has_left OR OLD.came_back))
EXECUTE FUNCTION refuse('a payout arrives that has left');
CREATE TRIGGER payouts_begin_at_their_beginning AFTER INSERT ON payouts FOR EACH ROW
WHEN (NEW.version <> 1 OR NEW.has_left OR NEW.came_back OR NEW.arrival IS NOT NULL)
EXECUTE FUNCTION refuse('a payout begins with its first version, before any money moves');
CREATE TRIGGER payouts_are_kept BEFORE DELETE ON payouts FOR EACH ROW
EXECUTE FUNCTION refuse('payouts are never deleted');
CREATE TRIGGER payouts_are_not_emptied BEFORE TRUNCATE ON payouts
EXECUTE FUNCTION refuse('payouts are never deleted');

CREATE FUNCTION check_new_payouts() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  PERFORM FROM fresh n WHERE (SELECT p.id FROM public.psp_accounts p WHERE p.merchant_id = n.merchant_id AND p.id = n.psp_account_id)
    IS NULL LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = '23000', TABLE = TG_TABLE_NAME, MESSAGE = 'a payout belongs to a PSP account of its merchant';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER payouts_are_of_their_merchant AFTER INSERT ON payouts REFERENCING NEW TABLE AS fresh
EXECUTE FUNCTION check_new_payouts();

-- What a person has to look at.
CREATE TABLE exceptions (
  id              uuid NOT NULL,
  merchant_id     uuid NOT NULL REFERENCES merchants (id),
  kind            text NOT NULL,
  psp_account_id  uuid,
  subject         text NOT NULL,
  amount          bigint NOT NULL,
  currency        text NOT NULL CHECK (length(currency) = 3),
  opened_at       timestamptz NOT NULL,
  closed_at       timestamptz,
  closed_by       text,
  why             text,
  CONSTRAINT exceptions_pkey PRIMARY KEY (merchant_id, id),
  CHECK ((closed_at IS NULL) = (closed_by IS NULL) AND (closed_at IS NULL) = (why IS NULL))
);
CREATE TRIGGER exceptions_close_once AFTER UPDATE ON exceptions FOR EACH ROW
WHEN (OLD.closed_at IS NOT NULL OR NEW.id <> OLD.id OR NEW.merchant_id <> OLD.merchant_id OR NEW.kind <> OLD.kind
  OR NEW.psp_account_id IS DISTINCT FROM OLD.psp_account_id OR NEW.subject <> OLD.subject OR NEW.amount <> OLD.amount
  OR NEW.currency <> OLD.currency OR NEW.opened_at <> OLD.opened_at)
EXECUTE FUNCTION refuse('an exception is closed once, and never changed');
CREATE TRIGGER exceptions_begin_open AFTER INSERT ON exceptions FOR EACH ROW
WHEN (NEW.closed_at IS NOT NULL)
EXECUTE FUNCTION refuse('an exception begins open');
CREATE TRIGGER exceptions_are_kept BEFORE DELETE ON exceptions FOR EACH ROW
EXECUTE FUNCTION refuse('exceptions are never deleted');
CREATE TRIGGER exceptions_are_not_emptied BEFORE TRUNCATE ON exceptions
EXECUTE FUNCTION refuse('exceptions are never deleted');

CREATE FUNCTION check_new_exceptions() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  PERFORM FROM fresh n WHERE n.psp_account_id IS NOT NULL
    AND (SELECT p.id FROM public.psp_accounts p WHERE p.merchant_id = n.merchant_id AND p.id = n.psp_account_id) IS NULL LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = '23000', TABLE = TG_TABLE_NAME, MESSAGE = 'an exception is at a PSP account of its merchant';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER exceptions_are_of_their_merchant AFTER INSERT ON exceptions REFERENCING NEW TABLE AS fresh
EXECUTE FUNCTION check_new_exceptions();

-- The PSPs' statements, line by line, each read once. Amounts are in the currency in which the PSP settles.
CREATE TABLE psp_lines (
  psp_account_id  uuid NOT NULL,
  psp_line        text NOT NULL,
  merchant_id     uuid NOT NULL,
  kind            text NOT NULL CHECK (kind IN ('charge', 'refund', 'refund_returned', 'dispute', 'payout', 'payout_returned', 'psp_fee',
                    'fx_fee', 'reserve', 'unplaced')),
  psp_kind        text NOT NULL,
  amount          bigint NOT NULL,
  fee             bigint NOT NULL,
  currency        text NOT NULL CHECK (length(currency) = 3),
  order_id        uuid,
  payout_id       uuid,
  exception_id    uuid,
  at              timestamptz NOT NULL,
  read_at         timestamptz NOT NULL,
  CONSTRAINT psp_lines_pkey PRIMARY KEY (merchant_id, psp_account_id, psp_line)
);
CREATE TRIGGER psp_lines_never_change BEFORE UPDATE OR DELETE ON psp_lines FOR EACH ROW
EXECUTE FUNCTION refuse('what a PSP''s statement says never changes');
CREATE TRIGGER psp_lines_are_not_emptied BEFORE TRUNCATE ON psp_lines
EXECUTE FUNCTION refuse('what a PSP''s statement says never changes');

CREATE FUNCTION check_new_psp_lines() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  broken text;
BEGIN
  SELECT said.broken INTO broken FROM fresh n, LATERAL (SELECT CASE
      WHEN (SELECT p.id FROM public.psp_accounts p WHERE p.merchant_id = n.merchant_id AND p.id = n.psp_account_id) IS NULL
        THEN 'a line belongs to a PSP account of its merchant'
      WHEN n.order_id IS NOT NULL
        AND (SELECT o.id FROM public.payment_orders o WHERE o.merchant_id = n.merchant_id AND o.id = n.order_id) IS NULL
        THEN 'a line is about an order of its merchant'
      WHEN n.payout_id IS NOT NULL AND (SELECT p.psp_account_id FROM public.payouts p
        WHERE p.merchant_id = n.merchant_id AND p.id = n.payout_id) IS DISTINCT FROM n.psp_account_id
        THEN 'a line is about a payout of its PSP account'
      WHEN n.exception_id IS NOT NULL AND (SELECT e.psp_account_id FROM public.exceptions e
        WHERE e.merchant_id = n.merchant_id AND e.id = n.exception_id) IS DISTINCT FROM n.psp_account_id
        THEN 'a line needs a look at its own PSP account'
    END AS broken OFFSET 0) said
  WHERE said.broken IS NOT NULL LIMIT 1;
  IF broken IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = '23000', TABLE = TG_TABLE_NAME, MESSAGE = broken;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER psp_lines_stay_within_their_merchant AFTER INSERT ON psp_lines REFERENCING NEW TABLE AS fresh
EXECUTE FUNCTION check_new_psp_lines();

-- Up to where a PSP's statement is read. What is before the place is never read again, so it stands at a line that is kept.
CREATE TABLE psp_cursors (
  merchant_id     uuid NOT NULL,
  psp_account_id  uuid NOT NULL,
  psp_line        text NOT NULL,
  line_at         timestamptz NOT NULL,
  read_at         timestamptz NOT NULL,
  reread_at       timestamptz NOT NULL,
  CONSTRAINT psp_cursors_pkey PRIMARY KEY (merchant_id, psp_account_id)
) WITH (fillfactor = 85);
CREATE TRIGGER psp_cursors_stay_where_they_belong AFTER UPDATE ON psp_cursors FOR EACH ROW
WHEN (NEW.merchant_id <> OLD.merchant_id OR NEW.psp_account_id <> OLD.psp_account_id)
EXECUTE FUNCTION refuse('the place in a statement is a line that was read');
CREATE FUNCTION check_psp_cursors() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  PERFORM FROM fresh n WHERE (SELECT l.at FROM public.psp_lines l
    WHERE l.merchant_id = n.merchant_id AND l.psp_account_id = n.psp_account_id AND l.psp_line = n.psp_line)
    IS DISTINCT FROM n.line_at LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = '23000', TABLE = TG_TABLE_NAME, MESSAGE = 'the place in a statement is a line that was read';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER psp_cursors_begin_at_a_line AFTER INSERT ON psp_cursors REFERENCING NEW TABLE AS fresh
EXECUTE FUNCTION check_psp_cursors();
CREATE TRIGGER psp_cursors_stand_at_a_line AFTER UPDATE ON psp_cursors REFERENCING NEW TABLE AS fresh
EXECUTE FUNCTION check_psp_cursors();

-- Who booked an entry by hand, and why. The journal is read by time and by account.
ALTER TABLE journal_entries ADD COLUMN note jsonb;
CREATE INDEX postings_by_account ON postings (account_id, entry_id);
CREATE TRIGGER journal_entries_by_hand_are_signed AFTER INSERT ON journal_entries FOR EACH ROW
WHEN (NEW.note IS NULL AND (NEW.event_ref LIKE 'rev:%' OR NEW.event_ref LIKE 'fix:%'))
EXECUTE FUNCTION refuse('a correction says who made it and why');

-- Events are about orders, payouts and addresses for events alike. Jobs and requests are about more than orders now.
ALTER TABLE events RENAME COLUMN order_id TO subject_id;
ALTER TABLE events ADD COLUMN subject_kind text NOT NULL DEFAULT 'payment_order'
  CHECK (subject_kind IN ('payment_order', 'payout', 'webhook_endpoint'));
ALTER TABLE events ALTER COLUMN subject_kind DROP DEFAULT;
ALTER TABLE jobs RENAME COLUMN order_id TO subject_id;
ALTER TABLE idempotency_keys RENAME COLUMN order_id TO subject_id;

CREATE OR REPLACE FUNCTION check_new_events() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  broken text;
BEGIN
  SELECT said.broken INTO broken FROM fresh n, LATERAL (SELECT CASE
      WHEN n.position >> 16 <> public.next_position(0) >> 16 THEN 'events are appended at the end'
      WHEN n.subject_kind = 'payment_order' AND (SELECT o.version FROM public.payment_orders o
        WHERE o.merchant_id = n.merchant_id AND o.id = n.subject_id) IS DISTINCT FROM n.sequence
        THEN 'an event tells of a change of an order of its merchant'
      WHEN n.subject_kind = 'payout' AND (SELECT p.version FROM public.payouts p
        WHERE p.merchant_id = n.merchant_id AND p.id = n.subject_id) IS DISTINCT FROM n.sequence
        THEN 'an event tells of a change of a payout of its merchant'
      WHEN n.sequence > 1 AND (SELECT e.sequence FROM public.events e
        WHERE e.subject_id = n.subject_id AND e.sequence = n.sequence - 1 LIMIT 1) IS NULL THEN 'the events of a subject have no gap'
      WHEN (SELECT count(*) FROM public.events e WHERE e.subject_id = n.subject_id AND e.sequence = n.sequence) > 1 THEN 'taken: events'
    END AS broken OFFSET 0) said
  WHERE said.broken IS NOT NULL LIMIT 1;
  IF broken IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = '23000', TABLE = 'events', MESSAGE = broken;
  END IF;
  RETURN NULL;
END $$;
