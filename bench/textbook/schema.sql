-- A payment gateway's tables as a textbook would draw them. Only what the three commits of a payment touch.

CREATE TABLE merchants (
    id integer PRIMARY KEY,
    name text NOT NULL
);
INSERT INTO merchants SELECT n, 'Merchant ' || n FROM generate_series(1, 1000) AS n;

CREATE TABLE psps (
    id integer PRIMARY KEY,
    name text NOT NULL
);
INSERT INTO psps SELECT n, 'PSP ' || n FROM generate_series(1, 4) AS n;

CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    merchant_id integer NOT NULL REFERENCES merchants,
    reference text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency char(3) NOT NULL,
    state smallint NOT NULL CHECK (state BETWEEN 1 AND 3),
    version integer NOT NULL DEFAULT 1,
    description text,
    success_url text,
    cancel_url text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (merchant_id, reference)
) WITH (fillfactor = 85);
CREATE INDEX ON orders (merchant_id, created_at);

CREATE TABLE attempts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id bigint NOT NULL REFERENCES orders,
    psp_id integer NOT NULL REFERENCES psps,
    state smallint NOT NULL CHECK (state BETWEEN 1 AND 3),
    psp_ref text,
    redirect_url text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 85);
CREATE INDEX ON attempts (order_id);
CREATE UNIQUE INDEX ON attempts (psp_id, psp_ref);

CREATE TABLE idempotency_keys (
    merchant_id integer NOT NULL REFERENCES merchants,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    order_id bigint NOT NULL REFERENCES orders,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (merchant_id, key)
);

CREATE TABLE webhook_inbox (
    psp_id integer NOT NULL REFERENCES psps,
    provider_event_id text NOT NULL,
    attempt_id bigint NOT NULL REFERENCES attempts,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (psp_id, provider_event_id)
);

CREATE TABLE ledger_lines (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id bigint NOT NULL REFERENCES orders,
    account text NOT NULL,
    currency char(3) NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor <> 0),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON ledger_lines (account, id);
CREATE INDEX ON ledger_lines (order_id);

CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    merchant_id integer NOT NULL,
    order_id bigint NOT NULL,
    kind text NOT NULL,
    payload jsonb NOT NULL,
    run_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON outbox (run_at);
