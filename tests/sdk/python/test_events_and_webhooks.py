"""Events in the API, and the same events signed at a shop's own endpoint."""

import json

import pytest
import stripe
from hosted_page import Customer
from receiver import Receiver
from sandbox import DOCUMENT, VERSION, advance, client, fresh_key, intent_params, session_params, until


@pytest.fixture
def shop():
    """An account with an endpoint that hears everything."""

    class Shop:
        key = fresh_key()
        receiver = Receiver()

    shop = Shop()
    shop.api = client(shop.key).v1
    shop.endpoint = shop.api.webhook_endpoints.create(params={"url": shop.receiver.url, "enabled_events": ["*"]})
    yield shop
    shop.receiver.close()


def hears(shop, kind, about=None, times=1):
    return until(lambda: (lambda seen: seen if len(seen) >= times else None)(shop.receiver.events(kind, about)), f"{kind} delivered {times} times")[:times]


def types_about(api, *ids):
    """Event types, oldest first, about any of these objects."""
    rows = [e for e in api.events.list(params={"limit": 100}).auto_paging_iter() if e.data.object["id"] in ids]
    return [e.type for e in rows][::-1]


def told_about(api, *ids):
    """The same without `charge.updated`: whether a fee is booked at once or a moment later is Stripe's own affair."""
    return [kind for kind in types_about(api, *ids) if kind != "charge.updated"]


# --- events


def test_an_event_tells_what_happened_and_by_which_request(api):
    made = api.customers.create(params={"name": "Ada"}, options={"idempotency_key": "key-of-" + fresh_key()})
    event = next(e for e in api.events.list(params={"type": "customer.created"}).data if e.data.object["id"] == made.id)
    assert event.id.startswith("evt_") and (event.object, event.livemode) == ("event", False)
    assert (event.api_version is None) is False
    assert event.request.id == made.last_response.request_id
    assert event.request.idempotency_key.startswith("key-of-")
    assert event.data.object["name"] == "Ada"
    assert api.events.retrieve(event.id).id == event.id


def test_an_update_event_tells_what_was_before(api):
    made = api.customers.create(params={"name": "Ada", "metadata": {"a": "1"}})
    api.customers.update(made.id, params={"name": "Eve", "metadata": {"b": "2"}})
    event = next(e for e in api.events.list(params={"type": "customer.updated"}).data if e.data.object["id"] == made.id)
    before = event.data.previous_attributes.to_dict() if hasattr(event.data.previous_attributes, "to_dict") else dict(event.data.previous_attributes)
    assert before["name"] == "Ada" and event.data.object["name"] == "Eve"
    assert before["metadata"] == {"b": None}


def test_an_event_keeps_the_object_as_it_was(api):
    made = api.customers.create(params={"name": "Ada"})
    api.customers.update(made.id, params={"name": "Eve"})
    event = next(e for e in api.events.list(params={"type": "customer.created"}).data if e.data.object["id"] == made.id)
    assert event.data.object["name"] == "Ada"


def test_a_paid_session_tells_its_story(api):
    session = api.checkout.sessions.create(params=session_params())
    customer = Customer()
    customer.pay(customer.open(session.url), "4242424242424242")
    paid = api.checkout.sessions.retrieve(session.id, params={"expand": ["payment_intent"]})
    told = told_about(api, session.id, paid.payment_intent.id, paid.payment_intent.latest_charge)
    assert sorted(told) == ["charge.succeeded", "checkout.session.completed", "payment_intent.created", "payment_intent.succeeded"]
    completed = api.events.list(params={"type": "checkout.session.completed"}).data[0]
    assert completed.data.object["payment_status"] == "paid" and completed.data.object["status"] == "complete"


def test_a_declined_then_paid_intent_tells_both(api):
    intent = api.payment_intents.create(params={"amount": 2000, "currency": "eur", "payment_method_types": ["card"]})
    with pytest.raises(stripe.CardError):
        api.payment_intents.confirm(intent.id, params={"payment_method": "pm_card_visa_chargeDeclined"})
    api.payment_intents.confirm(intent.id, params={"payment_method": "pm_card_visa"})
    charges = [c.id for c in api.charges.list(params={"payment_intent": intent.id}).data]
    told = told_about(api, intent.id, *charges)
    assert sorted(told) == ["charge.failed", "charge.succeeded", "payment_intent.created", "payment_intent.payment_failed", "payment_intent.succeeded"]
    assert told.index("payment_intent.payment_failed") < told.index("payment_intent.succeeded")


