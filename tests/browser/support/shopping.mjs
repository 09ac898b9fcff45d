// What a customer does, step by step, by what is written on buttons and beside fields.

import assert from 'node:assert/strict';

export const cards = {
  good: '4242 4242 4242 4242',
  declined: '4000 0000 0000 0002',
  asksBack: '4000 0027 6000 3184',
};

/** From the shop to the order's page. Gives the order's id. */
export async function checkOut(page, gateway) {
  await page.goto(`${gateway.shop}/`);
  await page.getByRole('button', { name: /check ?out/i }).click();
  await page.waitForURL(/\/pay\/po_/);
  return page.url().match(/po_[0-9a-z]+/)[0];
}

/** From the order's page to the PSP's. */
export async function goAndPay(page, gateway) {
  await page.getByRole('button', { name: /^(pay|try again)/i }).or(page.getByRole('link', { name: /^(pay|try again)/i })).first().click();
  await page.waitForURL((url) => url.origin === gateway.sandbox);
}

/** Fills the PSP's form in and sends it. */
export async function fillCard(page, number) {
  const email = page.getByLabel(/e-?mail/i);
  if (await email.count()) await email.fill('ada@example.com');
  await page.getByLabel(/card number/i).fill(number);
  await page.getByLabel(/expir|mm ?\/ ?yy/i).fill('12 / 40');
  await page.getByLabel(/cvc|security code/i).fill('123');
  const name = page.getByLabel(/name on card|cardholder|^name/i);
  if (await name.count()) await name.first().fill('Ada Lovelace');
  await page.getByRole('button', { name: /^pay/i }).click();
}

/** Lands in the shop again, through the page on the way back, as far as it needs a click. */
export async function backInTheShop(page, gateway) {
  await page.waitForURL((url) => url.origin === gateway.shop);
  const thanks = /\/shop\/thanks/;
  // The way back leads on by itself; without scripts it may take a click.
  const onward = page.getByRole('link', { name: /continue|back to|shop/i }).or(page.getByRole('button', { name: /continue|back to|shop/i }));
  for (let tries = 0; !thanks.test(page.url()); tries += 1) {
    assert.ok(tries < 20, `stuck at ${page.url()}: ${await page.locator('main').innerText()}`);
    await Promise.race([
      page.waitForURL(thanks, { timeout: 1_500 }).catch(() => {}),
      onward.first().waitFor({ timeout: 1_500 }).then(() => onward.first().click({ timeout: 1_000 })).catch(() => {}),
    ]);
  }
}

/** Waits until the API says so too. */
export async function becomes(gateway, id, status) {
  const deadline = Date.now() + 15_000;
  for (;;) {
    const order = await gateway.api(`/v1/payment_orders/${id}`);
    if (order.status === status) return order;
    assert.ok(Date.now() < deadline, `the order is ${order.status}, not ${status}: ${JSON.stringify(order)}\n${gateway.said()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
