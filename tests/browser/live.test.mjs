// What scripts add: pages that change by themselves; and what must work without a mouse.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, openPage } from './support/browser.mjs';
import { startGateway } from './support/gateway.mjs';
import { inspect } from './support/inspect.mjs';
import { backInTheShop, becomes, cards, checkOut, fillCard, goAndPay } from './support/shopping.mjs';

let gateway;
let browser;
before(async () => {
  [gateway, browser] = await Promise.all([startGateway(), launch()]);
});
after(async () => {
  await browser?.close();
  await gateway?.stop();
});

const hosts = () => [gateway.shop, gateway.sandbox];

test('the order page in another tab tells of the payment without a reload', async () => {
  const buying = await openPage(browser, { hosts: hosts() });
  const watching = await openPage(browser, { hosts: hosts() });
  const id = await checkOut(buying.page, gateway);
  await watching.page.goto(`${gateway.shop}/pay/${id}`);
  await watching.page.evaluate(() => { window.neverReloaded = true; });
  await goAndPay(buying.page, gateway);
  await fillCard(buying.page, cards.good);
  await backInTheShop(buying.page, gateway);
  await watching.page.getByText(/paid\. thank you/i).first().waitFor();
  await buying.close();
  await watching.close();
});

test('the timeline fills while one looks at it', async () => {
  const { page, close } = await openPage(browser, { hosts: hosts() });
  const id = await checkOut(page, gateway);
  // The shop's page for an order that is still open shows what has happened so far.
  const other = await openPage(browser, { hosts: hosts() });
  await other.page.goto(`${gateway.shop}/shop/thanks?order=${id}`);
  await other.page.evaluate(() => { window.neverReloaded = true; });
  const steps = other.page.locator('[data-event]');
  const before = await steps.count();
  await goAndPay(page, gateway);
  await fillCard(page, cards.good);
  await becomes(gateway, id, 'succeeded');
  await other.page.waitForFunction(
    (before) => document.querySelectorAll('[data-event]').length > before, before);
  assert.equal(await other.page.evaluate(() => window.neverReloaded), true, 'the page was loaded anew');
  await close();
  await other.close();
});

test('a refund shows on the customer\'s page, by itself and without scripts', async () => {
  const { page, close } = await openPage(browser, { hosts: hosts() });
  const id = await checkOut(page, gateway);
  await goAndPay(page, gateway);
  await fillCard(page, cards.good);
  await becomes(gateway, id, 'succeeded');
  const watching = await openPage(browser, { hosts: hosts() });
  await watching.page.goto(`${gateway.shop}/pay/${id}`);
  await watching.page.evaluate(() => { window.neverReloaded = true; });
  const refund = await gateway.tell(`/v1/payment_orders/${id}/refunds`, { amount: 100 });
  assert.equal(refund.status, 201, JSON.stringify(refund.body));
  const line = /^1\.00 EUR (refunded on|is on its way)/;
  await watching.page.getByText(line).waitFor();
  assert.equal(await watching.page.evaluate(() => window.neverReloaded), true, 'the page was loaded anew');
  await inspect(watching.page, 'refunded');
  const plain = await openPage(browser, { javaScript: false, hosts: hosts() });
  await plain.page.goto(`${gateway.shop}/pay/${id}`);
  await plain.page.getByText(line).waitFor();
  await Promise.all([close(), watching.close(), plain.close()]);
});

test('everything can be done with the keyboard alone', async () => {
  const { page, close } = await openPage(browser, { hosts: hosts() });
  await page.goto(`${gateway.shop}/`);
  await press(page, /check ?out/i);
  await page.waitForURL(/\/pay\/po_/);
  const id = page.url().match(/po_[0-9a-z]+/)[0];
  await press(page, /^pay/i);
  await page.waitForURL((url) => url.origin === gateway.sandbox);
  await type(page, /e-?mail/i, 'ada@example.com');
  await type(page, /card number/i, '4242424242424242');
  await type(page, /expir|mm ?\/ ?yy/i, '1240');
  await type(page, /cvc|security code/i, '123');
  await press(page, /^pay/i);
  await backInTheShop(page, gateway);
  await becomes(gateway, id, 'succeeded');
  await close();
});

/** What has the focus, in words, and whether one can see that it has it. */
async function focused(page) {
  return page.evaluate(() => {
    const element = document.activeElement;
    if (!element || element === document.body) return { words: '', seen: true };
    const label = [...(element.labels ?? [])].map((l) => l.innerText).join(' ');
    const style = getComputedStyle(element);
    const seen = (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== 'none';
    return { words: `${element.getAttribute('aria-label') ?? ''} ${label} ${element.innerText ?? ''}`.trim(), seen };
  });
}

/** Walks with the Tab key until the words fit. */
async function walkTo(page, words) {
  for (let i = 0; i < 60; i += 1) {
    const now = await focused(page);
    assert.ok(now.seen, `one cannot see that "${now.words}" has the focus`);
    if (words.test(now.words)) return;
    await page.keyboard.press('Tab');
  }
  assert.fail(`the keyboard does not reach ${words} on ${page.url()}`);
}

async function press(page, words) {
  await walkTo(page, words);
  await page.keyboard.press('Enter');
}

async function type(page, words, text) {
  await walkTo(page, words);
  await page.keyboard.press('ControlOrMeta+A');
  await page.keyboard.type(text);
}

test('the documentation fits, is light and can be used by everybody', async () => {
  // The pages for those who build may weigh more than what customers meet.
  const { page, close } = await openPage(browser, { hosts: hosts(), maxWeight: 100_000 });
  await page.goto(`${gateway.shop}/docs`);
  await inspect(page, 'docs');
  await page.goto(`${gateway.shop}/docs/payment-orders`);
  await inspect(page, 'docs-payment-orders');
  await page.goto(`${gateway.shop}/docs/schemas`);
  await inspect(page, 'docs-schemas');
  await page.goto(`${gateway.shop}/docs/schemas/PaymentOrder`);
  await inspect(page, 'docs-schema');
  await page.goto(`${gateway.shop}/docs/errors`);
  await inspect(page, 'docs-errors');
  await close();
});

test('a page that is not there is told politely', async () => {
  const watched = await openPage(browser, { hosts: hosts() });
  const answer = await watched.page.goto(`${gateway.shop}/pay/po_00000000000000000000000000`);
  assert.equal(answer.status(), 404);
  await inspect(watched.page, 'not-found');
  watched.forgive(/404/);
  await watched.close();
});
