import assert from 'node:assert/strict';
import { test } from 'node:test';
import { open, pay, press, cardForm } from './support/hosted-page.mjs';
import { Stripe, all, client, failure, sessionParams, CANCEL, LINE, VERSION } from './support/sandbox.mjs';

const stripe = client();
const { sessions } = stripe.checkout;
const refusal = (changes) => failure(sessions.create(sessionParams(changes)));

test('a session is created open and unpaid with a page to pay on', async () => {
  const session = await sessions.create(sessionParams({ client_reference_id: 'order-1', metadata: { cart: '77' } }));
  assert.match(session.id, /^cs_test_/);
  assert.deepEqual([session.status, session.payment_status, session.amount_total, session.currency], ['open', 'unpaid', 5000, 'eur']);
  assert.ok(session.url.startsWith('http'));
  assert.deepEqual([session.client_reference_id, session.metadata], ['order-1', { cart: '77' }]);
});

test('lastResponse carries status, request id, version and idempotency key', async () => {
  const { lastResponse } = await sessions.create(sessionParams(), { idempotencyKey: `key-${Date.now()}` });
  assert.equal(lastResponse.statusCode, 200);
  assert.match(lastResponse.requestId, /^req_/);
  assert.equal(lastResponse.apiVersion, VERSION);
  assert.match(lastResponse.idempotencyKey, /^key-/);
});

test("the SDK's own newer version is echoed too", async () => {
  const newer = client(undefined, { apiVersion: undefined });
  const session = await newer.checkout.sessions.create(sessionParams());
  assert.equal(session.lastResponse.apiVersion, Stripe.API_VERSION);
});

test('a retrieved session equals the created one', async () => {
  const made = await sessions.create(sessionParams());
  assert.deepEqual(JSON.parse(JSON.stringify(await sessions.retrieve(made.id))), JSON.parse(JSON.stringify(made)));
});

test('line items are listed and page by themselves', async () => {
  const lines = Array.from({ length: 7 }, (_, n) => ({ ...LINE, quantity: n + 1 }));
  const session = await sessions.create(sessionParams({ line_items: lines }));
  const rows = await all(sessions.listLineItems(session.id, { limit: 2 }));
  assert.deepEqual(rows.map((row) => row.quantity).sort(), [1, 2, 3, 4, 5, 6, 7]);
  assert.equal(rows.reduce((sum, row) => sum + row.amount_total, 0), session.amount_total);
});

test('expand brings line items, prices and products in one answer', async () => {
  const session = await sessions.create(sessionParams({ expand: ['line_items.data.price.product', 'payment_intent'] }));
  assert.equal(session.line_items.data[0].price.product.name, 'Ticket');
  assert.equal(session.payment_intent, null);
});

test('an open session is expired once and never twice', async () => {
  const { id } = await sessions.create(sessionParams());
  const expired = await sessions.expire(id);
  assert.deepEqual([expired.status, expired.url], ['expired', null]);
  const error = await failure(sessions.expire(id));
  assert.ok(error instanceof Stripe.errors.StripeInvalidRequestError);
  assert.equal(error.statusCode, 400);
});

test('the metadata of a session is updated by merging', async () => {
  const { id } = await sessions.create(sessionParams({ metadata: { a: '1', b: '2' } }));
  const updated = await sessions.update(id, { metadata: { a: '', c: '3' } });
  assert.deepEqual(updated.metadata, { b: '2', c: '3' });
});

test('an unknown session is a 404 that says so', async () => {
  const error = await failure(sessions.retrieve('cs_test_missing'));
  assert.ok(error instanceof Stripe.errors.StripeInvalidRequestError);
  assert.deepEqual([error.statusCode, error.code, error.rawType], [404, 'resource_missing', 'invalid_request_error']);
  assert.match(error.requestId, /^req_/);
});

test('mistakes are named by their bracketed parameter', async () => {
  const wrong = [
    [{ flavour: 'mint' }, 'flavour', 'parameter_unknown'],
    [{ line_items: [{ ...LINE, quantity: 0 }] }, 'line_items[0][quantity]', 'parameter_invalid_integer'],
    [{ line_items: [LINE, { price: 'price_missing', quantity: 1 }] }, 'line_items[1][price]', 'resource_missing'],
    [{ line_items: [{ quantity: 1, price_data: { ...LINE.price_data, unit_amount: 'ten' } }] }, 'line_items[0][price_data][unit_amount]', 'parameter_invalid_integer'],
    [{ customer: 'cus_missing' }, 'customer', 'resource_missing'],
    [{ line_items: undefined }, 'line_items', 'parameter_missing'],
    [{ success_url: undefined }, 'success_url', 'parameter_missing'],
  ];
  for (const [changes, param, code] of wrong) {
    const error = await refusal(changes);
    assert.ok(error instanceof Stripe.errors.StripeInvalidRequestError, JSON.stringify(changes));
    assert.deepEqual([error.statusCode, error.param, error.code], [400, param, code]);
  }
});

