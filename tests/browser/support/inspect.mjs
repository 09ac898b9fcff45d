// Looks at the page as it stands: does anything overflow, can everybody use it, what does it look like.

import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const axeSource = readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const out = join(process.env.DUCAT_TEST_OUT ?? join(import.meta.dirname, '../../out'), 'screens');
const widths = [360, 768, 1280];
const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const seen = new Set();

/** Checks the page at every width, light and dark, and keeps screenshots under this name. Each name is looked at once. */
export async function inspect(page, name) {
  if (seen.has(name)) return;
  seen.add(name);
  await mkdir(out, { recursive: true });
  const before = page.viewportSize();
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    for (const width of widths) {
      await page.setViewportSize({ width, height: 800 });
      await page.screenshot({ path: join(out, `${name}-${colorScheme}-${width}.png`), fullPage: true });
      await fits(page, `${name} at ${width} px`);
    }
    await accessible(page, `${name}, ${colorScheme}`);
  }
  await page.emulateMedia({ colorScheme: null });
  await page.setViewportSize(before);
}

/** Nothing may make the page wider than the window. */
export async function fits(page, what) {
  const { scroll, inner, culprits } = await page.evaluate(() => ({
    scroll: document.documentElement.scrollWidth,
    inner: window.innerWidth,
    culprits: [...document.querySelectorAll('body *')]
      .filter((element) => element.getBoundingClientRect().right > window.innerWidth + 1)
      .map((element) => element.outerHTML.slice(0, 80)).slice(0, 5),
  }));
  assert.ok(scroll <= inner, `${what}: ${scroll} px wide in a window of ${inner} px: ${culprits.join(' | ')}`);
}

/** WCAG 2.2 AA as far as a program can tell. Evaluated from outside the page, so its content policy stays as it is. */
async function accessible(page, what) {
  await page.evaluate(await axeSource);
  const violations = await page.evaluate(async (rules) => {
    const result = await window.axe.run(document, { runOnly: { type: 'tag', values: rules } });
    return result.violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html.slice(0, 120)).join(' | ')}`);
  }, rules);
  assert.deepEqual(violations, [], `${what} cannot be used by everybody`);
}
