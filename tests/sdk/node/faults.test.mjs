// What goes wrong on purpose, and what the SDK and the shop make of it.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { receiver } from './support/receiver.mjs';
import { Stripe, all, client, control, failure, freshKey, intentParams, sessionParams, until } from './support/sandbox.mjs';

const key = freshKey();
const patient = client(key, { maxNetworkRetries: 2, httpClient: undefined });
const once = client(key, { httpClient: undefined });
const { errors } = Stripe;
const break_ = (rule) => control('POST', 'faults', rule, key);
let shop;

before(async () => {
  shop = await receiver();
  await once.webhookEndpoints.create({ url: shop.url, enabled_events: ['product.created'] });
});
afterEach(() => control('DELETE', 'faults', undefined, key));
after(() => shop.close());

const named = async (name) => (await all(once.customers.list({ limit: 100 }))).filter((row) => row.name === name);

test('a 503 is retried by the SDK with the same key, and one object is made', async () => {
  await break_({ operation: 'customers.create', fault: 'status', status: 503, count: 1 });
  const made = await patient.customers.create({ name: 'after 503' });
  assert.deepEqual((await named('after 503')).map(({ id }) => id), [made.id]);
});

test('a 500 without retries is a StripeAPIError in Stripe’s own shape', async () => {
  await break_({ operation: 'customers.create', fault: 'status', status: 500, count: 1 });
  const error = await failure(once.customers.create({ name: 'never' }));
  assert.ok(error instanceof errors.StripeAPIError);
  assert.deepEqual([error.statusCode, error.rawType], [500, 'api_error']);
  assert.match(error.requestId, /^req_/);
  assert.deepEqual(await named('never'), []);
});

test('a 429 is a StripeRateLimitError', async () => {
  await break_({ operation: 'customers.create', fault: 'status', status: 429, count: 1 });
  const error = await failure(once.customers.create({}));
  assert.ok(error instanceof errors.StripeRateLimitError);
  assert.equal(error.statusCode, 429);
});

test('an answer lost after the deed is found again by the key: charged once', async () => {
  await break_({ operation: 'payment_intents.create', fault: 'drop_response', count: 1 });
  const intent = await patient.paymentIntents.create(intentParams({ description: 'lost answer' }));
  assert.equal(intent.status, 'succeeded');
  assert.equal(intent.lastResponse.headers['idempotent-replayed'], 'true');
  const same = (await all(once.paymentIntents.list({ limit: 100 }))).filter((row) => row.description === 'lost answer');
  assert.deepEqual(same.map(({ id }) => id), [intent.id]);
});

test('a request lost before the deed does nothing, and the retry does it', async () => {
  await break_({ operation: 'refunds.create', fault: 'drop_request', count: 1 });
  const intent = await once.paymentIntents.create(intentParams());
  const refund = await patient.refunds.create({ payment_intent: intent.id, amount: 100 });
  assert.equal(refund.lastResponse.headers['idempotent-replayed'], undefined);
  assert.equal((await once.charges.retrieve(intent.latest_charge)).amount_refunded, 100);
});

test('a lost connection that stays lost is a StripeConnectionError', async () => {
  await break_({ operation: 'customers.list', fault: 'drop_request', count: 5 });
  assert.ok((await failure(once.customers.list())) instanceof errors.StripeConnectionError);
});

test('garbage is an error and not an object', async () => {
  await break_({ operation: 'customers.list', fault: 'garbage', count: 1 });
  const error = await failure(once.customers.list());
  assert.ok(error instanceof errors.StripeError, String(error));
});

test('a slow answer runs into the client’s own patience', async () => {
  await break_({ operation: 'balance.retrieve', fault: 'delay', delay_ms: 20_000, count: 5 });
  const hasty = client(key, { timeout: 200, httpClient: undefined });
  assert.ok((await failure(hasty.balance.retrieve())) instanceof errors.StripeConnectionError);
});

