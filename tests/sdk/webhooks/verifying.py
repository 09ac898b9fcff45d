"""What the official libraries of Standard Webhooks, in Python and in JavaScript, think of deliveries."""

import json
import subprocess
from pathlib import Path

from standardwebhooks import Webhook, WebhookVerificationError

SCRIPT = Path(__file__).resolve().parents[1] / "node/verify-deliveries.mjs"


def case(delivery, secret, public_key, **changes):
    """A delivery as both sides need it, with something changed."""
    return {
        "id": delivery["webhook-id"],
        "timestamp": delivery["webhook-timestamp"],
        "signature": delivery["webhook-signature"],
        "body": delivery.body.decode(),
        "secret": secret,
        "public_key": public_key,
        **changes,
    }


def by_python(case):
    headers = {f"webhook-{name}": case[name] for name in ("id", "timestamp", "signature")}
    try:
        Webhook(case["secret"]).verify(case["body"], headers)
        return True
    except WebhookVerificationError:
        return False


def by_node(cases):
    """For each case: what the library says of `v1`, and what Ed25519 says of `v1a`."""
    lines = "".join(json.dumps(case) + "\n" for case in cases)
    done = subprocess.run(["node", SCRIPT], input=lines, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(cases)
    return answers


def assert_all(cases, wanted):
    for one in cases:
        assert by_python(one) is wanted, one
    for one, answer in zip(cases, by_node(cases)):
        assert answer["library"] is wanted, one
    return len(cases)
