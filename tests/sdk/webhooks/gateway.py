"""The real gateway with its sandbox, in an empty folder, on free ports; and what a merchant and a customer do with it."""

import json
import os
import re
import subprocess
import tempfile
import time
from pathlib import Path

import requests
from ports import free_port

PROGRAM = os.environ.get("DUCAT_BIN") or str(Path(__file__).resolve().parents[3] / "target/debug/ducat")
PATIENCE = 30


def until(what, condition, patience=PATIENCE):
    """Waits for a condition, and gives what it gave."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited in vain for {what}")


class Gateway:
    def __init__(self, **settings):
        self.folder = tempfile.TemporaryDirectory(prefix="ducat-webhooks-")
        self.log = Path(self.folder.name) / "serve.log"
        others = {name: value for name, value in os.environ.items() if not name.startswith("DUCAT_")}
        ours = {"DUCAT_LISTEN": f"127.0.0.1:{free_port()}", "DUCAT_SANDBOX_PORT": str(free_port()), "DUCAT_LOG": "warn"}
        self.environment = {**others, **ours, "DUCAT_RATE_LIMIT_PER_SECOND": "5000", **settings}
        self.start()

    def start(self):
        """Starts it, in the same folder and at the same ports every time."""
        with open(self.log, "wb") as log:
            self.child = subprocess.Popen([PROGRAM, "serve"], cwd=self.folder.name, env=self.environment, stdout=log, stderr=log)
        said = until("the gateway", self._ready)
        place = lambda name: re.search(rf"^\s*{name}\s+(\S+)", said, re.M).group(1)
        self.base, self.sandbox = place("Shop").rstrip("/"), place("Sandbox").rstrip("/")
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {place('API key')}"

    def kill(self):
        """The machine loses its power."""
        self.child.kill()
        self.child.wait(PATIENCE)

    def _ready(self):
        said = self.log.read_text()
        assert self.child.poll() is None, said
        return said if "curl " in said else None

    def get(self, path):
        answer = self.session.get(self.base + path, timeout=PATIENCE)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path, body=None, status=(200, 201, 202)):
        answer = self.session.post(self.base + path, data=json.dumps(body or {}), headers={"Content-Type": "application/json"}, timeout=PATIENCE)
        assert answer.status_code in status, answer.text
        return answer.json()

    def endpoint(self, url, **more):
        return self.post("/v1/webhook_endpoints", {"url": url, **more})

    def deliveries(self, endpoint, query=""):
        return self.get(f"/v1/webhook_endpoints/{endpoint['id']}/deliveries?limit=100{query}")["data"]

    def order(self, reference, **more):
        return self.post("/v1/payment_orders", {"reference": reference, "amount": 4999, "currency": "EUR", **more})

    def pay(self, order):
        """A customer pays on the PSP's page."""
        token = order["psp_token"]
        key = requests.get(f"{self.sandbox}/_sandbox/account?session={token}", timeout=PATIENCE).json()["key"]
        answer = requests.post(
            f"{self.sandbox}/v1/payment_pages/{token}/confirm", data={"payment_method": "pm_card_visa"}, auth=(key, ""), timeout=PATIENCE
        )
        assert answer.status_code == 200, answer.text

    def stop(self):
        self.child.terminate()
        code = self.child.wait(PATIENCE)
        said = self.log.read_text()
        report = subprocess.run([PROGRAM, "verify"], cwd=self.folder.name, capture_output=True, text=True, timeout=60)
        self.folder.cleanup()
        assert code == 0, said
        assert report.returncode == 0, report.stdout + report.stderr
