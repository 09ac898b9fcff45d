// Keys, lists, idempotency and error classes, as the Node client sees them.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, test } from 'node:test';
import { Stripe, all, client, failure, freshKey, intentParams, raw, sessionParams } from './support/sandbox.mjs';

const { errors } = Stripe;
const key = freshKey();
const stripe = client(key);
let ids;

before(async () => {
  ids = [];
  for (let n = 0; n < 25; n++) ids.unshift((await stripe.customers.create({ name: `c${n}`, metadata: { n } })).id);
});

test('for await walks every page, newest first', async () => {
  assert.deepEqual((await all(stripe.customers.list({ limit: 4 }))).map(({ id }) => id), ids);
});

test('walking backwards gives the oldest last', async () => {
  const rows = await all(stripe.customers.list({ limit: 4, ending_before: ids[24] }));
  assert.deepEqual(rows.map(({ id }) => id), ids.slice(0, 24).reverse());
});

test('autoPagingToArray stops at its limit', async () => {
  const rows = await stripe.customers.list({ limit: 10 }).autoPagingToArray({ limit: 13 });
  assert.deepEqual(rows.map(({ id }) => id), ids.slice(0, 13));
});

test('a page holds ten unless asked otherwise, and at most a hundred', async () => {
  assert.equal((await stripe.customers.list()).data.length, 10);
  assert.equal((await stripe.customers.list({ limit: 100 })).has_more, false);
  const error = await failure(stripe.customers.list({ limit: 101 }));
  assert.deepEqual([error.statusCode, error.param, error.code], [400, 'limit', 'parameter_invalid_integer']);
});

test('an unknown cursor is a named mistake', async () => {
  const error = await failure(stripe.customers.list({ starting_after: 'cus_missing' }));
  assert.deepEqual([error.param, error.code], ['starting_after', 'resource_missing']);
});

test('a call without a valid key is a StripeAuthenticationError', async () => {
  const error = await failure(client('sk_nonsense').customers.list());
  assert.ok(error instanceof errors.StripeAuthenticationError);
  assert.equal(error.statusCode, 401);
});

test('a wrong argument is a StripeInvalidRequestError with all its parts', async () => {
  const error = await failure(stripe.customers.create({ flavour: 'mint' }));
  assert.ok(error instanceof errors.StripeInvalidRequestError);
  assert.deepEqual([error.type, error.rawType, error.code, error.param], ['StripeInvalidRequestError', 'invalid_request_error', 'parameter_unknown', 'flavour']);
  assert.match(error.requestId, /^req_/);
  assert.equal(error.headers['request-id'], error.requestId);
  assert.match(error.message, /^Received unknown parameter: flavour/);
});

test('an unknown path is a StripeInvalidRequestError with 404', async () => {
  const error = await failure(stripe.rawRequest('GET', '/v1/nonsense'));
  assert.ok(error instanceof errors.StripeInvalidRequestError);
  assert.equal(error.statusCode, 404);
});

test('rawRequest reaches a path by hand', async () => {
  const answer = await stripe.rawRequest('POST', '/v1/customers', { name: 'By hand' });
  assert.equal(answer.name, 'By hand');
});

test('the same key twice makes one object', async () => {
  const options = { idempotencyKey: randomUUID() };
  const [one, two] = [await stripe.checkout.sessions.create(sessionParams(), options), await stripe.checkout.sessions.create(sessionParams(), options)];
  assert.equal(one.id, two.id);
  assert.equal(one.lastResponse.headers['idempotent-replayed'], undefined);
  assert.equal(two.lastResponse.headers['idempotent-replayed'], 'true');
});

test('the same key with another request is a StripeIdempotencyError', async () => {
  const options = { idempotencyKey: randomUUID() };
  await stripe.customers.create({ name: 'Ada' }, options);
  const error = await failure(stripe.customers.create({ name: 'Eve' }, options));
  assert.ok(error instanceof errors.StripeIdempotencyError);
  assert.deepEqual([error.statusCode, error.rawType], [400, 'idempotency_error']);
});

test('a refused request does not use up its key', async () => {
  const options = { idempotencyKey: randomUUID() };
  await failure(stripe.customers.create({ flavour: 'mint' }, options));
  assert.match((await stripe.customers.create({ name: 'Ada' }, options)).id, /^cus_/);
});

test('a decline is replayed with its key', async () => {
  const options = { idempotencyKey: randomUUID() };
  const declined = () => failure(stripe.paymentIntents.create(intentParams({ payment_method: 'pm_card_visa_chargeDeclined' }), options));
  const [one, two] = [await declined(), await declined()];
  assert.equal(one.payment_intent.id, two.payment_intent.id);
  assert.equal(two.headers['idempotent-replayed'], 'true');
});

test('accounts of two keys are strangers', async () => {
  const other = client();
  const error = await failure(other.customers.retrieve(ids[0]));
  assert.equal(error.statusCode, 404);
  assert.deepEqual((await other.customers.list()).data, []);
});

test('the same key from another client is the same account', async () => {
  assert.equal((await client(key).customers.retrieve(ids[0])).id, ids[0]);
});

test('metadata is text, merges, and is emptied by an empty string', async () => {
  const made = await stripe.customers.create({ metadata: { a: 1, b: 'two' } });
  assert.deepEqual(made.metadata, { a: '1', b: 'two' });
  assert.deepEqual((await stripe.customers.update(made.id, { metadata: { a: '' } })).metadata, { b: 'two' });
  assert.deepEqual((await stripe.customers.update(made.id, { metadata: '' })).metadata, {});
});

test('metadata beyond its limits is refused', async () => {
  for (const metadata of [{ ['k'.repeat(41)]: 'v' }, { k: 'v'.repeat(501) }, Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`k${n}`, 'v']))]) {
    const error = await failure(stripe.customers.create({ metadata }));
    assert.deepEqual([error.statusCode, error.rawType], [400, 'invalid_request_error']);
  }
});

test('deleted customers say so and stay readable', async () => {
  const { id } = await stripe.customers.create({});
  const gone = await stripe.customers.del(id);
  assert.deepEqual([gone.id, gone.object, gone.deleted], [id, 'customer', true]);
  assert.equal((await stripe.customers.retrieve(id)).deleted, true);
});

test('curl users write brackets without numbers and percent-encode them', async () => {
  const plain = await raw('GET', '/v1/customers?limit=1&expand[]=data.default_source', key);
  assert.equal(plain.status, 200);
  const encoded = await raw('GET', '/v1/customers?limit=1&created%5Bgte%5D=1', key);
  assert.equal(encoded.body.data.length, 1);
});

test('an answer is JSON, with a request id and the version', async () => {
  const answer = await raw('GET', '/v1/customers', key);
  assert.match(answer.headers.get('content-type'), /^application\/json/);
  assert.match(answer.headers.get('request-id'), /^req_/);
  assert.equal(answer.headers.get('stripe-version'), '2026-05-27.dahlia');
});
