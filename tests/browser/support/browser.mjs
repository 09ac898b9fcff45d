// Debian's Chromium, and pages that are watched: every console error, every request to another host, every byte is noted.

import { chromium } from 'playwright-core';
import { existsSync } from 'node:fs';

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const flags = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];
/** No page that a customer meets may weigh more, with everything it loads. */
const customersWeight = 50_000;

export function launch() {
  const executablePath = process.env.DUCAT_TEST_CHROMIUM ?? places.find(existsSync);
  if (!executablePath) throw new Error('there is no Chromium; tests/install brings it');
  return chromium.launch({ executablePath, args: flags, headless: true });
}

/**
 * Opens a page of its own and watches it. `close()` fails the test when something was wrong with it on the way.
 * `hosts` are the origins that may be asked.
 */
export async function openPage(browser, { javaScript = true, hosts, viewport = { width: 1280, height: 800 }, maxWeight = customersWeight }) {
  const context = await browser.newContext({ javaScriptEnabled: javaScript, viewport, locale: 'en-GB', reducedMotion: 'reduce' });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  // Every page is weighed as a customer meets it who was never here before.
  await (await context.newCDPSession(page)).send('Network.setCacheDisabled', { cacheDisabled: true });
  const wrong = [];
  let weight = new Map();
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) wrong.push(`console ${message.type()}: ${message.text()} (${message.location().url})`);
  });
  page.on('pageerror', (error) => wrong.push(`script: ${error.message}`));
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (!['data:', 'blob:'].includes(url.protocol) && !hosts.includes(url.origin)) wrong.push(`asks another host: ${request.url()}`);
    if (request.isNavigationRequest() && request.frame() === page.mainFrame() && !request.redirectedFrom()) weight = new Map();
  });
  page.on('response', (response) => {
    if (response.status() >= 500) wrong.push(`${response.status()} for ${response.url()}`);
  });
  page.on('requestfinished', async (request) => {
    const here = weight;
    // A live stream has no end and no weight of its own; a page that was left has nobody to ask for its sizes.
    const sizes = await request.sizes().catch(() => undefined);
    if (!sizes) return;
    here.set(request.url(), sizes.responseBodySize + sizes.responseHeadersSize);
    const total = [...here.values()].reduce((a, b) => a + b, 0);
    if (total > maxWeight) wrong.push(`weighs ${total} bytes: ${[...here.entries()].map(([url, bytes]) => `${url} ${bytes}`).join(', ')}`);
  });
  return {
    page,
    /** What is known to be answered with an error is taken from the list. */
    forgive(pattern) {
      for (let i = wrong.length - 1; i >= 0; i--) if (pattern.test(wrong[i])) wrong.splice(i, 1);
    },
    async close() {
      await context.close();
      if (wrong.length) throw new Error(`something was wrong with a page:\n  ${wrong.join('\n  ')}`);
    },
  };
}
