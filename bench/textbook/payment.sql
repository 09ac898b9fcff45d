-- One payment, statement by statement, in three commits: 16 round trips.
\set merchant random(1, 1000)
\set psp random(1, 4)
\set amount random(100, 100000)
\set fee :amount / 50 + 1
\set one random(1, 9000000000000000000)
\set two random(1, 9000000000000000000)

-- A: the intent.
BEGIN;
INSERT INTO orders (merchant_id, reference, amount_minor, currency, state, description, success_url, cancel_url)
    VALUES (:merchant, 'cart-' || :one::text, :amount, 'EUR', 1, 'Two tickets', 'https://shop.example/thanks', 'https://shop.example/cart')
    RETURNING id AS order_id \gset
INSERT INTO attempts (order_id, psp_id, state) VALUES (:order_id, :psp, 1) RETURNING id AS attempt_id \gset
INSERT INTO idempotency_keys (merchant_id, key, request_hash, order_id)
    VALUES (:merchant, :one::text || '-' || :two::text, decode(md5(:two::text), 'hex'), :order_id);
COMMIT;

-- B: the PSP has registered it.
BEGIN;
UPDATE attempts SET state = 2, psp_ref = 'cs_test_' || :two::text, redirect_url = 'https://checkout.stripe.com/c/pay/cs_test_' || :two::text, updated_at = now()
    WHERE id = :attempt_id AND state = 1;
UPDATE orders SET state = 2, version = version + 1, updated_at = now() WHERE id = :order_id AND state = 1;
COMMIT;

-- C: the PSP says that it was paid.
BEGIN;
INSERT INTO webhook_inbox (psp_id, provider_event_id, attempt_id) VALUES (:psp, 'evt_' || :two::text, :attempt_id);
UPDATE attempts SET state = 3, updated_at = now() WHERE id = :attempt_id AND state = 2;
UPDATE orders SET state = 3, version = version + 1, updated_at = now() WHERE id = :order_id AND state = 2;
INSERT INTO ledger_lines (order_id, account, currency, amount_minor) VALUES
    (:order_id, 'psp ' || :psp::text, 'EUR', :amount::bigint), (:order_id, 'merchant ' || :merchant::text, 'EUR', -(:amount::bigint)),
    (:order_id, 'costs of ' || :merchant::text, 'EUR', :fee::bigint), (:order_id, 'fees', 'EUR', -(:fee::bigint));
INSERT INTO outbox (merchant_id, order_id, kind, payload)
    VALUES (:merchant, :order_id, 'payment.succeeded', jsonb_build_object('order', :order_id::bigint, 'amount', :amount::bigint, 'currency', 'EUR'));
COMMIT;
