// Reads deliveries as they came off the wire (one JSON object a line: id, timestamp, signature, body, secret, public_key, and whether they
// must be accepted), and says of each what the official library of Standard Webhooks thinks of it, and Node's own Ed25519 of `v1a`.

import { createPublicKey, verify } from 'node:crypto';
import { createInterface } from 'node:readline';
import { Webhook } from 'standardwebhooks';

// What stands before the 32 bytes of a public key in the form that Node reads (RFC 8410).
const spki = Buffer.from('302a300506032b6570032100', 'hex');

function accepted(delivery) {
  try {
    new Webhook(delivery.secret).verify(delivery.body, {
      'webhook-id': delivery.id,
      'webhook-timestamp': delivery.timestamp,
      'webhook-signature': delivery.signature,
    });
    return true;
  } catch {
    return false;
  }
}

function proved(delivery) {
  const raw = Buffer.from(delivery.public_key.replace(/^whpk_/, ''), 'base64');
  const key = createPublicKey({ key: Buffer.concat([spki, raw]), format: 'der', type: 'spki' });
  const signed = Buffer.from(`${delivery.id}.${delivery.timestamp}.${delivery.body}`);
  const signatures = delivery.signature.split(' ').filter((one) => one.startsWith('v1a,'));
  return signatures.length === 1 && verify(null, signed, key, Buffer.from(signatures[0].slice(4), 'base64'));
}

for await (const line of createInterface({ input: process.stdin })) {
  const delivery = JSON.parse(line);
  console.log(JSON.stringify({ library: accepted(delivery), ed25519: proved(delivery) }));
}