STORIES = {
    "customer.created": lambda api: api.customers.create(params={}).id,
    "customer.deleted": lambda api: api.customers.delete(api.customers.create(params={}).id).id,
    "product.created": lambda api: api.products.create(params={"name": "Tea"}).id,
    "product.updated": lambda api: api.products.update(api.products.create(params={"name": "Tea"}).id, params={"name": "Mate"}).id,
    "product.deleted": lambda api: api.products.delete(api.products.create(params={"name": "Tea"}).id).id,
    "price.created": lambda api: api.prices.create(params={"currency": "eur", "unit_amount": 100, "product_data": {"name": "T"}}).id,
    "price.updated": lambda api: api.prices.update(api.prices.create(params={"currency": "eur", "unit_amount": 100, "product_data": {"name": "T"}}).id, params={"active": False}).id,
    "checkout.session.expired": lambda api: api.checkout.sessions.expire(api.checkout.sessions.create(params=session_params()).id).id,
    "payment_intent.canceled": lambda api: api.payment_intents.cancel(api.payment_intents.create(params={"amount": 500, "currency": "eur"}).id).id,
    "payment_intent.requires_action": lambda api: api.payment_intents.create(params=intent_params(payment_method="pm_card_authenticationRequired")).id,
    "payment_intent.amount_capturable_updated": lambda api: api.payment_intents.create(params=intent_params(capture_method="manual")).id,
    "charge.captured": lambda api: api.payment_intents.capture(api.payment_intents.create(params=intent_params(capture_method="manual")).id).latest_charge,
    "charge.succeeded": lambda api: api.payment_intents.create(params=intent_params()).latest_charge,
    "charge.updated": lambda api: api.charges.update(api.payment_intents.create(params=intent_params()).latest_charge, params={"description": "x"}).id,
    "charge.refunded": lambda api: api.refunds.create(params={"payment_intent": api.payment_intents.create(params=intent_params()).id}).charge,
    "refund.created": lambda api: api.refunds.create(params={"payment_intent": api.payment_intents.create(params=intent_params()).id}).id,
    "refund.updated": lambda api: api.refunds.update(api.refunds.create(params={"payment_intent": api.payment_intents.create(params=intent_params()).id}).id, params={"metadata": {"a": "1"}}).id,
    "payment_method.attached": lambda api: api.payment_methods.attach("pm_card_visa", params={"customer": api.customers.create(params={}).id}).id,
    "payment_method.detached": lambda api: api.payment_methods.detach(api.payment_methods.attach("pm_card_visa", params={"customer": api.customers.create(params={}).id}).id).id,
}


@pytest.mark.parametrize("kind", list(STORIES))
def test_what_happens_makes_an_event_of_its_type(api, kind):
    about = STORIES[kind](api)
    assert kind in types_about(api, about)


def test_a_dispute_card_makes_a_dispute_event(api):
    intent = api.payment_intents.create(params=intent_params(payment_method="pm_card_createDispute"))
    event = until(lambda: [e for e in api.events.list(params={"type": "charge.dispute.created"}).data if e.data.object["payment_intent"] == intent.id], "a dispute event")[0]
    assert event.data.object["charge"] == intent.latest_charge


def test_events_are_filtered_by_type_types_and_wildcard():
    api = client().v1
    made = api.customers.create(params={})
    api.customers.update(made.id, params={"name": "x"})
    api.products.create(params={"name": "Tea"})

    def kinds(**params):
        return [e.type for e in api.events.list(params=params).data]

    assert kinds() == ["product.created", "customer.updated", "customer.created"]
    assert kinds(type="customer.updated") == ["customer.updated"]
    assert kinds(type="customer.*") == ["customer.updated", "customer.created"]
    assert kinds(types=["product.created", "customer.created"]) == ["product.created", "customer.created"]