test('a small total is refused with amount_too_small', async () => {
  const error = await refusal({ line_items: [{ quantity: 1, price_data: { ...LINE.price_data, unit_amount: 10 } }] });
  assert.deepEqual([error.statusCode, error.code], [400, 'amount_too_small']);
});

test('sessions are listed by status and customer', async () => {
  const own = client();
  const customer = await own.customers.create({ email: 'ada@shop.example' });
  const one = await own.checkout.sessions.create(sessionParams({ customer: customer.id }));
  const two = await own.checkout.sessions.create(sessionParams());
  await own.checkout.sessions.expire(two.id);
  const ids = async (filter) => (await own.checkout.sessions.list(filter)).data.map(({ id }) => id);
  assert.deepEqual(await ids(), [two.id, one.id]);
  assert.deepEqual(await ids({ status: 'open' }), [one.id]);
  assert.deepEqual(await ids({ status: 'expired' }), [two.id]);
  assert.deepEqual(await ids({ customer: customer.id }), [one.id]);
  assert.deepEqual(await ids({ created: { gt: two.created + 1000 } }), []);
});

test('4242 pays on the hosted page and the shop gets the session id', async () => {
  const session = await sessions.create(sessionParams());
  const done = await pay(await open(session.url), '4242424242424242');
  assert.ok([302, 303].includes(done.status));
  assert.equal(done.location, `https://shop.example/thanks?session=${session.id}`);
  const paid = await sessions.retrieve(session.id, { expand: ['payment_intent.latest_charge.balance_transaction'] });
  assert.deepEqual([paid.status, paid.payment_status, paid.url], ['complete', 'paid', null]);
  assert.equal(paid.payment_intent.status, 'succeeded');
  assert.equal(paid.payment_intent.latest_charge.payment_method_details.card.last4, '4242');
  assert.equal(paid.payment_intent.latest_charge.balance_transaction.amount, 5000);
  assert.equal(paid.customer_details.email, 'ada@shop.example');
});

test('a decline is shown on the page, and another card then pays', async () => {
  const session = await sessions.create(sessionParams());
  const page = await pay(await open(session.url), '4000000000000002');
  assert.equal(page.location, null);
  assert.match(page.text, /declined/i);
  assert.equal((await sessions.retrieve(session.id)).status, 'open');
  const done = await pay(page, '4242424242424242');
  assert.ok(done.location);
  assert.equal((await sessions.retrieve(session.id)).payment_status, 'paid');
});

test('3-D Secure that is passed pays', async () => {
  const session = await sessions.create(sessionParams());
  const step = await pay(await open(session.url), '4000002760003184');
  assert.equal((await sessions.retrieve(session.id)).payment_status, 'unpaid');
  const done = await press(step, /complete|authori|approve|confirm|pass/i);
  assert.ok(done.location.includes(session.id));
  assert.equal((await sessions.retrieve(session.id)).payment_status, 'paid');
});

test('3-D Secure that is failed leaves the session open', async () => {
  const session = await sessions.create(sessionParams());
  const page = await press(await pay(await open(session.url), '4000002760003184'), /fail|refuse|reject|decline/i);
  assert.deepEqual([(await sessions.retrieve(session.id)).status, page.location], ['open', null]);
  assert.ok(cardForm(page), 'no second chance on the page');
});

test('the page offers the way back to the shop', async () => {
  const session = await sessions.create(sessionParams());
  const page = await open(session.url);
  const targets = await Promise.all(page.links.map(async (href) => (href === CANCEL ? href : href.startsWith('https:') ? '' : (await open(new URL(href, page.url))).location)));
  assert.ok(targets.includes(CANCEL), page.links.join(' '));
});

test('the page of an expired session has no card form', async () => {
  const session = await sessions.create(sessionParams());
  await sessions.expire(session.id);
  assert.equal(cardForm(await open(session.url)), undefined);
});
