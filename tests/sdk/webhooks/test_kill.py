"""The gateway is killed while it delivers, again and again: every committed event arrives all the same."""

import threading

import requests
from gateway import Gateway, until
from receivers import Receiver, Socket, silent
from verifying import assert_all, case

ROUNDS = 3
# What the killed process had claimed is given back when its lease ends.
LEASE = 30


def buy(gateway, name, done):
    """Orders until the gateway dies."""
    for n in range(10_000):
        try:
            gateway.order(f"{name}-{n}")
        except requests.RequestException:
            return
        if done.is_set():
            return


def test_no_event_is_lost_to_a_kill():
    gateway = Gateway(DUCAT_WEBHOOK_ALLOWED_NETWORKS="127.0.0.0/8")
    receiver, hanging = Receiver(), Socket(silent)
    endpoint = gateway.endpoint(receiver.url)
    gateway.endpoint(hanging.url)
    for n in range(ROUNDS):
        before, done = len(receiver.all()), threading.Event()
        shop = threading.Thread(target=buy, args=(gateway, f"round-{n}", done))
        shop.start()
        until("some deliveries", lambda: len(receiver.all()) > before + 20)
        gateway.kill()
        done.set()
        shop.join()
        gateway.start()

    def log():
        found, after = set(), ""
        while True:
            page = gateway.get(f"/v1/events?limit=100{after}")
            found |= {event["id"] for event in page["data"]}
            if not page["has_more"]:
                return found
            after = f"&after={page['data'][-1]['id']}"

    until("every event of the log", lambda: log() <= {d["webhook-id"] for d in receiver.all()}, LEASE + 15)
    assert len(log()) > ROUNDS * 20
    assert_all([case(d, endpoint["secret"], endpoint["public_key"]) for d in receiver.all()], True)
    receiver.close()
    hanging.close()
    gateway.stop()
