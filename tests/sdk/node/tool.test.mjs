// `stripe trigger …` and the tool's resource commands against the sandbox.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { all, client, control, freshKey, until } from './support/sandbox.mjs';
import { tool } from './support/tool.mjs';

let stripe;
before(async () => {
  stripe = await tool();
});
after(() => stripe.close());

const told = async (api) => (await all(api.events.list({ limit: 100 }))).map(({ type }) => type);

const TRIGGERS = [
  'charge.captured', 'charge.dispute.closed', 'charge.dispute.created', 'charge.dispute.updated', 'charge.failed', 'charge.refund.updated',
  'charge.refunded', 'charge.succeeded', 'checkout.session.completed', 'checkout.session.expired', 'customer.created', 'customer.deleted',
  'customer.updated', 'payment_intent.amount_capturable_updated', 'payment_intent.canceled', 'payment_intent.created',
  'payment_intent.payment_failed', 'payment_intent.processing', 'payment_intent.requires_action', 'payment_intent.succeeded',
  'payment_method.attached', 'payment_method.detached', 'price.created', 'price.updated', 'product.created', 'product.deleted', 'product.updated',
  'payment_method.updated', 'setup_intent.created', 'setup_intent.requires_action', 'setup_intent.succeeded', 'setup_intent.canceled', 'setup_intent.setup_failed', 'coupon.created', 'coupon.updated',
  'coupon.deleted', 'promotion_code.created', 'promotion_code.updated', 'tax_rate.created', 'tax_rate.updated', 'customer.source.created',
];

for (const type of TRIGGERS) {
  test(`stripe trigger ${type} makes a ${type} event`, async () => {
    const key = freshKey();
    const { code, text } = await stripe.run(key, 'trigger', type);
    assert.equal(code, 0, text);
    assert.match(text, /Trigger succeeded/);
    assert.ok((await told(client(key))).includes(type), `events: ${await told(client(key))}`);
  });
}

for (const type of ['checkout.session.async_payment_succeeded', 'checkout.session.async_payment_failed']) {
  test(`stripe trigger ${type} makes its event when the debit settles`, async () => {
    const key = freshKey();
    const { code, text } = await stripe.run(key, 'trigger', type);
    assert.equal(code, 0, text);
    const api = client(key);
    assert.ok((await told(api)).includes('checkout.session.completed'));
    await until(async () => {
      await control('POST', 'clock', { advance_seconds: 24 * 3600 }, key);
      return (await told(api)).includes(type);
    }, type);
  });
}

test('the session that the tool pays is complete and paid', async () => {
  const key = freshKey();
  await stripe.run(key, 'trigger', 'checkout.session.completed');
  const { data } = await client(key).checkout.sessions.list();
  assert.deepEqual(data.map((s) => [s.status, s.payment_status, s.amount_total, s.customer_details.email]), [['complete', 'paid', 3000, 'stripe@example.com']]);
});

test('overrides of a trigger reach the sandbox', async () => {
  const key = freshKey();
  const { code, text } = await stripe.run(key, 'trigger', 'checkout.session.completed', '--override', 'price:unit_amount=700', '--override', 'payment_page_confirm:expected_amount=1400', '--add', 'checkout_session:metadata.order=9');
  assert.equal(code, 0, text);
  const { data } = await client(key).checkout.sessions.list();
  assert.deepEqual([data[0].amount_total, data[0].metadata], [1400, { order: '9' }]);
});

test('a trigger through a stranger’s key leaves no trace here', async () => {
  const key = freshKey();
  await stripe.run(freshKey(), 'trigger', 'customer.created');
  assert.deepEqual((await client(key).customers.list()).data, []);
});

test('the tool creates, reads, lists, updates and deletes', async () => {
  const key = freshKey();
  const made = await stripe.run(key, 'customers', 'create', '--name', 'Ada', '-d', 'metadata[k]=v');
  assert.equal(made.code, 0, made.text);
  const { id } = JSON.parse(made.out);
  assert.equal(JSON.parse((await stripe.run(key, 'customers', 'retrieve', id)).out).metadata.k, 'v');
  assert.equal(JSON.parse((await stripe.run(key, 'get', `/v1/customers/${id}`)).out).name, 'Ada');
  assert.equal(JSON.parse((await stripe.run(key, 'post', `/v1/customers/${id}`, '-d', 'name=Eve')).out).name, 'Eve');
  assert.equal(JSON.parse((await stripe.run(key, 'customers', 'list', '--limit', '3')).out).data.length, 1);
  assert.equal(JSON.parse((await stripe.run(key, 'delete', `/v1/customers/${id}`, '--confirm')).out).deleted, true);
});

test('the tool shows the sandbox’s refusals', async () => {
  const { text } = await stripe.run(freshKey(), 'post', '/v1/refunds', '-d', 'payment_intent=pi_missing');
  assert.match(text, /resource_missing/);
  assert.match(text, /No such payment_intent/);
});
