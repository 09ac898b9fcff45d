import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Stripe, client, failure, freshKey, intentParams } from './support/sandbox.mjs';

const stripe = client();
const pay = (changes) => stripe.paymentIntents.create(intentParams(changes));
const { StripeCardError, StripeInvalidRequestError } = Stripe.errors;

test('an intent walks from no method to succeeded', async () => {
  const made = await stripe.paymentIntents.create({ amount: 2000, currency: 'eur', payment_method_types: ['card'] });
  assert.equal(made.status, 'requires_payment_method');
  assert.equal((await stripe.paymentIntents.update(made.id, { payment_method: 'pm_card_visa' })).status, 'requires_confirmation');
  const paid = await stripe.paymentIntents.confirm(made.id);
  assert.deepEqual([paid.status, paid.amount_received], ['succeeded', 2000]);
});

test('the client secret names the intent, and a publishable key reads it with that alone', async () => {
  const key = freshKey();
  const made = await client(key).paymentIntents.create({ amount: 2000, currency: 'eur' });
  assert.ok(made.client_secret.startsWith(`${made.id}_secret_`));
  const page = client(key.replace('sk_test_', 'pk_test_'));
  const seen = await page.paymentIntents.retrieve(made.id, { client_secret: made.client_secret });
  assert.deepEqual([seen.id, seen.status], [made.id, 'requires_payment_method']);
  const error = await failure(page.paymentIntents.retrieve(made.id, { client_secret: `${made.id}_secret_guessed` }));
  assert.ok(error.statusCode >= 400 && error.statusCode < 500);
});

for (const [method, code, declineCode] of [
  ['pm_card_visa_chargeDeclined', 'card_declined', 'generic_decline'],
  ['pm_card_visa_chargeDeclinedInsufficientFunds', 'card_declined', 'insufficient_funds'],
  ['pm_card_visa_chargeDeclinedLostCard', 'card_declined', 'lost_card'],
  ['pm_card_visa_chargeDeclinedStolenCard', 'card_declined', 'stolen_card'],
  ['pm_card_chargeDeclinedExpiredCard', 'expired_card'],
  ['pm_card_chargeDeclinedIncorrectCvc', 'incorrect_cvc'],
  ['pm_card_chargeDeclinedProcessingError', 'processing_error'],
]) {
  test(`${method} is a StripeCardError with ${declineCode ?? code}`, async () => {
    const error = await failure(pay({ payment_method: method }));
    assert.ok(error instanceof StripeCardError);
    assert.deepEqual([error.statusCode, error.code, error.type, error.rawType], [402, code, 'StripeCardError', 'card_error']);
    if (declineCode) assert.equal(error.decline_code, declineCode);
    assert.equal(error.payment_intent.status, 'requires_payment_method');
    assert.equal(error.payment_intent.last_payment_error.code, code);
    assert.match(error.charge, /^ch_/);
    assert.equal(error.payment_method.object, 'payment_method');
    assert.ok(error.message.length > 5 && error.doc_url.startsWith('https://'));
  });
}

test('a card that wants 3-D Secure leads to a page', async () => {
  const intent = await pay({ payment_method: 'pm_card_authenticationRequired', return_url: 'https://shop.example/back' });
  assert.equal(intent.status, 'requires_action');
  assert.ok(intent.next_action.redirect_to_url.url);
});

test('a held payment is captured in part and the rest let go', async () => {
  const held = await pay({ capture_method: 'manual' });
  assert.deepEqual([held.status, held.amount_capturable], ['requires_capture', 2000]);
  const done = await stripe.paymentIntents.capture(held.id, { amount_to_capture: 500, expand: ['latest_charge'] });
  assert.deepEqual([done.status, done.amount_received, done.amount_capturable], ['succeeded', 500, 0]);
  assert.equal(done.latest_charge.amount_captured, 500);
  const error = await failure(stripe.refunds.create({ payment_intent: held.id, amount: 501 }));
  assert.equal(error.param, 'amount');
  assert.equal((await stripe.refunds.create({ payment_intent: held.id })).amount, 500);
});

test('a held payment is canceled', async () => {
  const held = await pay({ capture_method: 'manual' });
  const gone = await stripe.paymentIntents.cancel(held.id, { cancellation_reason: 'requested_by_customer' });
  assert.deepEqual([gone.status, gone.cancellation_reason], ['canceled', 'requested_by_customer']);
});

test('a paid intent is neither canceled nor captured nor confirmed', async () => {
  const { id } = await pay();
  for (const act of ['cancel', 'capture', 'confirm']) {
    const error = await failure(stripe.paymentIntents[act](id));
    assert.ok(error instanceof StripeInvalidRequestError);
    assert.deepEqual([error.statusCode, error.code], [400, 'payment_intent_unexpected_state'], act);
    assert.equal(error.payment_intent.id, id);
  }
});