def test_type_and_types_together_are_refused(api):
    with pytest.raises(stripe.InvalidRequestError):
        api.events.list(params={"type": "customer.created", "types": ["customer.created"]})


def test_an_unknown_event_is_404(api):
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.events.retrieve("evt_missing")
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")


# --- endpoints


def test_the_secret_of_an_endpoint_is_shown_once(api):
    made = api.webhook_endpoints.create(params={"url": "https://shop.example/hook", "enabled_events": ["charge.succeeded"], "description": "Mine", "metadata": {"k": "v"}})
    assert made.id.startswith("we_") and made.secret.startswith("whsec_")
    assert (made.status, made.enabled_events, made.description, made.api_version) == ("enabled", ["charge.succeeded"], "Mine", None)
    assert "secret" not in api.webhook_endpoints.retrieve(made.id).to_dict()
    assert all("secret" not in row.to_dict() for row in api.webhook_endpoints.list().data)


def test_an_endpoint_is_updated_disabled_and_deleted(api):
    made = api.webhook_endpoints.create(params={"url": "https://shop.example/hook", "enabled_events": ["*"]})
    after = api.webhook_endpoints.update(made.id, params={"url": "https://shop.example/other", "enabled_events": ["charge.failed"], "disabled": True})
    assert (after.url, after.enabled_events, after.status) == ("https://shop.example/other", ["charge.failed"], "disabled")
    assert api.webhook_endpoints.delete(made.id).deleted is True
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.webhook_endpoints.retrieve(made.id)
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")


@pytest.mark.parametrize("params, code, param", [
    ({"enabled_events": ["*"]}, "parameter_missing", "url"),
    ({"url": "https://shop.example/h"}, "parameter_missing", "enabled_events"),
    ({"url": "no url", "enabled_events": ["*"]}, "url_invalid", "url"),
    ({"url": "https://shop.example/h", "enabled_events": ["tea.brewed"]}, None, "enabled_events[0]"),
    ({"url": "https://shop.example/h", "enabled_events": ["*"], "flavour": "mint"}, "parameter_unknown", "flavour"),
    ({"url": "https://shop.example/h", "enabled_events": ["*"], "api_version": "yesterday"}, None, "api_version"),
])
def test_an_endpoint_is_refused_by_the_name_of_its_parameter(api, params, code, param):
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.webhook_endpoints.create(params=params)
    assert (caught.value.http_status, caught.value.param) == (400, param), str(caught.value)
    if code:
        assert caught.value.code == code


# --- deliveries


def test_a_delivery_verifies_with_the_sdk_and_carries_the_event(shop):
    made = shop.api.customers.create(params={"name": "Ada"})
    delivery = hears(shop, "customer.created", made.id)[0]
    event = Receiver.verify(delivery, shop.endpoint.secret)
    assert event.type == "customer.created" and event.data.object["name"] == "Ada"
    headers = {k.lower(): v for k, v in delivery[0].items()}
    assert headers["content-type"].startswith("application/json")
    assert headers["user-agent"].startswith("Stripe/1.0")
    assert shop.api.events.retrieve(event.id).type == event.type


def test_a_delivered_event_fits_the_document(shop):
    session = shop.api.checkout.sessions.create(params=session_params())
    customer = Customer()
    customer.pay(customer.open(session.url), "4242424242424242")
    hears(shop, "checkout.session.completed", session.id)
    hears(shop, "charge.succeeded")
    hears(shop, "payment_intent.succeeded")
    for _, body, event in shop.receiver.events():
        assert not [str(f) for f in DOCUMENT.check({"$ref": "#/components/schemas/event"}, json.loads(body), event["type"]) if f.kind == "error"]


def test_a_forged_or_altered_delivery_does_not_verify(shop):
    made = shop.api.customers.create(params={"name": "Ada"})
    headers, body, event = hears(shop, "customer.created", made.id)[0]
    with pytest.raises(stripe.SignatureVerificationError):
        Receiver.verify((headers, body, event), "whsec_other")
    with pytest.raises(stripe.SignatureVerificationError):
        Receiver.verify((headers, body.replace(b"Ada", b"Eve"), event), shop.endpoint.secret)