test('two equal requests at once: one works, the other is told 409 and succeeds on retry', async () => {
  await break_({ operation: 'customers.create', fault: 'delay', delay_ms: 800, count: 1 });
  const options = { idempotencyKey: `race-${freshKey()}` };
  const first = patient.customers.create({ name: 'race' }, options);
  await until(async () => (await control('GET', 'faults', undefined, key)).data?.every((rule) => rule.hits >= 1), 'the first request to be held back');
  const error = await failure(once.customers.create({ name: 'race' }, options));
  assert.equal(error.statusCode, 409);
  const [one, two] = await Promise.all([first, patient.customers.create({ name: 'race' }, options)]);
  assert.equal(one.id, two.id);
  assert.equal((await named('race')).length, 1);
});

test('a fault strikes only the operation it names', async () => {
  await break_({ operation: 'refunds.create', fault: 'status', status: 500, count: 9 });
  assert.match((await once.checkout.sessions.create(sessionParams())).id, /^cs_test_/);
});

test('the same seed strikes the same calls', async () => {
  const strikes = async () => {
    await break_({ operation: 'balance.retrieve', fault: 'status', status: 500, probability: 0.5, seed: 42, count: 100 });
    const seen = [];
    for (let n = 0; n < 16; n++) seen.push(await once.balance.retrieve().then(() => 1, () => 0));
    await control('DELETE', 'faults', undefined, key);
    return seen.join('');
  };
  const [one, two] = [await strikes(), await strikes()];
  assert.equal(one, two);
  assert.match(one, /01|10/);
});

test('a duplicated webhook comes twice with one event id', async () => {
  await break_({ fault: 'duplicate_webhook', event_types: ['product.created'], count: 1 });
  const { id } = await once.products.create({ name: 'Twin' });
  const deliveries = await shop.hears('product.created', id, 2);
  assert.equal(new Set(deliveries.map(({ event }) => event.id)).size, 1);
});

test('a lost webhook never comes, though its event is in the list', async () => {
  await break_({ fault: 'lose_webhook', event_types: ['product.created'], count: 1 });
  const lost = await once.products.create({ name: 'Lost' });
  const next = await once.products.create({ name: 'Next' });
  await shop.hears('product.created', next.id);
  assert.equal(shop.seen('product.created', lost.id).length, 0);
  const { data } = await once.events.list({ type: 'product.created' });
  assert.ok(data.some((event) => event.data.object.id === lost.id));
});

test('reordered webhooks come later than what happened after them', async () => {
  await break_({ fault: 'reorder_webhooks', event_types: ['product.created'], count: 1, delay_ms: 1500 });
  const first = await once.products.create({ name: 'First' });
  const second = await once.products.create({ name: 'Second' });
  await shop.hears('product.created', first.id);
  const order = shop.seen('product.created').map(({ event }) => event.data.object.id);
  assert.ok(order.indexOf(second.id) < order.indexOf(first.id));
});

test('a rule that cannot be is refused and says why', async () => {
  await assert.rejects(break_({ fault: 'earthquake' }), /40\d.*fault/s);
  await assert.rejects(break_({ fault: 'delay', operation: 'tea.brew' }), /40\d.*operation/s);
});

test('the state shows the truth that the lists show', async () => {
  const own = freshKey();
  const api = client(own);
  const session = await api.checkout.sessions.create(sessionParams());
  const state = JSON.stringify(await control('GET', 'state', undefined, own));
  assert.ok(state.includes(session.id));
});

test('the state of one account does not show another’s', async () => {
  const [mine, theirs] = [freshKey(), freshKey()];
  const { id } = await client(theirs).customers.create({});
  await client(mine).customers.create({});
  assert.ok(!JSON.stringify(await control('GET', 'state', undefined, mine)).includes(id));
});

test('the clock moves what the API calls now', async () => {
  const own = freshKey();
  const api = client(own);
  const before_ = (await api.customers.create({})).created;
  await control('POST', 'clock', { advance_seconds: 3600 }, own);
  const later = (await api.customers.create({})).created;
  assert.ok(later - before_ >= 3600 && later - before_ < 3700, `${later - before_}`);
});
