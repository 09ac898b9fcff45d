// A customer without scripts: reads the hosted page's HTML, fills the form in and posts it.

import { BASE } from './sandbox.mjs';

const ENTITIES = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0' };
const plain = (text) =>
  text.replace(/&(#x?[0-9a-f]+|\w+);/gi, (whole, name) => {
    if (name[0] !== '#') return ENTITIES[name] ?? whole;
    return String.fromCodePoint(name[1] === 'x' ? parseInt(name.slice(2), 16) : Number(name.slice(1)));
  });
const attributes = (tag) =>
  Object.fromEntries([...tag.matchAll(/([\w-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+)))?/g)].slice(1).map((m) => [m[1].toLowerCase(), plain(m[2] ?? m[3] ?? m[4] ?? '')]));

function readForms(html) {
  return [...html.matchAll(/(<form\b[^>]*>)([\s\S]*?)<\/form>/gi)].map(([, head, inside]) => {
    const { action = '', method = 'get' } = attributes(head);
    const form = { action, method: method.toLowerCase(), fields: {}, hints: {}, buttons: [] };
    for (const [tag] of inside.matchAll(/<(?:input|select|textarea)\b[^>]*>/gi)) {
      const a = attributes(tag);
      if (!a.name || a.type === 'submit') continue;
      form.hints[a.name] = `${a.autocomplete ?? ''} ${a.name} ${a.id ?? ''}`.toLowerCase();
      if (!['radio', 'checkbox'].includes(a.type) || 'checked' in a) form.fields[a.name] = a.value ?? '';
    }
    for (const [, tag, text] of inside.matchAll(/(<button\b[^>]*>)([\s\S]*?)<\/button>/gi)) {
      form.buttons.push({ ...attributes(tag), text: plain(text.replace(/<[^>]*>/g, ' ')).trim() });
    }
    return form;
  });
}

function read(url, answer, html) {
  const text = plain(html.replace(/<(script|style)[\s\S]*?<\/\1>/gi, ' ').replace(/<[^>]*>/g, ' '));
  const links = [...html.matchAll(/<a\b[^>]*>/gi)].map(([tag]) => attributes(tag).href).filter(Boolean);
  return { url, status: answer.status, location: answer.headers.get('location'), html, text, forms: readForms(html), links };
}

/** Opens a page, following redirects inside the sandbox and stopping at the shop's door. */
export async function open(url, request = {}) {
  let answer = await fetch(url, { redirect: 'manual', ...request });
  let here = String(url);
  while (answer.status >= 300 && answer.status < 400) {
    const next = new URL(answer.headers.get('location'), here);
    if (next.origin !== BASE.origin) break;
    here = String(next);
    answer = await fetch(here, { redirect: 'manual' });
  }
  return read(here, answer, await answer.text());
}

const NUMBER = /cc-number|card.?number|\bnumber/;
export const cardForm = (page) => page.forms.find((form) => Object.values(form.hints).some((hint) => NUMBER.test(hint)));

function submit(page, form, changes, button) {
  const fields = new URLSearchParams({ ...form.fields, ...changes, ...(button?.name && { [button.name]: button.value ?? '' }) });
  const target = new URL(button?.formaction || form.action || page.url, page.url);
  return form.method === 'post' ? open(target, { method: 'POST', body: fields }) : open(`${target}?${fields}`);
}

const ANSWERS = [
  [/cc-exp-month|exp.?month/, '12'], [/cc-exp-year|exp.?year/, '2034'], [/cc-exp\b(?!-)|expiry|\bexp\b/, '12/34'], [/cc-csc|cvc|cvv/, '123'],
  [/email/, 'ada@shop.example'], [/cc-name|card.?holder|billing.?name|\bname/, 'Ada Lovelace'], [/postal|zip/, '10115'], [/country/, 'DE'],
  [/line1|street/, 'Unter den Linden 1'], [/city|level2/, 'Berlin'], [/state|level1/, 'BE'], [/\btel\b|phone/, '+4930123456'],
];

export function pay(page, number) {
  const form = cardForm(page);
  if (!form) throw new Error(`no card form on ${page.url}:\n${page.html.slice(0, 1000)}`);
  const changes = {};
  for (const [name, hint] of Object.entries(form.hints)) {
    if (NUMBER.test(hint)) changes[name] = number;
    else changes[name] = ANSWERS.find(([wanted]) => wanted.test(hint))?.[1] ?? form.fields[name] ?? '';
  }
  for (const name of Object.keys(changes)) if (!(name in form.fields) && !changes[name]) delete changes[name];
  return submit(page, form, changes, form.buttons[0]);
}

export function press(page, words) {
  for (const form of page.forms) {
    const button = form.buttons.find(({ text }) => words.test(text));
    if (button) return submit(page, form, {}, button);
  }
  throw new Error(`no button like ${words} on ${page.url}:\n${page.html.slice(0, 1000)}`);
}
