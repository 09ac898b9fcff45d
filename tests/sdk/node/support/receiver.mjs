// A shop's webhook endpoint on loopback, which keeps every delivery and answers as told.

import { createServer } from 'node:http';
import { once } from 'node:events';
import { until } from './sandbox.mjs';

export async function receiver() {
  const deliveries = [];
  const answers = [];
  const server = createServer(async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    const body = Buffer.concat(parts).toString('utf8');
    deliveries.push({ headers: request.headers, body, event: JSON.parse(body), at: Date.now() });
    response.writeHead(answers.shift() ?? 200).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const seen = (type, about) =>
    deliveries.filter(({ event }) => (!type || event.type === type) && (!about || event.data.object.id === about));
  return {
    url: `http://127.0.0.1:${server.address().port}/hook`,
    answerNext: (...statuses) => answers.push(...statuses),
    seen,
    hears: (type, about, times = 1) => until(() => seen(type, about).length >= times && seen(type, about), `${type} ${times} times`),
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
