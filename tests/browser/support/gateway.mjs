// The real gateway with its sandbox and demo shop, in an empty folder, on free ports.

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const patience = 30_000;

/** Starts it and resolves when it has said where everything is. */
export async function startGateway(settings = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'ducat-browser-'));
  const program = process.env.DUCAT_BIN ?? join(import.meta.dirname, '../../../target/debug/ducat');
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith('DUCAT_'));
  const child = spawn(program, ['serve'], {
    cwd: folder,
    env: { ...Object.fromEntries(others), DUCAT_LISTEN: '127.0.0.1:0', DUCAT_SANDBOX_PORT: '0', DUCAT_LOG: 'warn', ...settings },
  });
  let said = '';
  const ready = new Promise((resolve, reject) => {
    const hear = (chunk) => {
      said += chunk;
      const found = (name) => said.match(new RegExp(`^\\s*${name}\\s+(\\S+)`, 'm'))?.[1];
      if (said.includes('curl ')) resolve({ shop: found('Shop').replace(/\/$/, ''), sandbox: found('Sandbox'), key: found('API key') });
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the gateway ended with ${code}:\n${said}`)));
    setTimeout(() => reject(new Error(`the gateway does not start:\n${said}`)), patience).unref();
  });
  const places = await ready;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  return {
    ...places,
    /** What it wrote, for a test that failed. */
    said: () => said,
    /** Asks the API. */
    async api(path) {
      const answer = await fetch(places.shop + path, { headers: { Authorization: `Bearer ${places.key}` } });
      return answer.json();
    },
    /** Tells the API something. */
    async tell(path, body) {
      const headers = { Authorization: `Bearer ${places.key}`, 'Content-Type': 'application/json' };
      const answer = await fetch(places.shop + path, { method: 'POST', headers, body: JSON.stringify(body) });
      return { status: answer.status, body: await answer.json() };
    },
    async stop() {
      child.kill('SIGTERM');
      const code = await ended;
      await rm(folder, { recursive: true, force: true });
      if (code !== 0) throw new Error(`the gateway ended with ${code}:\n${said}`);
    },
  };
}
