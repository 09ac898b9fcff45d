// Stripe's command-line tool, in a home of its own, talking through a door that writes down what it is answered.

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, request as ask } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BASE, record } from './sandbox.mjs';

const PROGRAM = fileURLToPath(new URL('../node_modules/.bin/stripe', import.meta.url));

export async function tool() {
  const home = await mkdtemp(join(tmpdir(), 'stripe-tool-'));
  const door = createServer((request, response) => {
    const { method, url, headers } = request;
    const onward = ask({ hostname: BASE.hostname, port: BASE.port, method, path: url, headers }, async (answer) => {
      const parts = [];
      for await (const part of answer) parts.push(part);
      const body = Buffer.concat(parts);
      if (url.startsWith('/v1/')) record(method, url, answer.statusCode, JSON.parse(body.toString('utf8')));
      response.writeHead(answer.statusCode, answer.headers).end(body);
    });
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  });
  door.listen(0, '127.0.0.1');
  await once(door, 'listening');
  const base = `http://127.0.0.1:${door.address().port}`;
  return {
    /** Runs the tool; resolves with what it printed and its exit code. */
    run: (key, ...args) =>
      new Promise((resolve) => {
        const env = { PATH: process.env.PATH, HOME: home, STRIPE_CLI_TELEMETRY_OPTOUT: '1' };
        execFile(PROGRAM, [...args, '--api-base', base, '--api-key', key], { env, timeout: 60_000 }, (error, out, err) =>
          resolve({ code: error ? (error.code ?? 'killed') : 0, text: out + err, out }),
        );
      }),
    close: async () => {
      door.close();
      door.closeAllConnections();
      await rm(home, { recursive: true, force: true });
    },
  };
}
