// Buys in the demo shop: every way a payment can go, with scripts and without.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { launch, openPage } from './support/browser.mjs';
import { startGateway } from './support/gateway.mjs';
import { fits, inspect } from './support/inspect.mjs';
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

for (const javaScript of [true, false]) {
  describe(javaScript ? 'with scripts' : 'without scripts', () => {
    // Runs one purchase on a page of its own; looking closely needs scripts.
    const buy = (name, steps) =>
      test(name, async () => {
        const watched = await openPage(browser, { javaScript, hosts: [gateway.shop, gateway.sandbox] });
        const look = (what) => (javaScript ? inspect(watched.page, what) : fits(watched.page, what));
        try {
          await steps(watched.page, look, watched);
        } catch (error) {
          await watched.page.screenshot({ path: `${process.env.DUCAT_TEST_OUT ?? '.'}/failed-${name.replace(/\W+/g, '-')}-${javaScript}.png`, fullPage: true }).catch(() => {});
          await watched.close().catch((wrong) => { error.message += `\n${wrong.message}`; });
          error.message += `\nat ${watched.page.url()}\n${gateway.said()}`;
          throw error;
        }
        await watched.close();
      });

    buy('a good card pays the order', async (page, look) => {
      await page.goto(`${gateway.shop}/`);
      await look('shop');
      const id = await checkOut(page, gateway);
      await look('checkout');
      await goAndPay(page, gateway);
      await look('sandbox-page');
      await fillCard(page, cards.good);
      await backInTheShop(page, gateway);
      const order = await becomes(gateway, id, 'succeeded');
      assert.equal(order.amount_captured, order.amount);
      if (!javaScript) await page.reload();
      await page.getByText(/paid|succeeded/i).first().waitFor();
      await look('thanks');
      // The order's own page tells the same.
      await page.goto(`${gateway.shop}/pay/${id}`);
      await page.getByText(/paid\. thank you/i).first().waitFor();
      await look('checkout-paid');
    });

    buy('a declined card can be followed by a good one', async (page, look, watched) => {
      const id = await checkOut(page, gateway);
      await goAndPay(page, gateway);
      await fillCard(page, cards.declined);
      await page.getByText(/declined/i).first().waitFor();
      await look('sandbox-declined');
      // The page that says so has the status 402, which Chromium reports as an error.
      watched.forgive(/status of 402/);
      assert.equal((await gateway.api(`/v1/payment_orders/${id}`)).amount_captured, 0);
      await fillCard(page, cards.good);
      await backInTheShop(page, gateway);
      await becomes(gateway, id, 'succeeded');
    });

    buy('a customer who turns back can pay later', async (page, look) => {
      const id = await checkOut(page, gateway);
      await goAndPay(page, gateway);
      await page.getByRole('link', { name: /back|cancel|return/i }).first().click();
      await page.waitForURL((url) => url.origin === gateway.shop);
      await look('checkout-back');
      assert.notEqual((await gateway.api(`/v1/payment_orders/${id}`)).status, 'succeeded');
      await page.goto(`${gateway.shop}/pay/${id}`);
      await goAndPay(page, gateway);
      await fillCard(page, cards.good);
      await backInTheShop(page, gateway);
      await becomes(gateway, id, 'succeeded');
    });

    buy('3-D Secure that is completed pays', async (page, look) => {
      const id = await checkOut(page, gateway);
      await goAndPay(page, gateway);
      await fillCard(page, cards.asksBack);
      const complete = page.getByRole('button', { name: /complete|approve|confirm|authenticate/i }).first();
      await complete.waitFor();
      await look('sandbox-3ds');
      await complete.click();
      await backInTheShop(page, gateway);
      await becomes(gateway, id, 'succeeded');
    });

    buy('3-D Secure that fails can be followed by a good card', async (page, look) => {
      const id = await checkOut(page, gateway);
      await goAndPay(page, gateway);
      await fillCard(page, cards.asksBack);
      await page.getByRole('button', { name: /fail|reject|refuse/i }).first().click();
      await page.getByLabel(/card number/i).waitFor();
      await look('sandbox-3ds-failed');
      await fillCard(page, cards.good);
      await backInTheShop(page, gateway);
      await becomes(gateway, id, 'succeeded');
    });

    buy('an order that was called off cannot be paid', async (page, look) => {
      const id = await checkOut(page, gateway);
      const answer = await fetch(`${gateway.shop}/v1/payment_orders/${id}/cancel`, { method: 'POST', headers: { Authorization: `Bearer ${gateway.key}` } });
      assert.ok(answer.ok, await answer.text());
      await becomes(gateway, id, 'canceled');
      if (!javaScript) await page.reload();
      await page.getByText(/called off/i).first().waitFor();
      assert.equal(await page.getByRole('button', { name: /^pay/i }).count(), 0);
      await look('checkout-canceled');
    });
  });
}
