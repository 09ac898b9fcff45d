import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { open, pay } from './support/hosted-page.mjs';
import { receiver } from './support/receiver.mjs';
import { Stripe, all, client, control, failure, freshKey, intentParams, sessionParams, until } from './support/sandbox.mjs';

const key = freshKey();
const stripe = client(key);
let shop, endpoint;

before(async () => {
  shop = await receiver();
  endpoint = await stripe.webhookEndpoints.create({ url: shop.url, enabled_events: ['*'] });
});
after(() => shop.close());

const verify = ({ body, headers }, secret = endpoint.secret) => stripe.webhooks.constructEvent(body, headers['stripe-signature'], secret);

test('a checkout is told in signed events that constructEvent accepts', async () => {
  const session = await stripe.checkout.sessions.create(sessionParams({ metadata: { order: '7' } }));
  await pay(await open(session.url), '4242424242424242');
  const [delivery] = await shop.hears('checkout.session.completed', session.id);
  const event = verify(delivery);
  assert.equal(event.type, 'checkout.session.completed');
  assert.deepEqual([event.data.object.payment_status, event.data.object.metadata.order], ['paid', '7']);
  const intent = event.data.object.payment_intent;
  assert.equal(verify((await shop.hears('payment_intent.succeeded', intent))[0]).data.object.amount, 5000);
  await shop.hears('charge.succeeded');
  await shop.hears('payment_intent.created', intent);
});

test('constructEventAsync accepts it too', async () => {
  const made = await stripe.customers.create({ name: 'Ada' });
  const [{ body, headers }] = await shop.hears('customer.created', made.id);
  const event = await stripe.webhooks.constructEventAsync(body, headers['stripe-signature'], endpoint.secret);
  assert.equal(event.data.object.id, made.id);
});

test('a wrong secret or an altered body is a StripeSignatureVerificationError', async () => {
  const made = await stripe.customers.create({ name: 'Ada' });
  const [delivery] = await shop.hears('customer.created', made.id);
  assert.throws(() => verify(delivery, 'whsec_other'), Stripe.errors.StripeSignatureVerificationError);
  assert.throws(() => verify({ ...delivery, body: delivery.body.replace('Ada', 'Eve') }), Stripe.errors.StripeSignatureVerificationError);
});

test('the delivered event is the one the API keeps', async () => {
  const made = await stripe.customers.create({ name: 'Kept' });
  const [{ event }] = await shop.hears('customer.created', made.id);
  const kept = await stripe.events.retrieve(event.id);
  assert.deepEqual([kept.id, kept.type, kept.created, kept.data.object], [event.id, event.type, event.created, JSON.parse(JSON.stringify(event.data.object))]);
});

test('the event names the request that caused it', async () => {
  const made = await stripe.customers.create({ name: 'Cause' }, { idempotencyKey: `cause-${freshKey()}` });
  const [{ event }] = await shop.hears('customer.created', made.id);
  assert.equal(event.request.id, made.lastResponse.requestId);
  assert.equal(event.request.idempotency_key, made.lastResponse.idempotencyKey);
});

test('an update is told with what was before', async () => {
  const made = await stripe.customers.create({ name: 'Ada' });
  await stripe.customers.update(made.id, { name: 'Eve' });
  const [{ event }] = await shop.hears('customer.updated', made.id);
  assert.deepEqual([event.data.previous_attributes, event.data.object.name], [{ name: 'Ada' }, 'Eve']);
});

test('a refund is told by refund.created and charge.refunded', async () => {
  const intent = await stripe.paymentIntents.create(intentParams());
  const refund = await stripe.refunds.create({ payment_intent: intent.id });
  await shop.hears('refund.created', refund.id);
  const [{ event }] = await shop.hears('charge.refunded', intent.latest_charge);
  assert.deepEqual([event.data.object.amount_refunded, event.data.previous_attributes.amount_refunded], [2000, 0]);
});

test('a decline is told by payment_intent.payment_failed and charge.failed', async () => {
  const error = await failure(stripe.paymentIntents.create(intentParams({ payment_method: 'pm_card_visa_chargeDeclined' })));
  const [{ event }] = await shop.hears('payment_intent.payment_failed', error.payment_intent.id);
  assert.equal(event.data.object.last_payment_error.decline_code, 'generic_decline');
  await shop.hears('charge.failed', error.charge);
});

test('after a 500 the same event comes again, signed at the time of sending', async (t) => {
  const second = await receiver();
  t.after(() => second.close());
  const own = freshKey();
  const api = client(own);
  const { secret } = await api.webhookEndpoints.create({ url: second.url, enabled_events: ['customer.created'] });
  second.answerNext(500);
  const made = await api.customers.create({});
  await second.hears('customer.created', made.id);
  await until(async () => {
    await control('POST', 'clock', { advance_seconds: 3600 }, own);
    return second.seen('customer.created', made.id).length >= 2;
  }, 'a second attempt');
  const [one, two] = second.seen('customer.created', made.id);
  assert.equal(one.event.id, two.event.id);
  // Moving the sandbox's clock moves its events, not the moment at which a message is sent.
  const signedAt = Number(/t=(\d+)/.exec(two.headers['stripe-signature'])[1]);
  assert.ok(Math.abs(Date.now() / 1000 - signedAt) < 60, two.headers['stripe-signature']);
  assert.equal(stripe.webhooks.constructEvent(two.body, two.headers['stripe-signature'], secret).id, one.event.id);
});

test('an endpoint hears only the types it named', async () => {
  const second = await receiver();
  const api = client();
  await api.webhookEndpoints.create({ url: second.url, enabled_events: ['product.created'] });
  await api.customers.create({});
  await api.products.create({ name: 'Tea' });
  await second.hears('product.created');
  assert.deepEqual(second.seen().map(({ event }) => event.type), ['product.created']);
  second.close();
});

test('events are listed by type and walked page by page', async () => {
  const api = client();
  for (let n = 0; n < 12; n++) await api.customers.create({});
  const rows = await all(api.events.list({ type: 'customer.created', limit: 5 }));
  assert.equal(rows.length, 12);
  assert.deepEqual([...new Set(rows.map(({ type }) => type))], ['customer.created']);
});

test('an endpoint shows its secret only when it is made', async () => {
  assert.match(endpoint.secret, /^whsec_/);
  assert.equal((await stripe.webhookEndpoints.retrieve(endpoint.id)).secret, undefined);
});
