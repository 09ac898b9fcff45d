"""One slow or dead receiver delays no other: the first try is there within a second of the commit, whoever else behaves badly."""

import json
import math
from datetime import datetime

from gateway import Gateway, until
from receivers import Receiver, Socket, closed_port, gigabyte, silent, trickle
from verifying import assert_all, case

ORDERS = 60
LIMIT = 1.0


def moment(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def test_the_first_try_is_there_within_a_second_whoever_else_is_slow_dead_or_endless():
    gateway = Gateway(DUCAT_WEBHOOK_ALLOWED_NETWORKS="127.0.0.0/8")
    bad = [Socket(behave) for behave in (silent, silent, silent, trickle, trickle, gigabyte, gigabyte)]
    for url in [server.url for server in bad] + [closed_port(), closed_port()]:
        gateway.endpoint(url)
    good = [Receiver(), Receiver()]
    endpoints = [gateway.endpoint(receiver.url) for receiver in good]
    for n in range(ORDERS):
        gateway.pay(gateway.order(f"late-{n}"))
    wanted = ORDERS * 3
    for receiver in good:
        until("every event", lambda: len({d["webhook-id"] for d in receiver.all()}) >= wanted)
    delays = []
    for receiver, endpoint in zip(good, endpoints):
        first = {}
        for delivery in receiver.all():
            first.setdefault(delivery["webhook-id"], delivery)
        delays += [d.at - moment(json.loads(d.body)["created_at"]) for d in first.values()]
        assert_all([case(d, endpoint["secret"], endpoint["public_key"]) for d in receiver.all()], True)
    delays.sort()
    at = lambda share: delays[math.ceil(len(delays) * share) - 1]
    print(f"\nfirst tries: {len(delays)}, p50 {at(0.5) * 1000:.0f} ms, p99 {at(0.99) * 1000:.0f} ms, longest {delays[-1] * 1000:.0f} ms")
    assert len(delays) >= 100 and at(0.99) < LIMIT
    assert all(server.connections > 0 for server in bad), "each of the bad ones was tried"
    # A gigabyte is not read: its delivery has arrived, and only the beginning is kept.
    endless = gateway.get("/v1/webhook_endpoints")["data"][5]
    arrived = until("the endless answer", lambda: gateway.deliveries(endless, "&state=succeeded"))[0]
    response = gateway.get(f"/v1/webhook_endpoints/{endless['id']}/deliveries/{arrived['id']}")["log"][0]["response"]
    assert response["truncated"] and len(response["body"]) == 4096
    for server in bad + good:
        server.close()
    gateway.stop()
