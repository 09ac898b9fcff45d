// The way in: Stripe's Node client pointed at the sandbox, with every answer written down for the OpenAPI check.

import { randomBytes } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import Stripe from 'stripe';

const address = process.env.DUCAT_SDK_BASE;
if (!address) throw new Error('DUCAT_SDK_BASE names no sandbox; start the suites with tests/sdk/run');
export const BASE = new URL(address);
export const VERSION = '2026-05-27.dahlia';
export { Stripe };

export const freshKey = () => `sk_test_${randomBytes(16).toString('hex')}`;

/** One answer as a line for openapi/test_transcript.py, which `run` starts after this suite. */
export function record(method, path, status, body) {
  const file = process.env.DUCAT_SDK_TRANSCRIPT;
  if (file) appendFileSync(file, JSON.stringify({ method, path: path.split('?')[0], status, body }) + '\n');
}

/** The SDK's own HTTP client, with an ear at the body. */
function listening() {
  const inner = Stripe.createNodeHttpClient();
  const makeRequest = inner.makeRequest.bind(inner);
  inner.makeRequest = async (host, port, path, method, ...rest) => {
    const response = await makeRequest(host, port, path, method, ...rest);
    const toJSON = response.toJSON.bind(response);
    response.toJSON = async () => {
      const body = await toJSON();
      record(method, path, response.getStatusCode(), body);
      return body;
    };
    return response;
  };
  return inner;
}

export function client(key = freshKey(), options = {}) {
  return new Stripe(key, {
    host: BASE.hostname, port: BASE.port, protocol: 'http', apiVersion: VERSION, maxNetworkRetries: 0, timeout: 30_000, telemetry: false,
    httpClient: listening(), ...options,
  });
}

/** A request as it is on the wire, for what the SDK would not send. */
export async function raw(method, path, key, form, headers = {}) {
  const answer = await fetch(new URL(path, BASE), {
    method, headers: { authorization: `Bearer ${key}`, 'stripe-version': VERSION, ...headers }, redirect: 'manual',
    body: form && new URLSearchParams(form),
  });
  const text = await answer.text();
  const body = JSON.parse(text);
  if (path.startsWith('/v1/')) record(method, path, answer.status, body);
  return { status: answer.status, headers: answer.headers, text, body };
}

/** The sandbox's own side: faults, truth and time. */
export async function control(method, path, body, key) {
  const headers = { 'content-type': 'application/json', ...(key && { authorization: `Bearer ${key}` }) };
  const answer = await fetch(new URL(`/_sandbox/${path}`, BASE), { method, headers, body: body && JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} /_sandbox/${path} ${answer.status}: ${text.slice(0, 300)}`);
  return text ? JSON.parse(text) : undefined;
}

/** Polls until the condition gives something true; no test waits by guessing a time. */
export async function until(condition, what, seconds = 20) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const found = await condition();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s: ${what}`);
    await pause(50);
  }
}

/** The error a call ends in; a call that succeeds is itself the failure. */
export async function failure(promise) {
  let value;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  throw new Error(`succeeded with ${JSON.stringify(value).slice(0, 200)}`);
}

export const LINE = { price_data: { currency: 'eur', unit_amount: 2500, product_data: { name: 'Ticket' } }, quantity: 2 };
export const SUCCESS = 'https://shop.example/thanks?session={CHECKOUT_SESSION_ID}';
export const CANCEL = 'https://shop.example/cart';
export const sessionParams = (changes = {}) => ({ mode: 'payment', line_items: [LINE], success_url: SUCCESS, cancel_url: CANCEL, ...changes });
export const intentParams = (changes = {}) => ({
  amount: 2000, currency: 'eur', payment_method: 'pm_card_visa', payment_method_types: ['card'], confirm: true, ...changes,
});

export async function all(list) {
  const rows = [];
  for await (const row of list) rows.push(row);
  return rows;
}