test('a refund takes the whole rest, then no more', async () => {
  const intent = await pay();
  const part = await stripe.refunds.create({ payment_intent: intent.id, amount: 300, reason: 'duplicate' });
  assert.deepEqual([part.status, part.amount, part.reason], ['succeeded', 300, 'duplicate']);
  assert.equal((await stripe.refunds.create({ payment_intent: intent.id })).amount, 1700);
  const error = await failure(stripe.refunds.create({ payment_intent: intent.id }));
  assert.deepEqual([error.statusCode, error.code], [400, 'charge_already_refunded']);
  const charge = await stripe.charges.retrieve(intent.latest_charge, { expand: ['refunds'] });
  assert.deepEqual([charge.refunded, charge.amount_refunded, charge.refunds.data.length], [true, 2000, 2]);
});

test('a refund above the rest is refused and moves nothing', async () => {
  const intent = await pay();
  const error = await failure(stripe.refunds.create({ charge: intent.latest_charge, amount: 2001 }));
  assert.ok(error instanceof StripeInvalidRequestError);
  assert.equal(error.param, 'amount');
  assert.equal((await stripe.charges.retrieve(intent.latest_charge)).amount_refunded, 0);
});

test('many refunds at once never give back more than was paid', async () => {
  const intent = await pay();
  const results = await Promise.allSettled(Array.from({ length: 8 }, () => stripe.refunds.create({ payment_intent: intent.id, amount: 600 })));
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 3);
  assert.equal((await stripe.charges.retrieve(intent.latest_charge)).amount_refunded, 1800);
});

test('balance transactions and balance agree', async () => {
  const own = client();
  const intent = await own.paymentIntents.create(intentParams({ expand: ['latest_charge.balance_transaction'] }));
  await own.refunds.create({ payment_intent: intent.id, amount: 500 });
  const booked = await own.balanceTransactions.list();
  assert.deepEqual(booked.data.map((row) => [row.type, row.amount]), [['refund', -500], ['charge', 2000]]);
  assert.deepEqual((await own.balanceTransactions.retrieve(booked.data[1].id)).net, intent.latest_charge.balance_transaction.net);
  const balance = await own.balance.retrieve();
  const sum = [...balance.pending, ...balance.available].reduce((total, part) => total + part.amount, 0);
  assert.equal(sum, booked.data[0].net + booked.data[1].net);
});

test('a saved card is listed with its customer and pays again', async () => {
  const customer = await stripe.customers.create({ name: 'Ada' });
  const card = await stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id });
  const listed = await stripe.customers.listPaymentMethods(customer.id);
  assert.deepEqual(listed.data.map(({ id }) => id), [card.id]);
  const paid = await pay({ customer: customer.id, payment_method: card.id, off_session: true });
  assert.equal(paid.status, 'succeeded');
  assert.equal((await stripe.paymentMethods.detach(card.id)).customer, null);
});

test("a card of one customer does not pay for another", async () => {
  const [ada, eve] = await Promise.all(['Ada', 'Eve'].map((name) => stripe.customers.create({ name })));
  const card = await stripe.paymentMethods.attach('pm_card_visa', { customer: ada.id });
  const error = await failure(pay({ customer: eve.id, payment_method: card.id }));
  assert.equal(error.statusCode, 400);
});

test('catalogue: product, price, search by lookup key, and a session that sells it', async () => {
  const product = await stripe.products.create({ name: 'Tea', metadata: { shelf: '4' } });
  const price = await stripe.prices.create({ product: product.id, currency: 'eur', unit_amount: 450, lookup_key: 'tea' });
  assert.deepEqual([price.type, price.unit_amount, String(price.unit_amount_decimal)], ['one_time', 450, '450']);
  const found = await stripe.prices.list({ lookup_keys: ['tea'], expand: ['data.product'] });
  assert.equal(found.data[0].product.name, 'Tea');
  const session = await stripe.checkout.sessions.create({ mode: 'payment', success_url: 'https://shop.example/', line_items: [{ price: price.id, quantity: 3 }] });
  assert.equal(session.amount_total, 1350);
});

test('a dispute card is disputed and its dispute can be closed', async () => {
  const intent = await pay({ payment_method: 'pm_card_createDisputeInquiry' });
  const [dispute] = (await stripe.disputes.list({ payment_intent: intent.id })).data;
  assert.equal(dispute.status, 'warning_needs_response');
  assert.match((await stripe.disputes.close(dispute.id)).status, /^(lost|warning_closed)$/);
});
