"""The way in: Stripe's Python client pointed at the sandbox, with every answer held against Stripe's own document."""

import json
import os
import re
import secrets
import sys
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import requests
import stripe

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "openapi"))
from spec import VERSION, Document  # noqa: E402

BASE = os.environ["DUCAT_SDK_BASE"].rstrip("/")
DOCUMENT = Document()
# What the document did not allow since the present test began, and over the whole run.
FINDINGS, WARNINGS, SEEN = [], Counter(), Counter()


def examine(method, url, status, headers, content, sent_version):
    """Holds one answer against the document and against what Stripe sends around every answer."""
    path = urlsplit(url).path
    SEEN["answers"] += 1
    if not path.startswith("/v1/"):
        return
    headers = {name.lower(): value for name, value in headers.items()}
    label = f"{method.upper()} {path} {status}"
    if not headers.get("content-type", "").startswith("application/json"):
        FINDINGS.append(f"{label}: content type {headers.get('content-type')!r}")
    if not headers.get("request-id", "").startswith("req_"):
        FINDINGS.append(f"{label}: Request-Id {headers.get('request-id')!r}")
    if sent_version and status != 401 and headers.get("stripe-version") != sent_version:
        FINDINGS.append(f"{label}: Stripe-Version {headers.get('stripe-version')!r}, sent {sent_version!r}")
    try:
        body = json.loads(content)
    except ValueError:
        FINDINGS.append(f"{label}: body is no JSON: {content[:80]!r}")
        return
    for finding in DOCUMENT.check_answer(method, path, status, body):
        if finding.kind == "error":
            FINDINGS.append(str(finding))
        else:
            WARNINGS[re.sub(r"\[\d+\]", "[]", f"{finding.kind}: {finding}")] += 1


class Watched(stripe.RequestsClient):
    """The SDK's own HTTP client, looking at each answer on its way in."""

    def request(self, method, url, headers, post_data=None):
        content, status, answer_headers = super().request(method, url, headers, post_data)
        examine(method, url, status, answer_headers, content, (headers or {}).get("Stripe-Version"))
        return content, status, answer_headers


class Unwatched(stripe.RequestsClient):
    """For answers that are broken on purpose."""


def fresh_key():
    return "sk_test_" + secrets.token_hex(16)


def client(key=None, version=VERSION, retries=0, http=None):
    return stripe.StripeClient(
        key or fresh_key(), stripe_version=version, max_network_retries=retries,
        base_addresses={"api": BASE, "files": BASE}, http_client=http or Watched(timeout=30),
    )


def raw(method, path, key, data=None, version=VERSION, headers=None, **more):
    """A request the SDK would not send, still held against the document."""
    sent = {"Authorization": f"Bearer {key}", "Stripe-Version": version, **(headers or {})}
    sent = {name: value for name, value in sent.items() if value is not None}
    answer = requests.request(method, BASE + path, data=data, headers=sent, timeout=30, **more)
    examine(method, BASE + path, answer.status_code, answer.headers, answer.content, sent.get("Stripe-Version"))
    return answer


def control(method, path, body=None, key=None):
    """The sandbox's own side: faults, truth and time."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    answer = requests.request(method, BASE + "/_sandbox/" + path, json=body, headers=headers, timeout=30)
    assert answer.status_code < 300, f"{method} /_sandbox/{path} {answer.status_code}: {answer.text[:300]}"
    return answer.json() if answer.content else None


def until(condition, what, seconds=20):
    """Polls until the condition gives something true; no test waits by guessing a time."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


LINE = {"price_data": {"currency": "eur", "unit_amount": 2500, "product_data": {"name": "Ticket"}}, "quantity": 2}
SUCCESS = "https://shop.example/thanks?session={CHECKOUT_SESSION_ID}"
CANCEL = "https://shop.example/cart"


def session_params(**changes):
    return {"mode": "payment", "line_items": [LINE], "success_url": SUCCESS, "cancel_url": CANCEL, **changes}


def intent_params(**changes):
    return {"amount": 2000, "currency": "eur", "payment_method": "pm_card_visa", "payment_method_types": ["card"], "confirm": True, **changes}


def now(api):
    """The sandbox's time, which other tests may have moved."""
    return api.customers.create(params={}).created


def advance(seconds, key):
    """Moves the sandbox's time, so that what happens later happens now."""
    return control("POST", "clock", {"advance_seconds": seconds}, key)
