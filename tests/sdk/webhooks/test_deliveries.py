"""Every delivery that leaves the gateway is verified, off the wire, by the official libraries of Standard Webhooks."""

import json

import pytest
from gateway import Gateway, until
from receivers import Receiver, Socket, closed_port, redirecting
from verifying import assert_all, by_node, case

ORDERS = 12


@pytest.fixture(scope="module")
def gateway():
    gateway = Gateway(DUCAT_WEBHOOK_ALLOWED_NETWORKS="127.0.0.0/8")
    yield gateway
    gateway.stop()


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


def known_events(gateway, prefix, count):
    """The events of the orders with this prefix, once there are as many."""

    def look():
        found, after = [], ""
        while True:
            page = gateway.get(f"/v1/events?limit=100{after}")
            found += [event for event in page["data"] if event["data"].get("reference", "").startswith(prefix)]
            if not page["has_more"]:
                return found if len(found) >= count else None
            after = f"&after={page['data'][-1]['id']}"

    return until(f"{count} events", look)


def paid(gateway, prefix, count):
    for n in range(count):
        gateway.pay(gateway.order(f"{prefix}{n}", description="Größe 42, „zwei“ ☕"))


def test_every_delivery_is_accepted_by_the_official_libraries_and_tampered_ones_are_not(gateway, receiver):
    endpoint = gateway.endpoint(receiver.url)
    paid(gateway, "whole-", ORDERS)
    events = known_events(gateway, "whole-", ORDERS * 3)
    until("every delivery", lambda: {e["id"] for e in events} <= {d["webhook-id"] for d in receiver.all()})
    came = receiver.all()
    cases = [case(d, endpoint["secret"], endpoint["public_key"]) for d in came]
    assert_all(cases, True)
    assert all(answer["ed25519"] for answer in by_node(cases))
    for delivery in came:
        body = json.loads(delivery.body)
        assert body["id"] == delivery["webhook-id"] and body["timestamp"] == body["created_at"]
        assert delivery["content-type"] == "application/json" and delivery["user-agent"].startswith("Ducat/")
        assert len(delivery["webhook-signature"].split(" ")) == 2
    shown = {event["id"]: event for event in known_events(gateway, "whole-", len(events))}
    for delivery in came:
        body = json.loads(delivery.body)
        body.pop("timestamp")
        assert body == shown.get(body["id"], body)
    one = cases[-1]
    other = Receiver()
    stranger = gateway.endpoint(other.url)
    other.close()
    tampered = [
        {**one, "body": one["body"] + " "},
        {**one, "body": one["body"].replace("4999", "4998")},
        {**one, "id": one["id"][:-1] + ("0" if one["id"][-1] != "0" else "1")},
        {**one, "timestamp": str(int(one["timestamp"]) + 1)},
        {**one, "timestamp": str(int(one["timestamp"]) - 301)},
        {**one, "signature": one["signature"].split(" ")[0]},
        {**one, "signature": one["signature"].replace("v1,", "v2,")},
        {**one, "secret": stranger["secret"]},
    ]
    assert_all(tampered, False)
    assert not any(answer["ed25519"] for answer in by_node(tampered[:5] + [{**one, "public_key": stranger["public_key"]}]))


def test_while_secrets_rotate_both_verify_and_afterwards_only_the_new_one(gateway, receiver):
    endpoint = gateway.endpoint(receiver.url, types=["payment_order.created"])

    def next_delivery(reference):
        before = len(receiver.all())
        gateway.order(reference)
        return until("a delivery", lambda: receiver.all()[before:])[0]

    new = gateway.post(f"/v1/webhook_endpoints/{endpoint['id']}/rotate_secret", {"expires_in": 3600})
    both = next_delivery("rotate-1")
    assert_all([case(both, secret, endpoint["public_key"]) for secret in (endpoint["secret"], new["secret"])], True)
    last = gateway.post(f"/v1/webhook_endpoints/{endpoint['id']}/rotate_secret", {"expires_in": 0})
    only = next_delivery("rotate-2")
    assert_all([case(only, last["secret"], endpoint["public_key"])], True)
    assert_all([case(only, secret, endpoint["public_key"]) for secret in (endpoint["secret"], new["secret"])], False)


def test_a_failed_delivery_is_tried_again_signed_anew_and_by_hand_at_once(gateway, receiver):
    receiver.status = 500
    endpoint = gateway.endpoint(receiver.url, types=["payment_order.created"])
    gateway.order("retry-1")
    first = until("the first try", receiver.all)[0]
    pending = until("the log", lambda: [d for d in gateway.deliveries(endpoint, "&state=pending") if d["tries"] == 1])[0]
    receiver.status = 200
    gateway.post(f"/v1/webhook_endpoints/{endpoint['id']}/deliveries/{pending['id']}/retry")
    until("its arrival", lambda: gateway.deliveries(endpoint, "&state=succeeded"))
    second = receiver.all()[-1]
    assert first["webhook-id"] == second["webhook-id"] == pending["event"] and first.body == second.body
    assert_all([case(d, endpoint["secret"], endpoint["public_key"]) for d in (first, second)], True)
    log = gateway.get(f"/v1/webhook_endpoints/{endpoint['id']}/deliveries/{pending['id']}")
    assert [one["response"]["status"] for one in log["log"]] == [500, 200]
    assert endpoint["secret"] not in json.dumps(log) and second["webhook-signature"] not in json.dumps(log)


def test_a_replay_and_a_test_are_verified_too(gateway, receiver):
    start = gateway.order("replay-0")["created_at"]
    endpoint = gateway.endpoint(receiver.url, types=["payment_order.created", "payment_order.pending"])
    sent = gateway.post(f"/v1/webhook_endpoints/{endpoint['id']}/test")
    assert sent["state"] == "succeeded" and sent["log"][0]["response"]["status"] == 200
    gateway.post(f"/v1/webhook_endpoints/{endpoint['id']}/replay", {"created_gte": start})
    until("the replay", lambda: len(receiver.all()) >= 3)
    came = receiver.all()
    assert_all([case(d, endpoint["secret"], endpoint["public_key"]) for d in came], True)
    assert {json.loads(d.body)["type"] for d in came} == {"webhook_endpoint.test", "payment_order.created", "payment_order.pending"}


def test_redirects_are_not_followed_and_a_closed_port_is_told(gateway, receiver):
    turning = Socket(redirecting(receiver.url))
    for url, what in ((turning.url, "redirect"), (closed_port(), "refused")):
        endpoint = gateway.endpoint(url)
        sent = gateway.post(f"/v1/webhook_endpoints/{endpoint['id']}/test")
        assert sent["state"] == "dead" and what in sent["log"][0]["error"].lower(), sent
        gateway.post(f"/v1/webhook_endpoints/{endpoint['id']}", {"status": "disabled"})
    turning.close()
    assert receiver.all() == []


def test_nothing_of_the_inside_is_reached_without_being_named(receiver):
    strict = Gateway()
    port = receiver.url.split(":")[2].split("/")[0]
    for host in ("127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "169.254.169.254", "10.0.0.1"):
        for scheme in ("http", "https"):
            refused = strict.post("/v1/webhook_endpoints", {"url": f"{scheme}://{host}:{port}/"}, status=(400,))
            assert refused["code"] == "invalid_url" and refused["param"] == "/url", refused
    strict.stop()
    assert receiver.all() == []