def test_an_endpoint_hears_only_what_it_asked_for():
    receiver, api = Receiver(), client().v1
    api.webhook_endpoints.create(params={"url": receiver.url, "enabled_events": ["customer.deleted"]})
    made = api.customers.create(params={})
    api.customers.update(made.id, params={"name": "x"})
    api.customers.delete(made.id)
    until(lambda: receiver.events("customer.deleted"), "customer.deleted")
    assert {e["type"] for _, _, e in receiver.events()} == {"customer.deleted"}
    receiver.close()


def test_two_endpoints_have_two_secrets_and_both_hear(shop):
    second = Receiver()
    other = shop.api.webhook_endpoints.create(params={"url": second.url, "enabled_events": ["customer.created"]})
    made = shop.api.customers.create(params={})
    Receiver.verify(hears(shop, "customer.created", made.id)[0], shop.endpoint.secret)
    delivery = until(lambda: second.events("customer.created", made.id), "the second endpoint")[0]
    Receiver.verify(delivery, other.secret)
    with pytest.raises(stripe.SignatureVerificationError):
        Receiver.verify(delivery, shop.endpoint.secret)
    second.close()


def test_a_disabled_endpoint_hears_nothing():
    quiet, loud, api = Receiver(), Receiver(), client().v1
    off = api.webhook_endpoints.create(params={"url": quiet.url, "enabled_events": ["*"]})
    api.webhook_endpoints.update(off.id, params={"disabled": True})
    api.webhook_endpoints.create(params={"url": loud.url, "enabled_events": ["*"]})
    made = api.customers.create(params={})
    until(lambda: loud.events("customer.created", made.id), "the other endpoint")
    assert not quiet.events()
    quiet.close(), loud.close()


def test_another_account_does_not_hear(shop):
    client().v1.customers.create(params={"name": "Stranger"})
    mine = shop.api.customers.create(params={"name": "Mine"})
    hears(shop, "customer.created", mine.id)
    assert {e["data"]["object"]["name"] for _, _, e in shop.receiver.events("customer.created")} == {"Mine"}


def test_a_delivery_answered_500_comes_again_signed_at_the_time_of_sending(shop):
    shop.receiver.answer_next(500)
    made = shop.api.customers.create(params={})
    hears(shop, "customer.created", made.id)
    assert until(lambda: [e for e in shop.api.events.list(params={"delivery_success": False}).data if e.data.object["id"] == made.id], "the event to count as undelivered")
    event_id = shop.receiver.events("customer.created", made.id)[0][2]["id"]
    assert shop.api.events.retrieve(event_id).pending_webhooks == 1

    def again():
        advance(3600, shop.key)
        return len(shop.receiver.events("customer.created", made.id)) >= 2

    until(again, "a second attempt")
    first, second = shop.receiver.events("customer.created", made.id)[:2]
    assert json.loads(first[1])["id"] == json.loads(second[1])["id"]
    # Moving the sandbox's clock moves its events, not the moment at which a message is sent: the tolerance is against our own clock.
    signed = {k.lower(): v for k, v in second[0].items()}["stripe-signature"]
    assert stripe.WebhookSignature.verify_header(second[1].decode(), signed, shop.endpoint.secret, tolerance=60)
    until(lambda: shop.api.events.retrieve(event_id).pending_webhooks == 0, "nothing pending")


def test_a_delivered_event_is_not_pending(shop):
    made = shop.api.customers.create(params={})
    event = hears(shop, "customer.created", made.id)[0][2]
    until(lambda: shop.api.events.retrieve(event["id"]).pending_webhooks == 0, "nothing pending")


def test_an_endpoint_speaks_the_version_it_was_made_with(shop):
    second = Receiver()
    made = shop.api.webhook_endpoints.create(params={"url": second.url, "enabled_events": ["*"], "api_version": VERSION})
    assert made.api_version == VERSION
    shop.api.customers.create(params={})
    assert until(lambda: second.events("customer.created"), "an event")[0][2]["api_version"] == VERSION
    second.close()
